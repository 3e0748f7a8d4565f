"""Rows of single people, and old ones, removed from what the build keeps: feature tables, states,
and what was known.

Feature files keep the digests of what they were computed from, and what was known of the raw tables
keeps counting the rows that were removed. So the next build does not take the past for restated: it
computes nothing anew, and everybody else's features stay bit for bit.
"""

import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC
from functools import partial
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from features.compute.known import REMOVED, SUMS, known_files, sums_of
from features.compute.zone import kept_zone
from features.contracts.tables import TABLES, Table
from features.erased.people import PERSON_KINDS, People, columns_of_people
from features.live.items import KINDS
from features.live.state import STATE_TABLES
from features.retained.kept_since import KeptSince
from features.retained.old_rows import old_rows_sql
from features.sql.expressions import quoted, text_sql
from features.sql.wall import wall_macros
from features.views.declaration import ENTITIES
from holdfast.parquet_rows import remove_rows
from holdfast.zone import day_of

STATES_OF_PEOPLE: Mapping[str, str] = {
    state: KINDS[tables[0]].owner
    for state, tables in STATE_TABLES.items()
    if KINDS[tables[0]].owner in PERSON_KINDS
}
"""Kinds of states that are of people, and the kind of id that they are kept by."""


_KINDS = {ENTITIES[entity]: ENTITIES[entity] for entity in ENTITIES} | {
    f"linked_{entity}": key for entity, key in ENTITIES.items()
}
"""Kinds of ids in columns of feature tables."""


def forget_built(directory: Path, people: People, *, dry_run: bool = False) -> int:
    """Remove people's rows from feature tables and states; how many.

    Killed at any time, it is completed by calling it again.

    Parameters
    ----------
    directory : Path
        The build's.
    people : People
        Whose rows go.
    dry_run : bool
        Whether to count only.
    """
    removed = 0
    for path, columns in files_of_people(directory):
        is_gone = partial(people.own, columns=columns)
        removed += remove_rows(path, tuple(columns), is_gone, dry_run=dry_run)
    if not dry_run:
        # It may be deleted at any time; ids of corrected rows stand in it.
        shutil.rmtree(directory / "work", ignore_errors=True)
    return removed


def forget_old_snapshots(directory: Path, kept: KeptSince, *, dry_run: bool = False) -> list[Path]:
    """Remove snapshots of Mondays that are not kept any more; the files that went, or would go.

    Killed at any time, it is completed by calling it again.

    Parameters
    ----------
    directory : Path
        The build's.
    kept : KeptSince
        Since when snapshots are kept.
    dry_run : bool
        Whether to name the files only.
    """
    if kept.snapshots is None:
        return []
    first = str(day_of(kept.snapshots, kept_zone(directory) or UTC))
    old = [
        path
        for path in sorted((directory / "tables").glob("*/history/*.parquet"))
        if path.stem < first
    ]
    for path in () if dry_run else old:
        path.unlink()
    return old


def removed_sums(raw: Path, people: People, directory: Path) -> dict[str, pa.Table]:
    """What was known of people's rows that are about to be removed, by table, as `known` keeps it.

    Parameters
    ----------
    raw : Path
        Raw tables.
    people : People
        Whose rows go.
    directory : Path
        The build's, which names the zone that days of arrival are counted in.
    """
    return _sums_where(
        raw, directory, lambda table, has: " OR ".join(_conditions(table, people, has))
    )


def old_sums(raw: Path, kept: KeptSince, directory: Path) -> dict[str, pa.Table]:
    """The same of rows that are older than rows are kept.

    Parameters
    ----------
    raw : Path
        Raw tables.
    kept : KeptSince
        Since when rows are kept.
    directory : Path
        As of `removed_sums`.
    """
    return _sums_where(raw, directory, lambda table, has: old_rows_sql(table, kept))


def _sums_where(
    raw: Path,
    directory: Path,
    condition_for: Callable[[Table, Collection[str]], str | None],
) -> dict[str, pa.Table]:
    """What was known of rows, by table; the condition is SQL, given the columns that files have."""
    sums = {}
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for macro in wall_macros(kept_zone(directory) or UTC):
            connection.execute(macro)
        for name, table in TABLES.items():
            if table.use != "features":
                continue
            # By columns, because files of earlier releases lack some.
            alike: dict[frozenset[str], list[Path]] = {}
            for path in sorted((raw / name).glob("*.parquet")):
                alike.setdefault(frozenset(pq.read_schema(path).names), []).append(path)
            of_table = [
                sums_of(connection, name, files, has, condition)
                for has, files in alike.items()
                if (condition := condition_for(table, has))
            ]
            if any(map(len, of_table)):
                sums[name] = pa.concat_tables(of_table)
    return sums


def _conditions(table: Table, people: People, has: Collection[str]) -> list[str]:
    return [
        f"{quoted(column)} IN ({', '.join(map(text_sql, sorted(ids)))})"
        for column, kind in columns_of_people(table).items()
        if column in has and (ids := people.ids.get(kind))
    ]


def keep_removed(directory: Path, sums: Mapping[str, pa.Table], erasure: str) -> None:
    """Let what was known count rows that are removed; a second call with the same name changes
    nothing.

    Parameters
    ----------
    directory : Path
        The build's.
    sums : mapping of str to pyarrow.Table
        As `removed_sums` gives them.
    erasure : str
        Name of the removal, the same whenever it is carried on.
    """
    for name, removed in sums.items():
        path = known_files(directory) / f"{name}.parquet"
        if not path.exists():
            continue
        mark = f"{REMOVED}{erasure}"
        before = pq.read_table(path, schema=SUMS)
        if mark in before["file"].to_pylist():
            continue
        # Until the next build looks at the files again, those kept count the rows, too.
        marked, unmarked = _named(removed, mark), _negated(_named(removed, f"counted {mark}"))
        beside = path.with_name(f".{path.name}.part")
        pq.write_table(pa.concat_tables([before, marked, unmarked]), beside)
        beside.replace(path)


def _named(sums: pa.Table, file: str) -> pa.Table:
    names = pa.array([file] * len(sums), pa.string())
    return sums.set_column(0, SUMS.field("file"), names).cast(SUMS)


def _negated(sums: pa.Table) -> pa.Table:
    rows = [{**row, "rows": -row["rows"], "sum": -row["sum"] % 2**64} for row in sums.to_pylist()]
    return pa.Table.from_pylist(rows, SUMS)


def files_of_people(directory: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """Files that may hold rows of people, with the columns that say whose."""
    # By their columns, so that views of the operator's own and of earlier releases are among them.
    for path in sorted((directory / "tables").rglob("*.parquet")):
        names = pq.read_schema(path).names
        columns = {name: kind for name, kind in _KINDS.items() if name in names}
        if columns:
            yield path, columns
    for state, kind in STATES_OF_PEOPLE.items():
        if (path := directory / "states" / f"{state}.parquet").exists():
            yield path, {"id": kind}
