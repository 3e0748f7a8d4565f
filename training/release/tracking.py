"""Tracking: a training run in MLflow, and the model version that it registers, if any.

Registering is the last step and a single transaction: a process that dies earlier leaves a run
without a version, never a version without files. `training.release.promotion` decides by aliases
which version is served.
"""

import math
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow.parquet as pq

from holdfast.clock import Clock
from holdfast.errors import HoldfastError
from holdfast.home import Home
from holdfast.logging import progress
from models.registry import CHALLENGER, MODEL_DIGEST
from models.version import ModelVersion
from training.evaluation.assessment import Assessment
from training.release.promotion import Promotions
from training.release.provenance import environment, git_commit
from training.release.signature import InputExample

if TYPE_CHECKING:
    import pyarrow as pa
    from matplotlib.figure import Figure
    from mlflow import MlflowClient
    from mlflow.entities import Run

EXPERIMENT = "holdfast"
MODEL_DIRECTORY = "model"

VERDICT = "holdfast.verdict"
"""Tag of a run that registered no version: its `training.evaluation.signal.SignalVerdict`."""

_MOST_PARAMETER_CHARACTERS = 6000


class Savable(Protocol):
    """A model that can be registered."""

    @property
    def name(self) -> str:
        """Name of the registered model."""

    def save(self, directory: Path) -> str:
        """Write it into an empty directory; returns the SHA-256 of its ``model.json``."""


class Trial(Protocol):
    """What is recorded of a tuning trial, such as a `training.fitting.tune.TrialRecord`."""

    @property
    def number(self) -> int:
        """From 0."""

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Parameters that were proposed."""

    @property
    def pruned(self) -> bool:
        """Whether it was stopped early."""

    @property
    def value(self) -> float | None:
        """The objective; lower is better."""

    @property
    def log_loss(self) -> float | None:
        """On the tuning rows."""

    @property
    def rounds(self) -> int | None:
        """Boosting rounds."""

    @property
    def leaves(self) -> int | None:
        """Leaves over all trees."""

    @property
    def seconds(self) -> float:
        """Duration."""


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """What is recorded of a training run.

    Parameters
    ----------
    parameters : mapping of str to object
        Settings of the run, with the digest of the data and the feature service.
    metrics : mapping of str to float
        Figures of merit; None is left out.
    figures : mapping of str to Figure
        Plots by file name.
    texts : mapping of str to str
        Texts by file name, such as plots that were drawn already.
    documents : mapping of str to JSON
        Longer results by file name.
    tables : mapping of str to Table
        Tables by file name, parquet.
    trials : sequence of Trial
        Tuning trials, each a run below this one.
    dataset : tuple of str and str, optional
        Name and SHA-256 of the labelled rows.
    example : InputExample, optional
        Rows that show inputs and outputs of the model; they must not be a customer's.
    """

    parameters: Mapping[str, object]
    metrics: Mapping[str, float | None]
    figures: Mapping[str, "Figure"] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    documents: Mapping[str, object] = field(default_factory=dict)
    tables: Mapping[str, "pa.Table"] = field(default_factory=dict)
    trials: Sequence[Trial] = ()
    dataset: tuple[str, str] | None = None
    example: InputExample | None = None


@dataclass(frozen=True)
class Registered:
    """A version that was just registered.

    Parameters
    ----------
    number : str
        Its number.
    run_id : str
        MLflow's name of the run that made it.
    """

    number: str
    run_id: str


def assessment_metrics(assessments: Mapping[str, Assessment]) -> dict[str, float | None]:
    """Figures of all horizons under the names that runs keep them by: ``auc_90d``, ``auc_90d_low``,
    ``auc_90d_high`` and so on.
    """
    metrics: dict[str, float | None] = {}
    for horizon, assessment in assessments.items():
        for name, estimate in assessment.metrics.items():
            figure = f"{name}_{horizon}d" if horizon else name
            for suffix, value in (
                ("", estimate.value),
                ("_low", estimate.low),
                ("_high", estimate.high),
            ):
                metrics[figure + suffix] = value if math.isfinite(value) else None
    return metrics


class Tracking:
    """The MLflow store below a home directory.

    Parameters
    ----------
    home : Home
        Where its database and artifacts lie; made when first used.
    clock : Clock
        When figures were logged and a version became champion.
    """

    def __init__(self, home: Home, clock: Clock) -> None:
        self.home = home
        self._clock = clock
        self._client = _connect(home)

    def register(self, model: Savable, record: RunRecord) -> str:
        """Log a run and register its model, which becomes the challenger.

        Returns
        -------
        str
            The version's number.
        """
        with self.registering(model, record) as registered:
            return registered.number

    @contextmanager
    def registering(self, model: Savable, record: RunRecord) -> Iterator[Registered]:
        """Log a run and register its model, which becomes the challenger at the end of the block.

        The block makes what must name the version, such as its report. If it fails, the version is
        deleted.
        """
        with progress("Recording the run (MLflow)"):
            run = self._begin(model.name, {})
            run_id = run.info.run_id
            with self._failing(run_id), tempfile.TemporaryDirectory() as directory:
                self._log(run_id, record)
                self._log_trials(run.info.experiment_id, run_id, record.trials)
                digest = model.save(Path(directory))
                example = record.example or (
                    InputExample.of(model) if isinstance(model, ModelVersion) else None
                )
                if example is not None:
                    example.save(Path(directory))
                self._client.log_artifacts(run_id, directory, MODEL_DIRECTORY)
            self._client.set_terminated(run_id)
            if not self._client.search_registered_models(f"name = '{model.name}'"):
                self._client.create_registered_model(model.name)
            source = f"{run.info.artifact_uri}/{MODEL_DIRECTORY}"
            registered = self._client.create_model_version(
                model.name, source, run_id, tags={MODEL_DIGEST: digest}, await_creation_for=None
            )
            number = str(registered.version)
        with self._failing(run_id):
            try:
                yield Registered(number, run_id)
            except BaseException:
                self._client.delete_model_version(model.name, number)
                raise
            self._client.set_registered_model_alias(model.name, CHALLENGER, number)

    def record(self, name: str, record: RunRecord, tags: Mapping[str, str]) -> str:
        """Log a run that registers no version.

        Parameters
        ----------
        name : str
            Name that a version would have been registered under.
        record : RunRecord
            What is recorded; its `example` is left out.
        tags : mapping of str to str
            Tags of the run.

        Returns
        -------
        str
            MLflow's name of the run.
        """
        with progress("Recording the run (MLflow)"):
            run = self._begin(name, tags)
            run_id = str(run.info.run_id)
            with self._failing(run_id):
                self._log(run_id, record)
                self._log_trials(run.info.experiment_id, run_id, record.trials)
            self._client.set_terminated(run_id)
        return run_id

    def set_champion_ungated(self, name: str, number: str) -> None:
        """Make a version the champion without asking the gate, with a tag that says so."""
        self.promotions.move(name, number, "ungated", self._clock())

    @property
    def promotions(self) -> Promotions:
        """Moves the aliases of what was registered here."""
        return Promotions(self._client)

    def log_text(self, run_id: str, text: str, name: str) -> None:
        """Write a text among a run's artifacts; it replaces one of the same name."""
        self._client.log_text(run_id, text, name)

    def _begin(self, name: str, tags: Mapping[str, str]) -> "Run":
        return self._client.create_run(
            self._experiment(),
            tags={"mlflow.source.git.commit": git_commit(), **tags},
            run_name=name,
        )

    def _experiment(self) -> str:
        # An experiment keeps the address that its artifacts had when it was made, so a home that
        # was moved needs a new one.
        location = self.home.artifacts.as_uri()
        for name in (EXPERIMENT, f"{EXPERIMENT} in {self.home.root}"):
            experiment = self._client.get_experiment_by_name(name)
            if experiment is None:
                return str(self._client.create_experiment(name, artifact_location=location))
            if experiment.artifact_location == location:
                return str(experiment.experiment_id)
        raise HoldfastError(f"MLflow has an experiment {name!r} whose artifacts lie elsewhere")

    @contextmanager
    def _failing(self, run_id: str) -> Iterator[None]:
        try:
            yield
        except BaseException:
            with suppress(Exception):  # the first error is the one to report
                self._client.set_terminated(run_id, "FAILED")
            raise

    def _log(self, run_id: str, record: RunRecord) -> None:
        self._log_batch(run_id, record.parameters, record.metrics)
        if record.dataset is not None:
            self._log_dataset(run_id, *record.dataset)
        self._client.log_text(run_id, environment(), "environment.txt")
        for name, figure in record.figures.items():
            self._client.log_figure(run_id, figure, name)
        for name, text in record.texts.items():
            self._client.log_text(run_id, text, name)
        for name, document in record.documents.items():
            self._client.log_dict(run_id, document, name)
        with tempfile.TemporaryDirectory() as directory:
            for name, table in record.tables.items():
                pq.write_table(table, Path(directory) / name)
                self._client.log_artifact(run_id, str(Path(directory) / name))

    def _log_trials(self, experiment: str, run_id: str, trials: Sequence[Trial]) -> None:
        for trial in trials:
            child = self._client.create_run(
                experiment, tags={"mlflow.parentRunId": run_id}, run_name=f"trial {trial.number}"
            )
            figures = {
                name: getattr(trial, name)
                for name in ("value", "log_loss", "rounds", "leaves", "seconds")
            }
            self._log_batch(
                child.info.run_id, {**trial.parameters, "pruned": trial.pruned}, figures
            )
            self._client.set_terminated(child.info.run_id)

    def _log_batch(
        self, run_id: str, parameters: Mapping[str, object], metrics: Mapping[str, float | None]
    ) -> None:
        from mlflow.entities import Metric, Param

        now = int(self._clock().timestamp() * 1000)
        self._client.log_batch(
            run_id,
            [Metric(name, value, now, 0) for name, value in metrics.items() if value is not None],
            [
                Param(name, str(value)[:_MOST_PARAMETER_CHARACTERS])
                for name, value in parameters.items()
            ],
        )

    def _log_dataset(self, run_id: str, name: str, sha256: str) -> None:
        from mlflow.entities import Dataset, DatasetInput

        # MLflow keeps 36 characters of a digest; the run's parameters hold all of it.
        dataset = Dataset(name=name, digest=sha256[:36], source_type="holdfast", source="{}")
        self._client.log_inputs(run_id, [DatasetInput(dataset, [])])


_opened: dict[Path, tuple[int, int] | None] = {}
"""The file of each database that this process has open."""


def _connect(home: Home) -> "MlflowClient":
    from mlflow import MlflowClient

    path = home.tracking
    if _opened.get(path, _file_of(path)) != _file_of(path):
        # MLflow keeps its connections as long as the process lives, here to a file that is gone.
        raise HoldfastError(
            f"{path} was removed while this process had it open; run again in a new process"
        )
    address = f"sqlite:///{path}"
    with progress("Opening the model registry (MLflow)"):
        if not path.exists():
            _make_database(path)
        client = MlflowClient(tracking_uri=address, registry_uri=address)
        client.search_experiments(max_results=1)  # migrates a database of an earlier release
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
    _opened[path] = _file_of(path)
    return client


def _file_of(path: Path) -> tuple[int, int] | None:
    """Which file lies there; None where none does."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _make_database(path: Path) -> None:
    """Make MLflow's empty database beside its place, and move it there.

    MLflow comes to it by all its migrations since its first release: killed in between, it leaves a
    file that it refuses ever after.
    """
    from mlflow import MlflowClient

    beside = path.with_name(f".{path.name}.part")
    beside.unlink(missing_ok=True)
    beside.with_name(f"{beside.name}-journal").unlink(missing_ok=True)
    address = f"sqlite:///{beside}"
    MlflowClient(tracking_uri=address, registry_uri=address).search_experiments(max_results=1)
    beside.replace(path)
