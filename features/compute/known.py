"""What was known by a midnight: digests of the rows of raw tables that had arrived by then.

A digest is of rows, not of files: it stays the same when rows are written anew, in another order or
in other files. Rows are counted and their hashes added up by file and by day of arrival. The sums
are kept, so that only new files are read.

The sums that were kept also remember tables: of one that is absent tonight they say what was known
of it at past times.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cached_property
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.compute.state_files import find_states
from features.contracts.vocabulary import ARRIVED, HAPPENED
from features.sql.expressions import files_sql, quoted
from features.sql.parts import TableFile
from features.sql.raw import READABLE, RawTables
from features.sql.wall import DAY_US
from holdfast.errors import InputError
from holdfast.files import write_beside
from holdfast.logging import progress
from holdfast.zone import day_of, day_start

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_DAY = _EPOCH.date()
_WRAP = 2**64
_FOLDER, _LAST = "known", "last_build.json"

REMOVED = "removed "
"""What begins the identity of rows that were removed from the raw store, and are still counted, so
that the past is not taken for restated (see `features.compute.forget`)."""

SUMS = pa.schema(
    [
        ("file", pa.string()),
        ("day", pa.int64()),
        ("rows", pa.int64()),
        ("sum", pa.uint64()),
        ("first_arrived_us", pa.int64()),
        ("last_arrived_us", pa.int64()),
        ("first_happened_us", pa.int64()),
    ]
)
"""One row per file and day of arrival.

``file`` is `TableFile.identity`, ``day`` the number, from 1970, of the first midnight by which the
rows had arrived, ``sum`` the sum of the hashes of whole rows, modulo 2^64.
"""


@dataclass(frozen=True)
class KnownTable:
    """The rows of a raw table, by day of arrival.

    Parameters
    ----------
    sums : pyarrow.Table
        As `SUMS`.
    zone : tzinfo
        The operator's, whose midnights are counted.
    """

    sums: pa.Table
    zone: tzinfo = UTC

    def digest(self, by: datetime) -> str:
        """What identifies the rows that had arrived by a midnight."""
        known = [total for day, total in self._days.items() if day <= _day(by, self.zone)]
        rows, hashes = (sum(column) for column in zip(*known, strict=True)) if known else (0, 0)
        return f"{rows}:{hashes % _WRAP:016x}"

    def restated(self, before: "KnownTable", by: datetime) -> datetime | None:
        """The first midnight, up to `by`, at which other rows were known than `before` says."""
        other = before._days
        return min(
            (
                day_start(_FIRST_DAY + timedelta(days=day), self.zone)
                for day in self._days.keys() | other.keys()
                if day <= _day(by, self.zone) and self._days.get(day) != other.get(day)
            ),
            default=None,
        )

    @property
    def first_arrived(self) -> datetime | None:
        """When the first row arrived, in UTC; None without rows."""
        return self._extreme(pc.min, "first_arrived_us")

    @property
    def last_arrived(self) -> datetime | None:
        """When the last row arrived, in UTC; None without rows."""
        return self._extreme(pc.max, "last_arrived_us")

    @property
    def first_happened(self) -> datetime | None:
        """The earliest `happened_at` of all rows, in UTC; None without rows."""
        return self._extreme(pc.min, "first_happened_us")

    @cached_property
    def _days(self) -> Mapping[int, tuple[int, int]]:
        """Rows and sum of hashes by day."""
        totals: dict[int, tuple[int, int]] = {}
        columns = (self.sums[name].to_pylist() for name in ("day", "rows", "sum"))
        for day, rows, hashes in zip(*columns, strict=True):
            before = totals.get(day, (0, 0))
            totals[day] = before[0] + rows, (before[1] + hashes) % _WRAP
        return totals

    def _extreme(self, which: Callable[[pa.ChunkedArray], pa.Scalar], name: str) -> datetime | None:
        time = which(self.sums[name]).as_py()
        return None if time is None else _EPOCH + timedelta(microseconds=time)


@dataclass(frozen=True)
class LastBuild:
    """The last build that ended.

    Parameters
    ----------
    at : datetime
        Time of its newest snapshot.
    tables : frozenset of str
        Raw tables that it had.
    """

    at: datetime
    tables: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class KnownRows:
    """What is known of all raw tables, those of earlier builds among them.

    Parameters
    ----------
    directory : Path
        The build's; it is kept in the folder ``known``.
    present : mapping of str to KnownTable
        Tables that are there.
    remembered : mapping of str to KnownTable
        Absent tables, as they were when they were last there.
    restated : mapping of str to datetime
        Tables of which other rows are known of a time that the last build had reached than were
        known to it, and the first midnight at which they differ.
    """

    directory: Path
    present: Mapping[str, KnownTable]
    remembered: Mapping[str, KnownTable]
    restated: Mapping[str, datetime]

    def keep(self, at: datetime) -> None:
        """Keep it for the next build, when all that it is to say has been built.

        Parameters
        ----------
        at : datetime
            Time of the newest snapshot.
        """
        folder = self.directory / _FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in self.present.items():
            path = folder / f"{name}.parquet"
            if _kept(path, table.zone) != table:
                beside = path.with_name(f".{path.name}.part")
                pq.write_table(table.sums, beside)
                beside.replace(path)
        about = {"at": at.isoformat(), "tables": sorted(self.present)}
        write_beside(folder / _LAST, json.dumps(about, indent=1) + "\n")


def last_build(directory: Path) -> LastBuild | None:
    """The last build below a directory that ended; None where there is none."""
    try:
        about = json.loads((directory / _FOLDER / _LAST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        # Releases that did not keep what was known noted the tables with the states.
        states = find_states(directory / "states")
        return None if states is None else LastBuild(states.cutoff, states.tables)
    return LastBuild(datetime.fromisoformat(about["at"]), frozenset(about["tables"]))


def is_kept(directory: Path) -> bool:
    """Whether the last build kept what it knew; earlier releases did not."""
    return (directory / _FOLDER / _LAST).exists()


def require_last_tables(
    present: Iterable[str], accepted: Iterable[str], last: LastBuild | None
) -> None:
    """Require the tables that the last build had.

    Parameters
    ----------
    present : iterable of str
        Raw tables that are there.
    accepted : iterable of str
        Tables that may be absent.
    last : LastBuild or None
        The last build.

    Raises
    ------
    InputError
        One is absent, and not accepted.
    """
    tables = frozenset() if last is None else last.tables
    if absent := sorted(tables - {*present, *accepted}):
        names = " ".join(f"--accept {name}" for name in absent)
        raise InputError(
            absent[0],
            "must be there, as it was at the last build; bring the table back, or go on without it"
            f" and the features that need it: {names}",
            "absent",
        )


def known_rows(raw: RawTables, directory: Path) -> KnownRows:
    """Find out what is known of raw tables, reading the files that are new.

    Parameters
    ----------
    raw : RawTables
        The tables, everybody's.
    directory : Path
        The build's. Nothing is written.
    """
    before = {name: _kept(directory / _FOLDER / f"{name}.parquet", raw.zone) for name in READABLE}
    present = {}
    with progress("Comparing raw tables with the last build's", len(raw.parts)) as advance:
        for name, parts in raw.parts.items():
            present[name] = _known_table(raw, name, parts, before[name])
            advance(1)
    last = last_build(directory)
    restated = {
        name: since
        for name, table in present.items()
        if last and (old := before[name]) and (since := table.restated(old, last.at))
    }
    return KnownRows(
        directory=directory,
        present=present,
        remembered={name: table for name, table in before.items() if table and name not in present},
        restated=restated,
    )


def _known_table(
    raw: RawTables, name: str, parts: tuple[TableFile, ...], before: KnownTable | None
) -> KnownTable:
    identities = pa.array([part.identity for part in parts], pa.string())
    kept = (before.sums if before else SUMS.empty_table()).filter(
        pc.is_in(pc.field("file"), identities) | pc.starts_with(pc.field("file"), REMOVED)
    )
    # A file without rows leaves no sums, and is read again: that takes no time.
    seen = set(kept["file"].to_pylist())
    new = [part for part in parts if part.identity not in seen]
    sums = pa.concat_tables([kept, _sums(raw, name, new)]) if new else kept
    return KnownTable(sums.sort_by([("file", "ascending"), ("day", "ascending")]), raw.zone)


def known_files(directory: Path) -> Path:
    """Folder of what was known, a file per table, below a build's directory."""
    return directory / _FOLDER


def _sums(raw: RawTables, name: str, parts: list[TableFile]) -> pa.Table:
    sums = sums_of(
        raw.connection,
        name,
        [part.path for part in parts],
        frozenset.intersection(*(part.columns for part in parts)),
    )
    identities = {str(part.path): part.identity for part in parts}
    files = pa.array([identities[path] for path in sums["file"].to_pylist()], pa.string())
    return sums.set_column(0, "file", files).cast(SUMS)


def sums_of(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    paths: list[Path],
    has: Collection[str],
    condition: str = "true",
) -> pa.Table:
    """Sums of rows of a raw table, as `SUMS`, with paths in place of identities.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        In UTC, with the macros of the operator's zone (`features.sql.wall`).
    name : str
        The table.
    paths : list of Path
        Its files.
    has : collection of str
        Columns that all of them have.
    condition : str
        SQL of the rows that count.
    """
    columns = ", ".join(quoted(column) for column in READABLE[name].columns if column in has)
    arrived, happened = f"epoch_us({ARRIVED})", f"epoch_us({HAPPENED})"
    wall = f"wall_us({ARRIVED})"
    return connection.execute(f"""
        SELECT
            filename AS file,
            {wall} // {DAY_US} + ({wall} % {DAY_US} > 0)::BIGINT AS day,
            count(*) AS rows,
            (sum(hash({columns})) % {_WRAP}::HUGEINT)::UBIGINT AS sum,
            min({arrived}) AS first_arrived_us,
            max({arrived}) AS last_arrived_us,
            min({happened}) AS first_happened_us
        FROM {files_sql(paths).removesuffix(")")}, filename = true)
        WHERE {condition}
        GROUP BY ALL
    """).to_arrow_table()


def _kept(path: Path, zone: tzinfo) -> KnownTable | None:
    return KnownTable(pq.read_table(path, schema=SUMS), zone) if path.exists() else None


def _day(midnight: datetime, zone: tzinfo) -> int:
    return (day_of(midnight, zone) - _FIRST_DAY).days
