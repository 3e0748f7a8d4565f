"""The list of who was erased, so that nobody comes back out of an old file.

It holds no ids but keyed hashes of them (SipHash-2-4 of 64 bits, by pandas). The key lies beside
them: whoever has the list and guesses an id can see whether it is on it. So the list is kept as
close as the raw tables.
"""

import hashlib
import json
import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from features.erased.people import IdsByKind
from holdfast.documents import read_document
from holdfast.errors import HomeError, InputError
from holdfast.files import write_beside

Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class ErasedPerson:
    """An entry of the list.

    Parameters
    ----------
    erased_at : str
        When (ISO 8601, UTC).
    customer : str
        Hash of the customer's id, 16 hexadecimal digits.
    ids : dict of str to tuple of str
        Hashes of all ids by which rows are refused, by kind: the name of the column that they
        stand in.
    """

    erased_at: str
    customer: str
    ids: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class ErasedIds:
    """Who was erased.

    Parameters
    ----------
    salt : str
        Makes the hashes of one home differ from another's.
    people : tuple of ErasedPerson
        In the order in which they were erased.
    """

    salt: str
    people: tuple[ErasedPerson, ...]

    @classmethod
    def nobody(cls) -> Self:
        """A list that is empty, with a salt of its own."""
        return cls(secrets.token_hex(16), ())

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the list of a home; one that is not there is empty.

        Raises
        ------
        HomeError
            It is damaged. Nothing may be taken in then: who was erased might come back.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return cls.nobody()
        try:
            return read_document(cls, json.loads(text), path.name)
        except (ValueError, InputError) as error:
            raise HomeError(
                str(path), f"must be the list of who was erased; put a backup of it back: {error}"
            ) from None

    def write(self, path: Path) -> None:
        """Write the list over the one that is there."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_beside(path, json.dumps(asdict(self), indent=1) + "\n")
        path.chmod(0o600)

    @property
    def kinds(self) -> Collection[str]:
        """Kinds of ids of which any is on the list."""
        return self._by_kind.keys()

    def with_people(self, people: Mapping[str, IdsByKind], at: str) -> Self:
        """The list with more people; who is on it already gets the ids that are new.

        Parameters
        ----------
        people : mapping of str to mapping
            By customer, the ids by which rows are refused.
        at : str
            When they are erased (ISO 8601, UTC).
        """
        entries = {person.customer: person for person in self.people}
        for customer, ids in people.items():
            (name,) = _hex(self.hashes("customer_id", [customer]))
            hashes = {kind: _hex(self.hashes(kind, some)) for kind, some in ids.items() if some}
            entries[name] = _extended(entries.get(name, ErasedPerson(at, name, {})), hashes)
        return replace(self, people=tuple(entries.values()))

    def without(self, customers: Iterable[str]) -> Self:
        """The list without some customers and all ids of theirs."""
        gone = set(_hex(self.hashes("customer_id", list(customers))))
        return replace(
            self, people=tuple(person for person in self.people if person.customer not in gone)
        )

    def with_ids_of(self, owner: int, kind: str, hashes: Hashes) -> Self:
        """The list with more hashes of one of its people, given by position."""
        person = _extended(self.people[owner], {kind: _hex(hashes)})
        return replace(self, people=(*self.people[:owner], person, *self.people[owner + 1 :]))

    def hold(
        self, kind: str, ids: pa.Array | pa.ChunkedArray | Iterable[str | None]
    ) -> NDArray[np.bool_]:
        """Of each of n ids, whether it is on the list: (n,) bool; a missing one is not."""
        listed = self._by_kind.get(kind)
        values = _texts(ids)
        if listed is None or not len(values):
            return np.zeros(len(values), dtype=np.bool_)
        is_missing = pd.isna(values)
        values[is_missing] = ""
        held: NDArray[np.bool_] = np.isin(self.hashes(kind, values), listed[0]) & ~is_missing
        return held

    def hold_row(self, row: Mapping[str, object]) -> bool:
        """Whether any id in a row, by column, is on the list."""
        return any(
            bool(self.hold(kind, [str(row[kind])])[0])
            for kind in self.kinds
            if row.get(kind) is not None
        )

    def owner(self, kind: str, id_: str) -> int | None:
        """Position of the person whose id it is; None where it is not on the list."""
        listed = self._by_kind.get(kind)
        if listed is None:
            return None
        at = np.flatnonzero(listed[0] == self.hashes(kind, [id_])[0])
        return int(listed[1][at[0]]) if len(at) else None

    def hashes(self, kind: str, ids: Iterable[str]) -> Hashes:
        """Hashes of ids of one kind: (n,) uint64."""
        key = hashlib.blake2b(f"{self.salt} {kind}".encode(), digest_size=8).hexdigest()
        return pd.util.hash_array(_texts(ids), hash_key=key, categorize=False)

    @cached_property
    def _by_kind(self) -> Mapping[str, tuple[Hashes, NDArray[np.intp]]]:
        """Hashes on the list and positions of whose they are, by kind."""
        found: dict[str, list[tuple[int, int]]] = {}
        for place, person in enumerate(self.people):
            for kind, hashes in person.ids.items():
                found.setdefault(kind, []).extend((int(one, 16), place) for one in hashes)
        return {
            kind: (
                np.array([one for one, _ in pairs], dtype=np.uint64),
                np.array([place for _, place in pairs], dtype=np.intp),
            )
            for kind, pairs in found.items()
        }


NOBODY = ErasedIds("", ())
"""A list that is empty and stays so."""


class ErasedFile:
    """The list of a home, read again when the file has changed.

    Parameters
    ----------
    path : Path
        The file; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int, int] | None = None
        self._ids = NOBODY

    def __call__(self) -> ErasedIds:
        """Who was erased; errors as of `ErasedIds.read`."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return NOBODY
        stamp = status.st_ino, status.st_size, status.st_mtime_ns
        if stamp != self._stamp:
            self._ids, self._stamp = ErasedIds.read(self._path), stamp
        return self._ids


def _extended(person: ErasedPerson, hashes: Mapping[str, Iterable[str]]) -> ErasedPerson:
    kinds = dict.fromkeys((*person.ids, *hashes))
    return replace(
        person,
        ids={
            kind: tuple(sorted({*person.ids.get(kind, ()), *hashes.get(kind, ())}))
            for kind in kinds
        },
    )


def _hex(hashes: Hashes) -> tuple[str, ...]:
    return tuple(f"{one:016x}" for one in hashes.tolist())


def _texts(ids: pa.Array | pa.ChunkedArray | Iterable[str | None]) -> "NDArray[np.object_]":
    if isinstance(ids, pa.Array | pa.ChunkedArray):
        return np.array(
            ids.to_numpy(zero_copy_only=False) if isinstance(ids, pa.Array) else ids.to_numpy(),
            dtype=object,
        )
    return np.array(list(ids), dtype=object)
