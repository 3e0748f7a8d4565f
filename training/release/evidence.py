"""Evidence: the documents of a candidate, read strictly, and whether they are complete and agree
with each other.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from holdfast.documents import inspect_document, place_in
from holdfast.errors import InputError, shorten
from holdfast.sentences import Sentence, named, sentence
from models.level.revision import LEVEL, LevelRevision
from training.evaluation.assess import EVERYBODY
from training.evaluation.assessment import ASSESSMENT, Assessment, Estimate, horizon_name
from training.evaluation.metrics import METRICS
from training.release.facts import PARTS, TRAINING, TrainingFacts
from training.release.verdict import Finding, missing

COMPARED = ("auc", "log_loss")
"""Figures that the version and every baseline must have, with an interval."""

_BASELINES = ("constant", "logistic")

Document = TypeVar("Document")


@dataclass(frozen=True, kw_only=True)
class ModelEvidence:
    """What the gate reads of a candidate.

    Parameters
    ----------
    name, service : str
        As in its ``model.json``.
    features : tuple of str
        As in its ``model.json``.
    has_strata : bool
        Whether it has strata; then each must have been evaluated.
    documents : mapping of str to JSON
        Documents stored with it; ``training.json`` and ``assessment.json`` are read.
    """

    name: str
    service: str
    features: tuple[str, ...]
    has_strata: bool
    documents: Mapping[str, Any]


def _read(
    kind: type[Document], document: object, name: str, *keys: str
) -> tuple[Document | None, list[Finding]]:
    if document is None:
        place = place_in(name, *keys)
        return None, [Finding("complete", place, sentence("not_made_by_train", place=place))]
    value, faults = inspect_document(kind, document, name, *keys)
    return value, [Finding("complete", fault.field, _fault(fault)) for fault in faults]


def _fault(fault: InputError) -> Sentence:
    if fault.value is None:
        return sentence("unreadable", place=fault.field, rule=named(fault.rule))
    return sentence(
        "unreadable_value", place=fault.field, rule=named(fault.rule), value=shorten(fault.value)
    )


def other_version(facts: TrainingFacts, candidate: ModelEvidence) -> Iterator[Finding]:
    """What in ``training.json`` is missing, or belongs to another version than the candidate."""
    for what in ("target", "service", "features"):
        if getattr(facts, what) != getattr(candidate, "name" if what == "target" else what):
            yield Finding(
                "complete",
                place_in(TRAINING, what),
                sentence("of_another_version", place=place_in(TRAINING, what)),
            )
    for what, keys, names in (
        ("rows", facts.rows, PARTS),
        ("cutoffs", facts.cutoffs, PARTS),
        ("rounds", facts.rounds, facts.horizons),
    ):
        for name in names:
            if name not in keys:
                yield missing(place_in(TRAINING, what, name))


def read_facts(candidate: ModelEvidence) -> tuple[TrainingFacts | None, list[Finding]]:
    """How the candidate was made, and all that is wrong with ``training.json``."""
    return _read(TrainingFacts, candidate.documents.get(TRAINING), TRAINING)


def read_level(candidate: ModelEvidence) -> tuple[LevelRevision | None, list[Finding]]:
    """The candidate's level of risk, and all that is wrong with ``level.json``; neither where it has
    none.
    """
    document = candidate.documents.get(LEVEL)
    return (None, []) if document is None else _read(LevelRevision, document, LEVEL)


def read_assessments(
    facts: TrainingFacts, candidate: ModelEvidence, reasons: list[Finding]
) -> Iterator[tuple[str, Assessment]]:
    """The readable assessments by horizon; what is wrong with ``assessment.json`` is added to the
    reasons.
    """
    document = candidate.documents.get(ASSESSMENT)
    if not isinstance(document, Mapping):
        reasons += _read(Assessment, None, ASSESSMENT)[1]
        return
    for horizon in document.keys() - set(facts.horizons):
        reasons.append(
            Finding(
                "complete",
                assessment_place(horizon),
                sentence("no_horizon", document=ASSESSMENT, horizon=horizon),
            )
        )
    for horizon in facts.horizons:
        assessment, problems = _read(Assessment, document.get(horizon), ASSESSMENT, horizon)
        reasons += problems
        if assessment is not None:
            yield horizon, assessment


def incomplete(horizon: str, assessment: Assessment, facts: TrainingFacts) -> Iterator[Finding]:
    """Figures of an assessment that are missing, or have no interval."""
    if horizon_name(assessment.horizon_days) != horizon:
        yield Finding(
            "complete",
            assessment_place(horizon, "horizon_days"),
            sentence(
                "another_horizon",
                place=assessment_place(horizon),
                days=str(assessment.horizon_days),
            ),
        )
    for group, names, present in (
        ("metrics", METRICS, assessment.metrics),
        ("rivals", _BASELINES, assessment.baselines),
        ("strata", (EVERYBODY, *facts.strata), assessment.strata),
        ("slices", facts.slices, assessment.slices),
    ):
        for name in names:
            if name not in present:
                yield missing(assessment_place(horizon, group, name))
    for name, baseline in assessment.baselines.items():
        for metric in COMPARED:
            for what, figures in (
                ("metrics", baseline.metrics),
                ("difference", baseline.difference),
            ):
                if metric not in figures:
                    yield missing(assessment_place(horizon, "rivals", name, what, metric))
    for where, estimate in _estimates(horizon, assessment):
        if not estimate.low <= estimate.high:
            yield Finding(
                "complete",
                where,
                sentence("no_interval", place=where, low=estimate.low, high=estimate.high),
            )
    for where, estimate in _tested_estimates(horizon, assessment):
        if estimate.low == estimate.high:
            yield Finding("complete", where, sentence("not_resampled", place=where))


def assessment_place(horizon: str, *keys: str) -> str:
    """What findings call a place in ``assessment.json``."""
    return place_in(ASSESSMENT, horizon, *keys)


def _estimates(horizon: str, assessment: Assessment) -> Iterator[tuple[str, Estimate]]:
    for name, estimate in assessment.metrics.items():
        yield assessment_place(horizon, "metrics", name), estimate
    for baseline, figures in assessment.baselines.items():
        for name, estimate in figures.difference.items():
            yield assessment_place(horizon, "rivals", baseline, "difference", name), estimate


def _tested_estimates(horizon: str, assessment: Assessment) -> Iterator[tuple[str, Estimate]]:
    for name in COMPARED:
        if name in assessment.metrics:
            yield assessment_place(horizon, "metrics", name), assessment.metrics[name]
    for stratum, calibration in assessment.strata.items():
        strata = (horizon, "strata", stratum)
        yield assessment_place(*strata, "slope"), calibration.slope
        yield (
            assessment_place(*strata, "observed_over_expected"),
            calibration.observed_over_expected,
        )
