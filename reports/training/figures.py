"""Figures of the training report: how good a model is, for which rows, and for how long, from its
assessments.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from reports.kit.forest import Entry, Forest, Kind, forest, scaled
from reports.kit.numbers import PERCENT, signed, typeset
from reports.training.comparison import (
    BASELINE_WORDS,
    BASELINES,
    COMPARED,
    Outcome,
    OverallComparison,
)
from reports.training.words import plain
from training.evaluation.assess import EVERYBODY
from training.evaluation.assessment import Assessment, CalibrationFigures, Estimate, Slice
from training.release.calibration_rules import (
    OBSERVED_OVER_EXPECTED,
    SLOPE,
    DecileRule,
    calibration_findings,
)

OURS = "this version"
NOT_KNOWN = "not known"

_RATIOS = (0.4, 2.0)
# Rare values that are named in a row; if there are more, they are counted.
_MOST_NAMED = 3


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


@dataclass(frozen=True)
class Standing:
    """A slice for which the model is clearly better or worse than a baseline, or than for all other
    rows, and by how much.
    """

    column: str
    value: str
    text: str


def horizon_words(horizon: str) -> str:
    """What a horizon is called."""
    return f"within {horizon} days" if horizon else "whenever"


def interval(
    estimate: Estimate | None,
    digits: int = 3,
    factor: float = 1.0,
    *,
    sign: bool = False,
    unit: str = "",
) -> str:
    """A figure and its interval: ``0.780 (0.768 to 0.792)``."""
    if estimate is None:
        return NOT_KNOWN

    def text(value: float) -> str:
        value = factor * value
        return signed(value, digits) if sign else typeset(f"{value:,.{digits}f}")

    low, high = sorted((factor * estimate.low, factor * estimate.high))
    return f"{text(estimate.value)}{unit} ({text(low / factor)} to {text(high / factor)})"


def bounds(estimate: Estimate | None, digits: int = 3, factor: float = 1.0) -> str:
    """The interval of a figure alone: ``0.768 to 0.792``."""
    return (
        NOT_KNOWN
        if estimate is None
        else interval(estimate, digits, factor).partition("(")[2].rstrip(")")
    )


def baseline_words(baseline: str, champion: str | None) -> str:
    """What a baseline is called."""
    if baseline == "champion":
        return f"version\N{NO-BREAK SPACE}{champion}" if champion else "the champion"
    return BASELINE_WORDS.get(baseline, plain(baseline))


def difference_forest(comparisons: Sequence[tuple[str, OverallComparison]], metric: str) -> Forest:
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
            text = interval(difference, 2 if metric == "auc" else 1, sign=True)
            entries.append(
                Entry(label=horizon_words(horizon), estimate=difference, text=text, kind=kind)
            )
        groups.append((heading, entries))
    return forest(groups, sign=True, reference=0.0, left="worse", right="better")


def ranking_forest(assessments: Mapping[str, Assessment], champion: str | None) -> Forest:
    """AUC of the model and its baselines, by horizon, without the constant, whose AUC is 0.5."""
    groups = []
    for horizon, assessment in assessments.items():
        predictors = _by_predictor(assessment, champion, without=("constant",))
        groups.append(
            (
                horizon_words(horizon).capitalize(),
                [
                    _entry(who, metrics.get("auc"), interval(metrics.get("auc")))
                    for who, metrics in predictors
                ],
            )
        )
    return forest(groups, left="ranks worse", right="ranks better")


def profit_forest(assessments: Mapping[str, Assessment], champion: str | None) -> Forest:
    """Share of the perfect profit of the model and its baselines, by horizon."""
    groups = []
    for horizon, assessment in assessments.items():
        predictors = _by_predictor(assessment, champion)
        groups.append(
            (
                horizon_words(horizon).capitalize(),
                [
                    _entry(
                        who,
                        metrics.get("empc_share"),
                        interval(metrics.get("empc_share"), 0, 100, unit=PERCENT),
                    )
                    for who, metrics in predictors
                ],
            )
        )
    return forest(groups, factor=100, unit=PERCENT, least=(0.0, 0.3), most=(0.0, 1.0))


def hundreds(assessment: Assessment, champion: str | None) -> tuple[Hundred, ...]:
    """How many of a hundred rows have the outcome, by who picks them; at random last."""
    picks = []
    for who, metrics in _by_predictor(assessment, champion, without=("constant",)):
        precision = metrics.get("precision_capacity")
        if precision:
            text = interval(precision, 1, 100)
            picks.append(Hundred(who, round(100 * precision.value), text, who == OURS))
    rate = assessment.positives / assessment.rows
    return (*picks, Hundred("picked at random", round(100 * rate), f"{100 * rate:.1f}", ours=False))


def calibration_forests(assessments: Mapping[str, Assessment]) -> dict[str, Forest]:
    """Calibration slope and observed over expected of every stratum and horizon, with the zone of
    the gate. Orange is what the gate finds fault with.
    """
    forests = {}
    rule = DecileRule(0.0, sum(len(assessment.strata) for assessment in assessments.values()))
    faults = {
        ("observed_over_expected" if finding.rule == "level" else finding.rule, finding.where)
        for horizon, assessment in assessments.items()
        for finding in calibration_findings(horizon, assessment, False, rule)
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
                        label=horizon_words(horizon),
                        estimate=estimate,
                        text=interval(estimate, 2),
                        kind="worse" if outside else "ours",
                        note=f"{calibration.positives:,} of {calibration.rows:,}"
                        if calibration
                        else "",
                    )
                )
            groups.append((stratum_words(stratum), entries))
        forests[name] = forest(
            groups,
            reference=1.0,
            zone=zone,
            most=_RATIOS,
            left="too extreme" if name == "slope" else "too high",
            right="too cautious" if name == "slope" else "too low",
        )
    return forests


def strata_of(assessments: Mapping[str, Assessment]) -> tuple[str, ...]:
    """Names of the strata; all rows first."""
    names = dict.fromkeys(name for assessment in assessments.values() for name in assessment.strata)
    return tuple(sorted(names, key=lambda name: (name != EVERYBODY, list(names).index(name))))


def stratum_words(stratum: str) -> str:
    """What a stratum is called."""
    return "All" if stratum == EVERYBODY else plain(stratum).capitalize() or "No stratum"


def slice_words(value: str) -> str:
    """A slice's value without underscores: ``18–24``, ``sole trader``."""
    return plain(re.sub(r"(?<=\d)_(?=\d)", "\N{EN DASH}", value))


def slice_forest(assessment: Assessment) -> Forest:
    """AUC of every slice with enough rows to be compared with all others."""
    return forest(
        [
            (plain(column).capitalize(), [*_entries(values, _ranking_entry), *_too_few(values)])
            for column, values in assessment.slices.items()
        ],
        reference=assessment.metrics["auc"].value if "auc" in assessment.metrics else None,
        most=(0.0, 1.0),
        left="ranks worse",
        right="ranks better",
    )


def slice_ratio_forest(assessment: Assessment) -> Forest:
    """Observed over expected of every slice of the test rows."""

    def entry(value: str, figures: Slice) -> Entry:
        ratio = figures.metrics.get("observed_over_expected")
        off = ratio is not None and not ratio.low <= 1 <= ratio.high
        return Entry(
            label=slice_words(value),
            estimate=ratio,
            text=interval(ratio, 2),
            kind="worse" if off else "ours",
        )

    return forest(
        [
            (plain(column).capitalize(), [*_entries(values, entry), *_too_few(values)])
            for column, values in assessment.slices.items()
        ],
        reference=1.0,
        most=_RATIOS,
        left="too high",
        right="too low",
    )


def standings(assessment: Assessment, *, worse: bool) -> list[Standing]:
    """Slices that are flagged, or those that the model ranks clearly better than all other rows."""
    return [
        Standing(
            column,
            slice_words(value),
            f"AUC {interval(figures.metrics.get('auc'), 2)}, minus that of all others {interval(figures.gap, 2, sign=True)}",
        )
        for column, value, figures in _compared(assessment)
        if figures.gap is not None and (figures.flagged if worse else figures.gap.low > 0)
    ]


def baseline_slice_forest(assessment: Assessment, baseline: str) -> Forest | None:
    """By how many per cent the log loss of every slice is lower than a baseline's; None where that is
    not known.
    """

    def entry(value: str, figures: Slice) -> Entry:
        lower = _lower_loss(figures, baseline)
        kind: Kind = (
            "unclear"
            if lower is None or lower.low <= 0 <= lower.high
            else "better"
            if lower.low > 0
            else "worse"
        )
        return Entry(
            label=slice_words(value),
            estimate=lower,
            text=interval(lower, 1, sign=True),
            kind=kind,
            note=_of_rows(figures),
        )

    if not any(_lower_loss(figures, baseline) for _, _, figures in _compared(assessment)):
        return None
    return forest(
        [
            (plain(column).capitalize(), [*_entries(values, entry), *_too_few(values)])
            for column, values in assessment.slices.items()
        ],
        sign=True,
        reference=0.0,
        left="worse",
        right="better",
    )


def baseline_standings(assessment: Assessment, baseline: str, *, worse: bool) -> list[Standing]:
    """Slices where the model's log loss is clearly higher, or lower, than a baseline's."""
    clear = []
    for column, value, here in _compared(assessment):
        lower = _lower_loss(here, baseline)
        if lower is not None and (lower.high < 0 if worse else lower.low > 0):
            clear.append(
                Standing(column, slice_words(value), interval(lower, 1, sign=True, unit=PERCENT))
            )
    return clear


def by_column(shown: Sequence[Standing]) -> dict[str, list[str]]:
    """Values of slices by their columns."""
    columns: dict[str, list[str]] = {}
    for standing in shown:
        columns.setdefault(standing.column, []).append(standing.value)
    return columns


def _lower_loss(figures: Slice, baseline: str) -> Estimate | None:
    ours, difference = figures.metrics.get("log_loss"), figures.difference.get(baseline)
    if ours is None or difference is None or not ours.value - difference.value > 0:
        return None
    return scaled(difference, -100 / (ours.value - difference.value))


def _compared(assessment: Assessment) -> Iterator[tuple[str, str, Slice]]:
    for column, values in assessment.slices.items():
        for value, figures in values.items():
            if figures.gap is not None:
                yield plain(column), value, figures


def compared_slices(assessment: Assessment) -> int:
    """Number of slices with enough rows to be compared with all others."""
    return sum(1 for _ in _compared(assessment))


def holdout_forest(assessment: Assessment) -> Forest | None:
    """AUC of all test rows, and of the holdout: households that are never sent an offer."""
    if assessment.holdout is None:
        return None
    entries = [
        Entry(
            label=label, estimate=metrics.get("auc"), text=interval(metrics.get("auc")), kind=kind
        )
        for label, metrics, kind in _apart(assessment)
    ]
    return forest([("", entries)], left="ranks worse", right="ranks better")


def holdout_ratio_forest(assessment: Assessment) -> Forest | None:
    """Observed over expected of the same rows."""
    if assessment.holdout is None:
        return None
    entries = [
        Entry(
            label=label,
            estimate=metrics.get("observed_over_expected"),
            text=interval(metrics.get("observed_over_expected"), 2),
            kind=kind,
        )
        for label, metrics, kind in _apart(assessment)
    ]
    return forest([("", entries)], reference=1.0, left="too high", right="too low")


def misplaced_deciles(calibration: CalibrationFigures) -> int:
    """Number of deciles whose share is outside its joint bounds."""
    return sum(
        not decile.joint_low <= decile.observed <= decile.joint_high
        for decile in calibration.deciles
    )


def _apart(assessment: Assessment) -> Iterator[tuple[str, Mapping[str, Estimate], Kind]]:
    yield "all test rows", assessment.metrics, "ours"
    yield "holdout", assessment.holdout or {}, "baseline"


def _by_predictor(
    assessment: Assessment, champion: str | None, without: tuple[str, ...] = ()
) -> list[tuple[str, Mapping[str, Estimate]]]:
    others = [
        (baseline_words(name, champion), assessment.baselines[name].metrics)
        for name in BASELINES
        if name in assessment.baselines and name not in without
    ]
    return [(OURS, assessment.metrics), *others]


def _entry(who: str, estimate: Estimate | None, text: str) -> Entry:
    return Entry(
        label=who, estimate=estimate, text=text, kind="ours" if who == OURS else "baseline"
    )


def _entries(values: Mapping[str, Slice], entry: Callable[[str, Slice], Entry]) -> list[Entry]:
    return [entry(value, figures) for value, figures in values.items() if figures.gap is not None]


def _too_few(values: Mapping[str, Slice]) -> Iterator[Entry]:
    """One row for all values with too few rows to be compared."""
    rare = [slice_words(value) for value, figures in values.items() if figures.gap is None]
    if rare:
        label = ", ".join(rare) if len(rare) <= _MOST_NAMED else f"{len(rare)} values"
        yield Entry(label=label, estimate=None, text="too few rows", kind="unclear")


def _ranking_entry(value: str, figures: Slice) -> Entry:
    auc, gap = figures.metrics.get("auc"), figures.gap
    kind: Kind = (
        "worse" if figures.flagged else "better" if gap is not None and gap.low > 0 else "unclear"
    )
    return Entry(
        label=slice_words(value),
        estimate=auc,
        text=interval(auc, 2),
        kind=kind,
        note=_of_rows(figures),
    )


def _of_rows(figures: Slice) -> str:
    return f"{figures.positives:,} of {figures.rows:,}"


def _kind(outcome: Outcome) -> Kind:
    return "unclear" if outcome == "mixed" else outcome
