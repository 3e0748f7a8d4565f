"""Tracking: a training run in MLflow, and the model versions that come of it."""

import sqlite3
import tempfile
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.errors import HoldfastError
from holdfast.logging import progress
from holdfast.settings import Home, keep_parts_private
from models.registry import CHAMPION, MODEL_DIGEST
from models.version import ModelVersion

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mlflow import MlflowClient

EXPERIMENT = "holdfast"
MODEL_DIRECTORY = "model"
UNGATED = "ungated"


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """What is written down about a training run.

    Parameters
    ----------
    parameters : mapping of str to object
        What it was made with, the data's hash and the feature service included.
    metrics : mapping of str to float
        Figures of merit; None is left out.
    figures : mapping of str to Figure
        Plots by file name.
    documents : mapping of str to JSON
        Longer results by file name.
    """

    parameters: Mapping[str, object]
    metrics: Mapping[str, float | None]
    figures: Mapping[str, "Figure"] = field(default_factory=dict)
    documents: Mapping[str, object] = field(default_factory=dict)


class Tracking:
    """The MLflow store below a home directory.

    Parameters
    ----------
    home : Home
        Where its database and artifacts lie; made when first used.
    """

    def __init__(self, home: Home) -> None:
        self.home = home
        self._client = _connect(home)

    def register(self, model: ModelVersion, record: RunRecord) -> str:
        """Log a run and register its model; no alias is moved.

        Returns
        -------
        str
            The version's number.
        """
        with progress("Recording the run (MLflow)"):
            run = self._client.create_run(self._experiment())
            run_id = run.info.run_id
            self._log(run_id, record)
            with tempfile.TemporaryDirectory() as directory:
                digest = model.save(Path(directory))
                self._client.log_artifacts(run_id, directory, MODEL_DIRECTORY)
            self._client.set_terminated(run_id)
            if not self._client.search_registered_models(f"name = '{model.name}'"):
                self._client.create_registered_model(model.name)
            source = f"{run.info.artifact_uri}/{MODEL_DIRECTORY}"
            registered = self._client.create_model_version(
                model.name, source, run_id, tags={MODEL_DIGEST: digest}, await_creation_for=None
            )
            return str(registered.version)

    def set_champion_ungated(self, name: str, number: str) -> None:
        """Make a version the champion without passing the gate, and tag it so."""
        self._client.set_model_version_tag(name, number, UNGATED, "true")
        self._client.set_registered_model_alias(name, CHAMPION, number)

    def _experiment(self) -> str:
        # An experiment keeps the address its artifacts had when it was made: a home that was moved begins another one.
        location = self.home.artifacts.as_uri()
        for name in (EXPERIMENT, f"{EXPERIMENT} in {self.home.root}"):
            found = self._client.get_experiment_by_name(name)
            if found is None:
                return str(self._client.create_experiment(name, artifact_location=location))
            if found.artifact_location == location:
                return str(found.experiment_id)
        raise HoldfastError(f"MLflow has an experiment {name!r} whose artifacts lie elsewhere")

    def _log(self, run_id: str, record: RunRecord) -> None:
        from mlflow.entities import Metric, Param
        from mlflow.utils.time import get_current_time_millis

        now = get_current_time_millis()
        metrics = [Metric(name, value, now, 0) for name, value in record.metrics.items() if value is not None]
        self._client.log_batch(run_id, metrics, [Param(name, str(value)) for name, value in record.parameters.items()])
        for name, figure in record.figures.items():
            self._client.log_figure(run_id, figure, name)
        for name, document in record.documents.items():
            self._client.log_dict(run_id, document, name)


def _connect(home: Home) -> "MlflowClient":
    keep_parts_private()
    from mlflow import MlflowClient

    address = f"sqlite:///{home.tracking}"
    with progress("Opening the model registry (MLflow)"):
        client = MlflowClient(tracking_uri=address, registry_uri=address)
        client.search_experiments(max_results=1)  # makes and migrates the database
        with closing(sqlite3.connect(home.tracking)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            made = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'registered_models'").fetchone()
    if not made:
        # MLflow keeps its connections for as long as the process lives, to a file that is no longer there.
        raise HoldfastError(f"{home.tracking} was removed while this process had it open; run again in a new process")
    return client
