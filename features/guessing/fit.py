"""How well a written column fits a contract's column: by its name, and by its values."""

from collections.abc import Mapping as Map
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from features.contracts.tables import ARRIVED, HAPPENED, TABLES, Table
from features.guessing.profile import ColumnProfile
from features.guessing.vocabulary import column_words, likeness, value_words
from features.raw_tables.deciding import kind_of
from features.sources.names import key

Ids = Map[str, frozenset[str]]
"""Ids of rows by contract's table, as far as they are known."""

_FULL = 0.9
_MOST_CATEGORIES = 60
_FEWEST_IDS = 5
_LEAST_DIFFERENT, _MOSTLY_DIFFERENT = 0.01, 0.5


@dataclass(frozen=True)
class Fit:
    """How well a written column fits.

    Parameters
    ----------
    confidence : float
        From 0 (it cannot be) to 1.
    evidence : tuple of str
        Why, in words.
    """

    confidence: float
    evidence: tuple[str, ...] = ()


NO_FIT = Fit(0.0)


def fit(table: Table, column: str, written: ColumnProfile, ids: Ids) -> Fit:
    """Weigh a written column for a contract's column.

    Parameters
    ----------
    table : Table
        The contract.
    column : str
        Its column.
    written : ColumnProfile
        The written one.
    ids : mapping
        Ids of the tables that it may refer to.
    """
    name = likeness(written.name, column_words(table.name, column))
    said = _name_evidence(written.name, column, name)
    if written.kind == "empty":
        return Fit(0.6 * name, (*said, "without any value")) if name == 1 else NO_FIT
    kind = kind_of(table, column)
    if kind == "date":
        return _time(column, written, name, said)
    if kind == "number":
        return _number(table, column, written, name, said)
    if kind == "flag":
        return _flag(written, name, said)
    if kind == "category":
        return _category(table, column, written, name, said)
    if kind == "id":
        return _id(table, column, written, name, said, ids)
    long = written.mean_length > 15 and written.kind == "text"
    return Fit(name * (1.0 if long else 0.6), (*said, "texts" if long else "short texts"))


def _name_evidence(written: str, column: str, name: float) -> tuple[str, ...]:
    if not name:
        return ()
    if key(written) == key(column):
        return ("its very name",)
    return ("its name" if name >= _FULL else "a name like it",)


def _time(column: str, written: ColumnProfile, name: float, said: tuple[str, ...]) -> Fit:
    if written.kind != "time":
        return NO_FIT
    known = column in (HAPPENED, ARRIVED)
    times = "times without a zone" if written.is_naive else "times"
    return Fit(name if name >= _FULL or not known else 0.8 * name, (*said, times))


def _number(
    table: Table, column: str, written: ColumnProfile, name: float, said: tuple[str, ...]
) -> Fit:
    digits = written.kind == "flag" and all(word in ("0", "1") for word in written.values)
    if written.kind != "number" and not digits:
        return NO_FIT
    definition = table.schema.columns[column]
    if pa.types.is_integer(definition.metadata["arrow"]) and not written.is_whole:
        return NO_FIT
    for check in definition.checks:
        low = (check.statistics or {}).get("min_value")
        high = (check.statistics or {}).get("max_value")
        if (low is not None and written.low < low) or (high is not None and written.high > high):
            return NO_FIT
    if digits:
        return Fit(0.7 * name, (*said, "0 and 1"))
    return Fit(name, (*said, f"numbers from {written.low:g} to {written.high:g}"))


def _flag(written: ColumnProfile, name: float, said: tuple[str, ...]) -> Fit:
    if written.kind == "flag":
        return Fit(name, (*said, f"yes or no, as {' and '.join(sorted(written.values)[:2])}"))
    return Fit(0.5 * name, (*said, "two values")) if 0 < written.distinct <= 2 else NO_FIT


def _category(
    table: Table, column: str, written: ColumnProfile, name: float, said: tuple[str, ...]
) -> Fit:
    if not written.values or written.distinct > _MOST_CATEGORIES or written.kind == "time":
        return NO_FIT
    words = value_words(table.name, column)
    known = sum(rows for text, rows in written.values.items() if key(text) in words)
    share = known / sum(written.values.values())
    meant = {words[key(text)] for text in written.values if key(text) in words}
    if not known:
        return Fit(0.6 * name, (*said, "values that are not in the list"))
    evidence = (*said, f"{share:.0%} of its values are known")
    if not name:
        # Values alone: several of them, since yes and no are in many lists.
        if share < _FULL or len(meant) < 2 or written.kind == "flag":
            return NO_FIT
        return Fit((0.55 if len(meant) > 2 else 0.35) * share, evidence)
    return Fit(name * (0.7 + 0.3 * share) if name >= 0.5 else name, evidence)


def _id(
    table: Table,
    column: str,
    written: ColumnProfile,
    name: float,
    said: tuple[str, ...],
    ids: Ids,
) -> Fit:
    if written.kind == "time" or (written.kind == "number" and not written.is_whole):
        return NO_FIT
    if table.key == (column,) and table.kind == "event":
        if written.is_unique:
            return Fit(name, (*said, "every one differs"))
        # Corrections repeat an id, but not most of them.
        differ = written.distinct / max(written.rows, 1)
        if differ >= _MOSTLY_DIFFERENT:
            return Fit(0.95 * name, (*said, f"{differ:.0%} of them differ"))
        return Fit(0.5 * name, (*said, "repeats"))
    few = max(1.0, _LEAST_DIFFERENT * written.rows)
    if column == table.key[0] and written.rows >= _FEWEST_IDS and written.distinct <= few:
        return Fit(0.4 * name, (*said, "hardly any differ"))
    other = table.schema.columns[column].metadata["references"]
    if other is None or other == table.name or not ids.get(other):
        unique = table.key == (column,) and written.is_unique
        return Fit(name, (*said, "every one differs") if unique else said)
    share = len(written.ids & ids[other]) / max(len(written.ids), 1)
    if len(written.ids) < _FEWEST_IDS:
        return Fit(name, said)
    evidence = (*said, f"{share:.0%} of its values are ids of {other}")
    if share >= _FULL:
        return Fit(max(name, 0.5 + 0.3 * share) if name < _FULL else name, evidence)
    return Fit(name * float(np.clip(0.5 + share / 2, 0, 1)), evidence)


def references(table: str) -> tuple[str, ...]:
    """Tables that a table refers to."""
    columns = TABLES[table].schema.columns.values()
    return tuple(
        {column.metadata["references"]: None for column in columns if column.metadata["references"]}
    )
