"""Comparison: whether a model is better than a rival on the same rows, in one word, and head by
head.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from training.evaluation.assessment import Assessment, Estimate

Outcome = Literal["better", "unclear", "worse", "mixed"]
"""Clearly better in something and clearly worse in nothing; neither; the other way round; or
both.
"""

COMPARED: dict[str, float] = {"auc": 1.0, "log_loss": -1.0}
"""What is compared, as the gate does, and which sign of the difference is good: how well rows are
ranked, and how right probabilities are."""


@dataclass(frozen=True, kw_only=True)
class HeadComparison:
    """One head against a rival.

    Parameters
    ----------
    differences : dict of str to Estimate
        Ours minus the rival's, by metric of `COMPARED`, where it is known.
    ours, theirs : dict of str to Estimate
        The figures themselves.
    """

    differences: dict[str, Estimate]
    ours: dict[str, Estimate]
    theirs: dict[str, Estimate]

    def outcome(self, metric: str) -> Outcome:
        """Whether the head is clearly better or worse in one metric."""
        found = self.differences.get(metric)
        if found is None or found.low <= 0 <= found.high:
            return "unclear"
        return "better" if found.value * COMPARED[metric] > 0 else "worse"

    @property
    def overall(self) -> Outcome:
        """In both metrics together."""
        return _together({self.outcome(metric) for metric in COMPARED})


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All heads against a rival.

    Parameters
    ----------
    rival : str
        ``champion``, ``logistic`` or ``constant``.
    heads : dict of str to HeadComparison
        Shortest horizon first.
    """

    rival: str
    heads: dict[str, HeadComparison]

    @property
    def main(self) -> HeadComparison:
        """The head that is meant where no horizon is named."""
        return self.heads[list(self.heads)[-1]]

    @property
    def outcome(self) -> Outcome:
        """Worse or mixed where any head is; better where the main head is."""
        worst = _together({head.overall for head in self.heads.values()})
        return self.main.overall if worst == "better" else worst


def compare(assessments: Mapping[str, Assessment], rival: str) -> Comparison | None:
    """Compare the heads with a rival; None where one of them was not compared with it."""
    if not assessments or any(
        rival not in assessment.rivals for assessment in assessments.values()
    ):
        return None
    heads = {}
    for head, assessment in assessments.items():
        theirs = assessment.rivals[rival]
        heads[head] = HeadComparison(
            differences={
                metric: theirs.difference[metric]
                for metric in COMPARED
                if metric in theirs.difference
            },
            ours=assessment.metrics,
            theirs=theirs.metrics,
        )
    return Comparison(rival=rival, heads=heads)


def _together(outcomes: set[Outcome]) -> Outcome:
    if "mixed" in outcomes or {"better", "worse"} <= outcomes:
        return "mixed"
    return "worse" if "worse" in outcomes else "better" if "better" in outcomes else "unclear"
