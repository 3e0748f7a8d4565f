from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.contracts.vocabulary import VOLUNTARY_CHURN
from tests.builders.clocks import NOW
from tests.builders.line_tables import CUTOFF, LineTables, day
from tests.builders.raw_tables import raw_tables, write_raw_tables
from training.labelling.history import RawHistory
from training.labelling.labels import HORIZON_DAYS, LineOutcomes, inactivity_sensitivity
from training.labelling.population import lines_at_risk
from training.settings import LabelSettings

NONE, GAP = (0.0, 0.0, 0.0), "gap"
UNKNOWN = (None, None, None)
Outcome = tuple[float | None, ...] | str


@pytest.fixture
def tables() -> LineTables:
    tables = LineTables()
    tables.customer()
    tables.line("s1")
    tables.line("pre", billing_type="prepaid")
    tables.used("pre", -1)
    tables.reach(300)
    return tables


def _outcome(
    tables: LineTables,
    folder: Path,
    line: str = "s1",
    positive: tuple[str, ...] = VOLUNTARY_CHURN,
    inactivity_days: int = 30,
) -> Outcome:
    outcomes = LineOutcomes.of(
        tables.history(folder), LabelSettings(inactivity_days=inactivity_days)
    )
    assert line not in outcomes.already_lost(CUTOFF)["subscription_id"], "not at risk"
    row = outcomes.label(pl.DataFrame({"subscription_id": [line]}), CUTOFF, 7, positive).to_dicts()[
        0
    ]
    return GAP if row["in_gap"] else tuple(row[f"label_{days}"] for days in HORIZON_DAYS)


DATED: dict[str, tuple[Callable[[LineTables], None], Outcome]] = {
    "stays": (lambda t: None, NONE),
    "within 30 days": (lambda t: t.loss("s1", "cancellation", 30), (1, 1, 1)),
    "on the last day": (lambda t: t.loss("s1", "port_out", 97), (0, 0, 1)),
    "a moment too late": (lambda t: t.loss("s1", "port_out", 97.001), NONE),
    "within 60 days": (lambda t: t.loss("s1", "product_drop", 38), (0, 1, 1)),
    "dated from notice": (lambda t: t.loss("s1", "cancellation", 120, notice=30), (1, 1, 1)),
    "notice counts, not the end": (
        lambda t: t.loss("s1", "cancellation", 80, notice=60),
        (0, 1, 1),
    ),
    "notice in the gap": (lambda t: t.loss("s1", "cancellation", 50, notice=7), GAP),
    "notice just after the gap": (
        lambda t: t.loss("s1", "cancellation", 50, notice=7.001),
        (1, 1, 1),
    ),
    "lost in the gap": (lambda t: t.loss("s1", "cancellation", 3), GAP),
    "died in the gap": (lambda t: t.loss("s1", "deceased", 3), GAP),
    "recorded late": (lambda t: t.loss("s1", "cancellation", 30, arrived=290), (1, 1, 1)),
    "recorded too late": (lambda t: t.loss("s1", "cancellation", 30, arrived=301), NONE),
    "inactivity of a postpaid line, as recorded": (
        lambda t: t.loss("s1", "inactivity", 30),
        (1, 1, 1),
    ),
    "died": (lambda t: t.loss("s1", "deceased", 30), NONE),
    "moved after notice of its own": (lambda t: t.loss("s1", "moved", 50, notice=30), NONE),
    "transferred": (
        lambda t: t.line(
            "s1", 20, status="ended", status_reason="transfer", replacement="transfer"
        ),
        NONE,
    ),
    "ended without a word": (
        lambda t: t.line("s1", 50, status="ended", status_reason="other"),
        (0, None, None),
    ),
    "ended without a word at once": (lambda t: t.line("s1", 5, status="ended"), UNKNOWN),
    "suspended and back": (
        lambda t: (t.line("s1", 10, status="suspended"), t.line("s1", 20)),
        NONE,
    ),
    "plan changed": (lambda t: t.line("s1", 20, plan_id="other"), NONE),
}


@pytest.mark.parametrize("case", DATED)
def test_labels_of_lines(tables: LineTables, tmp_path: Path, case: str) -> None:
    tell, expected = DATED[case]
    tell(tables)
    if case == "recorded too late":
        tables.reach(310)
        history = tables.history(tmp_path, until=day(300))
        outcomes = LineOutcomes.of(history, LabelSettings())
        row = outcomes.label(
            pl.DataFrame({"subscription_id": ["s1"]}), CUTOFF, 7, VOLUNTARY_CHURN
        ).row(0)
        assert row[-3:] == expected
    else:
        assert _outcome(tables, tmp_path) == expected


def test_what_comes_first_counts(tables: LineTables, tmp_path: Path) -> None:
    tables.add("churn_events", 20, subscription_id="s1", churn="non_payment")
    tables.add("churn_events", 50, subscription_id="s1", churn="cancellation")
    assert _outcome(tables, tmp_path) == NONE
    assert _outcome(tables, tmp_path, positive=("non_payment",)) == (1, 1, 1)
    tables.add("churn_events", 60, subscription_id="s1", churn="port_out", notice_at=day(15))
    assert _outcome(tables, tmp_path) == (1, 1, 1)
    assert _outcome(tables, tmp_path, positive=("non_payment",)) == NONE


def test_involuntary_losses_are_dated_from_the_day_itself(
    tables: LineTables, tmp_path: Path
) -> None:
    tables.loss("s1", "non_payment", 50, notice=30)
    assert _outcome(tables, tmp_path, positive=("non_payment",)) == (0, 1, 1)


def test_a_later_row_with_the_same_key_corrects(tables: LineTables, tmp_path: Path) -> None:
    tables.loss("s1", "cancellation", 30)
    tables.add("churn_events", 30, arrived=40, subscription_id="s1", churn="deceased")
    assert _outcome(tables, tmp_path) == NONE
    tables.add(
        "churn_events", 30, arrived=41, subscription_id="s1", churn="port_out", notice_at=day(20)
    )
    assert _outcome(tables, tmp_path) == (1, 1, 1)


def test_who_was_won_back_can_be_lost_again(tables: LineTables, tmp_path: Path) -> None:
    tables.loss("s1", "cancellation", -50, notice=-60)
    tables.line("s1", -40)
    assert _outcome(tables, tmp_path) == NONE
    tables.loss("s1", "cancellation", 50)
    assert _outcome(tables, tmp_path) == (0, 1, 1)


REPLACED: dict[str, tuple[Callable[[LineTables], None], Outcome]] = {
    "successor stays": (lambda t: None, NONE),
    "successor is lost": (lambda t: t.loss("s2", "cancellation", 50), (0, 1, 1)),
    "successor gives notice": (lambda t: t.loss("s2", "cancellation", 150, notice=90), (0, 0, 1)),
    "successor dies": (lambda t: t.loss("s2", "deceased", 50), NONE),
    "successor is lost within the gap": (lambda t: t.loss("s2", "cancellation", 6), GAP),
    "successor ends without a word": (lambda t: t.line("s2", 50, status="ended"), (0, None, None)),
    "successor was lost before": (
        lambda t: (t.loss("s2", "cancellation", -50), t.line("s2", 4)),
        NONE,
    ),
    "it was booked as a cancellation": (
        lambda t: t.add(
            "churn_events", 4.5, subscription_id="s1", churn="cancellation", notice_at=day(2)
        ),
        NONE,
    ),
    "the successor's successor is lost": (
        lambda t: (
            t.line("s3", 20),
            t.line(
                "s2",
                20,
                status="ended",
                status_reason="migration",
                replaced_by="s3",
                replacement="migration",
            ),
            t.loss("s3", "port_out", 80),
        ),
        (0, 0, 1),
    ),
    "the successor is passed on, and then lost": (
        lambda t: (
            t.line("s3", 20, customer_id="c2"),
            t.line(
                "s2",
                20,
                status="ended",
                status_reason="transfer",
                replaced_by="s3",
                replacement="transfer",
            ),
            t.loss("s3", "port_out", 80, customer_id="c2"),
        ),
        NONE,
    ),
    "the old line is booked as lost weeks later": (
        lambda t: t.add("churn_events", 40, subscription_id="s1", churn="cancellation"),
        NONE,
    ),
    "they go round in a ring": (
        lambda t: t.line(
            "s2",
            20,
            status="ended",
            status_reason="sim_swap",
            replaced_by="s1",
            replacement="sim_swap",
        ),
        NONE,
    ),
}


@pytest.mark.parametrize("how", ["migration", "sim_swap"])
@pytest.mark.parametrize("case", REPLACED)
def test_replaced_lines_go_on_with_their_successor(
    tables: LineTables, tmp_path: Path, case: str, how: str
) -> None:
    tables.line("s2", 4)
    tables.line("s1", 4, status="ended", status_reason=how, replaced_by="s2", replacement=how)
    tell, expected = REPLACED[case]
    tell(tables)
    assert _outcome(tables, tmp_path) == expected


def test_without_a_successor_in_the_data_the_outcome_is_unknown(
    tables: LineTables, tmp_path: Path
) -> None:
    tables.line(
        "s1",
        50,
        status="ended",
        status_reason="migration",
        replaced_by="nobody",
        replacement="migration",
    )
    assert _outcome(tables, tmp_path) == (0, None, None)


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
        assert _outcome(tables, tmp_path, "pre", inactivity_days=days) == outcome, days


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
    assert _outcome(tables, tmp_path, "pre", inactivity_days=30) == (0, 1, 1)
    assert _outcome(tables, tmp_path, "pre", inactivity_days=60) == (0, None, None)
    assert _outcome(tables, tmp_path, "pre", inactivity_days=90) == (0, None, None)


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
    assert _outcome(tables, tmp_path, "pre") == expected


def test_postpaid_lines_may_be_inactive(tables: LineTables, tmp_path: Path) -> None:
    tables.used("s1", -20)
    assert _outcome(tables, tmp_path) == NONE


def test_labels_of_lines_that_are_or_become_prepaid_are_known_later(
    tables: LineTables, tmp_path: Path
) -> None:
    tables.line("s2", 4)
    tables.line("s2", 40, status="ended", replaced_by="pre", replacement="migration")
    outcomes = LineOutcomes.of(tables.history(tmp_path), LabelSettings())
    assert outcomes.ever_prepaid["subscription_id"].to_list() == ["pre", "s2"]


def test_only_requested_lines_have_outcomes(tables: LineTables, tmp_path: Path) -> None:
    tables.line("s2", 4)
    tables.line("s1", 4, status="ended", replaced_by="s2", replacement="sim_swap")
    tables.loss("s2", "cancellation", 50)
    tables.loss("pre", "cancellation", 50, billing_type="prepaid")
    outcomes = LineOutcomes.of(tables.history(tmp_path), LabelSettings(), only=pl.Series(["s1"]))
    assert outcomes.exits.select("subscription_id", "how", "lost_at").rows() == [
        ("s1", "cancellation", day(50))
    ]


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


def test_the_sensitivity_without_lines_is_empty(tmp_path: Path) -> None:
    tables = LineTables()
    tables.reach(300)
    shares = inactivity_sensitivity(tables.history(tmp_path))
    assert [(share.lines, share.lost, share.back) for share in shares] == [(0, None, None)] * 4


@settings(max_examples=10)
@given(st.integers(0, 10_000), st.integers(7, 40))
def test_labels_never_decrease_with_the_horizon(seed: int, inactivity_days: int) -> None:
    chosen = LabelSettings(inactivity_days=inactivity_days)
    wanted = (
        "customers",
        "subscriptions",
        "churn_events",
        "usage_weeks",
        "recharges",
        "port_requests",
    )
    with TemporaryDirectory() as folder:
        history = RawHistory(
            write_raw_tables(raw_tables(seed, 15, days=200, only=wanted), Path(folder)), NOW
        )
        outcomes = LineOutcomes.of(history, chosen)
        for week in range(2):
            at = CUTOFF + timedelta(weeks=4 * week)
            lines = lines_at_risk(history, outcomes, at, chosen).rows
            labels = outcomes.label(lines, at, chosen.gap_days, VOLUNTARY_CHURN)
            assert labels["subscription_id"].to_list() == lines["subscription_id"].to_list()
            for shorter, longer in pairwise(HORIZON_DAYS):
                for before, after in labels.select(
                    f"label_{shorter}", f"label_{longer}"
                ).iter_rows():
                    # What is known stays: a loss, or that nothing can be known.
                    assert after == before or before == 0
