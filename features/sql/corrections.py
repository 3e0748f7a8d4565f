"""Which rows of an event table were corrected, and when; kept and extended with new parts.

Rows with the same key are versions of one event. Few events have more than one, so what is kept is
small, and a table without corrections costs its readers nothing. Of a table of 80 million rows only
the keys are read, and only once: when parts are added, only their keys are looked for in the
others, and where a time belongs to the key, only in those of the same times.
"""

import json
import os
from glob import escape
from pathlib import Path

import duckdb

from features.contracts.tables import Table
from features.contracts.vocabulary import ARRIVED
from features.sql.parts import TableFile, identity_of


def corrections_of(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    parts: tuple[TableFile, ...],
    kept: Path | None,
) -> None:
    """Make the relation ``corrections_<table>`` of every row that was corrected.

    Its columns are the table's identity columns and ``superseded_at``.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Where the table is made.
    table : Table
        An event table.
    parts : tuple of Part
        Its files.
    kept : Path, optional
        Directory in which the versions are kept for the next time.
    """
    versions = None if kept is None else _Versions(kept, table)
    seen = versions.seen() if versions else frozenset()
    if not seen <= set(identity_of(parts)):
        # A part is gone or was rewritten: its versions may be gone too.
        seen = frozenset()
    new = tuple(part for part in parts if part.identity not in seen)
    name = f"versions_{table.name}"
    _create(connection, name, table, parts)
    if seen and versions:
        connection.execute(f"INSERT INTO {name} SELECT * FROM {_scan([versions.rows])}")
    if new:
        old = tuple(part for part in parts if part.identity in seen)
        connection.execute(
            f"INSERT INTO {name} {_versions_sql(table, new, old, _at_times_of(connection, table, new))}"
        )
        if versions:
            versions.keep(connection, name, identity_of(parts))
    keys = ", ".join(_quoted(table.key))
    connection.execute(f"""
        CREATE OR REPLACE TABLE corrections_{table.name} AS
        SELECT {keys}, {ARRIVED}, make_timestamp(epoch_us(later)) AS superseded_at
        FROM (
            SELECT *, lead({ARRIVED}) OVER (PARTITION BY {keys} ORDER BY {ARRIVED}) AS later
            FROM (SELECT DISTINCT * FROM {name})
        )
        WHERE later IS NOT NULL
    """)
    connection.execute(f"DROP TABLE {name}")


class _Versions:
    """All rows of events with more than one version, and the parts that were searched."""

    def __init__(self, folder: Path, table: Table) -> None:
        self.rows = folder / f"{table.name}.parquet"
        self.parts = folder / f"{table.name}.json"

    def seen(self) -> frozenset[str]:
        """Identities of the parts that were searched; none where rows and list do not match."""
        if not self.rows.exists() or not self.parts.exists():
            return frozenset()
        listed = json.loads(self.parts.read_text())
        return (
            frozenset(listed["parts"])
            if listed["rows_bytes"] == self.rows.stat().st_size
            else frozenset()
        )

    def keep(self, connection: duckdb.DuckDBPyConnection, name: str, parts: list[str]) -> None:
        """Write rows, then the list.

        A kill in between leaves a list that names fewer parts than were searched, or none.
        """
        self.rows.parent.mkdir(parents=True, exist_ok=True)
        self.parts.unlink(missing_ok=True)
        beside = self.rows.with_name(f".{self.rows.name}.{os.getpid()}")
        connection.execute(
            f"COPY {name} TO '{str(beside).replace(chr(39), chr(39) * 2)}' (FORMAT parquet)"
        )
        beside.replace(self.rows)
        listed = self.parts.with_name(f".{self.parts.name}.{os.getpid()}")
        listed.write_text(json.dumps({"parts": parts, "rows_bytes": self.rows.stat().st_size}))
        listed.replace(self.parts)


def _create(
    connection: duckdb.DuckDBPyConnection, name: str, table: Table, parts: tuple[TableFile, ...]
) -> None:
    columns = ", ".join((*_quoted(table.key), *_arrived(table)))
    connection.execute(
        f"CREATE OR REPLACE TABLE {name} AS SELECT {columns} FROM {_scan([part.path for part in parts])} LIMIT 0"
    )


def _at_times_of(
    connection: duckdb.DuckDBPyConnection, table: Table, parts: tuple[TableFile, ...]
) -> str:
    """SQL condition: the row's key may be one of some parts', by the times in it."""
    times = [name for name in table.key if name.endswith("_at")]
    extremes = ", ".join(f'min(epoch_us("{name}")), max(epoch_us("{name}"))' for name in times)
    if not times:
        return "true"
    bounds = connection.execute(
        f"SELECT {extremes} FROM {_scan([part.path for part in parts])}"
    ).fetchone()
    if bounds is None or bounds[0] is None:
        return "true"
    return " AND ".join(
        f'"{name}" BETWEEN make_timestamptz({first}) AND make_timestamptz({last})'
        for name, first, last in zip(times, bounds[::2], bounds[1::2], strict=True)
    )


def _versions_sql(
    table: Table, new: tuple[TableFile, ...], old: tuple[TableFile, ...], at_times: str
) -> str:
    """SQL: every row of an event with several versions, at least one of them in the new parts.

    Those are rows for which the condition `at_times` holds.
    """
    keys = ", ".join(_quoted(table.key))
    columns = ", ".join((*_quoted(table.key), *_arrived(table)))
    everywhere = _scan([part.path for part in (*new, *old)])
    # Of each key a hash is enough: two keys that share one by chance are separated when versions
    # are put in order.
    once_new = f"SELECT hash({keys}) AS mark FROM {_scan([part.path for part in new])}"
    repeated = f"SELECT mark FROM ({once_new}) GROUP BY mark HAVING count(*) > 1"
    if old:
        once_old = f"SELECT hash({keys}) AS mark FROM {_scan([part.path for part in old])} WHERE {at_times}"
        repeated += f" UNION SELECT mark FROM ({once_old}) WHERE mark IN ({once_new})"
    return f"SELECT {columns} FROM {everywhere} WHERE {at_times} AND hash({keys}) IN ({repeated})"


def _scan(paths: list[Path]) -> str:
    names = ", ".join("'" + escape(str(path)).replace("'", "''") + "'" for path in paths)
    return f"read_parquet([{names}])"


def _quoted(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f'"{name}"' for name in names)


def _arrived(table: Table) -> tuple[str, ...]:
    return () if ARRIVED in table.key else (ARRIVED,)
