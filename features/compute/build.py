"""The feature build: raw tables in, feature tables out, and what was built already left as it is.

Below one directory lie ``tables/<view>/newest.parquet`` (everybody, replaced each night),
``tables/<view>/history`` (Mondays of a sample of customers, kept), ``baselines``, ``known`` and
``work``, which may be deleted. A file is computed anew when what it was computed from has changed:
the rows that had arrived by its time, or the SQL of its features. Rows that arrive later change no
past Monday: it is as known then. Nor does a table that is absent tonight. A build killed at any
time is carried on by the next one.
"""

import time
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from queue import SimpleQueue

from features.compute.baselines import BASELINES
from features.compute.files import digest_of, rows_of, view_rows
from features.compute.inputs import Inputs, digest_of_inputs, names_in, tables_named
from features.compute.known import is_kept, known_rows, last_build, require_last_tables
from features.compute.live_states import link_queries, state_queries
from features.compute.population import population_sql, sampled
from features.compute.queries import SUMMARIES, asked_for, view_queries
from features.compute.snapshot_writer import (
    LINK_TABLES,
    NEWEST,
    Snapshot,
    SnapshotWriter,
    asked_contacts,
)
from features.compute.state_files import are_written, write_states
from features.compute.whole import Whole, whole_of
from features.compute.zone import keep_zone, require_zone
from features.fields import BUILT_IN, FeatureCatalogue
from features.retained.kept_since import EVERYTHING, KeptSince
from features.settings import FeatureSettings
from features.sql.raw import READABLE, RawTables, open_raw
from features.views import experience
from holdfast.logging import Advance, progress
from holdfast.zone import day_of

_WORTH_HOLDING = 2
_FEW_ROWS = 5_000_000


@dataclass(frozen=True)
class BuildReport:
    """What a build did.

    Parameters
    ----------
    at : datetime
        Time of the newest snapshot, by the operator's clock, as the other times here.
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
    beyond_rows : tuple of str
        Mondays of which a view is missing or out of date, and was left as it is because the raw rows
        that it is computed from are not kept any more.
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
    beyond_rows: tuple[str, ...]
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
    catalogue: FeatureCatalogue = BUILT_IN,
    zone: tzinfo = UTC,
    kept: KeptSince = EVERYTHING,
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
        Time of the newest snapshot: a midnight of the operator's. Default: the last one that the
        data reach.
    accepted : collection of str
        Tables that may be absent although the last build had them. Features that need one are null
        from now on; past Mondays stay as they are.
    catalogue : FeatureCatalogue
        The views. Default: ours alone.
    zone : tzinfo
        The operator's. The same at every build.
    kept : KeptSince
        Since when raw rows and snapshots are kept.

    Returns
    -------
    BuildReport
        What was done.

    Raises
    ------
    InputError
        A table that is required, or that the last build had, is absent; a part lacks columns; there
        are no rows; `at` is no midnight; or what is there was built in another zone.
    """
    begun = time.monotonic()
    require_zone(directory, zone)
    with open_raw(
        raw,
        work=directory / "work",
        memory_gb=settings.memory_gb,
        threads=settings.threads_to_use,
        zone=zone,
    ) as tables:
        require_last_tables(tables.present, accepted, last_build(directory))
        from_earlier_release = (directory / "tables").exists() and not is_kept(directory)
        keep_zone(directory, zone)
        known = known_rows(tables, directory)
        whole = whole_of(tables, directory, settings, known, now=now, at=at, kept=kept)
        report = build(tables, directory, whole, settings, catalogue)
        known.keep(whole.newest)
    return replace(
        report,
        from_earlier_release=from_earlier_release
        and any(name != "newest" for name in report.built),
        seconds=time.monotonic() - begun,
    )


def build(
    raw: RawTables,
    directory: Path,
    whole: Whole,
    settings: FeatureSettings,
    catalogue: FeatureCatalogue = BUILT_IN,
) -> BuildReport:
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
    catalogue : FeatureCatalogue
        The views. Default: ours alone.

    Returns
    -------
    BuildReport
        What was done.
    """
    begun = time.monotonic()
    snapshots = [
        Snapshot(
            monday, whole.history_share, f"history/{day_of(monday, whole.zone)}.parquet", whole.zone
        )
        for monday in whole.mondays
    ]
    snapshots.append(Snapshot(whole.newest, 1.0, NEWEST, whole.zone))
    writer = SnapshotWriter(
        directory=directory,
        whole=whole,
        catalogue=catalogue,
        queries=view_queries(settings.margin_shares, catalogue),
    )
    builder = _Builder(raw, writer, settings.threads_to_use)
    built, outdated, beyond_rows = builder.run(snapshots)
    names = [snapshot.name for snapshot in snapshots]
    return BuildReport(
        at=whole.newest.astimezone(whole.zone),
        history=tuple(monday.astimezone(whole.zone) for monday in whole.mondays),
        history_share=whole.history_share,
        built=tuple(name for name in names if name in built),
        skipped=tuple(name for name in names if name not in built),
        rows={table: rows_of(writer.path(snapshots[-1], table)) for table in builder.tables},
        disabled=catalogue.disabled_features(whole.tables),
        restated={name: since.astimezone(whole.zone) for name, since in whole.restated.items()},
        outdated=tuple(name for name in names if name in outdated),
        beyond_rows=tuple(name for name in names if name in beyond_rows),
        from_earlier_release=False,
        seconds=time.monotonic() - begun,
    )


class _Builder:
    """Computes what is missing of snapshots."""

    def __init__(self, raw: RawTables, writer: SnapshotWriter, threads: int) -> None:
        self.raw = raw
        self.writer = writer
        self.whole = writer.whole
        self.catalogue = writer.catalogue
        self.queries = writer.queries
        self.threads = threads
        self.tables = (*writer.queries, *LINK_TABLES)

    def run(self, snapshots: list[Snapshot]) -> tuple[set[str], set[str], set[str]]:
        """Compute what is missing.

        Returns
        -------
        built, outdated, beyond_rows : set of str
            Names of the snapshots that changed; and of those that were left, because tables are
            absent, or because their raw rows are.
        """
        missing, outdated, beyond_rows = self._compare(snapshots)
        newest = snapshots[-1]
        with progress("Computing features", sum(map(len, missing.values()))) as advance:
            self._write_past({one: missing[one] for one in missing if one != newest}, advance)
            self.raw.release()
            if newest in missing:
                self.writer.write(self.raw, newest, missing[newest], advance)
        self._write_states(newest, prepared=newest in missing)
        return {snapshot.name for snapshot in missing}, outdated, beyond_rows

    def _compare(
        self, snapshots: list[Snapshot]
    ) -> tuple[dict[Snapshot, dict[str, str]], set[str], set[str]]:
        """Views to be computed, with the digests of what they come from, and snapshots to leave."""
        missing: dict[Snapshot, dict[str, str]] = {}
        outdated: set[str] = set()
        beyond_rows: set[str] = set()
        for snapshot in snapshots:
            for table in self.tables:
                inputs = self._inputs(table, snapshot)
                stored = digest_of(self.writer.path(snapshot, table))
                if inputs.give(stored):
                    continue
                if not self.whole.is_whole(snapshot.at):
                    beyond_rows.add(snapshot.name)
                elif inputs.may_replace(stored):
                    missing.setdefault(snapshot, {})[table] = inputs.now
                else:
                    outdated.add(snapshot.name)
        return missing, outdated, beyond_rows

    def _write_past(self, missing: Mapping[Snapshot, Mapping[str, str]], advance: Advance) -> None:
        """Write past snapshots, several at once: one keeps little more than a thread busy."""
        self._hold(list(missing))
        with ExitStack() as stack:
            free: SimpleQueue[RawTables] = SimpleQueue()
            for _ in range(self.threads):
                free.put(stack.enter_context(self.raw.session()))

            def write(snapshot: Snapshot) -> None:
                session = free.get()
                try:
                    self.writer.write(session, snapshot, missing[snapshot], advance)
                finally:
                    # Where it fails, the others must not wait for the session for ever.
                    free.put(session)

            with ThreadPoolExecutor(self.threads) as pool:
                for _ in pool.map(write, missing):
                    pass

    def _write_states(self, newest: Snapshot, *, prepared: bool) -> None:
        """What live events start from, of the newest snapshot alone."""
        queries = state_queries(newest.at) | link_queries(newest.at, asked_for("cell"))
        digest = digest_of_inputs(
            [population_sql(1.0), *queries.values()],
            self.whole.known_now(newest.at),
            self._baselines(newest),
        )
        states = self.writer.directory / "states"
        if are_written(states, digest):
            return
        if not prepared:
            self.writer.prepare(self.raw, newest)
        write_states(self.raw, newest.at, states, digest, self.whole.tables)

    def _hold(self, past: list[Snapshot]) -> None:
        """Read raw tables once for all past snapshots.

        Of large event tables, only the rows of customers in the history sample.
        """
        if not past or (len(past) < _WORTH_HOLDING and past[0].share >= 1):
            return
        customer = sampled("customer_id", past[0].share)
        lines = f"subscription_id IN (SELECT subscription_id FROM subscriptions WHERE {customer})"
        conditions = {
            "usage_weeks": lines,
            "usage_days": lines,
            "network_weeks": lines,
            "recharges": lines,
            "app_events": customer,
        }
        for table, parts in self.raw.parts.items():
            if READABLE[table].kind == "state" or sum(part.rows for part in parts) <= _FEW_ROWS:
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
            f"SELECT make_timestamptz(epoch_us(min(cutoff))) FROM ({asked_contacts(past[0])})"
        ).fetchone()
        return row[0] if row else None

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
        inputs = [*self.whole.when(snapshot.at)]
        if names_in(sql) & BASELINES.keys():
            inputs.append(self._baselines(snapshot))
        return digest_of_inputs(sql, {name: known[name] for name in tables}, *inputs)

    def _baselines(self, snapshot: Snapshot) -> str:
        return self.whole.baselines.digest(snapshot.monday) or ""

    def _sql(self, table: str, snapshot: Snapshot, tables: frozenset[str]) -> list[str]:
        """All SQL that a view of a snapshot is computed by where those raw tables are there."""
        sql = [population_sql(snapshot.share)]
        disabled = self.catalogue.disabled_features(tables)
        if table in self.queries:
            names = (*experience.SOURCES, table) if table == "experience" else (table,)
            sql += [
                view_rows(self.catalogue.views[name], self.queries[name], disabled.get(name, ()))
                for name in names
            ]
        if table == "contact":
            sql.append(asked_contacts(snapshot))
        read = names_in(sql)
        return sql + [query("cutoff") for name, query in SUMMARIES.items() if name in read]
