"""The feature build: raw tables in, feature tables out, and what was built already left as it is.

Below one directory lie ``tables/<view>/newest.parquet`` (everybody, replaced each night),
``tables/<view>/history`` (Mondays of a sample of customers, kept), ``baselines`` and ``work``,
which may be deleted. A file is computed anew when what it was computed from has changed: the raw
parts that hold rows of its time, or the SQL of its features. Rows that arrive later change no past
Monday: it is as known then. A build killed at any time is carried on by the next one.
"""

import hashlib
import json
import logging
import time
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from features.compute.baselines import BASELINES, Baselines
from features.compute.files import digest_of, link_rows, rows_of, view_rows, write_rows
from features.compute.live_states import link_queries, state_queries
from features.compute.population import population_sql, sampled, take_snapshot
from features.compute.queries import SUMMARIES, asked_for, view_queries
from features.compute.snapshots import (
    WEEK,
    checked_time,
    history_mondays,
    monday_of,
    newest_time,
    require_subscriptions,
)
from features.compute.state_files import are_written, write_states
from features.fields import LINKS, VIEWS, disabled_features
from features.settings import FeatureSettings
from features.sql.expressions import files_sql, time_sql
from features.sql.parts import identity_of
from features.sql.raw import READABLE, RawTables, open_raw
from features.views import experience
from features.views.declaration import ENTITIES
from holdfast.logging import Advance, progress

_log = logging.getLogger(__name__)

NEWEST = "newest.parquet"
_WORTH_HOLDING = 2
_FEW_ROWS = 5_000_000


@dataclass(frozen=True)
class Snapshot:
    """A time at which features are computed.

    Parameters
    ----------
    at : datetime
        The cut-off, midnight in UTC.
    share : float
        Share of customers that rows are made for.
    file : str
        Its file's path below each view's folder.
    """

    at: datetime
    share: float
    file: str

    @property
    def contacts_after(self) -> datetime:
        """Contacts that arrived after this time and by the cut-off belong to the snapshot.

        They are those of one week, whole or begun.
        """
        monday = monday_of(self.at)
        return monday if monday < self.at else monday - WEEK


@dataclass(frozen=True)
class BuildReport:
    """What a build did.

    Parameters
    ----------
    at : datetime
        Time of the newest snapshot.
    history : tuple of datetime
        Mondays in history.
    history_share : float
        Share of customers that history is kept of.
    built, skipped : tuple of str
        Snapshots of which something was computed, and those that were there already: ``newest``, or
        the Monday.
    rows : dict of str to int
        Rows of the newest snapshot, by view.
    disabled : dict of str to dict
        Features that are null for everybody, by view, with the absent tables that they need.
    seconds : float
        How long it took.
    """

    at: datetime
    history: tuple[datetime, ...]
    history_share: float
    built: tuple[str, ...]
    skipped: tuple[str, ...]
    rows: Mapping[str, int]
    disabled: Mapping[str, Mapping[str, tuple[str, ...]]]
    seconds: float


def build(
    raw: Path,
    directory: Path,
    settings: FeatureSettings,
    *,
    now: datetime,
    at: datetime | None = None,
) -> BuildReport:
    """Bring feature tables up to date with raw tables.

    Parameters
    ----------
    raw : Path
        Accepted raw tables: ``<table>/*.parquet``. Only read.
    directory : Path
        Where everything is written. One build at a time.
    settings : FeatureSettings
        How much history to keep, what to compute with, and what is assumed of margins.
    now : datetime
        With a time zone: a row that claims to arrive later is not known yet.
    at : datetime, optional
        Time of the newest snapshot: a midnight in UTC. Default: the last one that the data reach.

    Returns
    -------
    BuildReport
        What was done.

    Raises
    ------
    InputError
        A required table is absent, a part lacks columns, there are no rows, or `at` is no midnight.
    """
    begun = time.monotonic()
    with open_raw(
        raw, work=directory / "work", memory_gb=settings.memory_gb, threads=settings.threads_to_use
    ) as tables:
        reached = newest_time(tables, now)
        newest = checked_time(at, reached) if at else reached
        require_subscriptions(tables, newest)
        mondays = history_mondays(tables, newest)
        share = (
            _history_share(tables, directory / "history.json", settings.history_customers)
            if mondays
            else 1.0
        )
        snapshots = [
            Snapshot(monday, share, f"history/{monday:%Y-%m-%d}.parquet") for monday in mondays
        ]
        snapshots.append(Snapshot(newest, 1.0, NEWEST))
        builder = _Builder(
            tables, directory, view_queries(settings.margin_shares), settings.threads_to_use
        )
        built = builder.run(snapshots)
    names = [_name(snapshot) for snapshot in snapshots]
    return BuildReport(
        at=newest,
        history=mondays,
        history_share=share,
        built=tuple(name for name in names if name in built),
        skipped=tuple(name for name in names if name not in built),
        rows={table: rows_of(builder.path(snapshots[-1], table)) for table in builder.tables},
        disabled=builder.disabled,
        seconds=time.monotonic() - begun,
    )


class _Builder:
    """Computes what is missing of snapshots."""

    def __init__(
        self, raw: RawTables, directory: Path, queries: Mapping[str, str], threads: int
    ) -> None:
        self.raw = raw
        self.directory = directory
        self.queries = queries
        self.threads = threads
        self.baselines = Baselines(directory / "baselines")
        self.disabled = disabled_features(raw.present)
        self.links = {f"{entity}_links": entity for entity in LINKS}
        self.tables = (*queries, *self.links)

    def run(self, snapshots: list[Snapshot]) -> set[str]:
        """Compute what is missing, and return the names of the snapshots that changed."""
        missing = {
            snapshot: tables for snapshot in snapshots if (tables := self._missing(snapshot))
        }
        # The first snapshot of a Monday gives its baselines, if it has everybody. A history sample
        # and the newest snapshot may both be of the newest Monday.
        first = {monday_of(snapshot.at): snapshot for snapshot in reversed(missing)}
        self._build_baselines(
            sorted(monday for monday, snapshot in first.items() if not _gives_baselines(snapshot))
        )
        past = [snapshot for snapshot in missing if snapshot.file != NEWEST]
        prepared: Snapshot | None = None
        self._hold(past)
        with progress("Computing features", sum(map(len, missing.values()))) as advance:
            for snapshot, tables in missing.items():
                if snapshot.file == NEWEST:
                    self.raw.release()
                self._prepare(snapshot)
                for stage in _stages(tables):
                    self._write(snapshot, {table: tables[table] for table in stage}, advance)
                prepared = snapshot
        self._write_states(snapshots[-1], prepared)
        return {_name(snapshot) for snapshot in missing}

    def _write(self, snapshot: Snapshot, tables: Mapping[str, str], advance: Advance) -> None:
        """Write views of the prepared snapshot.

        Those of past snapshots keep one thread busy each, so several are written at once.
        """
        rows = {table: self._rows(table, snapshot) for table in tables}
        at_once = 1 if snapshot.file == NEWEST else self.threads

        def write(table: str) -> None:
            begun = time.monotonic()
            write_rows(
                self.raw.connection.cursor(), rows[table], self.path(snapshot, table), tables[table]
            )
            _log.debug("%s of %s: %.2f s", table, _name(snapshot), time.monotonic() - begun)

        with ThreadPoolExecutor(at_once) as pool:
            for _ in pool.map(write, tables):
                advance(1)

    def _write_states(self, newest: Snapshot, prepared: Snapshot | None) -> None:
        """What live events start from, of the newest snapshot alone."""
        queries = state_queries(newest.at) | link_queries(newest.at, asked_for("cell"))
        digest = _digest(
            self._known_by(newest.at),
            self._baseline_digest(monday_of(newest.at)),
            *queries.values(),
        )
        if are_written(self.directory / "states", digest):
            return
        if prepared != newest:
            self.raw.release()
            self._build_baselines([monday_of(newest.at)])
            self._prepare(newest)
        write_states(self.raw, newest.at, self.directory / "states", digest)

    def path(self, snapshot: Snapshot, table: str) -> Path:
        """Where a snapshot of a view lies."""
        return self.directory / "tables" / table / snapshot.file

    def _missing(self, snapshot: Snapshot) -> dict[str, str]:
        """Views that lack a file computed from the same inputs, with the digest of these inputs."""
        digests = {table: self._digest(table, snapshot) for table in self.tables}
        return {
            table: digest
            for table, digest in digests.items()
            if digest_of(self.path(snapshot, table)) != digest
        }

    def _build_baselines(self, mondays: list[datetime]) -> None:
        digests = {monday: self._baseline_digest(monday) for monday in mondays}
        missing = {
            monday: digest
            for monday, digest in digests.items()
            if not self.baselines.are_built(monday, digest)
        }
        with progress("Computing what is usual in each region", len(missing)) as advance:
            for monday, digest in missing.items():
                self.baselines.build(self.raw, monday, digest)
                advance(1)

    def _hold(self, past: list[Snapshot]) -> None:
        """Read events once for all past snapshots.

        Of large tables, only the rows of customers in the history sample.
        """
        if not past or (len(past) < _WORTH_HOLDING and past[0].share >= 1):
            return
        customer = sampled("customer_id", past[0].share)
        lines = f"subscription_id IN (SELECT subscription_id FROM subscriptions WHERE {customer})"
        conditions = {
            "usage_weeks": lines,
            "network_weeks": lines,
            "recharges": lines,
            "app_events": customer,
        }
        for table, parts in self.raw.parts.items():
            if READABLE[table].kind == "event" and sum(part.rows for part in parts) <= _FEW_ROWS:
                conditions.setdefault(table, "true")
        self.raw.bound(past[0].at, past[-1].at)
        with progress("Reading raw tables", len(conditions)) as advance:
            for table, condition in conditions.items():
                self.raw.hold(table, condition, past[0].at, past[-1].at)
                advance(1)

    def _prepare(self, snapshot: Snapshot) -> None:
        begun = time.monotonic()
        self.raw.bound(snapshot.at, snapshot.at)
        take_snapshot(self.raw, snapshot.at, snapshot.share)
        monday = monday_of(snapshot.at)
        digest = self._baseline_digest(monday)
        if _gives_baselines(snapshot) and not self.baselines.are_built(monday, digest):
            self.baselines.write(self.raw, monday, digest)
        self.baselines.load(self.raw, monday)
        for name, query in SUMMARIES.items():
            self.raw.connection.execute(
                f"CREATE OR REPLACE TABLE {name} AS {query(time_sql(snapshot.at))}"
            )
        _log.debug("population of %s: %.2f s", _name(snapshot), time.monotonic() - begun)

    def _rows(self, table: str, snapshot: Snapshot) -> str:
        if table in self.links:
            entity = self.links[table]
            return link_rows(ENTITIES[entity], LINKS[entity], asked_for(entity))
        if table == "experience":
            for source in experience.SOURCES:
                self._show_stored(source, snapshot)
        if table == "contact":
            self._ask_contacts(snapshot)
        return view_rows(VIEWS[table], self.queries[table], self.disabled.get(table, ()))

    def _show_stored(self, view: str, snapshot: Snapshot) -> None:
        file = files_sql([self.path(snapshot, view)])
        self.raw.connection.execute(f"""
            CREATE OR REPLACE VIEW stored_{view} AS
            SELECT * EXCLUDE (event_timestamp, created_timestamp), {time_sql(snapshot.at)} AS cutoff FROM {file}
        """)

    def _ask_contacts(self, snapshot: Snapshot) -> None:
        """Ask about the contacts whose first version arrived in the snapshot's week.

        Each is asked about as of its own close.
        """
        self.raw.bound(snapshot.contacts_after, snapshot.at)
        self.raw.connection.execute(f"""
            CREATE OR REPLACE TABLE {asked_for("contact")} AS
            SELECT interaction_id, arg_min(happened_at, arrived_at) AS cutoff
            FROM interactions
            GROUP BY interaction_id
            HAVING min(arrived_at) > {time_sql(snapshot.contacts_after)}
               AND {sampled("arg_min(customer_id, arrived_at)", snapshot.share)}
        """)
        earliest = self.raw.connection.execute(
            f"SELECT min(cutoff) FROM {asked_for('contact')}"
        ).fetchone()
        if earliest and earliest[0]:
            self.raw.bound(earliest[0], snapshot.at)

    def _digest(self, table: str, snapshot: Snapshot) -> str:
        sql = [population_sql(snapshot.share), *(query("cutoff") for query in SUMMARIES.values())]
        if table in self.queries:
            sql.append(view_rows(VIEWS[table], self.queries[table], self.disabled.get(table, ())))
        if table == "experience":
            sql += [
                view_rows(VIEWS[name], self.queries[name], self.disabled.get(name, ()))
                for name in experience.SOURCES
            ]
        return _digest(
            self._known_by(snapshot.at),
            self._baseline_digest(monday_of(snapshot.at)),
            snapshot.at.isoformat(),
            *sql,
        )

    def _baseline_digest(self, monday: datetime) -> str:
        sql = (query("cutoff") for query in BASELINES.values())
        return _digest(self._known_by(monday), monday.isoformat(), population_sql(1.0), *sql)

    def _known_by(self, at: datetime) -> str:
        """The raw parts that may hold rows which had arrived by then."""
        return json.dumps(
            {name: identity_of(parts, at) for name, parts in self.raw.parts.items()}, sort_keys=True
        )


def _history_share(raw: RawTables, path: Path, customers: int) -> float:
    """Share of customers that history is kept of: fixed for good when it is first asked for."""
    if path.exists():
        return float(json.loads(path.read_text(encoding="utf-8"))["share"])
    counted = raw.connection.execute("SELECT count(DISTINCT customer_id) FROM customers").fetchone()
    everybody = counted[0] if counted else 0
    share = min(1.0, customers / max(everybody, 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.part")
    beside.write_text(json.dumps({"share": share, "customers": everybody}) + "\n", encoding="utf-8")
    beside.replace(path)
    return share


def _gives_baselines(snapshot: Snapshot) -> bool:
    """Whether the snapshot's Monday takes its baselines from the same rows."""
    return snapshot.share >= 1 and monday_of(snapshot.at) == snapshot.at


def _stages(tables: Collection[str]) -> list[list[str]]:
    """Groups of views in the order in which they can be computed.

    No view comes before one that it reads, or while the bounds of raw tables are moved for another.
    """
    last = ("experience", "contact")
    stages = [
        [table for table in tables if table not in last],
        *([table] for table in last if table in tables),
    ]
    return [stage for stage in stages if stage]


def _name(snapshot: Snapshot) -> str:
    return "newest" if snapshot.file == NEWEST else f"{snapshot.at:%Y-%m-%d}"


def _digest(*inputs: str) -> str:
    return hashlib.sha256("\0".join(inputs).encode()).hexdigest()[:24]
