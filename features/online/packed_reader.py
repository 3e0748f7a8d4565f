"""A feature service read from packed records."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from features.online.layout import OnlineLayout
from features.packed.environment import PackedEnvironment
from features.packed.record import TIME_BYTES, Text, absent_numbers, declared, key_of, positions
from features.packed.store import PackedStore
from holdfast.arrays import Floats, Times
from holdfast.errors import ModelError


@dataclass(frozen=True)
class _Row:
    """How a service's row lies in its views' records, one after the other.

    Parameters
    ----------
    declarations : list of (bytes or None)
        What the views are, as it was stored when this was made.
    absent : list of bytes
        For each view what stands for a record that is not there; it is as long as one that is.
    times, values : (v,) and (k,) int64
        Positions of the times and of the features, counted in numbers of 8 bytes.
    """

    declarations: list[bytes | None]
    absent: list[bytes]
    times: NDArray[np.int64]
    values: NDArray[np.int64]

    @classmethod
    def of(cls, layout: OnlineLayout, declarations: list[bytes | None]) -> "_Row":
        absent: list[bytes] = []
        times: list[int] = []
        values: list[int] = []
        start = 0
        for view, declaration in zip(layout.views, declarations, strict=True):
            texts, stored = (True, ()) if declaration is None else declared(declaration)
            chosen = positions(stored, view.columns)
            if texts or chosen is None:
                raise ModelError(
                    f"feature view {view.name}",
                    "is not in the online store with the columns asked for, as numbers",
                )
            absent.append(absent_numbers(len(stored)))
            times.append(start)
            values.extend(
                start + 1 + position for position in np.arange(len(stored))[chosen].tolist()
            )
            start += 1 + len(stored)
        return cls(declarations, absent, np.array(times), np.array(values))


class PackedReader:
    """Reads a service's rows from the packed records, all of them as they were at one time.

    Parameters
    ----------
    store : PackedStore
        Where the records lie.
    layout : OnlineLayout
        What the service consists of.
    """

    def __init__(self, store: PackedStore, layout: OnlineLayout) -> None:
        self._store = store
        self._layout = layout
        self._links = layout.links if layout.linked else None
        self._names = [view.name for view in layout.views]
        self._row: _Row | None = None

    @property
    def environment(self) -> PackedEnvironment | None:
        """That of the store."""
        return self._store.environment

    def read(self, ids: Sequence[str]) -> tuple[Floats, Times]:
        """Read the newest features, as `features.online.service.read`."""
        layout, links = self._layout, self._links
        keys = {layout.entity: list(map(key_of, ids))}
        with self._store.reading([*self._names, links.view] if links else self._names) as reading:
            # Views may be declared anew at any time; until then their records lie as they did.
            declarations = reading.declarations(self._names)
            row = self._row
            if row is None or row.declarations != declarations:
                row = self._row = _Row.of(layout, declarations)
            if links:
                texts, _ = reading.read_texts(links.view, links.columns, ids)
                keys |= {entity: _keys(links.ids(entity, texts)) for entity in links.entities}
            parts = []
            for view, absent in zip(layout.views, row.absent, strict=True):
                records = reading.records(view.name, keys[view.entity], absent)
                if any(len(record) != len(absent) for record in records):
                    raise ModelError(
                        f"feature view {view.name}",
                        f"holds a record that is not {len(absent)} bytes long",
                    )
                parts.append(records)
            joined = b"".join(chain.from_iterable(zip(*parts, strict=True)))
        numbers = np.frombuffer(joined, dtype="<f8").reshape(
            len(ids), sum(map(len, row.absent)) // TIME_BYTES
        )
        return numbers.take(row.values, axis=1), numbers.take(row.times, axis=1).view(
            "datetime64[us]"
        )

    def narrowed(self, layout: OnlineLayout) -> "PackedReader":
        """A reader of fewer columns, as `OnlineReader.narrowed`."""
        return PackedReader(self._store, layout)

    def owners(self, entity: str, ids: Sequence[str]) -> list[Text]:
        """Whose the asked ids are, as `OnlineReader.owners`."""
        links = self._layout.links
        if links is None or entity not in links.entities:
            return [None] * len(ids)
        with self._store.reading([links.view]) as reading:
            texts, _ = reading.read_texts(links.view, links.columns, ids)
        return links.ids(entity, texts)


def _keys(ids: Sequence[Text]) -> list[bytes | None]:
    return list(map(key_of, ids))
