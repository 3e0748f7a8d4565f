"""Figures of a comparison are those of the reports, where the rows are the same."""

from dataclasses import replace

from tests.builders.assessments import assessment, estimate
from training.evaluation.assessment import BaselineComparison
from training.release.comparison import _compared


def test_a_version_on_its_own_test_rows_has_the_intervals_of_its_report() -> None:
    stored = assessment(90)
    auc = stored.metrics["auc"]
    # The same customers, resampled anew: the same figures, with other intervals.
    resampled = {
        name: replace(figure, low=figure.low - 0.001, high=figure.high - 0.001)
        for name, figure in stored.metrics.items()
    }
    theirs = {**resampled, "auc": estimate(0.7, 0.02)}
    other = BaselineComparison(metrics=theirs, difference={"auc": estimate(0.08, 0.01)})
    shared = replace(stored, metrics=resampled, baselines={"other": other})

    def compared(shown: object) -> dict[str, object]:
        (figure,) = (
            one
            for one in _compared({"90": stored}, {"90": stored}, {"90": shown})  # type: ignore[dict-item]
            if one.metric == "auc"
        )
        return vars(figure)

    assert compared(shared)["one"] == auc
    # What is of other rows, or of other labels, is that of the shared rows.
    assert compared(shared)["other"] == theirs["auc"]
    assert compared(replace(shared, rows=stored.rows - 1))["one"] == resampled["auc"]
