"""The record of uplift models in MLflow, with figures of the experiments that they come from."""

from collections.abc import Iterable

from holdfast.clock import Clock
from holdfast.home import Home
from models.uplift import UpliftModel
from training.release.tracking import RunRecord, Tracking
from training.uplift.experiment import Experiment
from training.uplift.result import ActionUplift


def register_uplift(
    home: Home, clock: Clock, evaluations: Iterable[tuple[Experiment, ActionUplift, UpliftModel]]
) -> dict[str, str]:
    """Register uplift models as challengers.

    The experiment takes the place of the gate: its verdicts are stored in the model and in the run.

    Returns
    -------
    dict of str to str
        Numbers that they were registered under, by name.
    """
    tracking = Tracking(home, clock)
    return {
        model.name: tracking.register(model, _record(experiment, action, model.service))
        for experiment, action, model in evaluations
    }


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
