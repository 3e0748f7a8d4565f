"""Lines at risk with their labels: until when care can change what becomes of them."""

from pathlib import Path

import polars as pl
import pytest

from features.contracts.vocabulary import HORIZON_DAYS, VOLUNTARY_CHURN
from tests.builders.line_tables import CUTOFF, LineTables, day, two_lines
from training.labelling.care.exposure import care_exposure
from training.labelling.cutoffs import LabelEnd
from training.labelling.labels import LineOutcomes
from training.labelling.lines import label_ends, labelled_lines
from training.settings import LabelSettings

SETTINGS = LabelSettings()


@pytest.fixture
def tables() -> LineTables:
    tables = two_lines()
    for name in ("quit", "stays"):
        tables.line(name)
    return tables


def rows_of(
    tables: LineTables, folder: Path, end: float = 290
) -> tuple[pl.DataFrame, dict[str, int]]:
    history = tables.history(folder)
    ids = pl.Series("subscription_id", ["pre", "quit", "s1", "stays"])
    outcomes = LineOutcomes.of(history, SETTINGS)
    ends = LabelEnd(day(end), day(end), 7)
    return labelled_lines(history, outcomes, ends, CUTOFF, SETTINGS, ids, VOLUNTARY_CHURN)


def test_a_call_after_the_notice_does_not_take_the_loss_away(
    tables: LineTables, tmp_path: Path
) -> None:
    """A desk calls whoever gives notice: its calls come after what is to be predicted."""
    tables.loss("quit", "cancellation", 40, notice=10)
    tables.add("notices", 10, notice_id="n", subscription_id="s1", status="given")
    tables.add("notices", 14, notice_id="n", subscription_id="s1", status="withdrawn")
    for number, line in enumerate(("quit", "s1", "stays")):
        tables.care(number, 12, "treatment", None, subscription_id=line)
    rows, _ = rows_of(tables, tmp_path)
    exposure = care_exposure(tables.history(tmp_path), rows, label_ends())
    touched = dict(zip(rows["subscription_id"], exposure.horizons[30].touched, strict=True))
    # Without the call, the second one might not have stayed.
    assert touched == {"pre": False, "quit": False, "s1": True, "stays": True}
    until = dict(zip(rows["subscription_id"], exposure.horizons[90].until, strict=True))
    assert until["quit"].item() == day(10).replace(tzinfo=None)
    assert until["s1"].item() == day(12).replace(tzinfo=None)
    assert rows.filter(pl.col("subscription_id") == "quit")["label_30"].item() == 1


def test_care_for_an_inactive_line_may_bring_it_back(tables: LineTables, tmp_path: Path) -> None:
    tables.used("pre", 9)
    tables.care(1, 20, "treatment", None, subscription_id="pre")
    rows, _ = rows_of(tables, tmp_path)
    exposure = care_exposure(tables.history(tmp_path), rows, label_ends())
    assert rows["subscription_id"][0] == "pre"
    assert exposure.horizons[30].touched[0]


def test_labels_are_known_within_the_horizons_that_are_complete(
    tables: LineTables, tmp_path: Path
) -> None:
    tables.loss("quit", "cancellation", 20)
    rows, excluded = rows_of(tables, tmp_path, end=70)
    known = rows.select("subscription_id", *(f"label_{days}" for days in HORIZON_DAYS)).rows()
    # A prepaid line is waited for 30 days longer.
    assert known == [
        ("pre", 1, None, None),
        ("quit", 1, 1, None),
        ("s1", 0, 0, None),
        ("stays", 0, 0, None),
    ]
    assert excluded["incomplete"] == 0
    rows, excluded = rows_of(tables, tmp_path, end=50)
    assert rows["subscription_id"].to_list() == ["quit", "s1", "stays"]
    assert excluded["incomplete"] == 1
