"""What the SQL of a home's own features may do: one SELECT over the known rows of raw tables.

DuckDB parses the SQL without running it. What is not on the lists below is refused: another
statement, a file, a setting, an extension, a table that is not given, a function whose result is not
the same each time. So the SQL can be run beside ours.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from features.own.fault import Fault
from features.sql.raw import READABLE

ASKED = "asked"
"""Name of the relation of the entities that are asked for."""

_RELATIONS = frozenset({"BASE_TABLE", "JOIN", "SUBQUERY", "EMPTY", "TABLE_FUNCTION"})
_TABLE_FUNCTIONS = frozenset({"unnest", "range", "generate_series"})
_NODES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "CTE_NODE"})
_MOMENT = frozenset(
    {"current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"}
)
_LOOKS_AROUND = frozenset(
    {
        *("current_setting", "getvariable", "version", "parse_duckdb_log_message", "error"),
        *("current_localtime", "current_localtimestamp", "getenv", "age"),
    }
)
"""Functions that DuckDB calls consistent, and that do not depend on their arguments alone."""

_TOO_LOOSE = frozenset({"any_value", "arbitrary", "first", "last"})
"""Aggregates that take whichever row comes first."""


@dataclass(frozen=True)
class SqlReading:
    """What a SELECT reads.

    Parameters
    ----------
    tables : frozenset of str
        Raw tables.
    columns : frozenset of str
        Names of columns, of whatever relation.
    takes_all : bool
        Whether it says ``*`` somewhere.
    """

    tables: frozenset[str]
    columns: frozenset[str]
    takes_all: bool


def inspect_sql(sql: str, path: Path) -> tuple[SqlReading, list[Fault]]:
    """What the SQL of a file reads, and what it may not do.

    Parameters
    ----------
    sql : str
        The file's text.
    path : Path
        The file, for messages.
    """
    nothing = SqlReading(frozenset(), frozenset(), takes_all=False)
    with duckdb.connect() as connection:
        row = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
    tree = json.loads(row[0]) if row else {}
    if tree.get("error", True):
        place = tree.get("position")
        line = 0 if place is None else _line(sql, int(place))
        return nothing, [Fault(path, line, f"must be one SELECT: {tree.get('error_message')}")]
    if len(tree["statements"]) != 1:
        return nothing, [Fault(path, 1, "must be one SELECT", f"{len(tree['statements'])}")]
    nodes = list(_nodes(tree["statements"][0]["node"]))
    ctes = {name for node in nodes for name in _cte_names(node)}
    faults = [
        Fault(path, _line(sql, node.get("query_location")), rule, value)
        for node in nodes
        for rule, value in _wrong(node, ctes)
    ]
    faults += [
        Fault(path, 1, "must not give a part of the query the name of a table", name)
        for name in sorted(ctes & {ASKED, *READABLE})
    ]
    named = {str(node["table_name"]).lower() for node in nodes if node.get("type") == "BASE_TABLE"}
    columns = {
        str(node["column_names"][-1]).lower() for node in nodes if node.get("class") == "COLUMN_REF"
    }
    columns |= {str(name).lower() for node in nodes for name in node.get("using_columns", ())}
    reading = SqlReading(
        frozenset(named & READABLE.keys()),
        frozenset(columns),
        takes_all=any(node.get("class") == "STAR" for node in nodes),
    )
    return reading, list(dict.fromkeys(faults))


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object of a parsed query, from the outside in."""
    if isinstance(tree, dict):
        yield tree
        for part in tree.values():
            yield from _nodes(part)
    elif isinstance(tree, list):
        for part in tree:
            yield from _nodes(part)


def _cte_names(node: dict[str, Any]) -> list[str]:
    parts = node.get("cte_map")
    return [str(one["key"]).lower() for one in parts["map"]] if isinstance(parts, dict) else []


def _wrong(node: dict[str, Any], ctes: set[str]) -> Iterator[tuple[str, str | None]]:
    """Rules that one object of a parsed query breaks."""
    kind = str(node.get("type", ""))
    if kind.endswith("_NODE") and kind not in _NODES:
        yield "must be a plain SELECT", kind.lower()
    if "sample" in node and node["sample"] is not None:
        yield "must not take a sample, which is another one each time", None
    # Relations have an alias and may be sampled; expressions have a class.
    if "sample" in node and "class" not in node and not kind.endswith("_NODE"):
        yield from _wrong_relation(node, kind, ctes)
    if node.get("class") in ("FUNCTION", "WINDOW"):
        name = str(node["function_name"]).lower()
        # The parser itself says `main` where brackets make a list.
        if node.get("schema") not in ("", "main", None) or node.get("catalog"):
            yield "must call functions by their plain name", name
        elif name in _TOO_LOOSE:
            yield (
                f"must not use {name}, which takes whichever row comes first; use arg_min or arg_max",
                name,
            )
        elif not _is_steady(name):
            yield (
                "must only use functions that give the same each time, and read nothing else",
                name,
            )
    if node.get("class") == "COLUMN_REF" and str(node["column_names"][0]).lower() in _MOMENT:
        yield "must not ask what time it is; the cut-off is asked.cutoff", node["column_names"][0]


def _wrong_relation(
    node: dict[str, Any], kind: str, ctes: set[str]
) -> Iterator[tuple[str, str | None]]:
    if kind not in _RELATIONS:
        yield "must read tables and subqueries alone", kind.lower().replace("_", " ")
    if kind == "TABLE_FUNCTION":
        name = str(node["function"]["function_name"]).lower()
        if name not in _TABLE_FUNCTIONS:
            yield "must not read files, settings or anything else by a function", name
    if kind == "BASE_TABLE":
        name = str(node["table_name"]).lower()
        is_given = name == ASKED or name in READABLE or name in ctes
        if node.get("schema_name") or node.get("catalog_name") or not is_given:
            yield (
                f"must read {ASKED} and the raw tables that features may read, by their names alone",
                ".".join(filter(None, (node.get("schema_name"), str(node["table_name"])))),
            )


def _line(sql: str, location: int | None) -> int:
    # The parser counts bytes, and gives the largest number where it does not know.
    text = sql.encode()
    if location is None or not 0 <= location <= len(text):
        return 1
    return text[:location].count(b"\n") + 1


@cache
def _functions() -> dict[str, tuple[tuple[str, str, str], ...]]:
    """Kind, stability and definition of every variant of DuckDB's own functions."""
    with duckdb.connect() as connection:
        rows = connection.execute(
            "SELECT lower(function_name), function_type, coalesce(stability, ''),"
            " coalesce(macro_definition, '') FROM duckdb_functions() WHERE internal"
        ).fetchall()
    known: dict[str, tuple[tuple[str, str, str], ...]] = {}
    for name, *variant in rows:
        known[name] = (*known.get(name, ()), (variant[0], variant[1], variant[2]))
    return known


@cache
def _is_steady(name: str) -> bool:
    """Whether a function's result depends on its arguments alone."""
    if name in _LOOKS_AROUND:
        return False
    variants = _functions().get(name, ())
    # The parser's own functions, such as the window functions, are in no list.
    if not variants:
        return name in _WINDOW_FUNCTIONS
    return all(_is_steady_variant(*variant) for variant in variants)


def _is_steady_variant(kind: str, stability: str, definition: str) -> bool:
    if kind in ("scalar", "aggregate"):
        return stability == "CONSISTENT"
    if kind != "macro":
        # A function of the same name that gives a table is looked at where it is read.
        return kind == "table"
    with duckdb.connect() as connection:
        row = connection.execute(
            "SELECT json_serialize_sql(?)", [f"SELECT {definition}"]
        ).fetchone()
    tree = json.loads(row[0]) if row else {"error": True}
    return (
        not tree["error"]
        and all(
            _is_steady(str(node["function_name"]).lower())
            for node in _nodes(tree)
            if node.get("class") in ("FUNCTION", "WINDOW")
        )
        and not any(node.get("type") in ("BASE_TABLE", "TABLE_FUNCTION") for node in _nodes(tree))
    )


_WINDOW_FUNCTIONS = frozenset(
    {
        *("row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile"),
        *("lag", "lead", "first_value", "last_value", "nth_value"),
    }
)
