"""What concerns the whole operator: computed once, and passed to whoever builds.

A build of some customers cannot know it from their rows alone: up to when the data reach, which
Mondays there are, the share of customers that history is kept of, which tables there are, what was
known when, and what is usual in each region. With it, customers built apart, in households, get
the rows that they get when all are built together.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from features.compute.baselines import BASELINES, Baselines
from features.compute.inputs import Inputs, digest_of_inputs, tables_named
from features.compute.known import KnownRows
from features.compute.population import population_sql
from features.compute.snapshots import (
    checked_time,
    history_mondays,
    newest_time,
    require_subscriptions,
    require_whole,
)
from features.retained.kept_since import EVERYTHING, KeptSince
from features.settings import FeatureSettings
from features.sql.raw import RawTables
from holdfast.files import write_beside
from holdfast.logging import progress
from holdfast.zone import monday_before, zone_name


@dataclass(frozen=True, kw_only=True)
class Whole:
    """What concerns the whole operator.

    Parameters
    ----------
    newest : datetime
        Time of the newest snapshot, in UTC: a midnight of the operator's.
    zone : tzinfo
        The operator's.
    mondays : tuple of datetime
        Mondays that history is kept of, oldest first.
    history_share : float
        Share of customers that history is kept of.
    tables : frozenset of str
        Raw tables that are there.
    remembered : frozenset of str
        Raw tables that are absent and were there at an earlier build.
    known : mapping of datetime to mapping of str to str
        For each time of a snapshot, and the Monday before the newest, the digest of the rows that
        had arrived by then, of each table that is there or remembered.
    restated : mapping of str to datetime
        Tables of which other rows are known of past times than at the last build, and since when.
    baselines : Baselines
        What is usual in each region on each Monday.
    kept : KeptSince
        Since when raw rows and snapshots are kept.
    """

    newest: datetime
    zone: tzinfo
    mondays: tuple[datetime, ...]
    history_share: float
    tables: frozenset[str]
    remembered: frozenset[str]
    known: Mapping[datetime, Mapping[str, str]]
    restated: Mapping[str, datetime]
    baselines: Baselines
    kept: KeptSince = EVERYTHING

    def when(self, at: datetime) -> tuple[str, ...]:
        """What identifies a time and its days and weeks, for digests."""
        return (at.isoformat(), *(() if self.zone is UTC else (zone_name(self.zone),)))

    def is_whole(self, at: datetime) -> bool:
        """Whether the raw rows are kept that a snapshot of a time is computed from."""
        return self.kept.whole_since is None or at >= self.kept.whole_since

    def known_now(self, at: datetime) -> Mapping[str, str]:
        """What is known at a snapshot's time of the tables that are there."""
        return {name: rows for name, rows in self.known[at].items() if name in self.tables}


def whole_of(
    raw: RawTables,
    directory: Path,
    settings: FeatureSettings,
    known: KnownRows,
    *,
    now: datetime,
    at: datetime | None = None,
    kept: KeptSince = EVERYTHING,
) -> Whole:
    """Find out what concerns the whole operator, and compute the baselines that are missing.

    Parameters
    ----------
    raw : RawTables
        Everybody's raw tables. Their bounds are lifted in the end.
    directory : Path
        Where ``baselines`` and ``history.json``, the share of customers in history, are kept.
    settings : FeatureSettings
        How many customers history is kept of.
    known : KnownRows
        What is known of the raw tables.
    now : datetime
        With a time zone: a row that claims to arrive later is not known yet.
    at : datetime, optional
        Time of the newest snapshot: a midnight of the operator's. Default: the last one that the data reach.

    kept : KeptSince
        Since when raw rows and snapshots are kept.

    Raises
    ------
    InputError
        There are no rows, or the newest snapshot's time is no midnight, or one that the raw rows do
        not reach or are no longer kept for.
    """
    zone = raw.zone
    reached = newest_time(known.present, now, zone)
    newest = checked_time(at, reached, zone) if at else reached
    require_subscriptions(known.present, newest, zone)
    tables = {**known.remembered, **known.present}
    require_whole(newest, kept.whole_since, zone)
    mondays = tuple(
        monday
        for monday in history_mondays(tables, newest, zone)
        if kept.snapshots is None or monday >= kept.snapshots
    )
    share = (
        _history_share(raw, directory / "history.json", settings.history_customers)
        if mondays
        else 1.0
    )
    whole = Whole(
        newest=newest,
        zone=zone,
        mondays=mondays,
        history_share=share,
        tables=frozenset(known.present),
        remembered=frozenset(known.remembered),
        known={
            time: {name: table.digest(time) for name, table in tables.items()}
            for time in sorted({*mondays, newest, monday_before(newest, zone)})
        },
        restated=known.restated,
        baselines=Baselines(directory / "baselines", zone),
        kept=kept,
    )
    _build_baselines(raw, whole)
    return whole


def _build_baselines(raw: RawTables, whole: Whole) -> None:
    """Compute the baselines that are missing, or computed from something else."""
    missing = {}
    for monday in sorted({*whole.mondays, monday_before(whole.newest, whole.zone)}):
        inputs, stored = _baseline_inputs(whole, monday), whole.baselines.digest(monday)
        if not inputs.give(stored) and inputs.may_replace(stored) and whole.is_whole(monday):
            missing[monday] = inputs.now
    if len(missing) > 1:
        for table in tables_named([population_sql(1.0)]):
            raw.hold(table, "true", min(missing), max(missing))
    with progress("Computing what is usual in each region", len(missing)) as advance:
        for monday, digest in missing.items():
            whole.baselines.build(raw, monday, digest)
            advance(1)
    raw.release()


def _baseline_inputs(whole: Whole, monday: datetime) -> Inputs:
    sql = [population_sql(1.0), *(query("cutoff") for query in BASELINES.values())]
    return Inputs(
        now=digest_of_inputs(sql, whole.known_now(monday), *whole.when(monday)),
        with_remembered=digest_of_inputs(sql, whole.known[monday], *whole.when(monday)),
        lacks_tables=bool(tables_named(sql) & whole.remembered),
    )


def _history_share(raw: RawTables, path: Path, customers: int) -> float:
    """Share of customers that history is kept of: fixed for good when it is first asked for."""
    if path.exists():
        return float(json.loads(path.read_text(encoding="utf-8"))["share"])
    counted = raw.connection.execute("SELECT count(DISTINCT customer_id) FROM customers").fetchone()
    everybody = counted[0] if counted else 0
    share = min(1.0, customers / max(everybody, 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_beside(path, json.dumps({"share": share, "customers": everybody}) + "\n")
    return share
