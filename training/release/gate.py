"""The gate: whether a version may become champion, decided from its documents alone, and why not.

It fails closed. A figure that is missing, is not finite, has no interval or contradicts another
counts as failed; a version passes only where every rule was checked and met. What else serving
needs (the version loads, its features exist online) is checked by `training.release.readiness`,
which adds findings of the same kind.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from holdfast.sentences import Sentence, named, sentence
from training.evaluation.assess import SLICE_METRICS
from training.evaluation.assessment import Assessment, Estimate
from training.evaluation.metrics import METRICS
from training.evaluation.signal import SIGNAL_METRICS, signal_of_assessments
from training.release.calibration_rules import DecileRule, calibration_findings
from training.release.evidence import (
    COMPARED,
    ModelEvidence,
    assessment_place,
    incomplete,
    other_version,
    read_assessments,
    read_facts,
    read_level,
)
from training.release.facts import TrainingFacts
from training.release.refit import refit_findings
from training.release.verdict import Finding, Verdict, missing, of_horizon
from training.settings import GateSettings

SHADOW_RULES = frozenset({"positives", "months", "level"})
"""Rules that a shadow may miss: those that only ask for more evidence. A version that misses any
other rule is neither champion nor shadow.
"""

MOST_ADDITIVITY_ERROR = 1e-6
"""Largest difference between a margin and the sum of its explanation, in log-odds; adding doubles
in another order changes a sum by less than 1e-9. """

MUCH_WORSE = {"champion": 0.02, "constant": 0.0}
"""Share of a slice's log loss by which the whole interval must lie above the baseline's for the
slice to be much worse.

How well rows can be ranked differs between slices (customers of many years are more alike than a
mixture of new and old ones), so that a low AUC alone refuses nothing: the report flags it. A slice
that is worse than the champion on the same rows, or than the share among the training rows, refuses.
"""


@dataclass(frozen=True, kw_only=True)
class CurrentChampion:
    """The version that is champion now, as far as the gate needs it.

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
        Its documents.
    champion : CurrentChampion or None
        Which version is champion now, if any.
    settings : GateSettings
        Fewest positives, shortest test period, and most leaves of a booster.
    explained : mapping of str to str, optional
        A person's reasons why columns with a leak flag are no leaks, by column, or by kind for
        flags of the whole table or model.

    Returns
    -------
    Verdict
        With all reasons at once.
    """
    explained = dict(explained or {})
    facts, reasons = read_facts(candidate)
    if facts is not None:
        reasons += other_version(facts, candidate)
        reasons += _leaks(facts, explained)
        reasons += _months(facts, settings)
        reasons += refit_findings(candidate.documents, facts.horizons)
        assessments = list(read_assessments(facts, candidate, reasons))
        # A figure that was not kept is another finding, and says nothing of what there is to find.
        if all(one.metrics.keys() >= {*SIGNAL_METRICS} for _, one in assessments):
            reasons += nothing_found(dict(assessments))
        calibrations = sum(len(assessment.strata) for _, assessment in assessments)
        level, problems = read_level(candidate)
        reasons += problems
        deciles = DecileRule(settings.decile_tolerance, calibrations)
        for horizon, assessment in assessments:
            reasons += chain(
                incomplete(horizon, assessment, facts),
                _positives(horizon, assessment, settings),
                _better_than_constant(horizon, assessment),
                _champion(horizon, assessment, facts, champion),
                calibration_findings(
                    *(horizon, assessment, candidate.has_strata, deciles),
                    level.horizons.get(horizon) if level else None,
                ),
                _slices(horizon, assessment),
                _explanations(horizon, facts, settings),
            )
    return Verdict(
        passed=facts is not None and not reasons,
        reasons=tuple(dict.fromkeys(reasons)),
        explained=explained,
    )


def nothing_found(assessments: Mapping[str, Assessment]) -> Iterator[Finding]:
    """Whether the model predicts its target at all: the rule by which `holdfast train` registers a
    version or none, so that the gate never passes what training calls nothing found.

    Parameters
    ----------
    assessments : mapping of str to Assessment
        Those that can be read, by horizon; without any, something is missing, which is another finding.
    """
    if assessments and not signal_of_assessments(assessments).found:
        yield Finding("nothing_found", "", sentence("nothing_found"))


def unexplained(facts: TrainingFacts, explained: Mapping[str, str]) -> dict[str, str]:
    """Kinds of the leak flags that were not explained, by the name that an explanation uses."""
    kinds: dict[str, str] = {}
    for flag in facts.flags:
        name = flag.column or flag.kind
        if not explained.get(name, "").strip():
            kinds[name] = f"{kinds[name]}, {flag.kind}" if name in kinds else flag.kind
    return kinds


def _positives(horizon: str, assessment: Assessment, settings: GateSettings) -> Iterator[Finding]:
    if assessment.evidence < settings.fewest_positives:
        counted = "positives" if assessment.positive_customers is None else "positive_customers"
        yield Finding(
            "positives",
            horizon,
            of_horizon(
                horizon,
                sentence(
                    counted,
                    positives=assessment.evidence,
                    fewest=settings.fewest_positives,
                ),
            ),
        )


def _months(facts: TrainingFacts, settings: GateSettings) -> Iterator[Finding]:
    """Whether the test period has cut-offs of different months: one month says nothing of another."""
    cutoffs = [datetime.fromisoformat(cutoff) for cutoff in facts.cutoffs.get("test", ())]
    if not cutoffs:  # the whole part is missing, which is another finding
        return
    days = (max(cutoffs) - min(cutoffs)).days
    if days < settings.fewest_test_days:
        yield Finding(
            "months",
            "",
            sentence(
                "months",
                days=days,
                fewest=settings.fewest_test_days,
                setting=GateSettings.variable("fewest_test_days"),
            ),
        )


def _better_than_constant(horizon: str, assessment: Assessment) -> Iterator[Finding]:
    constant, auc = assessment.baselines.get("constant"), assessment.metrics.get("auc")
    if auc and not auc.low > 0.5:
        yield Finding(
            "better_than_constant",
            horizon,
            of_horizon(horizon, sentence("auc_not_above_half", interval=_interval(auc))),
        )
    loss = constant and constant.difference.get("log_loss")
    if loss and not loss.high < 0:
        worse = sentence("loss_not_below_constant", interval=_interval(loss))
        yield Finding("better_than_constant", horizon, of_horizon(horizon, worse))


def _champion(
    horizon: str, assessment: Assessment, facts: TrainingFacts, champion: CurrentChampion | None
) -> Iterator[Finding]:
    if champion is None or (
        champion.ungated
        and (champion.service, champion.features) != (facts.service, facts.features)
    ):
        return  # nothing to compare with: being better than the share alone is enough
    compared_with = facts.champion
    if compared_with.number != champion.number:
        code = "compared_with_none" if compared_with.number is None else "compared_with_other"
        others = {} if compared_with.number is None else {"other": compared_with.number}
        yield Finding("champion", "", sentence(code, champion=champion.number, **others))
        return
    baseline = assessment.baselines.get("champion")
    if not compared_with.comparable or baseline is None:
        why = compared_with.reason or sentence("figures_missing")
        yield Finding("champion", "", sentence("not_compared", champion=champion.number, why=why))
        return
    for metric in COMPARED:
        difference = baseline.difference.get(metric)
        higher = METRICS[metric].direction == "higher"
        if difference and (difference.high < 0 if higher else difference.low > 0):
            worse = sentence(
                "worse_than_champion", metric=named(metric), interval=_interval(difference)
            )
            yield Finding("champion", horizon, of_horizon(horizon, worse))


def _slices(horizon: str, assessment: Assessment) -> Iterator[Finding]:
    for column, values in assessment.slices.items():
        if not values:
            yield missing(assessment_place(horizon, "slices", column, "*"))
        elif sum(one.rows for one in values.values()) != assessment.rows:
            words = sentence("slices_do_not_add_up", column=named(column))
            yield Finding(
                "complete",
                assessment_place(horizon, "slices", column),
                of_horizon(horizon, words),
            )
        for value, one in values.items():
            for metric in SLICE_METRICS:
                if one.gap is not None and metric not in one.metrics:
                    yield missing(
                        assessment_place(horizon, "slices", column, value, "metrics", metric)
                    )
            yield from _slice_beside_baselines(horizon, assessment, column, value)


def _slice_beside_baselines(
    horizon: str, assessment: Assessment, column: str, value: str
) -> Iterator[Finding]:
    figures = assessment.slices[column][value]
    loss = figures.metrics.get("log_loss")
    if loss is None or figures.gap is None:  # too few rows to exclude chance
        return
    for baseline in assessment.baselines:
        difference = figures.difference.get(baseline)
        if difference is None:
            yield missing(
                assessment_place(horizon, "slices", column, value, "difference", baseline)
            )
        elif baseline in MUCH_WORSE and not difference.low <= MUCH_WORSE[baseline] * loss.value:
            worse = sentence(
                f"slice_worse_than_{baseline}",
                column=named(column),
                value=named(value),
                interval=_interval(difference, signed=True),
            )
            yield Finding("slices", f"{horizon}/{column}/{value}", of_horizon(horizon, worse))


def _explanations(horizon: str, facts: TrainingFacts, settings: GateSettings) -> Iterator[Finding]:
    cost, error = facts.explanation_cost.get(horizon), facts.additivity_error.get(horizon)
    if cost is None or cost < 0:
        yield Finding(
            "explanation_cost",
            horizon,
            of_horizon(horizon, sentence("cost_not_measured")),
        )
    elif cost > settings.most_leaves:
        words = sentence(
            "cost_too_high",
            leaves=cost,
            most=settings.most_leaves,
            setting=GateSettings.variable("most_leaves"),
        )
        yield Finding("explanation_cost", horizon, of_horizon(horizon, words))
    if error is None:
        yield Finding(
            "additivity",
            horizon,
            of_horizon(horizon, sentence("additivity_not_checked")),
        )
    elif not 0 <= error < MOST_ADDITIVITY_ERROR:
        yield Finding(
            "additivity",
            horizon,
            of_horizon(horizon, sentence("explanations_miss", error=error)),
        )


def _leaks(facts: TrainingFacts, explained: Mapping[str, str]) -> Iterator[Finding]:
    for name, kinds in unexplained(facts, explained).items():
        code = "flagged" if name != kinds else "flagged_as_a_whole"
        listed = [named(kind) for kind in kinds.split(", ")]
        yield Finding("leaks", name, sentence(code, column=name, kinds=listed))


def _interval(estimate: Estimate, *, signed: bool = False) -> Sentence:
    if not all(map(math.isfinite, (estimate.low, estimate.high))):
        return sentence("interval_unknown")
    code = "signed_interval" if signed else "interval"
    return sentence(code, low=estimate.low, high=estimate.high)
