"""A mapping: where the rows of each contract's table come from, and what their columns mean."""

import hashlib
import json
from collections.abc import Mapping as Map
from dataclasses import dataclass
from dataclasses import field as with_default
from functools import cached_property
from pathlib import Path

Constant = str | int | float | bool
"""A value that a mapping file gives; times as ISO 8601 texts."""


@dataclass(frozen=True, kw_only=True)
class RelationMapping:
    """How the rows of one relation become rows of a contract's table.

    Parameters
    ----------
    table : str
        The contract's table.
    field : str
        Where the mapping file says this, for errors: ``mapping.toml: tables.bills``.
    source : str
        The place the relation lies in, as `features.sources.place.open_place` takes it.
    encoding : str or None
        Of text files that are not UTF-8.
    relation : str or None
        Its name there: a table, view, file or folder. None where `sql` gives the rows.
    sql : str or None
        A query that gives the rows.
    where : str or None
        A condition in SQL on the written columns; rows for which it is not true are left out.
    columns : mapping of str to str
        Written column by contract's column. What is not named is found by its own name.
    values : mapping of str to mapping
        By contract's column: the contract's value, as text, by written value; None where a written
        value stands for none.
    defaults : mapping of str to constant
        By contract's column: its value in rows that have none.
    time_zone : str or None
        IANA zone of times that name none. None: as the command says.
    arrival_lag_days : float or None
        Days after which a row counts as arrived, where nothing says when it did, 0 to 366. None: as
        the command says.
    watermark : str or None
        Written column that grows with every load, by which only new rows are read.
    is_filtered : bool
        Whether the place itself has left out the rows for which `where` is not true.
    """

    table: str
    field: str
    source: str
    encoding: str | None = None
    relation: str | None = None
    sql: str | None = None
    where: str | None = None
    columns: Map[str, str] = with_default(default_factory=dict)
    values: Map[str, Map[str, str | None]] = with_default(default_factory=dict)
    defaults: Map[str, Constant] = with_default(default_factory=dict)
    time_zone: str | None = None
    arrival_lag_days: float | None = None
    watermark: str | None = None
    is_filtered: bool = False

    @property
    def shown(self) -> str:
        """The relation's name for a person."""
        return self.relation or f"the query of {self.field.partition(': ')[2]}"

    @cached_property
    def digest(self) -> str:
        """Changes when a row would mean something else. Not with the place it lies in: what is read
        there is compared by its content.
        """
        said = [
            *(self.relation, self.sql, self.where, dict(self.columns), dict(self.defaults)),
            {column: dict(values) for column, values in self.values.items()},
            *(self.time_zone, self.arrival_lag_days, self.encoding),
        ]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """A mapping file.

    Parameters
    ----------
    path : Path
        The file.
    source : str or None
        The place that relations lie in where they do not say otherwise.
    relations : tuple of RelationMapping
        In the order of the contracts, those of one table in the order of the file.
    """

    path: Path
    source: str | None
    relations: tuple[RelationMapping, ...]

    @property
    def tables(self) -> tuple[str, ...]:
        """Contracts' tables that it is about."""
        return tuple(dict.fromkeys(relation.table for relation in self.relations))

    def of(self, table: str) -> tuple[RelationMapping, ...]:
        """The relations that make up a contract's table."""
        return tuple(relation for relation in self.relations if relation.table == table)
