"""Prepaid lines that nobody uses any more: when they count as lost, and how many do."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.builders.line_tables import (
    GAP,
    NONE,
    LineTables,
    Outcome,
    day,
    outcome_of,
    two_lines,
)
from training.labelling import labels
from training.labelling.labels import inactivity_sensitivity


@pytest.fixture
def tables() -> LineTables:
    return two_lines()


def _inactive_from(tables: LineTables, last: float, again: float | None = None) -> None:
    for use in range(-50, int(last), 5):
        tables.used("pre", use)
    tables.used("pre", last)
    if again is not None:
        for use in range(int(again), 294, 5):
            tables.used("pre", use)


SILENT: dict[str, tuple[float, float | None, dict[int, Outcome]]] = {
    # last use, next use, outcome by days of inactivity
    "uses it to the end": (40, 45, {15: NONE, 30: NONE, 60: NONE, 90: NONE}),
    "becomes inactive for good": (
        20,
        None,
        {15: (1, 1, 1), 30: (1, 1, 1), 60: (1, 1, 1), 90: (1, 1, 1)},
    ),
    "becomes inactive later": (
        60,
        None,
        {15: (0, 1, 1), 30: (0, 1, 1), 60: (0, 1, 1), 90: (0, 1, 1)},
    ),
    "becomes inactive too late": (98, None, {15: NONE, 30: NONE}),
    # The week of day 42 has use: inactive from day 20 for at least 22 days.
    "comes back to a dual SIM": (
        20,
        47,
        {15: (1, 1, 1), 22: (1, 1, 1), 23: NONE, 30: NONE, 60: NONE},
    ),
    "is inactive at the cut-off already": (-6, None, {15: (1, 1, 1), 30: (1, 1, 1), 60: (1, 1, 1)}),
    "inactivity complete within the gap": (
        -9,
        None,
        {15: GAP, 16: GAP, 17: (1, 1, 1), 30: (1, 1, 1)},
    ),
    "back within the gap": (-9, 7, {15: GAP, 16: GAP, 17: NONE}),
    "not complete when the data end": (80, None, {90: (0, 0, 1), 180: (0, 0, 1)}),
}


@pytest.mark.parametrize("case", SILENT)
def test_prepaid_lines_are_lost_by_inactivity(tmp_path: Path, case: str) -> None:
    last, again, expected = SILENT[case]
    tables = LineTables()
    tables.customer()
    tables.line("pre", billing_type="prepaid")
    _inactive_from(tables, last, again)
    tables.reach(300)
    for days, outcome in expected.items():
        assert outcome_of(tables, tmp_path, "pre", inactivity_days=days) == outcome, days


@pytest.mark.parametrize("others_have_weeks", [False, True])
def test_days_of_use_tell_when_a_line_without_weeks_came_back(
    tables: LineTables, tmp_path: Path, others_have_weeks: bool
) -> None:
    tables.rows["usage_weeks"].clear()
    tables.reach(300)
    if not others_have_weeks:
        del tables.rows["usage_weeks"]
    for use in (*range(-50, 20, 5), 20, *range(47, 294, 5)):
        tables.used_on("pre", use)
    # By weeks, the week of day 42 would have ended the inactive period five days earlier.
    assert outcome_of(tables, tmp_path, "pre", inactivity_days=27) == (1, 1, 1)
    assert outcome_of(tables, tmp_path, "pre", inactivity_days=28) == NONE


def test_weeks_of_use_decide_where_there_are_days_too(tables: LineTables, tmp_path: Path) -> None:
    _inactive_from(tables, 20, 47)
    for use in (*range(-50, 20, 5), 20, *range(47, 294, 5)):
        tables.used_on("pre", use)
    tables.reach(300)
    assert outcome_of(tables, tmp_path, "pre", inactivity_days=22) == (1, 1, 1)
    assert outcome_of(tables, tmp_path, "pre", inactivity_days=23) == NONE


def test_an_inactive_period_that_may_still_end_leaves_the_label_unknown(
    tables: LineTables, tmp_path: Path
) -> None:
    _inactive_from(tables, 60)
    tables.rows["app_events"].clear()
    tables.rows["usage_weeks"] = [
        row for row in tables.rows["usage_weeks"] if row["subscription_id"] == "pre"
    ]
    tables.reach(100)
    # Use is recorded until day 98, the inactive period would be complete on day 90, 120 and 150.
    assert outcome_of(tables, tmp_path, "pre", inactivity_days=30) == (0, 1, 1)
    assert outcome_of(tables, tmp_path, "pre", inactivity_days=60) == (0, None, None)
    assert outcome_of(tables, tmp_path, "pre", inactivity_days=90) == (0, None, None)


PREPAID: dict[str, tuple[Callable[[LineTables], None], Outcome]] = {
    "a recharge is activity": (
        lambda t: (
            _inactive_from(t, 10),
            t.add("recharges", 39, subscription_id="pre", amount=5.0),
        ),
        (0, 1, 1),
    ),
    "a recharge before the last use of its week": (
        lambda t: (
            _inactive_from(t, 41),
            t.add("recharges", 36, subscription_id="pre", amount=5.0),
        ),
        (0, 1, 1),
    ),
    "what the operator calls inactive is not asked": (
        lambda t: (
            _inactive_from(t, 40, 45),
            t.add("churn_events", 60, subscription_id="pre", churn="inactivity"),
        ),
        NONE,
    ),
    "ended because of inactivity": (
        lambda t: (_inactive_from(t, 40), t.loss("pre", "inactivity", 55, billing_type="prepaid")),
        (0, 1, 1),
    ),
    "ended before the inactive period was complete": (
        lambda t: (_inactive_from(t, 40), t.loss("pre", "deceased", 65, billing_type="prepaid")),
        NONE,
    ),
    "lost by inactivity, then dead": (
        lambda t: (_inactive_from(t, 40), t.loss("pre", "deceased", 75, billing_type="prepaid")),
        (0, 1, 1),
    ),
    "ported out before": (
        lambda t: (
            _inactive_from(t, 40),
            t.loss("pre", "port_out", 69, notice=68, billing_type="prepaid"),
        ),
        (0, 0, 1),
    ),
    "late news of use": (
        lambda t: (
            _inactive_from(t, 10, 300),
            [t.used("pre", use, arrived=290) for use in range(10, 290, 7)],
        ),
        NONE,
    ),
    "use taken back": (
        lambda t: (
            _inactive_from(t, 10, 15),
            [
                t.add(
                    "usage_weeks",
                    week + 7,
                    299,
                    subscription_id="pre",
                    week_start_at=day(week),
                    last_used_at=day(10),
                    zero_use_days=7,
                )
                for week in range(14, 294, 7)
            ],
        ),
        (1, 1, 1),
    ),
    "use without a time of last use": (
        lambda t: (
            _inactive_from(t, 10),
            [
                t.add(
                    "usage_weeks",
                    week + 7,
                    subscription_id="pre",
                    week_start_at=day(week),
                    zero_use_days=5,
                )
                for week in range(7, 287, 21)
            ],
        ),
        NONE,
    ),
    "migrated to postpaid, which nobody uses": (
        lambda t: (
            _inactive_from(t, 10),
            t.line("post", 20),
            t.line(
                "pre",
                20,
                billing_type="prepaid",
                status="ended",
                replaced_by="post",
                replacement="migration",
            ),
        ),
        NONE,
    ),
    "swapped for a SIM that nobody uses": (
        lambda t: (
            _inactive_from(t, 10),
            t.line("pre2", 20, billing_type="prepaid", activated_at=day(20)),
            t.line(
                "pre",
                20,
                billing_type="prepaid",
                status="ended",
                replaced_by="pre2",
                replacement="sim_swap",
            ),
        ),
        (1, 1, 1),
    ),
}


@pytest.mark.parametrize("case", PREPAID)
def test_what_interrupts_and_what_ends_an_inactive_period(tmp_path: Path, case: str) -> None:
    tell, expected = PREPAID[case]
    tables = LineTables()
    tables.customer()
    tables.line("pre", billing_type="prepaid")
    tell(tables)
    tables.reach(300)
    assert outcome_of(tables, tmp_path, "pre") == expected


def test_postpaid_lines_may_be_inactive(tables: LineTables, tmp_path: Path) -> None:
    tables.used("s1", -20)
    assert outcome_of(tables, tmp_path) == NONE


def test_the_length_of_inactivity_decides_how_many_are_lost(tmp_path: Path) -> None:
    tables = LineTables()
    tables.customer()
    for number, (last, again) in enumerate(
        [(20, None), (20, 47), (20, 62), (20, 97), (20, 135), (290, None)]
    ):
        name = f"p{number}"
        tables.line(name, billing_type="prepaid")
        for use in (*range(-50, last, 5), last, *range(again or 400, 294, 5)):
            tables.used(name, use)
    tables.line("post")
    tables.reach(300)
    shares = inactivity_sensitivity(tables.history(tmp_path))
    # Told of for certain: for good, 22, 36, 71 and 113 days.
    assert [(share.days, share.lines, round(share.lost * 6), share.back) for share in shares] == [
        (15, 6, 5, 4 / 5),
        (30, 6, 4, 3 / 4),
        (60, 6, 3, 2 / 3),
        (90, 6, 2, 1 / 2),
    ]


def test_of_many_prepaid_lines_an_even_part_tells_the_sensitivity(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labels, "SENSITIVITY_LINES", 4)
    tables = LineTables()
    tables.customer()
    for number in range(7):
        name = f"p{number}"
        tables.line(name, billing_type="prepaid")
        # Every second line is used once more in the first days alone.
        for use in range(-50, 10 if number % 2 else 294, 5):
            tables.used(name, use)
    tables.reach(300)
    shares = inactivity_sensitivity(tables.history(tmp_path))
    assert [(share.lines, share.lost) for share in shares] == [(4, 0.0)] * 4


def test_the_sensitivity_without_lines_is_empty(tmp_path: Path) -> None:
    tables = LineTables()
    tables.reach(300)
    shares = inactivity_sensitivity(tables.history(tmp_path))
    assert [(share.lines, share.lost, share.back) for share in shares] == [(0, None, None)] * 4
