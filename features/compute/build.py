"""The feature build: raw tables in, feature tables out, and what was built already left as it is.

Below one directory lie ``tables/<view>/newest.parquet`` (everybody, replaced each night),
``tables/<view>/history`` (Mondays of a sample of customers, kept), ``baselines``, ``known`` and
``work``, which may be deleted. A file is computed anew when what it was computed from has changed:
the rows that had arrived by its time, or the SQL of its features. Rows that arrive later change no
past Monday: it is as known then. Nor does a table that is absent tonight. A build killed at any
time is carried on by the next one.
"""

import logging
import time
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from features.compute.baselines import BASELINES
from features.compute.files import digest_of, link_rows, rows_of, view_rows, write_rows
from features.compute.inputs import Inputs, digest_of_inputs, names_in, tables_named
from features.compute.known import is_kept, known_rows, last_build, require_last_tables
from features.compute.live_states import link_queries, state_queries
from features.compute.population import population_sql, sampled, take_snapshot
from features.compute.queries import SUMMARIES, asked_for, view_queries
from features.compute.snapshots import WEEK, monday_of
from features.compute.state_files import are_written, write_states
from features.compute.whole import Whole, whole_of
from features.fields import LINKS, VIEWS, disabled_features
from features.settings import FeatureSettings
from features.sql.expressions import files_sql, time_sql
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
    restated : dict of str to datetime
        Tables of which other rows are known of past times than at the last build, and since when.
    outdated : tuple of str
        Mondays of which a view is out of date, and was left as it is because a table that it was
        computed from is absent.
    from_earlier_release : bool
        Whether history was computed anew because an earlier release, which did not keep what it
        knew, had computed it.
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
    restated: Mapping[str, datetime]
    outdated: tuple[str, ...]
    from_earlier_release: bool
    seconds: float


def bring_up_to_date(
    raw: Path,
    directory: Path,
    settings: FeatureSettings,
    *,
    now: datetime,
    at: datetime | None = None,
    accepted: Collection[str] = (),
) -> BuildReport:
    """Bring everybody's feature tables up to date with raw tables.

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
    accepted : collection of str
        Tables that may be absent although the last build had them. Features that need one are null
        from now on; past Mondays stay as they are.

    Returns
    -------
    BuildReport
        What was done.

    Raises
    ------
    InputError
        A table that is required, or that the last build had, is absent; a part lacks columns; there
        are no rows; or `at` is no midnight.
    """
    begun = time.monotonic()
    with open_raw(
        raw, work=directory / "work", memory_gb=settings.memory_gb, threads=settings.threads_to_use
    ) as tables:
        require_last_tables(tables.present, accepted, last_build(directory))
        from_earlier_release = (directory / "tables").exists() and not is_kept(directory)
        known = known_rows(tables, directory)
        whole = whole_of(tables, directory, settings, known, now=now, at=at)
        report = build(tables, directory, whole, settings)
        known.keep(whole.newest)
    return replace(
        report,
        from_earlier_release=from_earlier_release
        and any(name != "newest" for name in report.built),
        seconds=time.monotonic() - begun,
    )


def build(raw: RawTables, directory: Path, whole: Whole, settings: FeatureSettings) -> BuildReport:
    """Bring the feature tables of some customers, or of everybody, up to date with raw tables.

    Parameters
    ----------
    raw : RawTables
        Raw tables of some customers, and of all whom a household or an account joins to them.
        Tables that belong to nobody, such as plans and incidents, as a whole.
    directory : Path
        Where feature tables are written.
    whole : Whole
        What concerns the whole operator, found from everybody's raw tables.
    settings : FeatureSettings
        What to compute with, and what is assumed of margins.

    Returns
    -------
    BuildReport
        What was done.
    """
    begun = time.monotonic()
    snapshots = [
        Snapshot(monday, whole.history_share, f"history/{monday:%Y-%m-%d}.parquet")
        for monday in whole.mondays
    ]
    snapshots.append(Snapshot(whole.newest, 1.0, NEWEST))
    builder = _Builder(
        raw, directory, whole, view_queries(settings.margin_shares), settings.threads_to_use
    )
    built, outdated = builder.run(snapshots)
    names = [_name(snapshot) for snapshot in snapshots]
    return BuildReport(
        at=whole.newest,
        history=whole.mondays,
        history_share=whole.history_share,
        built=tuple(name for name in names if name in built),
        skipped=tuple(name for name in names if name not in built),
        rows={table: rows_of(builder.path(snapshots[-1], table)) for table in builder.tables},
        disabled=builder.disabled,
        restated=whole.restated,
        outdated=tuple(name for name in names if name in outdated),
        from_earlier_release=False,
        seconds=time.monotonic() - begun,
    )


class _Builder:
    """Computes what is missing of snapshots."""

    def __init__(
        self,
        raw: RawTables,
        directory: Path,
        whole: Whole,
        queries: Mapping[str, str],
        threads: int,
    ) -> None:
        self.raw = raw
        self.directory = directory
        self.whole = whole
        self.queries = queries
        self.threads = threads
        self.disabled = disabled_features(whole.tables)
        self.links = {f"{entity}_links": entity for entity in LINKS}
        self.tables = (*queries, *self.links)

    def run(self, snapshots: list[Snapshot]) -> tuple[set[str], set[str]]:
        """Compute what is missing.

        Returns
        -------
        built, outdated : set of str
            Names of the snapshots that changed, and of those that are out of date and were left.
        """
        missing, outdated = self._compare(snapshots)
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
        return {_name(snapshot) for snapshot in missing}, outdated

    def _compare(
        self, snapshots: list[Snapshot]
    ) -> tuple[dict[Snapshot, dict[str, str]], set[str]]:
        """Views to be computed, with the digests of what they come from, and snapshots to leave."""
        missing: dict[Snapshot, dict[str, str]] = {}
        outdated = set()
        for snapshot in snapshots:
            for table in self.tables:
                inputs = self._inputs(table, snapshot)
                stored = digest_of(self.path(snapshot, table))
                if inputs.give(stored):
                    continue
                if inputs.may_replace(stored):
                    missing.setdefault(snapshot, {})[table] = inputs.now
                else:
                    outdated.add(_name(snapshot))
        return missing, outdated

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
        digest = digest_of_inputs(
            [population_sql(1.0), *queries.values()],
            self.whole.known_now(newest.at),
            self._baselines(newest),
        )
        if are_written(self.directory / "states", digest):
            return
        if prepared != newest:
            self.raw.release()
            self._prepare(newest)
        write_states(self.raw, newest.at, self.directory / "states", digest, self.whole.tables)

    def path(self, snapshot: Snapshot, table: str) -> Path:
        """Where a snapshot of a view lies."""
        return self.directory / "tables" / table / snapshot.file

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
        # A contact is asked about as of its close, which may lie long before its row arrived.
        of_contacts = tables_named([self.queries["contact"]])
        first_close = min(past[0].at, self._first_close(past) or past[0].at)
        self.raw.bound(past[0].at, past[-1].at)
        with progress("Reading raw tables", len(conditions)) as advance:
            for table, condition in conditions.items():
                first = first_close if table in of_contacts else past[0].at
                self.raw.hold(table, condition, first, past[-1].at)
                advance(1)

    def _first_close(self, past: list[Snapshot]) -> datetime | None:
        """The earliest close of the contacts that past snapshots ask about."""
        self.raw.bound(past[0].contacts_after, past[-1].at)
        row = self.raw.connection.execute(
            f"SELECT make_timestamptz(epoch_us(min(cutoff))) FROM ({_asked_contacts(past[0])})"
        ).fetchone()
        return row[0] if row else None

    def _prepare(self, snapshot: Snapshot) -> None:
        begun = time.monotonic()
        self.raw.bound(snapshot.at, snapshot.at)
        take_snapshot(self.raw, snapshot.at, snapshot.share)
        self.whole.baselines.load(self.raw, monday_of(snapshot.at))
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
        """Ask about the contacts whose first version arrived in the snapshot's week."""
        self.raw.bound(snapshot.contacts_after, snapshot.at)
        self.raw.connection.execute(
            f"CREATE OR REPLACE TABLE {asked_for('contact')} AS {_asked_contacts(snapshot)}"
        )
        earliest = self.raw.connection.execute(
            f"SELECT min(cutoff) FROM {asked_for('contact')}"
        ).fetchone()
        if earliest and earliest[0]:
            self.raw.bound(earliest[0], snapshot.at)

    def _inputs(self, table: str, snapshot: Snapshot) -> Inputs:
        """What a snapshot of a view would be computed from tonight."""
        tables = self.whole.tables
        now = self._digest(self._sql(table, snapshot, tables), snapshot, tables)
        if snapshot.file == NEWEST or not self.whole.remembered:
            return Inputs(now, now, lacks_tables=False)
        tables |= self.whole.remembered
        sql = self._sql(table, snapshot, tables)
        return Inputs(
            now,
            self._digest(sql, snapshot, tables),
            lacks_tables=bool(tables_named(sql) & self.whole.remembered),
        )

    def _digest(self, sql: list[str], snapshot: Snapshot, tables: frozenset[str]) -> str:
        known = self.whole.known[snapshot.at]
        inputs = [snapshot.at.isoformat()]
        if names_in(sql) & BASELINES.keys():
            inputs.append(self._baselines(snapshot))
        return digest_of_inputs(sql, {name: known[name] for name in tables}, *inputs)

    def _baselines(self, snapshot: Snapshot) -> str:
        return self.whole.baselines.digest(monday_of(snapshot.at)) or ""

    def _sql(self, table: str, snapshot: Snapshot, tables: frozenset[str]) -> list[str]:
        """All SQL that a view of a snapshot is computed by where those raw tables are there."""
        sql = [population_sql(snapshot.share)]
        disabled = disabled_features(tables)
        if table in self.queries:
            names = (*experience.SOURCES, table) if table == "experience" else (table,)
            sql += [
                view_rows(VIEWS[name], self.queries[name], disabled.get(name, ())) for name in names
            ]
        if table == "contact":
            sql.append(_asked_contacts(snapshot))
        read = names_in(sql)
        return sql + [query("cutoff") for name, query in SUMMARIES.items() if name in read]


def _asked_contacts(snapshot: Snapshot) -> str:
    """SQL of the contacts that a snapshot asks about, each as of its own close."""
    return f"""
        SELECT interaction_id, arg_min(happened_at, arrived_at) AS cutoff
        FROM interactions
        GROUP BY interaction_id
        HAVING min(arrived_at) > {time_sql(snapshot.contacts_after)}
           AND {sampled("arg_min(customer_id, arrived_at)", snapshot.share)}
    """


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
