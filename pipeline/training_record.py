"""What is kept of a training: all of its run, its report, and the version in the registry with its
model card, or that nothing was found.
"""

from dataclasses import replace
from pathlib import Path

from features.online.settings import OnlineSettings
from holdfast.clock import Clock
from holdfast.files import write_beside
from holdfast.home import Home
from holdfast.logging import progress
from pipeline.found_nothing import (
    FoundNothing,
    forget_found_nothing,
    keep_found_nothing,
    report_of,
)
from pipeline.promote import aliases_by_version, would_pass, write_changed_cards
from reports.training.assessment_plots import assessment_figures
from reports.training.report import render_model_report
from training.evaluation.predictions import TEST_PREDICTIONS
from training.evaluation.signal import signal_of_assessments
from training.operator.model import OperatorModel
from training.release.facts import SURVEY
from training.release.gate import nothing_found
from training.release.signature import InputExample
from training.release.tracking import VERDICT, RunRecord, Tracking, assessment_metrics
from training.release.verdict import Verdict


def register(
    home: Home, model: OperatorModel, language: str, *, online: OnlineSettings, clock: Clock
) -> tuple[str, Verdict, Path, Path]:
    """Register a version as challenger, and write its report and card.

    Parameters
    ----------
    home : Home
        Locked by the caller.
    model : OperatorModel
        What was trained.
    language : str
        Language of the report: one of `models.words.catalogue.LANGUAGES`.
    online : OnlineSettings
        Which online store the version must be able to read to pass the gate.
    clock : Clock
        When figures were logged.

    Returns
    -------
    number : str
        The version's number.
    verdict : Verdict
        What the gate would say now.
    report, card : Path
        Where they lie.
    """
    tracking, name = Tracking(home, clock), model.version.name
    with tracking.registering(model.version, _record(model)) as registered:
        number, before = registered.number, aliases_by_version(home, name)
        verdict = would_pass(home, name, number, gate=model.config.gate, online=online)
        with progress("Drawing the report"):
            page = render_model_report(
                model, verdict, number, model.version.documents.get(SURVEY), language
            )
        tracking.log_text(registered.run_id, page, "report.html")
        report = home.reports / f"{name}_{number}.html"
        report.parent.mkdir(exist_ok=True)
        write_beside(report, page)
        forget_found_nothing(home, name)
    return number, verdict, report, write_changed_cards(home, name, before, number)


def report_nothing(
    home: Home, model: OperatorModel, language: str, *, clock: Clock
) -> tuple[Verdict, Path]:
    """Record the run of a training that found nothing, and write its report; no version is registered.

    Arguments are as of `register`.

    Returns
    -------
    verdict : Verdict
        The gate's, of the one rule that comes before all others: the others are about a version.
    report : Path
        Where it lies.
    """
    name, documents = model.version.name, model.version.documents
    verdict = Verdict(passed=False, reasons=tuple(nothing_found(model.assessments)))
    page = render_model_report(model, verdict, None, documents.get(SURVEY), language)
    # Predictions of single rows serve only to compare versions.
    record = replace(
        _record(model), documents=documents, tables={}, texts={"report.html": page}, example=None
    )
    signal = signal_of_assessments(model.assessments)
    run_id = Tracking(home, clock).record(name, record, {VERDICT: signal.verdict})
    report = report_of(home, name)
    report.parent.mkdir(exist_ok=True)
    write_beside(report, page)
    keep_found_nothing(
        home,
        FoundNothing(
            model=name,
            at=model.facts.made_at,
            enough_data=signal.enough_data,
            report=report.relative_to(home.root).as_posix(),
            run_id=run_id,
        ),
    )
    return verdict, report


def _record(model: OperatorModel) -> RunRecord:
    facts = model.facts
    return RunRecord(
        parameters={
            "target": facts.target,
            "feature_service": facts.service,
            "features": list(facts.features),
            "rows": facts.rows,
            "excluded": facts.excluded,
            "rounds": facts.rounds,
            "explanation_cost": facts.explanation_cost,
            **facts.parameters,
            **model.config.parameters(),
        },
        metrics=assessment_metrics(model.assessments),
        figures=assessment_figures(model.assessments),
        tables={TEST_PREDICTIONS: model.predictions.to_table()},
        trials=model.tuned.trials if model.tuned else (),
        dataset=(facts.target, facts.dataset_sha256),
        example=InputExample.of(model.version, model.sample.matrix),
    )
