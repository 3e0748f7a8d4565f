"""Reading a table of a database by the time at which rows arrived there: only what is new.

Rows are read in ranges of that time. A range that lies behind the newest row by more than an
overlap is closed: it was read and is not read again. What lies behind the last closed range is read
every time, so that a row which a long transaction commits late is not missed.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc

from features.sources.content import Content, ContentState
from features.sources.part import Part
from holdfast.errors import InputError

OVERLAP = timedelta(hours=24)
"""A row that becomes visible later than so long after the time that it bears is missed."""

_TEXT = re.compile(r"(\d{4}-\d\d-\d\d)([T ])(\d\d:\d\d:\d\d)(?:\.\d+)?(Z|\+00:?00)")


@dataclass(frozen=True)
class Watermark:
    """By which column a table is read, and how far back each time.

    Parameters
    ----------
    column : str
        A time that says when a row came into the source, and that never changes afterwards.
    overlap : timedelta
        How long after that time a row may become visible. Default: `OVERLAP`.

    Raises
    ------
    InputError
        The overlap is negative, or no column is named.
    """

    column: str
    overlap: timedelta = OVERLAP

    def __post_init__(self) -> None:
        if not self.column.strip():
            raise InputError("watermark", "must name a column", self.column)
        if self.overlap < timedelta(0):
            raise InputError("watermark", "must have an overlap of 0 or more", str(self.overlap))


@dataclass(frozen=True)
class Mark:
    """How far a table was read.

    Parameters
    ----------
    relation, column : str
        What was read, as the source names it.
    bounds : tuple of str
        Ends of the closed ranges, ascending; each holds its end.
    newest : str
        The newest time that there was.
    is_text : bool
        Whether the source holds times as texts.
    """

    relation: str
    column: str
    bounds: tuple[str, ...] = ()
    newest: str = ""
    is_text: bool = False

    @classmethod
    def of(cls, relation: str, column: str, before: Self | None) -> Self:
        """The mark of a relation: the one before, where that is of the same column of it."""
        if before is not None and (before.relation, before.column) == (relation, column):
            return before
        return cls(relation, column)

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """From `to_json`; KeyError or TypeError where it is none."""
        return cls(
            relation=str(document["relation"]),
            column=str(document["column"]),
            bounds=tuple(document["bounds"]),
            newest=str(document["newest"]),
            is_text=bool(document["is_text"]),
        )

    def advanced(self, newest: object, overlap: timedelta) -> Self:
        """The mark after the source was found to have another newest time.

        Parameters
        ----------
        newest : object
            The time, as the database gives it.
        overlap : timedelta
            How far behind it ranges are closed.

        Raises
        ------
        InputError
            It lies before the one that was there, or is no time.
        """
        field = f"{self.relation}.{self.column}"
        text, is_text = text_of(field, newest), isinstance(newest, str)
        if self.newest and instant(text) < instant(self.newest):
            raise InputError(
                field,
                f"a watermark must not go backwards: there were rows up to {self.newest}; if the table"
                " was emptied or restored, read it once without a watermark",
                text,
            )
        bound = _earlier(text, overlap, is_text=is_text)
        # A longer overlap than the last time opens ranges again.
        closed = tuple(one for one in self.bounds if instant(one) < instant(bound))
        bounds = (*closed, bound)
        return type(self)(self.relation, self.column, bounds, text, is_text)

    def value(self, bound: str | None) -> str | datetime | None:
        """A bound as the source holds times."""
        return bound if bound is None or self.is_text else datetime.fromisoformat(bound)


@dataclass(frozen=True)
class Range:
    """Some rows of a table, by the time at which they arrived.

    Parameters
    ----------
    column : str
        Which holds that time.
    after : str, datetime or None
        Rows later than that. None: from the first on.
    until : str, datetime or None
        Rows up to that. None: to the last, and rows without a time.
    is_text : bool
        Whether times are texts, to be checked on reading.
    """

    column: str
    after: str | datetime | None = None
    until: str | datetime | None = None
    is_text: bool = False


@dataclass(frozen=True)
class Increment:
    """The parts of a table that is read by a watermark.

    Parameters
    ----------
    parts : tuple of Part
        Closed ranges, whose content tells that it is the same, and what lies behind them.
    mark : Mark or None
        How far they reach; to be given the next time, if they were taken in. None where the table
        has no rows.
    """

    parts: tuple[Part, ...]
    mark: Mark | None


class RangeContent:
    """The content of a closed range: which rows it is about says all that there is to say.

    Parameters
    ----------
    mark : str
        The range, and of which table and column.
    """

    def __init__(self, mark: str) -> None:
        self.opened = ContentState(-1, mark)

    def state(self) -> ContentState:
        """How it looks now: as always."""
        return self.opened

    def digest(self) -> str:
        """Empty: nothing but reading the rows would tell."""
        return ""


def increment(
    before: Mark,
    overlap: timedelta,
    newest: object,
    read: Callable[[str, Range, Content | None], Part],
) -> Increment:
    """The parts of a table, given its newest time.

    Parameters
    ----------
    before : Mark
        How far it was read; without bounds where it was not.
    overlap : timedelta
        How far behind the newest time ranges are closed.
    newest : object
        The newest time that there is now, as the database gives it; None without rows.
    read : callable
        Gives a part with a name, a range, and a content.

    Raises
    ------
    InputError
        The newest time lies before the one that was there, or is no time.
    """
    relation = before.relation
    if newest is None:
        if before.newest:
            raise InputError(
                f"{relation}.{before.column}",
                f"a watermark must not go backwards: there were rows up to {before.newest}, and now"
                " there are none; read the table once without a watermark",
            )
        return Increment((read(relation, Range(before.column), None),), None)
    mark = before.advanced(newest, overlap)
    parts = []
    for after, until in pairwise((None, *mark.bounds, None)):
        stretch = Range(before.column, mark.value(after), mark.value(until), is_text=mark.is_text)
        # Without what file systems do not take.
        name = re.sub(r"[-: +]", "", f"_after_{after}" if until is None else f"_until_{until}")
        content = RangeContent(f"{relation}.{before.column} {after}..{until}")
        parts.append(read(relation + name, stretch, None if until is None else content))
    return Increment(tuple(parts), mark)


def text_of(field: str, value: object) -> str:
    """A time as a text that sorts and compares as the database does.

    Raises
    ------
    InputError
        It is no time: neither a timestamp nor a text in ISO 8601 and UTC.
    """
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat() if value.tzinfo else value.isoformat()
    if isinstance(value, str) and _TEXT.fullmatch(value):
        return value
    raise InputError(
        field,
        "must be a time to serve as a watermark: a timestamp, or in every row a text such as"
        " 2026-01-31T09:30:00Z",
        value if isinstance(value, str) else type(value).__name__,
    )


def instant(text: str) -> datetime:
    """The time of a text of `text_of`; one that names no zone is taken as UTC, for comparing."""
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def check_texts(field: str, values: pa.Array) -> None:
    """Refuse texts that do not sort as the times that they stand for.

    Raises
    ------
    InputError
        One is no time in ISO 8601 and UTC.
    """
    if not (pa.types.is_string(values.type) and len(values)):
        return
    fits = pc.match_substring_regex(values, f"^(?:{_TEXT.pattern})$")
    odd = values.filter(pc.invert(pc.fill_null(fits, True)))
    if len(odd):
        text_of(field, odd[0].as_py())


def _earlier(text: str, by: timedelta, *, is_text: bool) -> str:
    time = datetime.fromisoformat(text) - by
    written = _TEXT.fullmatch(text) if is_text else None
    if written is None:
        return time.isoformat()
    # As the database writes it, so that texts compare.
    return f"{time:%Y-%m-%d}{written[2]}{time:%H:%M:%S}{written[4]}"
