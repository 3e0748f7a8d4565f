"""Words and numbers of uplift, for the terminal and the report."""

from collections.abc import Sequence
from dataclasses import dataclass

from reports.kit.numbers import amount, share, typeset
from training.evaluation.assessment import Estimate
from training.uplift.balance import Imbalance
from training.uplift.result import ActionUplift, Trait

POLICIES = {
    "nobody": "nobody",
    "everybody": "everybody",
    "random": "the same number at random",
    "riskiest": "those with the worst predicted outcome without it",
    "model": "those with the highest predicted uplift",
}
"""Who is treated, by policy."""


_COLUMNS_SHOWN = 12


@dataclass(frozen=True)
class Unit:
    """How outcomes and effects are written.

    Parameters
    ----------
    binary : bool
        Outcomes are shares and effects percentage points; else both are plain numbers.
    """

    binary: bool

    @property
    def factor(self) -> float:
        """What an effect is shown times."""
        return 100.0 if self.binary else 1.0

    @property
    def word(self) -> str:
        """What an effect is counted in."""
        return "points" if self.binary else "units of the outcome"

    def effect(self, value: float) -> str:
        """An effect with its sign."""
        return self._signed(self.factor * value)

    def between(self, estimate: Estimate) -> str:
        """The interval of an effect."""
        return f"{self.effect(estimate.low)} to {self.effect(estimate.high)}"

    def outcome(self, value: float) -> str:
        """A mean outcome."""
        return share(value, 2) if self.binary else typeset(f"{value:,.4g}")

    def _signed(self, value: float) -> str:
        return typeset(f"{value:+.2f}" if self.binary else f"{value:+.4g}")


def works(action: ActionUplift) -> str:
    """Whether the action works, in words."""
    return "yes" if action.works else "no, it does harm" if action.harms else "not shown"


def unadjusted(action: ActionUplift) -> str:
    """What the difference of the arms' means alone says, where that differs from the verdict."""
    if action.unadjusted.low > 0:
        return "alone it shows that the action works"
    return (
        "alone it shows harm"
        if action.unadjusted.high < 0
        else "alone it shows neither good nor harm"
    )


def targetable(action: ActionUplift) -> str:
    """Whether the action is targetable, in words."""
    if not action.ranked:
        return "not evaluated, without features"
    return "yes" if action.targetable else "not shown"


def trait(difference: Trait) -> str:
    """How a group differs, such as ``tenure_days: 812, others 1,420``."""
    if difference.category is not None:
        return f"{difference.feature} = {difference.category}: {difference.here:.0%}, others {difference.elsewhere:.0%}"
    return f"{difference.feature}: {amount(difference.here)}, others {amount(difference.elsewhere)}"


def adjusted_by(columns: Sequence[str]) -> str:
    """Which columns adjusted the estimates, and what to check; all are in the result as JSON."""
    if not columns:
        return "no column: the effect is the unadjusted difference"
    shown = ", ".join(columns[:_COLUMNS_SHOWN])
    if len(columns) > _COLUMNS_SHOWN:
        shown += f" and {len(columns) - _COLUMNS_SHOWN} more (adjusted_by in uplift.json)"
    return shown


def imbalance(difference: Imbalance) -> str:
    """What an arm differs in, and what to check."""
    by = f"{abs(difference.z):.1f} standard errors"
    if difference.of_missing_outcomes:
        often = "more" if difference.z > 0 else "less"
        return (
            f"outcomes are missing {often} often in {difference.arm} than in control, by {by}: "
            "those that are known may be of other customers"
        )
    if difference.feature is None:
        count = "more" if difference.z > 0 else "fewer"
        return f"arm {difference.arm} has {count} rows than its propensities give, by {by}: are they those of the draw?"
    differs = f"{difference.feature} differs between {difference.arm} and control, by {by}"
    return f"{differs}: was it filled in after the treatment, or were the arms not drawn at random?"
