"""The gate: whether a version may become champion, going by its documents alone, and why not.

It fails closed. What is missing, is not finite, has no interval or contradicts itself counts as
failed; a version passes only where every question was asked and answered. What else stands between
a version and serving (does it load, do its features exist online) is checked by `pipeline.promote`,
and adds reasons of the same kind.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from training.evaluation.assess import EVERYBODY, SLICE_METRICS
from training.evaluation.assessment import Assessment, CalibrationFigures, Estimate
from training.evaluation.metrics import METRICS
from training.release.evidence import (
    COMPARED,
    ModelEvidence,
    assessment_place,
    incomplete,
    other_version,
    read_assessments,
    read_facts,
)
from training.release.facts import TrainingFacts
from training.release.verdict import Finding, Verdict, missing
from training.settings import GateSettings

SLOPE = (0.9, 1.1)
"""A calibration slope whose interval lies wholly outside is refused."""

OBSERVED_OVER_EXPECTED = (0.95, 1.05)
"""The same for observed over expected."""

TOP_DECILES = 3
"""Deciles, highest probability first, that must keep their joint bounds: those that care acts
on.
"""

MOST_ADDITIVITY_ERROR = 1e-6
"""Log-odds between a margin and its explanation; doubles added up in another order differ by less
than 1e-9.
"""

MUCH_WORSE = {"champion": 0.02, "constant": 0.0}
"""Share of a slice's log loss by which the whole interval must lie above a baseline's, for the slice
to be much worse.

How well a ranking can do differs between slices by nature (who has been there for years is harder
to tell apart than a mixture of new and old), so that a low AUC alone refuses nothing: the report
flags it. Worse than the champion on the same people, or than knowing nothing about them, does. """

_LEAST_IN_STRATA = 0.99
"""Share of the rows that must belong to strata whose calibration could be evaluated; codes that
nobody knows may be left. """


@dataclass(frozen=True, kw_only=True)
class CurrentChampion:
    """What the gate must know of the version that is champion now.

    Parameters
    ----------
    number : str
        Its number.
    ungated : bool
        It became champion without passing the gate.
    service : str
        Its feature service.
    features : tuple of str
        Its features.
    """

    number: str
    ungated: bool
    service: str
    features: tuple[str, ...]


def evaluate(
    candidate: ModelEvidence,
    champion: CurrentChampion | None,
    settings: GateSettings,
    explained: Mapping[str, str] | None = None,
) -> Verdict:
    """Evaluate a candidate.

    Parameters
    ----------
    candidate : ModelEvidence
        What is known of it.
    champion : CurrentChampion or None
        Which version is champion now, if any.
    settings : GateSettings
        How many positives, and how costly explanations may be.
    explained : mapping of str to str, optional
        A person's reasons why leak flags are none, by column, or by kind for flags of the whole
        table or model.

    Returns
    -------
    Verdict
        With all reasons at once, so that nobody mends them one by one.
    """
    explained = dict(explained or {})
    facts, reasons = read_facts(candidate)
    if facts is not None:
        reasons += other_version(facts, candidate)
        reasons += _leaks(facts, explained)
        for horizon, assessment in read_assessments(facts, candidate, reasons):
            reasons += chain(
                incomplete(horizon, assessment, facts),
                _positives(horizon, assessment, settings),
                _better_than_constant(horizon, assessment),
                _champion(horizon, assessment, facts, champion),
                _calibrations(horizon, assessment, candidate.has_strata),
                _slices(horizon, assessment),
                _explanations(horizon, facts, settings),
            )
    return Verdict(
        passed=facts is not None and not reasons,
        reasons=tuple(dict.fromkeys(reasons)),
        explained=explained,
    )


def unexplained(facts: TrainingFacts, explained: Mapping[str, str]) -> dict[str, str]:
    """Leak flags that nobody explained: their kinds, by what an explanation calls them."""
    kinds: dict[str, str] = {}
    for flag in facts.flags:
        name = flag.column or flag.kind
        if not explained.get(name, "").strip():
            kinds[name] = f"{kinds[name]}, {flag.kind}" if name in kinds else flag.kind
    return kinds


def _positives(horizon: str, assessment: Assessment, settings: GateSettings) -> Iterator[Finding]:
    if assessment.positives < settings.fewest_positives:
        yield Finding(
            "positives",
            horizon,
            f"{_of(horizon)}{assessment.positives} positives in the test period; at least {settings.fewest_positives} are needed",
        )


def _better_than_constant(horizon: str, assessment: Assessment) -> Iterator[Finding]:
    constant, auc = assessment.baselines.get("constant"), assessment.metrics.get("auc")
    if auc and not auc.low > 0.5:
        yield Finding(
            "better_than_constant",
            horizon,
            f"{_of(horizon)}AUC {_interval(auc)} is not clearly above 0.5",
        )
    loss = constant and constant.difference.get("log_loss")
    if loss and not loss.high < 0:
        words = f"log loss minus that of a constant, {_interval(loss)}, is not clearly below 0"
        yield Finding("better_than_constant", horizon, _of(horizon) + words)


def _champion(
    horizon: str, assessment: Assessment, facts: TrainingFacts, champion: CurrentChampion | None
) -> Iterator[Finding]:
    if champion is None or (
        champion.ungated
        and (champion.service, champion.features) != (facts.service, facts.features)
    ):
        return  # nothing to be compared with: being better than a constant must do
    compared_with = facts.champion
    current = f"version {champion.number}"
    if compared_with.number != champion.number:
        known = "no champion" if compared_with.number is None else f"version {compared_with.number}"
        words = (
            f"it was compared with {known}, but {current} is champion now: train and compare again"
        )
        yield Finding("champion", "", words)
        return
    baseline = assessment.baselines.get("champion")
    if not compared_with.comparable or baseline is None:
        why = compared_with.why or "its figures are missing"
        yield Finding(
            "champion",
            "",
            f"it was not compared with the champion, {current}, on the same rows: {why}",
        )
        return
    for metric in COMPARED:
        found = baseline.difference.get(metric)
        if found and (found.high < 0 if METRICS[metric].direction == "higher" else found.low > 0):
            words = f"{metric} minus that of the champion, {_interval(found)}, is clearly on the bad side of 0"
            yield Finding("champion", horizon, _of(horizon) + words)


def _calibrations(horizon: str, assessment: Assessment, has_strata: bool) -> Iterator[Finding]:
    everybody = assessment.strata.get(EVERYBODY)
    parts = sum(
        calibration.rows
        for stratum, calibration in assessment.strata.items()
        if stratum != EVERYBODY
    )
    if everybody and (everybody.rows, everybody.positives) != (
        assessment.rows,
        assessment.positives,
    ):
        yield Finding(
            "complete",
            assessment_place(horizon, "strata"),
            f"{_of(horizon)}calibration was evaluated on other rows than the rest",
        )
    if has_strata and not _LEAST_IN_STRATA * assessment.rows <= parts <= assessment.rows:
        words = f"calibration by stratum was evaluated on {parts:,} of {assessment.rows:,} rows"
        yield Finding("complete", assessment_place(horizon, "strata"), _of(horizon) + words)
    for stratum, calibration in assessment.strata.items():
        yield from _calibration(f"{horizon}/{stratum}", f"{_of(horizon)}{stratum}: ", calibration)


def _calibration(place: str, where: str, calibration: CalibrationFigures) -> Iterator[Finding]:
    for rule, words, estimate, (lowest, highest), below, above in (
        ("slope", "calibration slope", calibration.slope, SLOPE, "too extreme", "too cautious"),
        (
            "observed_over_expected",
            "observed over expected",
            calibration.observed_over_expected,
            OBSERVED_OVER_EXPECTED,
            "too high",
            "too low",
        ),
    ):
        if estimate.high < lowest or estimate.low > highest:
            how = below if estimate.high < lowest else above
            yield Finding(
                rule,
                place,
                f"{where}{words} {_interval(estimate)} lies wholly outside {lowest} to {highest}: probabilities are {how}",
            )
    if len(calibration.deciles) < TOP_DECILES:
        yield Finding(
            "complete",
            place,
            f"{where}there must be at least {TOP_DECILES} deciles, not {len(calibration.deciles)}",
        )
    for rank, decile in enumerate(reversed(calibration.deciles[-TOP_DECILES:]), start=1):
        if not decile.joint_low <= decile.observed <= decile.joint_high:
            yield Finding(
                "top_deciles",
                place,
                f"{where}decile {rank} from the top: {decile.observed:.4f} observed where {decile.predicted:.4f} was predicted,"
                f" outside the joint 99 % bounds {decile.joint_low:.4f} to {decile.joint_high:.4f}",
            )


def _slices(horizon: str, assessment: Assessment) -> Iterator[Finding]:
    for column, values in assessment.slices.items():
        if not values:
            yield missing(assessment_place(horizon, "slices", column, "*"))
        elif sum(found.rows for found in values.values()) != assessment.rows:
            words = f"slices by {column} do not add up to all rows"
            yield Finding(
                "complete", assessment_place(horizon, "slices", column), _of(horizon) + words
            )
        for value, found in values.items():
            for metric in SLICE_METRICS:
                if found.gap is not None and metric not in found.metrics:
                    yield missing(
                        assessment_place(horizon, "slices", column, value, "metrics", metric)
                    )
            yield from _slice_beside_baselines(horizon, assessment, column, value)


def _slice_beside_baselines(
    horizon: str, assessment: Assessment, column: str, value: str
) -> Iterator[Finding]:
    found = assessment.slices[column][value]
    loss = found.metrics.get("log_loss")
    if loss is None or found.gap is None:  # too few to be told apart from chance
        return
    for baseline in assessment.baselines:
        difference = found.difference.get(baseline)
        if difference is None:
            yield missing(
                assessment_place(horizon, "slices", column, value, "difference", baseline)
            )
        elif baseline in MUCH_WORSE and not difference.low <= MUCH_WORSE[baseline] * loss.value:
            words = f"{column} {value}: much worse than the {baseline}, log loss {_interval(difference, signed=True)}"
            yield Finding("slices", f"{horizon}/{column}/{value}", _of(horizon) + words)


def _explanations(horizon: str, facts: TrainingFacts, settings: GateSettings) -> Iterator[Finding]:
    cost, error = facts.explanation_cost.get(horizon), facts.additivity_error.get(horizon)
    if cost is None or cost < 0:
        yield Finding(
            "explanation_cost", horizon, f"{_of(horizon)}the cost of explaining was not measured"
        )
    elif cost > settings.most_leaves:
        most = f"{settings.most_leaves:,} are allowed ({GateSettings.variable('most_leaves')})"
        yield Finding(
            "explanation_cost",
            horizon,
            f"{_of(horizon)}explaining visits {cost:,} leaves; at most {most}",
        )
    if error is None:
        yield Finding(
            "additivity",
            horizon,
            f"{_of(horizon)}that explanations add up to the margin was not checked",
        )
    elif not 0 <= error < MOST_ADDITIVITY_ERROR:
        yield Finding(
            "additivity",
            horizon,
            f"{_of(horizon)}explanations miss the margin by {error:g} log-odds",
        )


def _leaks(facts: TrainingFacts, explained: Mapping[str, str]) -> Iterator[Finding]:
    for name, kinds in unexplained(facts, explained).items():
        what = f"{name} ({kinds})" if name != kinds else f"the whole table or model ({kinds})"
        words = f"the leak watch flags {what}, and nobody has explained it (--explain-flag '{name}=REASON')"
        yield Finding("leaks", name, words)


def _of(horizon: str) -> str:
    return f"{horizon} days: " if horizon else ""


def _interval(estimate: Estimate, *, signed: bool = False) -> str:
    if not all(map(math.isfinite, (estimate.low, estimate.high))):
        return "unknown"
    sign = "+" if signed else ""
    return f"{estimate.low:{sign}.4f} to {estimate.high:{sign}.4f}"
