"""Weekly features on tables small enough to do by hand."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.compute.population import take_snapshot
from features.compute.queries import SUMMARIES, view_queries
from features.contracts.tables import TABLES
from features.fields import BUILT_IN
from features.sql.expressions import time_sql
from features.sql.raw import RawTables, open_raw

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
CUTOFF = datetime(2026, 7, 7, tzinfo=UTC)
WINDOWS_END = CUTOFF - DAY
Rows = list[dict[str, Any]]


def week(back: int, *, late: timedelta = timedelta(0), **values: Any) -> dict[str, Any]:
    """The subscription's week that ended so many weeks before windows over weeks end, a day before
    the cut-off.
    """
    end = WINDOWS_END - back * WEEK
    return {
        "subscription_id": "01",
        "week_start_at": end - WEEK,
        "happened_at": end,
        "arrived_at": end + late,
        **values,
    }


def days(back: int, used: Sequence[int] = range(7), **values: Any) -> Rows:
    """Seven days that end with that week, their values a seventh of the week's; `used` are the days
    with use, from 0 for the first.
    """
    start = WINDOWS_END - (back + 1) * WEEK
    return [
        {
            "subscription_id": "01",
            "day_start_at": start + day * DAY,
            "happened_at": start + (day + 1) * DAY,
            "arrived_at": start + (day + 1) * DAY,
            "is_used": day in used,
            "last_used_at": start + day * DAY + 20 * HOUR if day in used else None,
            **{name: value if value is None else value / 7 for name, value in values.items()},
        }
        for day in range(7)
    ]


class World:
    """One subscription in service, with the weeks it is given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        began = {"happened_at": CUTOFF - 60 * WEEK, "arrived_at": CUTOFF - 60 * WEEK}
        self.write(
            "customers", [{"customer_id": "1", "segment": "consumer", "region": "north", **began}]
        )
        line = {
            "subscription_id": "01",
            "customer_id": "1",
            "product_line": "mobile",
            "billing_type": "postpaid",
        }
        self.write(
            "subscriptions",
            [{**line, "activated_at": CUTOFF - 60 * WEEK, "status": "active", **began}],
        )

    def write(self, name: str, rows: Rows) -> None:
        schema = TABLES[name].arrow_schema
        (self.folder / name).mkdir(parents=True)
        filled = [{column: row.get(column) for column in schema.names} for row in rows]
        pq.write_table(
            pa.Table.from_pylist(filled, schema=schema), self.folder / name / "part.parquet"
        )

    def features(
        self, view: str, baseline: dict[str, float] | None = None, cutoff: datetime = CUTOFF
    ) -> dict[str, Any]:
        with open_raw(self.folder, threads=1) as raw:
            take_snapshot(raw, cutoff)
            for name, summary in SUMMARIES.items():
                raw.connection.execute(f"CREATE TEMP TABLE {name} AS {summary(time_sql(cutoff))}")
            self._baseline(raw, baseline or {})
            query = view_queries({"postpaid": 0.5, "prepaid": 0.5, "fixed": 0.5})[view]
            rows = raw.connection.execute(query).to_arrow_table().to_pylist()
        assert len(rows) == 1
        return rows[0]

    @staticmethod
    def _baseline(raw: RawTables, medians: dict[str, float]) -> None:
        measures = {
            name: medians.get(name)
            for name in ("minutes", "data_gb", "throughput", "latency", "drops")
        }
        values = ", ".join(
            f"{'NULL' if value is None else value}::DOUBLE AS {name}"
            for name, value in measures.items()
        )
        raw.connection.execute(
            f"CREATE TEMP TABLE region_baselines AS SELECT {time_sql(WINDOWS_END)} AS monday, 'north' AS region,"
            f" 'mobile' AS product_line, {values}"
        )


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_nothing_is_known_where_a_week_has_no_row(world: World) -> None:
    world.write("usage_weeks", [])
    feature_values = world.features("usage")
    del feature_values["subscription_id"], feature_values["cutoff"]
    assert set(feature_values.values()) == {None}


def test_means_leave_out_nulls_and_sums_need_a_value(world: World) -> None:
    world.write(
        "usage_weeks",
        [week(0, minutes=10.0), week(1, minutes=None, overage=2.0), week(2, minutes=30.0)],
    )
    feature_values = world.features("usage")
    assert feature_values["minutes_7d"] == 10
    assert feature_values["minutes_28d"] == 20
    assert feature_values["overage_28d"] == 2
    assert feature_values["zero_use_days_28d"] is None
    assert feature_values["data_gb_28d"] is None


def test_windows_end_with_the_microsecond(world: World) -> None:
    # A week that ended exactly 28 days ago belongs to the past, one of 182 days ago to nothing.
    world.write(
        "usage_weeks", [week(3, minutes=8.0), week(4, minutes=2.0), week(26, minutes=1000.0)]
    )
    feature_values = world.features("usage")
    assert feature_values["minutes_28d"] == 8
    assert feature_values["minutes_182d"] == 5
    assert feature_values["minutes_28d_vs_own"] == 4


def test_what_arrives_later_is_not_known_yet(world: World) -> None:
    just_late = DAY + timedelta(microseconds=1)
    world.write(
        "usage_weeks",
        [week(0, minutes=10.0, late=just_late), week(1, minutes=20.0, late=WEEK + DAY)],
    )
    feature_values = world.features("usage")
    assert feature_values["minutes_7d"] is None
    assert feature_values["minutes_28d"] == 20


def test_a_week_has_a_day_to_arrive_before_windows_count_it(world: World) -> None:
    just_ended = week(0, minutes=99.0)
    moved = {
        name: just_ended[name] + DAY for name in ("week_start_at", "happened_at", "arrived_at")
    }
    world.write("usage_weeks", [{**just_ended, **moved}, week(0, minutes=10.0)])
    assert world.features("usage")["minutes_182d"] == 10


def test_a_correction_counts_from_its_arrival(world: World) -> None:
    world.write(
        "usage_weeks",
        [
            week(1, minutes=10.0),
            week(1, minutes=30.0, late=WEEK),
            week(2, minutes=50.0),
            week(2, minutes=70.0, late=3 * WEEK),
        ],
    )
    assert world.features("usage")["minutes_28d"] == (30 + 50) / 2


def test_trend_and_volatility_need_four_weeks(world: World) -> None:
    rows = [week(back, minutes=40.0 - 10 * back, data_gb=5.0) for back in range(4)]
    world.write("usage_weeks", [*rows[:3], {**rows[3], "minutes": None}])
    feature_values = world.features("usage")
    assert feature_values["minutes_trend_91d"] is None
    assert feature_values["minutes_volatility_91d"] is None
    assert feature_values["data_gb_trend_91d"] == 0
    assert feature_values["data_gb_volatility_91d"] == 0


def test_trend_and_volatility(world: World) -> None:
    world.write("usage_weeks", [week(back, minutes=40.0 - 10 * back) for back in range(4)])
    feature_values = world.features("usage")
    assert feature_values["minutes_trend_91d"] == pytest.approx(10 / 25)
    assert feature_values["minutes_volatility_91d"] == pytest.approx(125**0.5 / 25)


def test_a_ratio_to_nothing_is_null(world: World) -> None:
    world.write(
        "usage_weeks",
        [week(0, minutes=10.0, data_gb=4.0), week(5, minutes=0.0), week(6, data_gb=2.0)],
    )
    feature_values = world.features("usage", {"minutes": 0.0, "data_gb": 8.0})
    assert feature_values["minutes_28d_vs_own"] is None
    assert feature_values["minutes_28d_vs_region"] is None
    assert feature_values["data_gb_28d_vs_own"] == 2
    assert feature_values["data_gb_28d_vs_region"] == 0.5


def test_drops_are_told_per_week_where_they_are_compared(world: World) -> None:
    world.write(
        "network_weeks",
        [week(0, drops=4, drop_days=2), week(1, drops=2, drop_days=1), week(9, drop_days=1)],
    )
    feature_values = world.features("network", {"drops": 1.0})
    assert feature_values["drops_28d"] == 6
    assert feature_values["drops_28d_vs_region"] == 2
    assert feature_values["drop_days_28d_vs_own"] == 0.5


def test_a_plan_is_weighed_against_the_cheapest_offered_one(world: World) -> None:
    world.folder.joinpath("subscriptions", "part.parquet").unlink()
    world.folder.joinpath("subscriptions").rmdir()
    began = {"happened_at": CUTOFF - 60 * WEEK, "arrived_at": CUTOFF - 60 * WEEK}
    line = {
        "subscription_id": "01",
        "customer_id": "1",
        "product_line": "mobile",
        "billing_type": "postpaid",
        "plan_id": "p",
    }
    world.write(
        "subscriptions", [{**line, "activated_at": CUTOFF - 60 * WEEK, "status": "active", **began}]
    )
    kind = {"product_line": "mobile", "billing_type": "postpaid", **began}
    world.write(
        "plans",
        [
            {
                "plan_id": "p",
                "monthly_fee": 10.0,
                "minutes_allowance": 60.0,
                "overage_per_minute": 0.5,
                **kind,
            },
            {"plan_id": "flat", "monthly_fee": 30.0, **kind},
            {"plan_id": "gone", "monthly_fee": 1.0, "is_offered": False, **kind},
            {"plan_id": "other", "monthly_fee": 1.0, **(kind | {"billing_type": "prepaid"})},
        ],
    )
    world.write("usage_weeks", [week(back, minutes=28.0) for back in range(4)])
    feature_values = world.features("contract")
    # 28 minutes a week are 120 a month: 60 beyond the allowance.
    assert feature_values["saving_on_best_plan"] == pytest.approx(10)
    assert feature_values["saving_share"] == pytest.approx(0.25)


WEEKLY: tuple[dict[str, Any], ...] = tuple(
    {"minutes": 70.0 + 7 * back % 21, "data_gb": 3.5 + back % 4, "overage": 1.4 * (back % 3)}
    for back in range(26)
)
USED: tuple[tuple[int, ...], ...] = ((0, 1, 2, 6), (6,), (1, 2, 3, 4, 5))
"""Days with use, of every third week."""


def test_days_give_what_the_weeks_they_add_up_to_give(tmp_path: Path) -> None:
    by_week, by_day = World(tmp_path / "weeks"), World(tmp_path / "days")
    weeks, rows = [], []
    for back, values in enumerate(WEEKLY):
        used = USED[back % len(USED)]
        last = WINDOWS_END - (back + 1) * WEEK + used[-1] * DAY + 20 * HOUR
        weeks.append(week(back, zero_use_days=7 - len(used), last_used_at=last, **values))
        rows += days(back, used, **values)
    by_week.write("usage_weeks", weeks)
    by_day.write("usage_days", rows)
    expected, computed = by_week.features("usage"), by_day.features("usage")
    missing = {name for name, value in expected.items() if value is None}
    assert missing == {
        "minutes_28d_vs_region",
        "data_gb_28d_vs_region",
        "unused_allowance_28d",
        "roaming_days_91d",
    }
    for name in expected.keys() - missing - {"subscription_id", "cutoff"}:
        assert computed[name] == pytest.approx(float(expected[name]), rel=1e-9), name


@pytest.mark.parametrize("weekday", range(7))
def test_with_days_recency_does_not_depend_on_the_weekday(world: World, weekday: int) -> None:
    world.write("usage_days", [row for back in range(3) for row in days(back, minutes=7.0)])
    cutoff = CUTOFF - WEEK + weekday * DAY
    features = world.features("usage", cutoff=cutoff)
    # A day to arrive, and four hours from the last use to the day's end.
    assert features["days_since_use"] == pytest.approx(1 + 4 / 24)
    assert features["minutes_7d"] == pytest.approx(7)


def test_weeks_count_before_the_first_day_and_after_the_last_one(world: World) -> None:
    world.write("usage_weeks", [week(back, minutes=10.0**back) for back in range(4)])
    world.write("usage_days", days(2, minutes=7.0))
    features = world.features("usage")
    # The days of the third week stand for it; nothing counts twice.
    assert features["minutes_28d"] == pytest.approx((1 + 10 + 7 + 1000) / 4)


def test_a_day_without_a_row_is_not_known(world: World) -> None:
    world.write("usage_days", days(0, used=(5, 6), minutes=70.0)[4:])
    features = world.features("usage")
    assert features["minutes_7d"] == pytest.approx(70)
    assert features["zero_use_days_7d"] == 1


def test_use_of_a_day_is_told_by_what_there_is(world: World) -> None:
    rows = days(0, used=(0, 1), minutes=0.0)
    for row in rows:
        row["is_used"] = None
    rows[3]["minutes"] = 2.0
    world.write("usage_days", rows)
    features = world.features("usage")
    assert features["zero_use_days_7d"] == 4
    # Nothing says when on the day that was: it may have been at its end.
    assert features["days_since_use"] == pytest.approx(1 + 3)


def test_the_unused_allowance_is_that_of_the_pace_of_the_days(world: World) -> None:
    world.write("usage_days", [row | {"data_allowance_gb": 6.0} for row in days(0, data_gb=0.7)])
    assert world.features("usage")["unused_allowance_28d"] == pytest.approx(0.5)


def test_days_are_enough_for_every_feature_of_weeks() -> None:
    assert "usage" not in BUILT_IN.disabled_features({"usage_days", "subscriptions", "customers"})
    assert "usage" in BUILT_IN.disabled_features({"subscriptions", "customers"})
