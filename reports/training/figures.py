"""Figures of the training report: how good a model is, for which rows, and for how long, from its
assessments.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from models.level.revision import LevelRevision
from reports.kit.forest import Entry, Forest, Kind, forest, scaled
from reports.kit.numbers import PERCENT, signed, typeset
from reports.training.comparison import BASELINES, COMPARED, Outcome, OverallComparison
from reports.training.words import named, plain
from reports.words.texts import ENGLISH, Texts
from training.evaluation.assess import EVERYBODY, has_strata
from training.evaluation.assessment import Assessment, CalibrationFigures, Estimate, Slice
from training.evaluation.baselines import CONSTANT
from training.release.calibration_rules import (
    OBSERVED_OVER_EXPECTED,
    SLOPE,
    DecileRule,
    calibration_findings,
)

RATIOS = (0.4, 2.0)
"""Most that scales of observed over expected show."""


@dataclass(frozen=True)
class Hundred:
    """Of a hundred rows that are picked for care, how many have the outcome.

    Parameters
    ----------
    who : str
        Who picks them.
    dots : int
        Rounded, to draw it.
    text : str
        The share and its interval.
    ours : bool
        This version picks them.
    """

    who: str
    dots: int
    text: str
    ours: bool


def horizon_words(horizon: str, texts: Texts = ENGLISH) -> str:
    """What a horizon is called."""
    if not horizon:
        return texts.gettext("whenever")
    return texts.gettext("within {days} days").format(days=horizon)


def interval(
    estimate: Estimate | None,
    digits: int = 3,
    factor: float = 1.0,
    *,
    sign: bool = False,
    unit: str = "",
    texts: Texts = ENGLISH,
) -> str:
    """A figure and its interval: ``0.780 (0.768 to 0.792)``."""
    if estimate is None:
        return texts.gettext("not known")
    return texts.gettext("{figure} ({interval})").format(
        figure=_number(factor * estimate.value, digits, sign) + unit,
        interval=bounds(estimate, digits, factor, sign=sign, texts=texts),
    )


def bounds(
    estimate: Estimate | None,
    digits: int = 3,
    factor: float = 1.0,
    *,
    sign: bool = False,
    texts: Texts = ENGLISH,
) -> str:
    """The interval of a figure alone: ``0.768 to 0.792``."""
    if estimate is None:
        return texts.gettext("not known")
    low, high = sorted((factor * estimate.low, factor * estimate.high))
    return texts.gettext("{low} to {high}").format(
        low=_number(low, digits, sign), high=_number(high, digits, sign)
    )


def _number(value: float, digits: int, sign: bool) -> str:
    return signed(value, digits) if sign else typeset(f"{value:,.{digits}f}")


def baseline_words(
    baseline: str, champion: str | None, texts: Texts = ENGLISH, *, strata: bool = False
) -> str:
    """What a baseline is called, as the head of a column or a row."""
    if baseline == "champion":
        return champion_words(champion, texts)
    if baseline == "logistic":
        return texts.gettext("logistic regression")
    if baseline != CONSTANT:
        return plain(baseline)
    # With strata it gives each its own probability, so it is no constant.
    gettext = texts.gettext
    return gettext("share of each billing type") if strata else gettext("constant")


def baseline_in_sentence(
    baseline: str, champion: str | None, texts: Texts = ENGLISH, *, strata: bool = False
) -> str:
    """What a baseline is called in a sentence."""
    if baseline == "champion":
        return champion_words(champion, texts)
    if baseline == "logistic":
        return texts.gettext("a logistic regression")
    if baseline != CONSTANT:
        return plain(baseline)
    gettext = texts.gettext
    return gettext("the share of each billing type") if strata else gettext("a constant")


def champion_words(champion: str | None, texts: Texts = ENGLISH) -> str:
    """The champion by its number, where it is known."""
    if not champion:
        return texts.gettext("the champion")
    return texts.gettext("version\N{NO-BREAK SPACE}{number}").format(number=champion)


def difference_forest(
    comparisons: Sequence[tuple[str, OverallComparison]], metric: str, texts: Texts = ENGLISH
) -> Forest:
    """Differences from baselines at every horizon, with the sign that makes better positive.

    AUC is multiplied by 100; log loss is in per cent of the baseline's.

    Parameters
    ----------
    comparisons : sequence of (str, OverallComparison)
        With their headings.
    metric : str
        One of `reports.training.comparison.COMPARED`.
    """
    groups = []
    for heading, comparison in comparisons:
        entries = []
        for horizon, compared in comparison.horizons.items():
            theirs = compared.theirs.get(metric)
            factor = 100 * COMPARED[metric]
            if metric == "log_loss":
                factor = factor / theirs.value if theirs and theirs.value > 0 else 0.0
            difference = scaled(compared.differences.get(metric), factor)
            kind = _kind(compared.outcome(metric))
            text = interval(difference, 2 if metric == "auc" else 1, sign=True, texts=texts)
            label = horizon_words(horizon, texts)
            entries.append(Entry(label=label, estimate=difference, text=text, kind=kind))
        groups.append((heading, entries))
    return forest(
        groups, sign=True, reference=0.0, left=texts.gettext("worse"), right=texts.gettext("better")
    )


def ranking_forest(
    assessments: Mapping[str, Assessment], champion: str | None, texts: Texts = ENGLISH
) -> Forest:
    """AUC of the model and its baselines, by horizon, without a constant, whose AUC is 0.5."""
    groups = []
    for horizon, assessment in assessments.items():
        without = () if has_strata(assessment) else (CONSTANT,)
        predictors = _by_predictor(assessment, champion, texts, without=without)
        groups.append(
            (
                horizon_words(horizon, texts).capitalize(),
                [
                    _entry(who, metrics.get("auc"), interval(metrics.get("auc"), texts=texts), ours)
                    for who, metrics, ours in predictors
                ],
            )
        )
    return forest(groups, left=texts.gettext("ranks worse"), right=texts.gettext("ranks better"))


def profit_forest(
    assessments: Mapping[str, Assessment], champion: str | None, texts: Texts = ENGLISH
) -> Forest:
    """Share of the perfect profit of the model and its baselines, by horizon."""
    groups = []
    for horizon, assessment in assessments.items():
        predictors = _by_predictor(assessment, champion, texts)
        groups.append(
            (
                horizon_words(horizon, texts).capitalize(),
                [
                    _entry(
                        who,
                        metrics.get("empc_share"),
                        interval(metrics.get("empc_share"), 0, 100, unit=PERCENT, texts=texts),
                        ours,
                    )
                    for who, metrics, ours in predictors
                ],
            )
        )
    return forest(groups, factor=100, unit=PERCENT, least=(0.0, 0.3), most=(0.0, 1.0))


def hundreds(
    assessment: Assessment, champion: str | None, texts: Texts = ENGLISH
) -> tuple[Hundred, ...]:
    """How many of a hundred rows have the outcome, by who picks them; at random last."""
    picks = []
    for who, metrics, ours in _by_predictor(assessment, champion, texts, without=(CONSTANT,)):
        precision = metrics.get("precision_capacity")
        if precision:
            text = interval(precision, 1, 100, texts=texts)
            picks.append(Hundred(who, round(100 * precision.value), text, ours))
    rate = assessment.positives / assessment.rows
    at_random = texts.gettext("picked at random")
    return (*picks, Hundred(at_random, round(100 * rate), f"{100 * rate:.1f}", ours=False))


def calibration_forests(
    assessments: Mapping[str, Assessment],
    level: LevelRevision | None = None,
    texts: Texts = ENGLISH,
) -> dict[str, Forest]:
    """Calibration slope and observed over expected of every stratum and horizon, with the zone of
    the gate. Orange is what the gate finds fault with, which depends on the level of the version.
    """
    levels = level.horizons if level else {}
    forests = {}
    rule = DecileRule(0.0, sum(len(assessment.strata) for assessment in assessments.values()))
    faults = {
        ("observed_over_expected" if finding.rule == "level" else finding.rule, finding.where)
        for horizon, assessment in assessments.items()
        for finding in calibration_findings(horizon, assessment, False, rule, levels.get(horizon))
    }
    for name, zone in (("slope", SLOPE), ("observed_over_expected", OBSERVED_OVER_EXPECTED)):
        groups = []
        for stratum in strata_of(assessments):
            entries = []
            for horizon, assessment in assessments.items():
                calibration = assessment.strata.get(stratum)
                estimate: Estimate | None = getattr(calibration, name) if calibration else None
                outside = (name, f"{horizon}/{stratum}") in faults
                entries.append(
                    Entry(
                        label=horizon_words(horizon, texts),
                        estimate=estimate,
                        text=interval(estimate, 2, texts=texts),
                        kind="worse" if outside else "ours",
                        note=of_rows(calibration, texts) if calibration else "",
                    )
                )
            groups.append((stratum_words(stratum, texts), entries))
        forests[name] = forest(
            groups,
            reference=1.0,
            zone=zone,
            most=RATIOS,
            left=texts.gettext("too extreme") if name == "slope" else texts.gettext("too high"),
            right=texts.gettext("too cautious") if name == "slope" else texts.gettext("too low"),
        )
    return forests


def strata_of(assessments: Mapping[str, Assessment]) -> tuple[str, ...]:
    """Names of the strata; all rows first."""
    names = dict.fromkeys(name for assessment in assessments.values() for name in assessment.strata)
    return tuple(sorted(names, key=lambda name: (name != EVERYBODY, list(names).index(name))))


def stratum_words(stratum: str, texts: Texts = ENGLISH) -> str:
    """What a stratum is called."""
    if stratum == EVERYBODY:
        return texts.gettext("All")
    return named(stratum, texts).capitalize() or texts.gettext("No stratum")


def of_rows(counted: CalibrationFigures | Slice, texts: Texts = ENGLISH) -> str:
    """How many of some rows have the outcome, and of how many customers, where that is known."""
    if counted.positive_customers is None:
        words = texts.gettext("{some:,} of {all:,}")
    else:
        words = texts.gettext("{some:,} of {all:,} ({customers:,} customers)")
    return words.format(
        some=counted.positives, all=counted.rows, customers=counted.positive_customers
    )


def holdout_forest(assessment: Assessment, texts: Texts = ENGLISH) -> Forest | None:
    """AUC of all test rows, and of the holdout: households that are never sent an offer."""
    if assessment.holdout is None:
        return None
    entries = [
        Entry(
            label=label,
            estimate=metrics.get("auc"),
            text=interval(metrics.get("auc"), texts=texts),
            kind=kind,
        )
        for label, metrics, kind in _apart(assessment, texts)
    ]
    return forest(
        [("", entries)], left=texts.gettext("ranks worse"), right=texts.gettext("ranks better")
    )


def holdout_ratio_forest(assessment: Assessment, texts: Texts = ENGLISH) -> Forest | None:
    """Observed over expected of the same rows."""
    if assessment.holdout is None:
        return None
    entries = [
        Entry(
            label=label,
            estimate=metrics.get("observed_over_expected"),
            text=interval(metrics.get("observed_over_expected"), 2, texts=texts),
            kind=kind,
        )
        for label, metrics, kind in _apart(assessment, texts)
    ]
    return forest(
        [("", entries)],
        reference=1.0,
        left=texts.gettext("too high"),
        right=texts.gettext("too low"),
    )


def misplaced_deciles(calibration: CalibrationFigures) -> int:
    """Number of deciles whose share is outside its joint bounds."""
    return sum(
        not decile.joint_low <= decile.observed <= decile.joint_high
        for decile in calibration.deciles
    )


def _apart(
    assessment: Assessment, texts: Texts
) -> Iterator[tuple[str, Mapping[str, Estimate], Kind]]:
    yield texts.gettext("all test rows"), assessment.metrics, "ours"
    yield texts.gettext("holdout"), assessment.holdout or {}, "baseline"


def _by_predictor(
    assessment: Assessment, champion: str | None, texts: Texts, without: tuple[str, ...] = ()
) -> list[tuple[str, Mapping[str, Estimate], bool]]:
    """Who predicts, the figures, and whether they are ours."""
    others = [
        (
            baseline_words(name, champion, texts, strata=has_strata(assessment)),
            assessment.baselines[name].metrics,
            False,
        )
        for name in BASELINES
        if name in assessment.baselines and name not in without
    ]
    return [(texts.gettext("this model"), assessment.metrics, True), *others]


def _entry(who: str, estimate: Estimate | None, text: str, ours: bool) -> Entry:
    return Entry(label=who, estimate=estimate, text=text, kind="ours" if ours else "baseline")


def _kind(outcome: Outcome) -> Kind:
    return "unclear" if outcome == "mixed" else outcome
