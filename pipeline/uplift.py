"""Uplift from beginning to end: from an experiment, or an operator's randomised contacts, to
verdicts, models and a report.
"""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.encoding.encoding import Encoding
from features.operator.repository import OperatorRepository
from features.tables.options import TableOptions
from holdfast.clock import Clock
from holdfast.errors import InputError
from holdfast.files import write_beside
from holdfast.home import Home, locked
from models.words.catalogue import resolve
from training.uplift.earlier import EarlierLooks, looks_taken
from training.uplift.evaluation import (
    ExperimentEvaluation,
    UpliftConfig,
    estimate_experiment,
    evaluate_together,
)
from training.uplift.experiment import Experiment
from training.uplift.result import Evidence, TakenLook
from training.uplift.settings import UpliftSettings
from training.uplift.tables.experiment_table import (
    ExperimentRoles,
    ExperimentTable,
    read_experiment,
)

if TYPE_CHECKING:
    from models.uplift import UpliftModel
    from training.uplift.contacts import RandomisedContacts

_DIRECTORIES_TOLD = 3
"""Directories with looks at an experiment of the same names that are told."""

RESULT, REPORT, LOOKS = "uplift.json", "report.html", "looks.json"


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
    digests : dict of str to str
        SHA-256 of ``model.json`` of each model in the directory, by name.
    """

    title: str
    directory: Path
    evaluations: tuple[ExperimentEvaluation, ...]
    not_evaluated: dict[str, str]
    registered: dict[str, str]
    seconds: float
    digests: dict[str, str] = field(default_factory=dict)

    @property
    def evidence(self) -> Evidence:
        """Randomised where every experiment is."""
        kinds = {evaluation.evidence for evaluation in self.evaluations}
        return "randomised" if kinds == {"randomised"} else "observational"

    @property
    def report(self) -> Path:
        """The report."""
        return self.directory / REPORT

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "evidence": self.evidence,
            "actions": [
                {
                    "experiment": evaluation.experiment.name,
                    "action": action.action,
                    "evidence": action.finding.evidence,
                    "verdict": action.finding.verdict,
                    "why_not": action.finding.why_not,
                    "targetable": action.finding.targetable,
                }
                for evaluation in self.evaluations
                for action in evaluation.actions
            ],
            "experiments": [evaluation.to_json() for evaluation in self.evaluations],
            "models": [
                {"action": model.action, "model": model.name, "sha256": self.digests[model.name]}
                for evaluation in self.evaluations
                for model in evaluation.models
                if model.name in self.digests
            ],
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
    config: UpliftConfig,
    options: TableOptions | None = None,
    language: str = "en",
    *,
    clock: Clock,
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
        Where result, report and models go; made if need be. Looks that were taken at the experiment
        before lie there.
    config : UpliftConfig
        How to evaluate it.
    options : TableOptions, optional
        What a person said about reading the table.
    language : str
        Language of the report, as a BCP 47 tag.
    clock : Clock
        When the look is taken.

    Raises
    ------
    OpenQuestions
        A column can be read in more than one way.
    InputError
        Names the option or column, the rule and the value; nothing is written then.
    """
    started, resolved_language = time.monotonic(), resolve(language)
    earlier = EarlierLooks.read(directory / LOOKS)
    table = read_experiment(where, roles, options)
    estimated = estimate_experiment(table.experiment, config, table.missing_outcomes)
    (evaluated,) = evaluate_together([estimated], config.stakes, service=None, earlier=earlier)
    taken = _keep_looks([evaluated], earlier, directory, clock)
    elsewhere = () if earlier.know(taken) else _looks_elsewhere(taken, directory)
    evaluated = replace(
        evaluated,
        notes=(*_notes(table, evaluated.experiment), *evaluated.notes, *elsewhere),
        models=tuple(_with_documents(model, table, roles.id) for model in evaluated.models),
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
    return _written(run, config.settings, resolved_language)


def evaluate_home(
    home: Home,
    actions: Sequence[str],
    directory: Path,
    config: UpliftConfig,
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
        Where result and report go; made if need be. Looks that were taken before lie there.
    config : UpliftConfig
        How to evaluate them.
    clock : Clock
        Rows that arrived after it are not known yet; when the look is taken, and models are
        registered.
    language : str
        Language of the report, as a BCP 47 tag.

    Raises
    ------
    InputError
        The home holds no raw tables or features, no action could be evaluated, or one that was asked
        for cannot be. Nothing is written or registered then.
    """
    started, resolved_language = time.monotonic(), resolve(language)
    earlier = EarlierLooks.read(directory / LOOKS)
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
    estimated = []
    for experiment in experiments(history, repository, contacts) if contacts else []:
        with _noting(not_evaluated, experiment.name, required=bool(actions)):
            estimated.append(estimate_experiment(experiment, config))
    evaluated = [
        replace(evaluation, notes=(*_contact_notes(evaluation.experiment), *evaluation.notes))
        for evaluation in evaluate_together(
            estimated, config.stakes, service=SERVICE, earlier=earlier
        )
    ]
    if not evaluated:
        raise InputError(
            "care_contacts",
            f"must hold enough randomised contacts of an action; {'; '.join(not_evaluated.values())}",
        )
    from training.release.uplift_record import register_uplift

    with locked(home):
        _keep_looks(evaluated, earlier, directory, clock)
        registered = register_uplift(
            home,
            clock,
            (
                (evaluation.experiment, action, model)
                for evaluation in evaluated
                if evaluation.models  # none where arms are not alike, or nothing ranks customers
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
    return _written(run, config.settings, resolved_language)


def _keep_looks(
    evaluated: Sequence[ExperimentEvaluation],
    earlier: EarlierLooks,
    directory: Path,
    clock: Clock,
) -> list[TakenLook]:
    """Keep what was found at this look. It comes before the result: no verdict is given of a look
    that is not known at the next one.
    """
    directory.mkdir(parents=True, exist_ok=True)
    taken = looks_taken((evaluation.result for evaluation in evaluated), clock())
    earlier.adding(taken).write(directory / LOOKS)
    return taken


def _looks_elsewhere(taken: Sequence[TakenLook], directory: Path) -> tuple[str, ...]:
    """A note on looks at an experiment of the same names in directories beside this one: a file that has
    another name each month is perhaps a further look.
    """
    alike = []
    for path in sorted(directory.absolute().parent.glob(f"*/{LOOKS}")):
        with suppress(InputError):  # that of another experiment, which its own evaluation refuses
            if path.parent.name != directory.name and EarlierLooks.read(path).know(taken):
                alike.append(path.parent.name)
    if not alike:
        return ()
    told = ", ".join(alike[-_DIRECTORIES_TOLD:])
    grown = f"if this is that one grown, give --out {directory.parent / alike[-1]}"
    return (f"an experiment with the same arms and outcome was looked at in {told}: {grown}",)


@contextmanager
def _noting(not_evaluated: dict[str, str], action: str, *, required: bool) -> Iterator[None]:
    """Let other actions be evaluated where one cannot be, unless it was asked for by name."""
    try:
        yield
    except InputError as error:
        if required:
            raise
        not_evaluated[action] = str(error)


def _with_documents(
    model: "UpliftModel", table: ExperimentTable, id_column: str | None
) -> "UpliftModel":
    used = tuple(c for c in table.encoding.columns if c.feature in model.features)
    documents = {
        "encoding.json": Encoding(used).to_json(),
        "columns.json": {
            "id": id_column,
            "readings": [column.stored() for column in table.plan.columns],
        },
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


def _contact_notes(experiment: Experiment) -> tuple[str, ...]:
    return (
        f"good means {experiment.outcome_name}",
        "propensities are as stored, given that nobody is held out",
    )


def _written(run: UpliftRun, settings: UpliftSettings, language: str) -> UpliftRun:
    """Write result, report and models; the run with the digests of its models."""
    from reports.uplift.report import render_uplift
    from reports.words.texts import texts

    run.directory.mkdir(parents=True, exist_ok=True)
    digests = {
        model.name: model.save(run.directory / model.name)
        for evaluation in run.evaluations
        for model in evaluation.models
    }
    run = replace(run, digests=digests)
    page = render_uplift(run.title, run.evaluations, run.not_evaluated, settings, texts(language))
    write_beside(run.report, page)
    write_beside(
        run.directory / RESULT,
        json.dumps(run.to_json(), ensure_ascii=False, indent=2, allow_nan=False) + "\n",
    )
    return run
