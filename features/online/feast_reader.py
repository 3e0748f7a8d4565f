"""A feature service read through Feast, from whatever online store its repository names."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from features.online.feast_layout import layout_of
from features.online.feast_store import open_feast
from features.online.layout import OnlineLayout, OnlineLinks
from features.online.settings import PACKED_TYPE, OnlineSettings, require_client
from features.packed.environment import PackedEnvironment
from features.packed.record import Text
from holdfast.arrays import Floats, Times
from holdfast.errors import ModelError

if TYPE_CHECKING:
    from feast import FeatureService, FeatureStore


class FeastReader:
    """Reads a service's rows with Feast's `get_online_features`.

    The links are read before the rest, and a store may change between two views: unlike with packed
    records, a row need not be of one time.

    Parameters
    ----------
    store : FeatureStore
        The repository, open.
    layout : OnlineLayout
        What the service consists of.
    """

    def __init__(self, store: "FeatureStore", layout: OnlineLayout) -> None:
        self._store = store
        self.layout = layout
        self._links = layout.links if layout.linked else None
        # Held, because Feast takes 20 ms to find it.
        self._service: FeatureService = store.get_feature_service(layout.name)

    @property
    def environment(self) -> PackedEnvironment | None:
        """None: Feast's stores do not say whether they were written."""
        return None

    def read(self, ids: Sequence[str]) -> tuple[Floats, Times]:
        """Read the newest features, as `features.online.service.read`."""
        layout = self.layout
        matrix = np.full((len(ids), len(layout.features)), np.nan)
        times = np.full((len(ids), len(layout.views)), np.datetime64("NaT", "us"))
        if not ids:
            return matrix, times
        with _answering():
            values = self._ask(self._service, self._entity_rows(ids))
        column = 0
        for position, view in enumerate(layout.views):
            for name in view.columns:
                vector = values[f"{view.name}__{name}"]
                matrix[:, column] = [_number(value) for value in vector.values]
                column += 1
            # Feast gives 1970 where there is nothing; Redis also gives PRESENT there.
            microseconds = np.array(
                [
                    stamp.seconds * 1_000_000 + stamp.nanos // 1000
                    for stamp in vector.event_timestamps
                ]
            )
            times[:, position] = np.where(
                microseconds == 0, np.datetime64("NaT", "us"), microseconds.astype("datetime64[us]")
            )
        return matrix, times

    def narrowed(self, layout: OnlineLayout) -> "FeastReader":
        """A reader of fewer columns, as `OnlineReader.narrowed`; Feast is asked for all of them."""
        return FeastReader(self._store, layout)

    def owners(self, entity: str, ids: Sequence[str]) -> list[Text]:
        """Whose the asked ids are, as `OnlineReader.owners`."""
        links = self.layout.links
        if not ids or links is None or entity not in links.entities:
            return [None] * len(ids)
        with _answering():
            return links.ids(entity, self._link_texts(links, ids))

    def _entity_rows(self, ids: Sequence[str]) -> dict[str, list[str]]:
        rows = {self.layout.entity: list(ids)}
        if self._links:
            texts = self._link_texts(self._links, ids)
            # Feast takes no missing ids; nobody is called the empty text.
            rows |= {
                entity: [text or "" for text in self._links.ids(entity, texts)]
                for entity in self._links.entities
            }
        wanted = {view.entity for view in self.layout.views}
        return {entity: values for entity, values in rows.items() if entity in wanted}

    def _link_texts(self, links: OnlineLinks, ids: Sequence[str]) -> list[tuple[Text, ...]]:
        """The records of the links' view."""
        values = self._ask(
            [f"{links.view}:{column}" for column in links.columns], {self.layout.entity: list(ids)}
        )
        columns = [
            [_text(value) for value in values[f"{links.view}__{column}"].values]
            for column in links.columns
        ]
        return list(zip(*columns, strict=True))

    def _ask(
        self, features: "FeatureService | list[str]", rows: Mapping[str, list[str]]
    ) -> dict[str, Any]:
        answer = self._store.get_online_features(features, rows, full_feature_names=True).proto
        return dict(zip(answer.metadata.feature_names.val, answer.results, strict=True))


def find_feast_reader(repository: Path, name: str, settings: OnlineSettings) -> FeastReader | None:
    """A reader of a feature service of a Feast repository; None where there is no such service.

    Raises
    ------
    ModelError
        There is no repository, or it was materialized into another store than the settings name.
    InputError
        What the store needs is not installed.
    """
    from features.encoding.encoding import find_encoding

    require_client(settings)
    if not (repository / "feature_store.yaml").exists():
        raise ModelError(
            str(repository), "holds no Feast repository; materialize the features first"
        )
    store = open_feast(repository)
    if store.config.online_store.type == PACKED_TYPE:
        rule = (
            "was materialized into packed files; materialize it again with"
            f" {settings.variable('online_store')} as it is now"
        )
        raise ModelError(str(repository), rule, settings.online_store)
    if all(service.name != name for service in store.list_feature_services()):
        return None
    return FeastReader(store, layout_of(store, name, find_encoding(repository)))


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # each store's client has errors of its own
        raise ModelError(
            "online store", f"does not answer: {type(error).__name__}: {error}"
        ) from error


def _number(value: Any) -> float:
    kind = value.WhichOneof("val")
    return float("nan") if kind is None or kind == "null_val" else float(getattr(value, kind))


def _text(value: Any) -> Text:
    return value.string_val if value.WhichOneof("val") == "string_val" else None
