"""The journal of an erasure: whom it is about and how far it has come, there while it lasts.

It holds the ids themselves, since without them nothing could be carried on, and is removed at the
end.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import pyarrow as pa

from features.compute.known import SUMS
from features.erased.people import People
from holdfast.documents import read_document, to_document
from holdfast.errors import HomeError, InputError
from holdfast.files import write_beside


@dataclass(frozen=True, kw_only=True)
class Journal:
    """An erasure.

    Parameters
    ----------
    erasure : str
        Its name.
    at : str
        When it began (ISO 8601, UTC).
    by : str or None
        Who asked for it.
    people : dict of str to dict
        Ids by customer and kind.
    shared : dict of str to tuple of str
        What stays because others have it, too, by customer.
    sums : dict of str to list
        What was known of the raw rows that go, by table, as rows of `known`.
    done : dict of str to int
        Rows removed by place, of the places that are done.
    """

    erasure: str
    at: str
    by: str | None
    people: dict[str, dict[str, tuple[str, ...]]]
    shared: dict[str, tuple[str, ...]]
    sums: dict[str, list[dict[str, Any]]]
    done: dict[str, int]

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Read the journal of an erasure that has not ended; None where there is none.

        Raises
        ------
        HomeError
            It is damaged.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        try:
            return read_document(cls, json.loads(text), path.name)
        except (ValueError, InputError) as error:
            raise HomeError(
                str(path), f"must be the journal of an erasure; remove it and erase again: {error}"
            ) from None

    def write(self, path: Path) -> None:
        """Write it over what is there."""
        path.touch(mode=0o600)
        write_beside(path, json.dumps(to_document(self), ensure_ascii=False) + "\n")
        path.chmod(0o600)

    def with_done(self, place: str, rows: int) -> Self:
        """The journal after one more place."""
        return replace(self, done={**self.done, place: rows})

    def to_people(self) -> People:
        """Whom it is about."""
        return People(self.people, self.shared)

    def removed_sums(self) -> dict[str, pa.Table]:
        """What was known of the raw rows that go."""
        return {name: pa.Table.from_pylist(rows, SUMS) for name, rows in self.sums.items()}


def sums_rows(sums: Mapping[str, pa.Table]) -> dict[str, list[dict[str, Any]]]:
    """Sums as a journal holds them, without the paths that they came from."""
    return {name: table.to_pylist() for name, table in sums.items()}
