"""Days and weeks of a time zone, those with a switch of the clock among them."""

from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from features.settings import OperatorSettings
from features.sql.wall import wall_macros
from holdfast.errors import InputError
from holdfast.zone import (
    day_of,
    day_start,
    days_apart,
    days_later,
    midnight_before,
    monday_before,
    offsets,
    read_zone,
    zone_name,
)
from training.labelling.history import wall_times

HOUR = timedelta(hours=1)
NAMES = (
    *("UTC", "Europe/Berlin", "Asia/Shanghai", "America/New_York", "Asia/Kathmandu"),
    *("Australia/Lord_Howe", "Pacific/Auckland", "Africa/Casablanca", "America/Havana"),
)
zones = st.sampled_from(NAMES).map(lambda name: read_zone(name, ""))
times = st.integers(0, 60 * 365 * 24 * 60).map(
    lambda minutes: datetime(1999, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


@given(times, zones, st.integers(-400, 400))
@example(datetime(2026, 3, 29, 1, tzinfo=UTC), ZoneInfo("Europe/Berlin"), 1)
@example(datetime(2025, 11, 2, 5, 30, tzinfo=UTC), ZoneInfo("America/Havana"), 1)
def test_days_lie_beside_each_other_however_long_they_are(
    at: datetime, zone: tzinfo, days: int
) -> None:
    midnight = midnight_before(at, zone)
    assert midnight <= at < days_later(at, 1, zone)
    assert day_of(midnight, zone) == day_of(at, zone)
    assert days_apart(at, days_later(at, days, zone), zone) == days
    monday = monday_before(at, zone)
    assert day_of(monday, zone).weekday() == 0
    assert monday <= at < days_later(monday, 7, zone)


@pytest.mark.parametrize(
    ("name", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("America/New_York", date(2026, 3, 8), 23),
        ("America/New_York", date(2026, 11, 1), 25),
        ("Asia/Shanghai", date(2026, 3, 29), 24),
    ],
)
def test_a_day_and_its_week_have_the_hours_of_the_clock(name: str, day: date, hours: int) -> None:
    zone = ZoneInfo(name)
    begin = day_start(day, zone)
    assert days_later(begin, 1, zone) - begin == hours * HOUR
    monday = monday_before(begin, zone)
    assert days_later(monday, 7, zone) - monday == (6 * 24 + hours) * HOUR


@given(times, zones)
@example(datetime(2026, 3, 29, 1, tzinfo=UTC), ZoneInfo("Europe/Berlin"))
def test_offsets_are_those_of_the_zone(at: datetime, zone: tzinfo) -> None:
    offset = [offset for since, offset in offsets(zone) if since <= at][-1]
    assert offset == at.astimezone(zone).utcoffset()
    wall = wall_times(np.array([at.replace(tzinfo=None)], "datetime64[us]"), zone)
    assert wall[0].item() == at.astimezone(zone).replace(tzinfo=None, fold=0)


@pytest.mark.parametrize("name", NAMES)
def test_sql_counts_by_the_same_clock(name: str) -> None:
    zone = read_zone(name, "")
    switches = [at for at, _ in offsets(zone) if at.year > 1990][:200]
    beside = timedelta(microseconds=1)
    asked = [at + away for at in switches for away in (-beside, timedelta(0), beside)]
    asked += [datetime(2026, 1, 1, tzinfo=UTC), datetime(2061, 7, 1, tzinfo=UTC)]
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for macro in wall_macros(zone):
            connection.execute(macro)
        values = ", ".join(f"(TIMESTAMPTZ '{at.isoformat()}')" for at in asked)
        rows = connection.execute(
            f"SELECT make_timestamp(wall_us(t)), wall_week(t)::DATE FROM (VALUES {values}) AS r(t)"
        ).fetchall()
    for at, (wall, week) in zip(asked, rows, strict=True):
        if at.year < 2060:
            assert wall == at.astimezone(zone).replace(tzinfo=None, fold=0), at
            assert week == day_of(monday_before(at, zone), zone)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("Asia/Shangai", "Asia/Shanghai"),
        ("America/New York", "America/New_York"),
    ],
)
def test_an_unknown_zone_is_refused_with_names_near_it(name: str, near: str) -> None:
    with pytest.raises(InputError, match=near) as error:
        read_zone(name, "HOLDFAST_OPERATOR_TIME_ZONE")
    assert "HOLDFAST_OPERATOR_TIME_ZONE" in str(error.value)
    assert name in str(error.value)


def test_a_setting_names_the_zone_or_leaves_it_to_the_home() -> None:
    assert OperatorSettings().zone is None
    assert zone_name(OperatorSettings(time_zone="Asia/Shanghai").zone or UTC) == "Asia/Shanghai"
    with pytest.raises(InputError, match="HOLDFAST_OPERATOR_TIME_ZONE"):
        _ = OperatorSettings(time_zone="Mars/Phobos").zone
