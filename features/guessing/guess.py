"""A guess of which relation is which table, and which column is which."""

from collections.abc import Mapping as Map
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from features.contracts.tables import ARRIVED, HAPPENED, TABLES, Table
from features.guessing.fit import NO_FIT, Fit, Ids, fit
from features.guessing.profile import ColumnProfile, RelationProfile, profile_relation
from features.guessing.vocabulary import likeness, table_words, value_words
from features.raw_tables.deciding import kind_of
from features.sources.names import key
from features.sources.place import Place
from holdfast.logging import progress

CERTAIN = 0.6
"""From this confidence on, a guess is written; below it is asked about."""

_WORTH_ASKING = 0.3
_WIDE = 0.5
_CUSTOMER = "customer_id"
_LIKELY_TABLE = 0.4
_MOST_CANDIDATES = 3


@dataclass(frozen=True)
class Candidate:
    """A written column, or a relation, that something may be.

    Parameters
    ----------
    written : str
        Its name.
    confidence : float
        From 0 to 1.
    evidence : tuple of str
        Why, in words.
    """

    written: str
    confidence: float
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class ColumnGuess:
    """A contract's column.

    Parameters
    ----------
    column : str
        Its name.
    required : bool
        Whether it must be there.
    taken : Candidate or None
        The written column that it is; None where that is asked.
    candidates : tuple of Candidate
        What else it may be, the likeliest first.
    values : mapping of str to str
        The contract's value by written value, where they are spelled otherwise.
    unmapped : mapping of str to int
        Rows by written value, of values that are not understood.
    """

    column: str
    required: bool
    taken: Candidate | None
    candidates: tuple[Candidate, ...] = ()
    values: Map[str, str] = field(default_factory=dict)
    unmapped: Map[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class TableGuess:
    """A contract's table.

    Parameters
    ----------
    table : str
        Its name.
    relation : Candidate
        The relation that it is.
    rows : int
        Rows that were looked at.
    columns : tuple of ColumnGuess
        Columns that are there or asked about, in the contract's order.
    unused : tuple of str
        Written columns that nothing takes.
    naive_times : tuple of str
        Written columns with times that do not name their zone.
    """

    table: str
    relation: Candidate
    rows: int
    columns: tuple[ColumnGuess, ...]
    unused: tuple[str, ...]
    naive_times: tuple[str, ...]

    @property
    def has_arrival(self) -> bool:
        """Whether a column says when rows arrived."""
        return any(one.column == ARRIVED and one.taken for one in self.columns)

    @property
    def asked(self) -> tuple[str, ...]:
        """Columns that must be there and were not found."""
        return tuple(
            one.column
            for one in self.columns
            if one.required and one.taken is None and one.column != ARRIVED
        )


@dataclass(frozen=True)
class MappingGuess:
    """A whole source.

    Parameters
    ----------
    where : str
        The source, fit to be shown.
    tables : tuple of TableGuess
        In the order of the contracts.
    missing : tuple of str
        Required tables that were not found.
    unmapped : mapping of str to tuple of Candidate
        Relations that are no table, and which they may be.
    """

    where: str
    tables: tuple[TableGuess, ...]
    missing: tuple[str, ...]
    unmapped: Map[str, tuple[Candidate, ...]]

    @property
    def asks(self) -> bool:
        """Whether anything has to be answered before the mapping can be used."""
        return bool(self.missing) or any(
            one.asked or one.naive_times or not one.has_arrival for one in self.tables
        )

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "where": self.where,
            "asks": self.asks,
            "tables": [
                {**asdict(one), "asked": list(one.asked), "has_arrival": one.has_arrival}
                for one in self.tables
            ],
            "missing": list(self.missing),
            "unmapped": {
                name: [asdict(one) for one in likely] for name, likely in self.unmapped.items()
            },
        }


def guess_mapping(place: Place) -> MappingGuess:
    """Guess what a source's relations are.

    Parameters
    ----------
    place : Place
        The source; some rows of each relation are read.

    Raises
    ------
    InputError
        A relation cannot be read.
    """
    names = place.names()
    profiles: dict[str, RelationProfile] = {}
    with progress("Looking at relations", len(names)) as advance:
        for name in names:
            profiles[name] = profile_relation(name, place.parts(name))
            advance(1)
    # Twice: which ids a column refers to is known when the tables are.
    assigned = _assign_tables(profiles, {})
    assigned = _assign_tables(profiles, _ids(assigned, profiles))
    ids = _ids(assigned, profiles)
    assigned |= _wide_tables(assigned, profiles, ids)
    tables = tuple(
        _table_guess(TABLES[table], profiles[one.written], one, ids)
        for table in TABLES
        if (one := assigned.get(table)) is not None
    )
    taken = {one.relation.written for one in tables}
    return MappingGuess(
        where=place.where,
        tables=tables,
        missing=tuple(
            name for name, table in TABLES.items() if table.required and name not in assigned
        ),
        unmapped={
            name: _likely_tables(profile, ids)[:_MOST_CANDIDATES]
            for name, profile in profiles.items()
            if name not in taken
        },
    )


def _assign_tables(profiles: Map[str, RelationProfile], ids: Ids) -> dict[str, Candidate]:
    """The relation that each table is, the likeliest pairs first; one relation is one table."""
    pairs = [
        (one.confidence, table, name, one.evidence)
        for name, profile in profiles.items()
        for one in _likely_tables(profile, ids)
        if one.confidence >= _LIKELY_TABLE
        for table in (one.written,)
    ]
    assigned: dict[str, Candidate] = {}
    for confidence, table, name, evidence in sorted(pairs, key=lambda pair: (-pair[0], *pair[1:3])):
        if table not in assigned and name not in {one.written for one in assigned.values()}:
            assigned[table] = Candidate(name, confidence, evidence)
    return assigned


def _wide_tables(
    assigned: Map[str, Candidate], profiles: Map[str, RelationProfile], ids: Ids
) -> dict[str, Candidate]:
    """For tables that must be there and were not found: a relation that names customers, as one
    wide table does for all there is.
    """
    found = {}
    for table in TABLES.values():
        if not table.required or table.name in assigned:
            continue
        likely = [
            (customer.confidence, len(fits), name)
            for name, profile in profiles.items()
            if (customer := (fits := _columns(table, profile, ids)).get(_CUSTOMER)) is not None
            and customer.confidence >= CERTAIN
        ]
        if likely:
            _, columns, name = max(likely)
            evidence = (f"it names customers, and {columns} of its columns fit",)
            found[table.name] = Candidate(name, _WIDE, evidence)
    return found


def _likely_tables(profile: RelationProfile, ids: Ids) -> tuple[Candidate, ...]:
    """Contracts' tables that a relation may be, the likeliest first; each under its own name."""
    likely = []
    for table in TABLES.values():
        name = likeness(profile.name, table_words(table.name))
        fits = _columns(table, profile, ids)
        required = [
            column
            for column, definition in table.schema.columns.items()
            if not definition.nullable and column not in (HAPPENED, ARRIVED)
        ]
        found = {column: one.confidence for column, one in fits.items()}
        keys = min(
            (found.get(column, 0.0) for column in table.key if column in required), default=1.0
        )
        covered = float(np.mean([found.get(column, 0.0) for column in required]))
        used = sum(found.values()) / max(len(profile.columns), 1)
        confidence = 0.35 * name + 0.4 * covered + 0.25 * min(used, 1.0)
        if keys < _WORTH_ASKING:
            confidence *= 0.5
        evidence = ("its name",) if name >= 0.9 else ("a name like it",) if name else ()
        likely.append(
            Candidate(
                table.name,
                round(confidence, 3),
                (*evidence, f"{len(found)} of its {len(profile.columns)} columns fit"),
            )
        )
    kept = [one for one in likely if one.confidence >= _WORTH_ASKING]
    return tuple(sorted(kept, key=lambda one: (-one.confidence, one.written)))


def _columns(table: Table, profile: RelationProfile, ids: Ids) -> dict[str, Candidate]:
    """The written column of each of a contract's columns, so that together they fit best."""
    columns, written = list(table.columns), list(profile.columns.values())
    if not written:
        return {}
    fits = [[fit(table, column, one, ids) for one in written] for column in columns]
    weights = np.array([[one.confidence for one in row] for row in fits])
    weights[weights < _WORTH_ASKING] = 0.0
    rows, places = linear_sum_assignment(weights, maximize=True)
    return {
        columns[row]: Candidate(
            written[place].name, round(fits[row][place].confidence, 3), fits[row][place].evidence
        )
        for row, place in zip(rows.tolist(), places.tolist(), strict=True)
        if weights[row, place] > 0
    }


def _ids(
    assigned: Map[str, Candidate], profiles: Map[str, RelationProfile]
) -> dict[str, frozenset[str]]:
    """Ids of the tables that were found."""
    ids = {}
    for table, relation in assigned.items():
        contract, profile = TABLES[table], profiles[relation.written]
        column = contract.key[0]
        taken = _columns(contract, profile, {}).get(column)
        if taken is not None and taken.confidence >= CERTAIN:
            ids[table] = profile.columns[taken.written].ids
    return ids


def _table_guess(
    table: Table, profile: RelationProfile, relation: Candidate, ids: Ids
) -> TableGuess:
    fits = _columns(table, profile, ids)
    certain = {column: one for column, one in fits.items() if one.confidence >= CERTAIN}
    taken = {one.written for one in certain.values()}
    columns = []
    for column, definition in table.schema.columns.items():
        one = certain.get(column)
        if one is not None:
            values, unmapped = _values(table, column, profile.columns[one.written])
            columns.append(ColumnGuess(column, not definition.nullable, one, (), values, unmapped))
            continue
        candidates = _candidates(table, column, profile, ids, taken)
        if candidates or not definition.nullable:
            columns.append(ColumnGuess(column, not definition.nullable, None, candidates))
    naive = [
        one.taken.written
        for one in columns
        if one.taken and profile.columns[one.taken.written].is_naive
    ]
    return TableGuess(
        table=table.name,
        relation=relation,
        rows=profile.rows,
        columns=tuple(columns),
        unused=tuple(name for name in profile.columns if name not in taken),
        naive_times=tuple(naive),
    )


def _candidates(
    table: Table, column: str, profile: RelationProfile, ids: Ids, taken: set[str]
) -> tuple[Candidate, ...]:
    """Written columns that nothing else takes and that may be a column, the likeliest first."""
    required = not table.schema.columns[column].nullable
    likely = []
    for name, one in profile.columns.items():
        how: Fit = fit(table, column, one, ids) if name not in taken else NO_FIT
        if how.confidence >= _WORTH_ASKING:
            likely.append(Candidate(name, round(how.confidence, 3), how.evidence))
        elif required and name not in taken and _may_be(table, column, one):
            likely.append(Candidate(name, 0.0, ("by its values",)))
    customer = _columns(table, profile, ids).get(_CUSTOMER)
    if (table.name, column) == ("subscriptions", "subscription_id") and customer is not None:
        evidence = ("the customer's id, where each has one line",)
        likely.append(Candidate(customer.written, _WORTH_ASKING, evidence))
    return tuple(sorted(likely, key=lambda one: (-one.confidence, one.written))[:_MOST_CANDIDATES])


def _may_be(table: Table, column: str, written: ColumnProfile) -> bool:
    """Whether a column's values alone leave it possible."""
    kind = kind_of(table, column)
    if kind == "date":
        return written.kind == "time"
    if kind == "id":
        return written.is_unique and written.kind in ("text", "number")
    return False


def _values(
    table: Table, column: str, written: ColumnProfile
) -> tuple[dict[str, str], dict[str, int]]:
    """Written values of a category that are called otherwise, and those that are not understood."""
    if kind_of(table, column) != "category":
        return {}, {}
    words, allowed = (
        value_words(table.name, column),
        {key(one) for one in value_words(table.name, column).values()},
    )
    values, unmapped = {}, {}
    for text, rows in written.values.items():
        if key(text) in allowed:
            continue
        if key(text) in words:
            values[text] = words[key(text)]
        else:
            unmapped[text] = rows
    return values, unmapped
