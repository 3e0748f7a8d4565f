"""The feature build against the same features in slow and obvious pandas, value for value.

Raw tables are awkward but valid, or simulated. Cut-offs fall on rows' own times, on edges of
windows, on Mondays and anywhere."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from features.compute.baselines import Baselines
from features.compute.build import BuildReport, bring_up_to_date
from features.compute.files import view_rows
from features.compute.population import take_snapshot
from features.compute.queries import SUMMARIES, view_queries
from features.compute.snapshots import WEEK
from features.contracts.tables import ARRIVED, HAPPENED, TABLES
from features.fields import BUILT_IN, LINKS, VIEWS
from features.settings import FeatureSettings
from features.sql.expressions import time_sql
from features.sql.raw import RawTables, open_raw
from features.views import experience
from features.views.declaration import NEVER
from holdfast.zone import day_start, monday_before, read_zone
from simulator.engine.simulator import simulate
from tests.builders.clocks import NOW
from tests.builders.raw_tables import START, in_zone, raw_tables, write_raw_tables
from tests.oracle import contacts, links_at, prepare, snapshot
from tests.oracle.known import Tables

# All different, so that none can stand for another.
MARGIN_SHARES = {"postpaid": 0.4, "prepaid": 0.25, "fixed": 0.7}
DAYS = 230
OPTIONAL = tuple(name for name, table in TABLES.items() if not table.required)
LAST = START + timedelta(days=DAYS)
AUTUMN = START + timedelta(weeks=13)
"""Day 203 after it is a Monday after clocks went back."""
FEATURES = {name: table for name, table in TABLES.items() if table.use == "features"}

# No shrinking: an example takes seconds, and its first difference says enough.
PHASES = (Phase.explicit, Phase.generate)

windows = st.sampled_from((0, 0, 7, 28, 91, 182))
nudges = st.sampled_from((-1, 0, 0, 0, 1))


zones = st.sampled_from(("UTC", "UTC", "Europe/Berlin", "Asia/Shanghai", "America/New_York"))


@st.composite
def cutoffs(draw: st.DrawFn, tables: dict[str, pa.Table], zone: tzinfo) -> datetime:
    """A row's time, or a window's length after it, to the microsecond or just beside; or a Monday of
    the operator's; or any time.
    """
    kind = draw(st.sampled_from((HAPPENED, HAPPENED, ARRIVED, ARRIVED, "monday", "any")))
    if kind == "monday":
        return day_start((START + WEEK * draw(st.integers(10, DAYS // 7))).date(), zone)
    if kind == "any":
        return START + timedelta(microseconds=draw(st.integers(0, DAYS * 86_400_000_000)))
    table = tables[draw(st.sampled_from(sorted(FEATURES.keys() & tables.keys())))]
    row = draw(st.integers(0, 10**6)) % len(table)
    at: datetime = table[kind][row].as_py() + timedelta(
        days=draw(windows), microseconds=draw(nudges)
    )
    return min(at, LAST)


def compare(
    by_sql_frame: pd.DataFrame, expected: pd.DataFrame, view: str, cutoff: datetime
) -> None:
    """Fail with the first difference."""
    missing, extra = (
        expected.index.difference(by_sql_frame.index),
        by_sql_frame.index.difference(expected.index),
    )
    assert missing.empty, f"{view} at {cutoff} lacks {missing[0]}"
    assert extra.empty, f"{view} at {cutoff} has {extra[0]}, who is not asked about"
    assert by_sql_frame.index.is_unique, (
        f"{view} at {cutoff} has {by_sql_frame.index[by_sql_frame.index.duplicated()][0]} twice"
    )
    assert list(by_sql_frame) == list(expected), f"{view} has other columns"
    by_sql_frame = by_sql_frame.loc[expected.index]
    differs = (by_sql_frame != expected) & ~(by_sql_frame.isna() & expected.isna())
    if differs.to_numpy().any():
        column = differs.any().idxmax()
        row = differs[column].idxmax()
        values = (
            f"{by_sql_frame.loc[row, column]!r} by SQL, {expected.loc[row, column]!r} by pandas"
        )
        raise AssertionError(
            f"{view}.{column} of {row} at {cutoff}: {values}; {int(differs.to_numpy().sum())} differences in all"
        )


def by_sql(raw: RawTables, cutoff: datetime, work: Path) -> Iterator[tuple[str, pd.DataFrame]]:
    """Every view at one cut-off by its query."""
    monday = monday_before(cutoff, raw.zone)
    baselines = Baselines(work, raw.zone)
    baselines.build(raw, monday, "")
    baselines.load(raw, monday)
    raw.bound(cutoff, cutoff)
    take_snapshot(raw, cutoff)
    for name, summary in SUMMARIES.items():
        raw.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {name} AS {summary(time_sql(cutoff))}"
        )
    disabled = BUILT_IN.disabled_features(raw.present)
    for name, query in view_queries(MARGIN_SHARES).items():
        if name == "contact":
            continue
        rows = raw.connection.execute(
            view_rows(VIEWS[name], query, disabled.get(name, ()))
        ).to_arrow_table()
        for feature in VIEWS[name].features:
            if feature.null == NEVER and feature.name not in disabled.get(name, ()):
                assert rows[feature.name].null_count == 0, f"{feature.name} at {cutoff} is null"
        if name in experience.SOURCES:
            raw.connection.register("rows_now", rows)
            raw.connection.execute(f"""
                CREATE OR REPLACE TEMP TABLE stored_{name} AS
                SELECT * EXCLUDE (event_timestamp, created_timestamp), {time_sql(cutoff)} AS cutoff FROM rows_now
            """)  # names of our own
        yield name, indexed(rows, VIEWS[name].join_key)


def indexed(rows: pa.Table, join_key: str) -> pd.DataFrame:
    return (
        rows.drop_columns(["event_timestamp", "created_timestamp"]).to_pandas().set_index(join_key)
    )


def crowded(tables: dict[str, pa.Table]) -> dict[str, pa.Table]:
    """The same, but all happens and arrives once a fortnight and a customer has one ticket, so that
    much falls together.
    """
    return {
        name: table
        if {"week_start_at", "day_start_at"} & {*table.column_names}
        else _crowded(name, table)
        for name, table in tables.items()
    }


def _crowded(name: str, table: pa.Table) -> pa.Table:
    fortnight = {"unit": "day", "multiple": 14, "calendar_based_origin": False}
    happened, arrived = (
        pc.floor_temporal(table[HAPPENED], **fortnight),
        pc.ceil_temporal(table[ARRIVED], **fortnight),
    )
    table = table.set_column(table.column_names.index(HAPPENED), HAPPENED, happened)
    if name == "tickets":
        table = table.set_column(
            table.column_names.index("ticket_id"), "ticket_id", table["customer_id"]
        )
    frame = table.set_column(table.column_names.index(ARRIVED), ARRIVED, arrived).to_pandas(
        types_mapper=pd.ArrowDtype
    )
    return pa.Table.from_pandas(
        frame.drop_duplicates(list(TABLES[name].identity)),
        schema=TABLES[name].arrow_schema,
        preserve_index=False,
    )


@contextmanager
def written(tables: dict[str, pa.Table]) -> Iterator[Path]:
    with TemporaryDirectory() as directory:
        yield write_raw_tables(tables, Path(directory) / "raw", parts=2)


def check_at(tables: dict[str, pa.Table], moments: Collection[datetime], zone: str = "UTC") -> None:
    frames = prepare(tables)
    with written(tables) as directory, open_raw(directory, zone=read_zone(zone, "")) as raw:
        for cutoff in moments:
            expected = snapshot(frames, pd.Timestamp(cutoff), MARGIN_SHARES, zone)
            for view, computed in by_sql(raw, cutoff, directory.parent / "baselines"):
                compare(computed, expected[view], view, cutoff)


def check_build(
    tables: Tables,
    directory: Path,
    report: BuildReport,
    mondays: Collection[datetime],
    zone: str = "UTC",
) -> None:
    """Compare feature files with pandas: the newest, and those of some Mondays."""
    files = [
        (report.at, "newest.parquet"),
        *((monday, f"history/{monday:%Y-%m-%d}.parquet") for monday in mondays),
    ]
    for at, file in files:
        # Times of the report are by the operator's clock, on which a week is seven days.
        wall = pd.Timestamp(at.replace(tzinfo=None))
        monday = wall - timedelta(days=wall.weekday())
        begin = (monday if monday < wall else monday - WEEK).tz_localize(zone)
        cutoff = wall.tz_localize(zone)
        expected = snapshot(tables, cutoff, MARGIN_SHARES, zone)
        expected["contact"] = contacts(tables, begin, cutoff)
        expected |= {f"{entity}_links": links_at(tables, entity, cutoff) for entity in LINKS}
        built = {}
        for view, frame in expected.items():
            rows = pq.read_table(directory / "tables" / view / file)
            assert rows["event_timestamp"].equals(rows["created_timestamp"])
            built[view] = indexed(rows, str(frame.index.name))
        if report.history_share < 1 and file != "newest.parquet":
            expected = of_sample(expected, built)
        for view, frame in expected.items():
            compare(built[view], frame, view, at)


def of_sample(
    expected: dict[str, pd.DataFrame], built: dict[str, pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    """What is expected of the customers whom history is kept of: all they have, compared with
    everybody.
    """
    links = expected["subscription_links"]
    links = links[links["linked_customer"].isin(built["customer_links"].index)]
    payers = built["customer_links"]["linked_account"]
    ids = {
        "subscription_id": links.index,
        "customer_id": links["linked_customer"].unique(),
        "account_id": pd.concat([links["linked_account"], payers]).unique(),
        "cell_id": links["linked_cell"].dropna().unique(),
        "interaction_id": built["contact"].index,
    }
    return {
        view: frame[frame.index.isin(ids[str(frame.index.name)])]
        for view, frame in expected.items()
    }


@pytest.mark.proof
def test_queries_equal_pandas_at_any_moment(proof_draws: Callable[[int], int]) -> None:
    @settings(max_examples=proof_draws(60), phases=PHASES)
    @given(st.integers(0, 10**6), zones, st.data())
    def check(seed: int, name: str, data: st.DataObject) -> None:
        zone = read_zone(name, "")
        tables = in_zone(raw_tables(seed, customers=30, days=DAYS), zone)
        if data.draw(st.booleans()):
            tables = crowded(tables)
        check_at(tables, [data.draw(cutoffs(tables, zone)) for _ in range(2)], name)

    check()


@pytest.mark.proof
def test_queries_equal_pandas_where_tables_are_absent(proof_draws: Callable[[int], int]) -> None:
    @settings(max_examples=proof_draws(30), phases=PHASES)
    @given(
        st.integers(0, 10**6),
        st.sets(st.sampled_from(OPTIONAL), min_size=4),
        st.integers(10, DAYS // 7),
    )
    def check(seed: int, absent: set[str], week: int) -> None:
        tables = raw_tables(seed, customers=30, days=DAYS)
        check_at(
            {name: table for name, table in tables.items() if name not in absent},
            [START + WEEK * week],
        )

    check()


@pytest.mark.proof
def test_the_build_equals_pandas_on_awkward_tables(proof_draws: Callable[[int], int]) -> None:
    @settings(max_examples=proof_draws(20), phases=PHASES)
    @given(st.integers(0, 10**6), st.integers(193, 206), zones, st.booleans())
    # A contact that arrived weeks after its close.
    @example(seed=4099, day=196, name="UTC", autumn=False)
    # Clocks go back on the day before day 203.
    @example(seed=7, day=203, name="Europe/Berlin", autumn=True)
    def check(seed: int, day: int, name: str, autumn: bool) -> None:
        zone, start = read_zone(name, ""), AUTUMN if autumn else START
        tables = in_zone(raw_tables(seed, customers=30, days=DAYS, start=start), zone)
        with written(tables) as raw:
            # History is kept of 12 customers in 30, the newest snapshot of all.
            report = bring_up_to_date(
                raw,
                raw.parent / "features",
                feature_settings(history_customers=12),
                now=NOW,
                at=day_start((start + timedelta(days=day)).date(), zone),
                zone=zone,
            )
            assert report.history
            directory = raw.parent / "features"
            check_build(prepare(tables), directory, report, report.history[-2:], name)

    check()


def test_the_build_equals_pandas_on_simulated_tables(tmp_path: Path) -> None:
    simulate(tmp_path, customers=300, months=7, seed=3, daily_usage=True)
    raw = tmp_path / "raw"
    report = bring_up_to_date(raw, tmp_path / "features", feature_settings(), now=NOW)
    tables = {name: pq.read_table(raw / name) for name in FEATURES if (raw / name).exists()}
    check_build(prepare(tables), tmp_path / "features", report, report.history[::2])


def feature_settings(history_customers: int = 1_000) -> FeatureSettings:
    return FeatureSettings(
        history_customers=history_customers,
        **{f"margin_{billing}": share for billing, share in MARGIN_SHARES.items()},
    )
