"""Words and numbers of uplift, for the terminal and the report."""

from collections.abc import Sequence
from dataclasses import dataclass

from reports.kit.numbers import amount, share, typeset
from reports.words.texts import ENGLISH, Texts, to_translate
from training.evaluation.assessment import Estimate
from training.uplift.balance import Imbalance
from training.uplift.result import ActionUplift, Trait

POLICIES = {
    "nobody": to_translate("nobody"),
    "everybody": to_translate("everybody"),
    "random": to_translate("the same number at random"),
    "riskiest": to_translate("those with the worst predicted outcome without it"),
    "model": to_translate("those with the highest predicted uplift"),
}
"""Who is treated, by policy."""


VERDICTS = (
    to_translate("does harm on average, to some customers more than to others"),
    to_translate("does harm on average"),
    to_translate("works"),
    to_translate("works, and is targetable"),
    to_translate("works; differences between customers are not detectable"),
    to_translate("targetable; on average no detectable uplift"),
    to_translate("no detectable uplift"),
)
"""All that `ActionUplift.verdict` may be, for the catalogues."""

_COLUMNS_SHOWN = 12


@dataclass(frozen=True)
class Unit:
    """How outcomes and effects are written.

    Parameters
    ----------
    binary : bool
        Outcomes are shares and effects percentage points; else both are plain numbers.
    texts : Texts
        In which language.
    """

    binary: bool
    texts: Texts = ENGLISH

    @property
    def factor(self) -> float:
        """What an effect is shown times."""
        return 100.0 if self.binary else 1.0

    @property
    def word(self) -> str:
        """What an effect is counted in."""
        gettext = self.texts.gettext
        return gettext("points") if self.binary else gettext("units of the outcome")

    def effect(self, value: float) -> str:
        """An effect with its sign."""
        return self._signed(self.factor * value)

    def between(self, estimate: Estimate) -> str:
        """The interval of an effect."""
        return self.texts.gettext("{low} to {high}").format(
            low=self.effect(estimate.low), high=self.effect(estimate.high)
        )

    def outcome(self, value: float) -> str:
        """A mean outcome."""
        return share(value, 2) if self.binary else typeset(f"{value:,.4g}")

    def _signed(self, value: float) -> str:
        return typeset(f"{value:+.2f}" if self.binary else f"{value:+.4g}")


def works(action: ActionUplift, texts: Texts = ENGLISH) -> str:
    """Whether the action works, in words."""
    if action.works:
        return texts.gettext("yes")
    return texts.gettext("no, it does harm") if action.harms else texts.gettext("not shown")


def unadjusted(action: ActionUplift, texts: Texts = ENGLISH) -> str:
    """What the difference of the arms' means alone says, where that differs from the verdict."""
    if action.unadjusted.low > 0:
        return texts.gettext("alone it shows that the action works")
    if action.unadjusted.high < 0:
        return texts.gettext("alone it shows harm")
    return texts.gettext("alone it shows neither good nor harm")


def targetable(action: ActionUplift, texts: Texts = ENGLISH) -> str:
    """Whether the action is targetable, in words."""
    if not action.ranked:
        return texts.gettext("not evaluated, without features")
    return texts.gettext("yes") if action.targetable else texts.gettext("not shown")


def trait(difference: Trait, texts: Texts = ENGLISH) -> str:
    """How a group differs, such as ``tenure_days: 812, others 1,420``."""
    if difference.category is not None:
        what = f"{difference.feature} = {difference.category}"
        here, others = f"{difference.here:.0%}", f"{difference.elsewhere:.0%}"
    else:
        what = difference.feature
        here, others = amount(difference.here), amount(difference.elsewhere)
    template = texts.gettext("{what}: {here}, others {others}")
    return template.format(what=what, here=here, others=others)


def adjusted_by(columns: Sequence[str], texts: Texts = ENGLISH) -> str:
    """Which columns adjusted the estimates, and what to check; all are in the result as JSON."""
    if not columns:
        return texts.gettext("no column: the effect is the unadjusted difference")
    shown = ", ".join(columns[:_COLUMNS_SHOWN])
    if len(columns) > _COLUMNS_SHOWN:
        more = texts.gettext(" and {count} more (adjusted_by in uplift.json)")
        shown += more.format(count=len(columns) - _COLUMNS_SHOWN)
    return shown


def imbalance(difference: Imbalance, texts: Texts = ENGLISH) -> str:
    """What an arm differs in, and what to check."""
    if difference.of_missing_outcomes:
        template = (
            texts.gettext(
                "outcomes are missing more often in {arm} than in control, by {z} standard errors: "
                "those that are known may be of other customers"
            )
            if difference.z > 0
            else texts.gettext(
                "outcomes are missing less often in {arm} than in control, by {z} standard errors: "
                "those that are known may be of other customers"
            )
        )
    elif difference.feature is None:
        template = (
            texts.gettext(
                "arm {arm} has more rows than its propensities give, by {z} standard errors: are they"
                " those of the draw?"
            )
            if difference.z > 0
            else texts.gettext(
                "arm {arm} has fewer rows than its propensities give, by {z} standard errors: are they"
                " those of the draw?"
            )
        )
    else:
        template = texts.gettext(
            "{feature} differs between {arm} and control, by {z} standard errors: was it filled in"
            " after the treatment, or were the arms not drawn at random?"
        )
    return template.format(
        arm=difference.arm, feature=difference.feature, z=f"{abs(difference.z):.1f}"
    )
