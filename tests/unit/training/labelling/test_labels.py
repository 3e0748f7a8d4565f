"""Labels of lines: what counts as lost, when, and how lines that were replaced go on."""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.contracts.vocabulary import HORIZON_DAYS, VOLUNTARY_CHURN
from tests.builders.clocks import NOW
from tests.builders.line_tables import (
    CUTOFF,
    GAP,
    NONE,
    UNKNOWN,
    LineTables,
    Outcome,
    day,
    outcome_of,
    two_lines,
)
from tests.builders.raw_tables import raw_tables, write_raw_tables
from training.labelling.history import RawHistory
from training.labelling.labels import LineOutcomes
from training.labelling.population import lines_at_risk
from training.settings import LabelSettings


@pytest.fixture
def tables() -> LineTables:
    return two_lines()


def _notice(tables: LineTables, happened: float, status: str = "given") -> None:
    tables.add("notices", happened, notice_id="n", subscription_id="s1", status=status)


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
    "dated from a notice that is an event": (
        lambda t: (_notice(t, 30), t.loss("s1", "cancellation", 120)),
        (1, 1, 1),
    ),
    "dated from the day on which it was to be ended": (
        lambda t: (
            t.line("s1", 60, status="pending_terminate"),
            t.loss("s1", "cancellation", 120),
        ),
        (0, 1, 1),
    ),
    "a notice that was taken back dates nothing": (
        lambda t: (
            _notice(t, 30),
            _notice(t, 50, "withdrawn"),
            t.loss("s1", "cancellation", 80),
        ),
        (0, 0, 1),
    ),
    "a notice alone is no loss": (lambda t: _notice(t, 30), NONE),
    "lost for a reason in no list": (lambda t: t.loss("s1", "other", 50), (0, None, None)),
    "a status in no list": (lambda t: t.line("s1", 50, status="other"), (0, None, None)),
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
        assert outcome_of(tables, tmp_path) == expected


def test_of_a_notice_that_still_stands_the_outcome_is_not_known_yet(
    tables: LineTables, tmp_path: Path
) -> None:
    """Until it is taken back, or the line ends, or half a year has gone by."""
    _notice(tables, 60)
    tables.loss("s1", "cancellation", 230)
    expected = {200: (0, None, None), 60 + 181: (0, 1, 1)}
    for end, labels in expected.items():
        history = tables.history(tmp_path, until=day(end))
        asked = pl.DataFrame({"subscription_id": ["s1"]})
        outcomes = LineOutcomes.of(history, LabelSettings())
        (row,) = outcomes.label(asked, CUTOFF, 7, VOLUNTARY_CHURN).to_dicts()
        assert tuple(row[f"label_{days}"] for days in HORIZON_DAYS) == labels
        assert "s1" not in outcomes.already_lost(CUTOFF)["subscription_id"]


def test_what_a_notice_led_to_is_told_by_the_end_of_the_line(
    tables: LineTables, tmp_path: Path
) -> None:
    """Handed on to somebody else soon after the notice, it was no loss."""
    _notice(tables, 60)
    tables.line("s1", 70, status="ended", status_reason="transfer", replacement="transfer")
    outcomes = LineOutcomes.of(tables.history(tmp_path, until=day(200)), LabelSettings())
    asked = pl.DataFrame({"subscription_id": ["s1"]})
    (row,) = outcomes.label(asked, CUTOFF, 7, VOLUNTARY_CHURN).to_dicts()
    assert tuple(row[f"label_{days}"] for days in HORIZON_DAYS) == NONE
    assert row["how"] == "passed_on"


def test_what_comes_first_counts(tables: LineTables, tmp_path: Path) -> None:
    tables.add("churn_events", 20, subscription_id="s1", churn="non_payment")
    tables.add("churn_events", 50, subscription_id="s1", churn="cancellation")
    assert outcome_of(tables, tmp_path) == NONE
    assert outcome_of(tables, tmp_path, positive=("non_payment",)) == (1, 1, 1)
    tables.add("churn_events", 60, subscription_id="s1", churn="port_out", notice_at=day(15))
    assert outcome_of(tables, tmp_path) == (1, 1, 1)
    assert outcome_of(tables, tmp_path, positive=("non_payment",)) == NONE


def test_involuntary_losses_are_dated_from_the_day_itself(
    tables: LineTables, tmp_path: Path
) -> None:
    tables.loss("s1", "non_payment", 50, notice=30)
    assert outcome_of(tables, tmp_path, positive=("non_payment",)) == (0, 1, 1)


def test_a_later_row_with_the_same_key_corrects(tables: LineTables, tmp_path: Path) -> None:
    tables.loss("s1", "cancellation", 30)
    tables.add("churn_events", 30, arrived=40, subscription_id="s1", churn="deceased")
    assert outcome_of(tables, tmp_path) == NONE
    tables.add(
        "churn_events", 30, arrived=41, subscription_id="s1", churn="port_out", notice_at=day(20)
    )
    assert outcome_of(tables, tmp_path) == (1, 1, 1)


def test_who_was_won_back_can_be_lost_again(tables: LineTables, tmp_path: Path) -> None:
    tables.loss("s1", "cancellation", -50, notice=-60)
    tables.line("s1", -40)
    assert outcome_of(tables, tmp_path) == NONE
    tables.loss("s1", "cancellation", 50)
    assert outcome_of(tables, tmp_path) == (0, 1, 1)


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
    assert outcome_of(tables, tmp_path) == expected


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
    assert outcome_of(tables, tmp_path) == (0, None, None)


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
