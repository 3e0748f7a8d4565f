"""The record of uplift models in MLflow, with figures of the experiments that they come from."""

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from holdfast.clock import Clock
from holdfast.home import Home
from models.registry import MODEL_DIGEST, list_versions
from models.uplift import UpliftModel
from training.release.tracking import RunRecord, Tracking
from training.uplift.experiment import Experiment
from training.uplift.result import ActionUplift


def register_uplift(
    home: Home, clock: Clock, evaluations: Iterable[tuple[Experiment, ActionUplift, UpliftModel]]
) -> dict[str, str]:
    """Register uplift models.

    The experiment takes the place of the gate: its verdicts are stored in the model and in the run.
    A model that is the same as the newest version, as after a second evaluation of the same data, is
    that version.

    Returns
    -------
    dict of str to str
        Numbers that they were registered under, by name.
    """
    tracking = Tracking(home, clock)
    return {
        model.name: _same_version(home, model)
        or tracking.register(model, _record(experiment, action, model.service))
        for experiment, action, model in evaluations
    }


def _same_version(home: Home, model: UpliftModel) -> str | None:
    """Number of the newest version, where it holds the same files as a model."""
    newest = next(iter(list_versions(home, model.name)), None)
    if newest is None:
        return None
    with TemporaryDirectory() as directory:
        digest = model.save(Path(directory))
    return newest.number if newest.tags.get(MODEL_DIGEST) == digest else None


def _record(experiment: Experiment, action: ActionUplift, service: str | None) -> RunRecord:
    figures = {
        "average_effect": action.average,
        "autoc": action.autoc,
        "qini": action.qini,
        "slope": action.slope,
    }
    metrics: dict[str, float | None] = {}
    for name, figure in figures.items():
        if figure is None:
            continue
        metrics |= {name: figure.value, f"{name}_low": figure.low, f"{name}_high": figure.high}
    return RunRecord(
        parameters={
            "action": action.action,
            "outcome": experiment.outcome_name,
            "propensity": experiment.source,
            "rows": len(experiment.outcome),
            "feature_service": service,
            "verdict": action.finding.verdict,
        },
        metrics=metrics,
        documents={"uplift.json": action.to_json(), "left_out.json": experiment.left_out},
    )
