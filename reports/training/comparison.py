"""Comparison: whether a model is better than a baseline on the same rows, in one word, and horizon by
horizon.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from training.evaluation.assessment import Assessment, Estimate

Outcome = Literal["better", "unclear", "worse", "mixed"]
"""Clearly better in one figure and clearly worse in none; neither; the reverse; or both."""

BASELINES = ("champion", "logistic", "constant")
"""Other ways to predict, the hardest to beat first."""

COMPARED: dict[str, float] = {"auc": 1.0, "log_loss": -1.0}
"""What is compared, as the gate does, and which sign of the difference is good: how well rows are
ranked, and how right probabilities are."""


@dataclass(frozen=True, kw_only=True)
class HorizonComparison:
    """One horizon model against a baseline.

    Parameters
    ----------
    differences : dict of str to Estimate
        Ours minus the baseline's, by metric of `COMPARED`, where it is known.
    ours, theirs : dict of str to Estimate
        The figures themselves.
    """

    differences: dict[str, Estimate]
    ours: dict[str, Estimate]
    theirs: dict[str, Estimate]

    def outcome(self, metric: str) -> Outcome:
        """Whether the model is clearly better or worse in one metric."""
        difference = self.differences.get(metric)
        if difference is None or difference.low <= 0 <= difference.high:
            return "unclear"
        return "better" if difference.value * COMPARED[metric] > 0 else "worse"

    @property
    def overall(self) -> Outcome:
        """In both metrics together."""
        return _together({self.outcome(metric) for metric in COMPARED})


@dataclass(frozen=True, kw_only=True)
class OverallComparison:
    """All horizons against a baseline.

    Parameters
    ----------
    baseline : str
        ``champion``, ``logistic`` or ``constant``.
    horizons : dict of str to HorizonComparison
        Shortest horizon first.
    """

    baseline: str
    horizons: dict[str, HorizonComparison]

    @property
    def main(self) -> HorizonComparison:
        """The horizon that is meant where none is named."""
        return self.horizons[list(self.horizons)[-1]]

    @property
    def outcome(self) -> Outcome:
        """Worse or mixed where any horizon is; better where the main one is."""
        worst = _together({horizon.overall for horizon in self.horizons.values()})
        return self.main.overall if worst == "better" else worst


def compare(assessments: Mapping[str, Assessment], baseline: str) -> OverallComparison | None:
    """Compare all horizons with a baseline; None where one of them was not compared with it."""
    if not assessments or any(
        baseline not in assessment.baselines for assessment in assessments.values()
    ):
        return None
    horizons = {}
    for horizon, assessment in assessments.items():
        theirs = assessment.baselines[baseline]
        horizons[horizon] = HorizonComparison(
            differences={
                metric: theirs.difference[metric]
                for metric in COMPARED
                if metric in theirs.difference
            },
            ours=assessment.metrics,
            theirs=theirs.metrics,
        )
    return OverallComparison(baseline=baseline, horizons=horizons)


def _together(outcomes: set[Outcome]) -> Outcome:
    if "mixed" in outcomes or {"better", "worse"} <= outcomes:
        return "mixed"
    return "worse" if "worse" in outcomes else "better" if "better" in outcomes else "unclear"
