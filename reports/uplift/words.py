"""Words and numbers of uplift, for the terminal and the report."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor

from reports.kit.numbers import amount, share, typeset
from reports.words.texts import ENGLISH, Texts, to_translate
from training.evaluation.assessment import Estimate
from training.uplift.balance import Imbalance, OutcomeLike
from training.uplift.experiment import FEWEST_IN_AN_ARM_FOR_A_VERDICT
from training.uplift.result import ActionUplift, TakenLook, Trait, Verdict

POLICIES = {
    "nobody": to_translate("nobody"),
    "everybody": to_translate("everybody"),
    "random": to_translate("the same number at random"),
    "riskiest": to_translate("those with the worst predicted outcome without it"),
    "model": to_translate("those with the highest predicted uplift"),
}
"""Who is treated, by policy."""


VERDICTS: dict[Verdict, str] = {
    "works": to_translate("works"),
    "harms": to_translate("does harm"),
    "too_small_to_matter": to_translate("too small to matter"),
    "not_enough_data": to_translate("not enough data yet"),
}
"""Verdicts on the average effect in words."""

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


def verdict(action: ActionUplift, texts: Texts = ENGLISH) -> str:
    """The verdict on the average effect in words; that there is none where it is no experiment."""
    return verdict_word(action.finding.verdict, texts)


def verdict_word(word: Verdict | None, texts: Texts = ENGLISH) -> str:
    """A verdict in words; that there is none where it is None."""
    if word is None:
        return texts.gettext("no verdict: observational")
    return texts.gettext(VERDICTS[word])


def evidence(action: ActionUplift, texts: Texts = ENGLISH) -> str:
    """What kind of evidence the figures of an action are."""
    return texts.gettext("randomised") if action.randomised else texts.gettext("observational")


def why_not(action: ActionUplift, texts: Texts = ENGLISH) -> str:
    """Why nothing may be claimed of arms drawn at random; empty where it may."""
    why, gettext = action.finding.why_not, texts.gettext
    if why is None:
        return ""
    if why == "too_few_clusters":
        arm = action.smaller_arm
        return gettext(
            "No verdict is given: {arm} has {clusters} customers or groups, which count as"
            " {effective} of one size; each arm needs {fewest}. What so few differ in by chance would"
            " pass for an effect."
        ).format(
            fewest=FEWEST_IN_AN_ARM_FOR_A_VERDICT,
            arm=arm.name,
            clusters=f"{arm.clusters:,}",
            # Rounded down, as it lies below the fewest.
            effective=f"{floor(10 * arm.effective_clusters) / 10:.1f}",
        )
    if why == "looked_before" and action.finding.earlier_look is not None:
        return _looked_before(action.finding.earlier_look, texts)
    if why == "beyond_last_look":
        return gettext(
            "No verdict is given: the experiment has grown beyond its last planned look, and of many"
            " further looks one would show an effect by chance. What was shown at a planned look"
            " stands."
        )
    return gettext(
        "No verdict is given: this look is none of those that were planned. What was shown at a"
        " planned look stands; the next one may show more."
    )


def _looked_before(earlier: TakenLook, texts: Texts) -> str:
    """Which earlier look leaves nothing to be claimed at this one, and what to do."""
    gettext = texts.gettext
    told = gettext(
        "No verdict is given: this experiment was looked at before, on {date} at {clusters} customers"
        " or households with --looks {looks} ({verdict}), and this look is not in a plan that was made"
        " before that one."
    ).format(
        date=earlier.at[:10],
        clusters=f"{earlier.clusters:,}",
        looks=earlier.looks,
        verdict=verdict_word(earlier.verdict, texts),
    )
    if earlier.expected is not None:
        do = gettext(
            "Go on with --looks any and HOLDFAST_UPLIFT_EXPECTED_CLUSTERS={expected}, as then."
        ).format(expected=earlier.expected)
    elif earlier.plan.planned:
        do = gettext("Go on with that plan.")
    else:
        do = gettext(
            "Use --looks any from now on, which holds however often one looks; next time, state the"
            " looks before the first."
        )
    other = gettext("For another experiment, give another directory with --out.")
    return f"{told} {do} {other}"


def more_needed(action: ActionUplift, unit: "Unit") -> str:
    """How much larger the experiment must be, or what to give to be told; empty with a verdict."""
    finding, gettext = action.finding, unit.texts.gettext
    if finding.verdict != "not_enough_data" or finding.why_not is not None:
        return ""
    if finding.sought is None or finding.more_needed is None:
        return gettext(
            "Give --break-even or --detect to be told how many more customers it takes to find an"
            " effect of that size."
        )
    effect = f"{unit.effect(finding.sought)} {unit.word}"
    if finding.more_needed == 0:
        return gettext(
            "The experiment is as large as it takes to find an effect of {effect} in four of five"
            " cases; such an effect is neither shown nor ruled out."
        ).format(effect=effect)
    return gettext(
        "About {count} more customers or households are needed to find an effect of {effect} in"
        " four of five cases."
    ).format(effect=effect, count=f"{_about(finding.more_needed):,}")


def _about(count: int) -> int:
    """A count rounded up to two digits: the figures behind it are no more certain than that."""
    unit = 10 ** max(len(str(count)) - 2, 0)
    return -(-count // unit) * unit


def break_even(action: ActionUplift, unit: "Unit") -> str:
    """What is shown of an action that works, beside its break-even effect; empty where none is."""
    least, gettext = action.finding.break_even, unit.texts.gettext
    if least is None or not action.works:
        return ""
    template = (
        gettext("Its interval lies above the break-even effect of {effect}.")
        if action.average.low >= least
        else gettext(
            "It is not shown that it reaches the break-even effect of {effect}, from which it is"
            " worth its cost."
        )
    )
    return template.format(effect=f"{unit.effect(least)} {unit.word}")


def jointly(action: ActionUplift, texts: Texts = ENGLISH) -> str:
    """Why there is no verdict though the interval lies on one side of zero; empty where there is."""
    finding = action.finding
    if finding.verdict != "not_enough_data" or finding.why_not or not action.clear_alone:
        return ""
    return texts.gettext(
        "Its own interval lies on one side of zero, but of {actions} actions that were looked at"
        " one may do so by chance."
    ).format(actions=finding.actions)


def unadjusted(action: ActionUplift, texts: Texts = ENGLISH) -> str:
    """What the difference of the arms' means alone says, where that differs from the verdict."""
    if not action.may_be_claimed:
        if action.unadjusted.low > 0:
            return texts.gettext("its interval lies above zero")
        if action.unadjusted.high < 0:
            return texts.gettext("its interval lies below zero")
        return texts.gettext("its interval holds zero")
    if action.unadjusted.low > 0:
        return texts.gettext("alone it shows that the action works")
    if action.unadjusted.high < 0:
        return texts.gettext("alone it shows harm")
    return texts.gettext("alone it shows neither good nor harm")


def targetable(action: ActionUplift, texts: Texts = ENGLISH) -> str:
    """Whether the action is targetable, in words."""
    if not action.randomised:
        return texts.gettext("not asked")
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


def not_claimed(texts: Texts = ENGLISH) -> str:
    """Why an experiment that nobody calls one is observational."""
    return texts.gettext(
        "Nobody says that arms were drawn at random. Customers who chose their arm, or were chosen"
        " for it, differ in more than the action: a difference between arms is then no effect. If a"
        " draw decided, say so with --randomised, and give --propensity unless all had the same"
        " chance."
    )


def outcome_like(column: OutcomeLike, texts: Texts = ENGLISH) -> str:
    """Which column nearly is the outcome, and what to check."""
    template = (
        texts.gettext(
            "{feature} is missing for one outcome far more often than for the other ({figure}): was"
            " it filled in after the treatment?"
        )
        if column.of_missing
        else texts.gettext(
            "{feature} alone nearly tells the outcome ({figure}): was it filled in after the"
            " treatment?"
        )
    )
    return template.format(feature=column.feature, figure=f"{column.figure:.2f}")


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
