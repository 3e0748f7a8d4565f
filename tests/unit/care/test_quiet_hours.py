"""Quiet hours are the customer's, over changes of the clock."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from care.jurisdiction import jurisdiction
from care.quiet_hours import UNKNOWN_ZONE, is_quiet, local_minutes, next_allowed

ZONES = ("Europe/Berlin", "Asia/Shanghai", "America/New_York", "Asia/Kathmandu")


def quiet(text: str, zone: str, channel: str = "sms", code: str = "EU") -> bool:
    at = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    moment = np.array([int(at.timestamp() * 1_000_000)])
    return bool(is_quiet(moment, np.array([0]), (zone,), channel, jurisdiction(code))[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-27 20:59", False),
        ("2026-03-27 21:00", True),
        ("2026-03-28 07:59", True),
        ("2026-03-28 08:00", False),
        # The clock is put forward on 29 March, a Sunday: quiet all day.
        ("2026-03-29 12:00", True),
        ("2026-03-30 07:59", True),
        ("2026-03-30 08:00", False),
    ],
)
def test_hours_are_local_on_both_sides_of_a_change_of_the_clock(text: str, expected: bool) -> None:
    assert quiet(text, "Europe/Berlin") is expected


def test_e_mail_has_no_quiet_hours() -> None:
    assert not quiet("2026-03-29 03:30", "Europe/Berlin", "email")


def test_an_unknown_zone_is_quiet_where_it_is_quiet_anywhere() -> None:
    # 20:30 in Berlin is 21:30 in Helsinki.
    at = np.array(
        [
            int(datetime(2026, 3, 4, 20, 30, tzinfo=ZoneInfo("Europe/Berlin")).timestamp())
            * 1_000_000
        ]
    )
    known = is_quiet(at, np.array([0]), ("Europe/Berlin",), "sms", jurisdiction("EU"))
    unknown = is_quiet(at, np.array([UNKNOWN_ZONE]), (), "sms", jurisdiction("EU"))
    assert (known[0], unknown[0]) == (False, True)


@given(st.sampled_from(ZONES), st.integers(1_600_000_000, 1_900_000_000))
def test_local_minutes_are_those_of_the_wall_clock(zone: str, seconds: int) -> None:
    wall = datetime.fromtimestamp(seconds, ZoneInfo(zone)).replace(tzinfo=UTC)
    expected = wall.timestamp() // 60
    assert local_minutes(np.array([seconds * 1_000_000]), zone)[0] == expected


def by_quarters(at: int, place: int, zones: tuple[str, ...], code: str) -> int:
    """When something may be sent, asked one quarter of an hour after the other."""
    law, zone = jurisdiction(code), np.array([place])
    when = at
    for _ in range(7 * 96 + 1):
        if not is_quiet(np.array([when]), zone, zones, "sms", law)[0]:
            return when
        when = (when // QUARTER + 1) * QUARTER
    return at


QUARTER = 15 * 60 * 1_000_000


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1_700_000_000, 1_700_000_000 + 7 * 86_400), st.integers(-1, 2)),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from(["EU", "US"]),
)
def test_many_wait_each_as_long_as_alone(people: list[tuple[int, int]], code: str) -> None:
    zones = ("Europe/Berlin", "Europe/Lisbon", "America/New_York")
    at = np.array([seconds * 1_000_000 for seconds, _ in people])
    place = np.array([place for _, place in people])
    when = next_allowed(at, place, zones, "sms", jurisdiction(code))
    assert when.tolist() == [
        by_quarters(int(one), int(zone), zones, code) for one, zone in zip(at, place, strict=True)
    ]


def test_where_no_hour_is_allowed_nothing_is_put_off() -> None:
    # In zones on opposite sides of the earth it is night in one or the other at any time.
    law = replace(jurisdiction("EU"), zones=("Asia/Shanghai", "America/New_York", "Europe/Berlin"))
    law = replace(law, quiet_hours={"sms": ("16:00", "08:00")})
    at = np.array([1_700_000_123_456_789])
    when = next_allowed(at, np.array([UNKNOWN_ZONE]), (), "sms", law)
    assert when.tolist() == at.tolist()
