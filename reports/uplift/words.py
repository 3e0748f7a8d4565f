"""Words and numbers of uplift, for the terminal and the report alike."""

from dataclasses import dataclass

from training.evaluation.assessment import Estimate
from training.uplift.balance import Imbalance
from training.uplift.result import ActionUplift, Trait

POLICIES = {
    "nobody": "nobody",
    "everybody": "everybody",
    "random": "as many at random",
    "riskiest": "those who would fare worst without it",
    "model": "those with the highest predicted uplift",
}
"""Whom a policy treats, by its name."""


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
        return (
            f"{100 * value:.2f}\N{NO-BREAK SPACE}%"
            if self.binary
            else f"{value:,.4g}".replace("-", "\N{MINUS SIGN}")
        )

    def _signed(self, value: float) -> str:
        text = f"{value:+.2f}" if self.binary else f"{value:+.4g}"
        return (text.lstrip("+-") if float(text) == 0 else text).replace("-", "\N{MINUS SIGN}")


def works(action: ActionUplift) -> str:
    """The first verdict in a word or two."""
    return "yes" if action.works else "no, it does harm" if action.harms else "not shown"


def targetable(action: ActionUplift) -> str:
    """The second verdict in a word or two."""
    return "yes" if action.targetable else "not shown"


def percent(share: float) -> str:
    """A share in whole per cent; it may be negative, or above one."""
    return f"{100 * share:.0f}\N{NO-BREAK SPACE}%".replace("-", "\N{MINUS SIGN}")


def trait(found: Trait) -> str:
    """What sets a group apart, such as ``tenure_days 812 against 1,420``."""
    if found.category is not None:
        return f"{found.feature} = {found.category}: {found.here:.0%} against {found.elsewhere:.0%}"
    return f"{found.feature}: {_plain(found.here)} against {_plain(found.elsewhere)}"


def imbalance(found: Imbalance) -> str:
    """What an arm differs in, and what to think of it."""
    by = f"{abs(found.z):.1f} standard errors"
    if found.feature is None:
        count = "more" if found.z > 0 else "fewer"
        return f"arm {found.arm} has {count} rows than its propensities say, by {by}: are they those of the draw?"
    differs = f"{found.feature} is not alike in {found.arm} and in control, by {by}"
    return f"{differs}: was it known before the treatment? if not, --drop it"


def _plain(number: float) -> str:
    text = f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"
    return text.replace("-", "\N{MINUS SIGN}")
