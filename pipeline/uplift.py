"""Uplift from beginning to end: from an experiment, or an operator's randomised contacts, to
verdicts, models and a report.
"""

import json
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from features.encoding.encoding import Encoding
from features.operator.repository import OperatorRepository
from features.tables.options import TableOptions
from holdfast.clock import Clock
from holdfast.errors import InputError
from holdfast.files import write_beside
from holdfast.home import Home, locked
from models.words.catalogue import resolve
from training.uplift.experiment import Experiment
from training.uplift.experiment_table import ExperimentRoles, ExperimentTable, read_experiment
from training.uplift.result import ActionUplift
from training.uplift.settings import UpliftSettings

if TYPE_CHECKING:
    from models.uplift import UpliftModel
    from training.uplift.balance import Imbalance
    from training.uplift.contacts import RandomisedContacts
    from training.uplift.estimate import EvaluatedExperiment

RESULT, REPORT = "uplift.json", "report.html"
LABEL = "randomised"
"""What every average effect is called: it comes from arms drawn at random. Predictions for people
are *estimated*.
"""


@dataclass(frozen=True, kw_only=True)
class ExperimentEvaluation:
    """An experiment with its estimates, balance checks and models.

    Parameters
    ----------
    result : EvaluatedExperiment
        Verdicts and models.
    imbalances : tuple of Imbalance
        Features in which arms differ by more than chance.
    notes : tuple of str
        How the experiment was read, to be shown.
    models : tuple of UpliftModel
        One per action.
    columns : list of dict
        How the columns of a team's own table were read.
    """

    result: "EvaluatedExperiment"
    imbalances: "tuple[Imbalance, ...]"
    notes: tuple[str, ...]
    models: "tuple[UpliftModel, ...]"
    columns: list[dict[str, Any]] = field(default_factory=list)

    @property
    def experiment(self) -> Experiment:
        """The experiment."""
        return self.result.experiment

    @property
    def actions(self) -> tuple[ActionUplift, ...]:
        """The estimates for each action."""
        return self.result.actions

    @property
    def adjusted_by(self) -> tuple[str, ...]:
        """Columns that the estimates are adjusted for and customers ranked by; may be none."""
        return self.experiment.labels if self.experiment.is_ranked else ()

    @property
    def clusters(self) -> int:
        """Number of independent clusters: households, customers or rows."""
        return len(np.unique(self.experiment.cluster))

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        from models.uplift import Uplift

        experiment = self.experiment
        return {
            "experiment": experiment.name,
            "outcome": experiment.outcome_name,
            "label": LABEL,
            "label_of_predictions": Uplift.label,
            "rows": len(experiment.outcome),
            "clusters": self.clusters,
            "control": experiment.arms[0],
            "propensity": experiment.source,
            "left_out": experiment.left_out,
            "marks": experiment.marked(),
            "imbalances": [vars(imbalance) for imbalance in self.imbalances],
            "notes": list(self.notes),
            "adjusted_by": list(self.adjusted_by),
            "actions": [action.to_json() for action in self.actions],
            **({"columns": self.columns} if self.columns else {}),
        }


@dataclass(frozen=True, kw_only=True)
class UpliftRun:
    """The result of a run.

    Parameters
    ----------
    title : str
        Name of what was evaluated, to be shown.
    directory : Path
        Holds result, report and models.
    evaluations : tuple of ExperimentEvaluation
        The evaluated experiments.
    not_evaluated : dict of str to str
        Actions that could not be evaluated, and why.
    registered : dict of str to str
        Numbers that models were registered under, by name; empty for a table of a team's own.
    seconds : float
        How long it took.
    """

    title: str
    directory: Path
    evaluations: tuple[ExperimentEvaluation, ...]
    not_evaluated: dict[str, str]
    registered: dict[str, str]
    seconds: float

    @property
    def report(self) -> Path:
        """The report."""
        return self.directory / REPORT

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "experiments": [evaluation.to_json() for evaluation in self.evaluations],
            "not_evaluated": self.not_evaluated,
            "registered": self.registered,
            "directory": str(self.directory),
            "report": str(self.report),
            "seconds": round(self.seconds, 2),
        }


def evaluate_table(
    where: str | Path,
    roles: ExperimentRoles,
    directory: Path,
    settings: UpliftSettings,
    options: TableOptions | None = None,
    language: str = "en",
) -> UpliftRun:
    """Evaluate a team's own experiment.

    Parameters
    ----------
    where : str or Path
        One row per customer or contact: a file, folder, pattern or database, as
        `features.tables.place.read_table` takes it.
    roles : ExperimentRoles
        What its columns are for.
    directory : Path
        Where result, report and models go; made if need be.
    settings : UpliftSettings
        How to evaluate it.
    options : TableOptions, optional
        What a person said about reading the table.
    language : str
        Language of the report, as a BCP 47 tag.

    Raises
    ------
    OpenQuestions
        A column can be read in more than one way.
    InputError
        Names the option or column, the rule and the value; nothing is written then.
    """
    started, resolved_language = time.monotonic(), resolve(language)
    table = read_experiment(where, roles, options)
    result, differing, notes = _evaluate(table.experiment, settings)
    names = _model_names(result.experiment.arms[1:]) if result.experiment.is_ranked else []
    evaluated = ExperimentEvaluation(
        result=result,
        imbalances=(*differing, *table.missing_outcomes),
        notes=(*_notes(table, result.experiment), *notes),
        models=tuple(
            _with_documents(result.model(place, name, None), table)
            for place, name in enumerate(names)
        ),
        columns=table.plan.to_json(),
    )
    run = UpliftRun(
        title=table.experiment.name,
        directory=directory,
        evaluations=(evaluated,),
        not_evaluated={},
        registered={},
        seconds=time.monotonic() - started,
    )
    _write(run, settings, resolved_language)
    return run


def evaluate_home(
    home: Home,
    actions: Sequence[str],
    directory: Path,
    settings: UpliftSettings,
    *,
    clock: Clock,
    language: str = "en",
) -> UpliftRun:
    """Evaluate an operator's care actions by randomised contacts, and register a model for each.

    Parameters
    ----------
    home : Home
        Holds raw tables and features; gets the models.
    actions : sequence of str
        Care actions; by default all that have been drawn at random.
    directory : Path
        Where result and report go; made if need be.
    settings : UpliftSettings
        How to evaluate them.
    clock : Clock
        Rows that arrived after it are not known yet; and when models were registered.
    language : str
        Language of the report, as a BCP 47 tag.

    Raises
    ------
    InputError
        The home holds no raw tables or features, no action could be evaluated, or one that was asked
        for cannot be. Nothing is written or registered then.
    """
    started, resolved_language = time.monotonic(), resolve(language)
    if not home.raw.exists():
        raise InputError(
            "TABLE",
            "must be given, or --home hold an operator's raw tables; `holdfast features build` takes them in",
            str(home.root),
        )
    from training.labelling.history import RawHistory
    from training.uplift.contacts import (
        SERVICE,
        experiments,
        randomised_actions,
        select_contacts,
    )

    history, repository = RawHistory(home.raw, clock()), OperatorRepository(home)
    wanted = tuple(actions) or randomised_actions(history)
    if not wanted:
        raise InputError(
            "care_contacts",
            "must hold contacts drawn at random into treatment and control; none are",
        )
    contacts: list[RandomisedContacts] = []
    not_evaluated: dict[str, str] = {}
    for action in dict.fromkeys(wanted):
        with _noting(not_evaluated, action, required=bool(actions)):
            contacts.append(select_contacts(history, action))
    evaluated = []
    for experiment in experiments(history, repository, contacts) if contacts else []:
        with _noting(not_evaluated, experiment.name, required=bool(actions)):
            evaluated.append(_evaluate_contacts(experiment, settings, SERVICE))
    if not evaluated:
        raise InputError(
            "care_contacts",
            f"must hold enough randomised contacts of an action; {'; '.join(not_evaluated.values())}",
        )
    from training.release.uplift_record import register_uplift

    with locked(home):
        registered = register_uplift(
            home,
            clock,
            (
                (evaluation.experiment, action, model)
                for evaluation in evaluated
                for model, action in zip(evaluation.models, evaluation.actions, strict=True)
            ),
        )
    run = UpliftRun(
        title="Care actions",
        directory=directory,
        evaluations=tuple(evaluated),
        not_evaluated=not_evaluated,
        registered=registered,
        seconds=time.monotonic() - started,
    )
    _write(run, settings, resolved_language)
    return run


@contextmanager
def _noting(not_evaluated: dict[str, str], action: str, *, required: bool) -> Iterator[None]:
    """Let other actions be evaluated where one cannot be, unless it was asked for by name."""
    try:
        yield
    except InputError as error:
        if required:
            raise
        not_evaluated[action] = str(error)


def _evaluate_contacts(
    experiment: Experiment, settings: UpliftSettings, service: str
) -> ExperimentEvaluation:
    result, differing, notes = _evaluate(experiment, settings)
    names = _model_names(experiment.arms[1:])
    return ExperimentEvaluation(
        result=result,
        imbalances=differing,
        notes=(*_contact_notes(experiment), *notes),
        models=tuple(result.model(place, name, service) for place, name in enumerate(names)),
    )


def _evaluate(
    experiment: Experiment, settings: UpliftSettings
) -> "tuple[EvaluatedExperiment, tuple[Imbalance, ...], tuple[str, ...]]":
    """Evaluate an experiment by the features that do not differ between its arms.

    What differs between arms drawn at random was perhaps written after the draw: an estimate that is
    adjusted for it loses what the action did.

    Returns
    -------
    result : EvaluatedExperiment
        The estimates.
    differing : tuple of Imbalance
        Features in which arms differ by more than chance.
    notes : tuple of str
        Features that are not used.
    """
    # Imported here, so that a wrong option or table is refused before that takes its seconds.
    from training.uplift.balance import imbalances
    from training.uplift.estimate import evaluate_experiment

    differing = imbalances(experiment)
    left_out = {imbalance.feature for imbalance in differing if imbalance.feature is not None}
    notes = tuple(f"{name!r} differs between the arms and is not used" for name in sorted(left_out))
    used = experiment.without(left_out)
    result = evaluate_experiment(used.with_a_feature(), settings)
    moved = [action for action in result.actions if action.adjusted_by_more_than_chance]
    if moved and used.is_ranked:
        notes = (*notes, *map(_moved, moved))
        result = evaluate_experiment(used.without(used.labels).with_a_feature(), settings)
    return result, differing, notes


def _model_names(actions: Sequence[str]) -> list[str]:
    """``uplift_`` and the action's name in plain letters, its number where that is not enough."""
    plain = [re.sub(r"[^a-z0-9]+", "_", action.lower()).strip("_") for action in actions]
    return [
        f"uplift_{name}"
        if name and plain.count(name) == 1
        else f"uplift_{name or 'action'}_{place + 1}"
        for place, name in enumerate(plain)
    ]


def _with_documents(model: "UpliftModel", table: ExperimentTable) -> "UpliftModel":
    used = tuple(c for c in table.encoding.columns if c.feature in model.features)
    documents = {
        "encoding.json": Encoding(used).to_json(),
        "columns.json": {"readings": [column.stored() for column in table.plan.columns]},
    }
    return replace(model, documents={**model.documents, **documents})


def _notes(table: ExperimentTable, experiment: Experiment) -> tuple[str, ...]:
    shares = {
        "shares": "propensities are estimated from the arms' shares",
        "stored": "propensities are as stored",
    }[experiment.source]
    empty = tuple(f"column {name!r} is no feature" for name in table.columns_left_out)
    plain = (
        ()
        if experiment.is_ranked
        else ("no feature tells customers apart: the effect is not adjusted, and nobody is ranked",)
    )
    return (
        f"control is {experiment.arms[0]!r}, {table.control_why}",
        table.good_why,
        shares,
        *table.notes,
        *empty,
        *plain,
    )


def _moved(action: ActionUplift) -> str:
    return (
        f"the features together differ between {action.action!r} and control by more than chance: "
        "none is used, as one was perhaps filled in afterwards"
    )


def _contact_notes(experiment: Experiment) -> tuple[str, ...]:
    return (
        f"good means {experiment.outcome_name}",
        "propensities are as stored, given that nobody is held out",
    )


def _write(run: UpliftRun, settings: UpliftSettings, language: str) -> None:
    from reports.uplift.report import render_uplift
    from reports.words.texts import texts

    run.directory.mkdir(parents=True, exist_ok=True)
    for evaluation in run.evaluations:
        for model in evaluation.models:
            model.save(run.directory / model.name)
    page = render_uplift(run.title, run.evaluations, run.not_evaluated, settings, texts(language))
    write_beside(run.report, page)
    write_beside(
        run.directory / RESULT,
        json.dumps(run.to_json(), ensure_ascii=False, indent=2, allow_nan=False) + "\n",
    )
