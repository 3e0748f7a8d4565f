"""Uplift from beginning to end: from an experiment to verdicts, models and a report."""

import json
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.experiment import Experiment
from training.experiment_table import ExperimentRoles, ExperimentTable, read_experiment
from training.uplift import JudgedExperiment, judge_experiment
from training.uplift_settings import UpliftSettings

_RESULT = "uplift.json"


@dataclass(frozen=True, kw_only=True)
class UpliftRun:
    """What came of a run.

    Parameters
    ----------
    directory : Path
        Where result, report and models lie.
    judged : JudgedExperiment
        What was found.
    notes : tuple of str
        What a person should know of how it was found.
    seconds : float
        How long it took.
    """

    directory: Path
    judged: JudgedExperiment
    notes: tuple[str, ...]
    seconds: float

    @property
    def experiment(self) -> Experiment:
        """The experiment."""
        return self.judged.experiment

    def to_json(self) -> dict[str, Any]:
        """The result as JSON."""
        experiment = self.experiment
        return {
            "experiment": experiment.name,
            "outcome": experiment.outcome_name,
            "rows": len(experiment.outcome),
            "clusters": len(set(experiment.cluster.tolist())),
            "control": experiment.arms[0],
            "propensity": experiment.source,
            "left_out": experiment.left_out,
            "notes": list(self.notes),
            "label": "randomised",
            "actions": [action.to_json() for action in self.judged.actions],
            "directory": str(self.directory),
            "seconds": round(self.seconds, 2),
        }


def judge_table(path: Path, roles: ExperimentRoles, directory: Path) -> UpliftRun:
    """Judge a team's own experiment.

    Parameters
    ----------
    path : Path
        CSV, CSV.gz or Parquet, one row a customer or contact.
    roles : ExperimentRoles
        What its columns are for.
    directory : Path
        Where result and models go; made if need be.

    Raises
    ------
    InputError
        Names the option or column, the rule and the value; nothing is written then.
    """
    started = time.monotonic()
    table = read_experiment(path, roles)
    judged = judge_experiment(table.experiment, UpliftSettings.read())
    run = UpliftRun(directory=directory, judged=judged, notes=_notes(table), seconds=time.monotonic() - started)
    _write(run)
    return run


def _notes(table: ExperimentTable) -> tuple[str, ...]:
    control = f"control is {table.experiment.arms[0]!r}, {table.control_why}"
    shares = (
        "propensities are estimated from the arms' shares"
        if table.experiment.source == "shares"
        else "propensities are as stored"
    )
    return (control, table.good_why, shares)


def _write(run: UpliftRun) -> None:
    run.directory.mkdir(parents=True, exist_ok=True)
    for place, action in enumerate(run.judged.actions):
        name = f"uplift_{re.sub(r'[^a-z0-9]+', '_', action.action.lower()).strip('_') or place}"
        run.judged.model(place, name, None).save(run.directory / name)
    text = json.dumps(run.to_json(), ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    (run.directory / _RESULT).write_text(text, encoding="utf-8")
