"""The record of uplift models: what MLflow is told of the experiments behind them."""

from collections.abc import Iterable

from holdfast.clock import Clock
from holdfast.home import Home
from models.uplift import UpliftModel
from training.release.tracking import RunRecord, Tracking
from training.uplift.experiment import Experiment
from training.uplift.result import ActionUplift


def register_uplift(
    home: Home, clock: Clock, found: Iterable[tuple[Experiment, ActionUplift, UpliftModel]]
) -> dict[str, str]:
    """Register uplift models as challengers.

    An experiment is its models' gate: both verdicts stand in the model itself and in the run.

    Returns
    -------
    dict of str to str
        Numbers that they were registered under, by name.
    """
    tracking = Tracking(home, clock)
    return {
        model.name: tracking.register(model, _record(experiment, action, model.service))
        for experiment, action, model in found
    }


def _record(experiment: Experiment, action: ActionUplift, service: str | None) -> RunRecord:
    figures = {
        "average_effect": action.average,
        "autoc": action.autoc,
        "qini": action.qini,
        "slope": action.slope,
    }
    metrics: dict[str, float | None] = {}
    for name, found in figures.items():
        metrics |= {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
    return RunRecord(
        parameters={
            "action": action.action,
            "outcome": experiment.outcome_name,
            "propensity": experiment.source,
            "rows": len(experiment.outcome),
            "feature_service": service,
            "verdict": action.verdict,
        },
        metrics=metrics,
        documents={"uplift.json": action.to_json(), "left_out.json": experiment.left_out},
    )
