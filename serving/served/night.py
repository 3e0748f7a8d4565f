"""What the last night recorded of the entities that a model may speak of."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from features.packed.store import PackedStore
from holdfast.arrays import Times
from holdfast.documents import read_document
from holdfast.errors import InputError, ModelError
from models.score_set import ScoreFacts, facts_document, marks_of, records_view


@dataclass(frozen=True)
class Recorded:
    """What the last night recorded of n entities.

    Parameters
    ----------
    facts : ScoreFacts
        What the night scored.
    times : (n,) datetime64[us]
        When the features of each entity's stored score were true, UTC; NaT where there is none.
    marks : list of n tuples of str
        Marks of the stored scores.
    """

    facts: ScoreFacts
    times: Times
    marks: list[tuple[str, ...]]

    def excluded(self, oldest: Times, main: Times) -> NDArray[np.bool_]:
        """Which entities the night had features of, and did not score.

        Parameters
        ----------
        oldest : (n,) datetime64[us]
            The oldest time of each entity's features, which a stored score has.
        main : (n,) datetime64[us]
            The time of the view that names the entities.
        """
        return (self.times != oldest) & (main <= self._at)

    def newer(self, main: Times) -> NDArray[np.bool_]:
        """Which entities have features that the night did not see."""
        return main > self._at

    @cached_property
    def _at(self) -> "np.datetime64":
        return np.datetime64(self.facts.at.removesuffix("+00:00"), "us")


class NightRecords:
    """Reads what the last night wrote beside the features.

    Parameters
    ----------
    store : PackedStore
        That of the operator's repository.
    """

    def __init__(self, store: PackedStore) -> None:
        self._store = store
        self._facts: dict[str, tuple[int, ScoreFacts | None]] = {}

    def of(self, model: str, ids: Sequence[str]) -> Recorded | None:
        """What the last night recorded of entities; None where no night has scored with the model."""
        try:
            facts = self._facts_of(model)
            if facts is None:
                return None
            numbers, times = self._store.read(records_view(model), ["marks"], ids)
        except InputError as error:
            raise ModelError(
                f"scores of {model}", f"must be records as the night writes them: {error}"
            ) from None
        bits = np.nan_to_num(numbers[:, 0]).astype(np.int64)
        return Recorded(facts, times, [marks_of(int(one)) for one in bits])

    def _facts_of(self, model: str) -> ScoreFacts | None:
        """What the last night scored, read again only where the store was written since."""
        # Before the document is read, so that a night that writes meanwhile is not missed.
        version = self._store.environment.version
        known = self._facts.get(model)
        if known is None or known[0] != version:
            name = facts_document(model)
            document = self._store.get_document(name)
            facts = None if document is None else read_document(ScoreFacts, document, name)
            known = self._facts[model] = (version, facts)
        return known[1]
