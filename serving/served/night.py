"""What the last night recorded of the entities that a model may speak of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np

from features.online.age import RowAge, microseconds_since_1970
from features.packed.store import PackedStore
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
    times : list of n int
        When the features of each entity's stored score were true, in microseconds since 1970;
        `features.online.age.ABSENT` where there is none.
    marks : list of n tuples of str
        Marks of the stored scores.
    """

    facts: ScoreFacts
    times: list[int]
    marks: list[tuple[str, ...]]

    def excludes(self, row: int, age: RowAge) -> bool:
        """Whether the night had features of an entity of this age, and did not score it: a stored
        score has the oldest time of its features.
        """
        return self.times[row] != age.oldest and age.main <= self._at

    def is_older(self, age: RowAge) -> bool:
        """Whether the night has not seen features of this age."""
        return age.main > self._at

    @cached_property
    def _at(self) -> int:
        return microseconds_since_1970(datetime.fromisoformat(self.facts.at))


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
        return Recorded(facts, times.view(np.int64).tolist(), [marks_of(int(one)) for one in bits])

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
