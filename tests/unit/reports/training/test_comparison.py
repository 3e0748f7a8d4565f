from dataclasses import replace

import pytest

from reports.training.comparison import Outcome, compare
from tests.builders.assessments import assessment, estimate
from training.evaluation.assessment import Assessment, Estimate

BETTER, UNCLEAR, WORSE = estimate(0.02, 0.01), estimate(0.0, 0.01), estimate(-0.02, 0.01)


def with_differences(days: int, auc: Estimate, log_loss: Estimate) -> Assessment:
    """An assessment with these differences from the champion; the log loss is given as what it is
    lower by.
    """
    compared = assessment(days)
    turned = Estimate(-log_loss.value, -log_loss.high, -log_loss.low)
    baseline = replace(compared.baselines["champion"], difference={"auc": auc, "log_loss": turned})
    return replace(compared, baselines={**compared.baselines, "champion": baseline})


@pytest.mark.parametrize(
    ("auc", "log_loss", "outcome"),
    [
        (BETTER, BETTER, "better"),
        (BETTER, UNCLEAR, "better"),
        (UNCLEAR, BETTER, "better"),
        (UNCLEAR, UNCLEAR, "unclear"),
        (UNCLEAR, WORSE, "worse"),
        (WORSE, UNCLEAR, "worse"),
        (WORSE, BETTER, "mixed"),
        (BETTER, WORSE, "mixed"),
    ],
)
def test_one_head(auc: Estimate, log_loss: Estimate, outcome: Outcome) -> None:
    compared = compare({"90": with_differences(90, auc, log_loss)}, "champion")
    assert compared is not None
    assert compared.outcome == compared.main.overall == outcome


@pytest.mark.parametrize(
    ("shorter", "main", "outcome"),
    [
        (UNCLEAR, BETTER, "better"),
        (BETTER, UNCLEAR, "unclear"),
        (BETTER, WORSE, "mixed"),
        (WORSE, UNCLEAR, "worse"),
        (WORSE, BETTER, "mixed"),
    ],
)
def test_the_main_head_must_be_better_and_no_head_worse(
    shorter: Estimate, main: Estimate, outcome: Outcome
) -> None:
    horizons = {
        "30": with_differences(30, shorter, UNCLEAR),
        "90": with_differences(90, main, UNCLEAR),
    }
    compared = compare(horizons, "champion")
    assert compared is not None
    assert compared.outcome == outcome


def test_an_interval_that_touches_zero_is_not_clear() -> None:
    compared = compare({"90": with_differences(90, Estimate(0.01, 0.0, 0.02), UNCLEAR)}, "champion")
    assert compared is not None
    assert compared.outcome == "unclear"


def test_a_baseline_that_some_head_was_not_compared_with() -> None:
    assert compare({"30": assessment(30, champion=None), "90": assessment(90)}, "champion") is None
    assert compare({}, "champion") is None


def test_a_difference_that_is_not_known_is_not_clear() -> None:
    compared = assessment(90)
    unknown = replace(
        compared, baselines={"champion": replace(compared.baselines["champion"], difference={})}
    )
    comparison = compare({"90": unknown}, "champion")
    assert comparison is not None
    assert comparison.outcome == "unclear"
