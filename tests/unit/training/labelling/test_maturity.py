"""How long labels are waited for, by how late rows came."""

from datetime import timedelta
from math import ceil
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders.line_tables import LineTables, day
from training.labelling.cutoffs import LabelEnd
from training.labelling.inactivity import usage_end
from training.labelling.maturity import FEWEST_ROWS, LabelMaturity, Wait, maturity_lines
from training.settings import LONGEST_SETTLE_DAYS, MOST_SETTLE_DAYS, LabelSettings

SETTINGS = LabelSettings()


def _losses(tables: LineTables, count: int, *, lag: float, late: int = 0, start: float = 0) -> None:
    """Cancellations on days from `start`, told after 2 days, `late` of them after `lag`."""
    for number in range(count):
        name, notice = f"{start:g}-{number}", start + number * 100 / count
        told = notice + (lag if number < late else 2)
        tables.line(name)
        tables.loss(name, "cancellation", told, notice=notice)


def _maturity(tables: LineTables, folder: Path, **settings: int) -> LabelMaturity:
    tables.reach(300)
    return LabelMaturity.of(tables.history(folder), LabelSettings(**settings))


def test_losses_are_waited_for_until_nearly_all_are_told(tmp_path: Path) -> None:
    tables = LineTables()
    _losses(tables, 400, lag=24.5, late=5)
    maturity = _maturity(tables, tmp_path)
    assert maturity.losses == Wait(days=25, observed_days=25, rows=400)
    assert maturity.use == Wait(days=7, observed_days=None, rows=0), "too little use to observe"
    # A corrected loss was told when it was told first.
    for number in range(400):
        tables.add(
            "churn_events",
            number / 4 + (24.5 if number < 5 else 2),
            200,
            subscription_id=f"0-{number}",
            churn="cancellation",
            notice_at=day(number / 4),
        )
    assert _maturity(tables, tmp_path).losses == maturity.losses


def test_one_in_a_hundred_is_not_waited_for(tmp_path: Path) -> None:
    tables = LineTables()
    _losses(tables, 400, lag=40, late=4)
    assert _maturity(tables, tmp_path).losses == Wait(
        days=7, observed_days=2, rows=400, later_share=0.01
    )


@pytest.mark.parametrize(("settle_days", "days"), [(9, 30), (45, 45)])
def test_with_few_losses_the_latest_of_them_is_waited_for(
    tmp_path: Path, settle_days: int, days: int
) -> None:
    tables = LineTables()
    _losses(tables, FEWEST_ROWS - 1, lag=30, late=1)
    maturity = _maturity(tables, tmp_path, settle_days=settle_days)
    assert maturity.losses == Wait(days=days, observed_days=30, rows=FEWEST_ROWS - 1)


def test_without_losses_the_setting_holds(tmp_path: Path) -> None:
    maturity = _maturity(LineTables(), tmp_path, settle_days=9)
    assert maturity.losses == Wait(days=9, observed_days=None, rows=0)


def test_what_happened_just_now_is_not_observed(tmp_path: Path) -> None:
    # Of the last weeks only what was told quickly is there.
    tables = LineTables()
    _losses(tables, 300, lag=30, late=300)
    _losses(tables, 2000, lag=0.5, late=2000, start=300 - LONGEST_SETTLE_DAYS + 0.1)
    tables.reach(300)
    maturity = LabelMaturity.of(tables.history(tmp_path, day(300)), SETTINGS)
    assert maturity.losses == Wait(days=30, observed_days=30, rows=300)


def test_it_is_said_where_losses_come_later_than_they_are_waited_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As where they are told at the end of a notice of three months."""
    tables = LineTables()
    _losses(tables, 400, lag=91.5, late=300)
    maturity = _maturity(tables, tmp_path)
    assert maturity.losses == Wait(days=60, observed_days=92, rows=400, later_share=0.75)
    maturity.warn()
    told = "75% of 400 rows came later than the 60 days that are waited"
    assert told in caplog.text
    assert "Set HOLDFAST_LABEL_SETTLE_DAYS to 92, unless" in caplog.text
    assert told in maturity_lines(maturity.document())[1]
    # And where a person says so, they are waited for: losses of long enough ago are observed then.
    caplog.clear()
    maturity = _maturity(tables, tmp_path, settle_days=92)
    assert maturity.losses == Wait(days=92, observed_days=92, rows=400)
    maturity.warn()
    assert (caplog.text, len(maturity_lines(maturity.document()))) == ("", 1)


@pytest.mark.parametrize("kinds", [("non_payment",), ("port_out",)])
def test_other_kinds_of_loss_say_nothing(tmp_path: Path, kinds: tuple[str, ...]) -> None:
    tables = LineTables()
    _losses(tables, 400, lag=30, late=400)
    tables.reach(300)
    maturity = LabelMaturity.of(tables.history(tmp_path), SETTINGS, kinds)
    assert maturity.losses == Wait(days=7, observed_days=None, rows=0)


def test_losses_and_use_are_waited_for_apart(tmp_path: Path) -> None:
    tables = LineTables()
    _losses(tables, 400, lag=24.5, late=5)
    for number in range(400):
        start = number % 100
        tables.add(
            "usage_weeks",
            start + 7,
            start + 7 + 9.5,
            subscription_id="pre",
            week_start_at=day(start),
            zero_use_days=0,
        )
    tables.used("pre", 298)
    tables.reach(300)
    history = tables.history(tmp_path)
    maturity = LabelMaturity.of(history, SETTINGS)
    assert maturity.use == Wait(days=10, observed_days=10, rows=400)
    ends = LabelEnd.of(history, usage_end(history), maturity)
    assert (history.end - ends.lines, history.end - ends.use) == (
        timedelta(days=25),
        timedelta(days=10),
    )
    # Inactive lines are known after their inactivity, which losses are told in meanwhile.
    assert maturity.of_all_lines(30) == timedelta(days=40)
    assert maturity.of_all_lines(7) == timedelta(days=25)


@given(
    st.lists(st.integers(-2, 400), min_size=FEWEST_ROWS, max_size=800),
    st.integers(0, MOST_SETTLE_DAYS),
)
def test_the_wait_covers_nearly_all_rows_and_stays_within_bounds(
    lags: list[int], least: int
) -> None:
    counts = pl.Series("days", lags).value_counts(name="rows")
    wait = Wait.of(counts, LabelSettings(settle_days=least))
    assert wait.observed_days == sorted(lags)[ceil(0.99 * len(lags)) - 1]
    assert wait.days == max(min(wait.observed_days, LONGEST_SETTLE_DAYS), least)
    assert wait.later_share == sum(lag > wait.days for lag in lags) / len(lags)
