"""What becomes of a table: how it is read, what is estimated from it, or with which words it is refused;
and in what that differs from the right answer.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from features.encoding.encoding import Encoding
from features.flat.customers import CustomerTable, Roles, read_customer_table
from features.tables.options import TableOptions
from holdfast.errors import InputError
from pipeline.uplift import evaluate_table
from tests.builders.experiments import QUICK
from tests.builders.table_answers import TABLES, Answer, ExperimentAnswer
from training.evaluation.folds import cross_validation
from training.evaluation.leaks import watch_table
from training.fitting.fit import TrainingTable
from training.flat.crossval import cross_validate
from training.flat.evaluation import evaluate
from training.settings import LeakWatchSettings, TrainingSettings
from training.uplift.tables.experiment_table import ExperimentRoles

NOW = datetime(2026, 1, 1, tzinfo=UTC)
_USUAL_REASONS = frozenset(
    ["every value is a number", "text", "numeric column", "names the customer"]
)
_AUC_TOLERANCE = 0.005
_POINTS_TOLERANCE = 0.05
"""How far an effect may lie from the plain difference where no feature adjusts it, from random folds."""


@dataclass(frozen=True, kw_only=True)
class MeasuredTable:
    """What became of a table of customers.

    Parameters
    ----------
    kinds : dict of str to str
        Kind of each feature.
    categories : dict of str to int
        Number of categories of those that have some.
    missing : dict of str to float
        Share of each feature that is missing.
    marks : dict of str to list of str
        Words that mean missing, of features that have some.
    first : dict of str to float
        First value of each feature that has one.
    labelled, positive : int
        Rows with a label, and with a positive one.
    said : list of str
        What was said of the file, the target and the columns.
    auc : float or None
        Cross-validated AUC, where it was asked for.
    missingness : dict of str to float
        Columns that the leak watch flagged for missing values, and the AUC of those.
    refused : str
        The error or question, where it was refused.
    """

    kinds: dict[str, str] = field(default_factory=dict)
    categories: dict[str, int] = field(default_factory=dict)
    missing: dict[str, float] = field(default_factory=dict)
    marks: dict[str, list[str]] = field(default_factory=dict)
    first: dict[str, float] = field(default_factory=dict)
    labelled: int = 0
    positive: int = 0
    said: list[str] = field(default_factory=list)
    auc: float | None = None
    missingness: dict[str, float] = field(default_factory=dict)
    refused: str = ""


@dataclass(frozen=True, kw_only=True)
class MeasuredExperiment:
    """What became of the table of an experiment; effects in percentage points.

    Parameters
    ----------
    arms : dict of str to int
        Arms and their rows, control first.
    left_out : dict of str to int
        Rows left out, by reason.
    average, low, high : float
        The average effect with its 95 % interval.
    unadjusted : float or None
        The plain difference, where it was shown.
    verdict : str
        The verdict on the only action, or on each.
    said : list of str
        What was said of the file and the columns.
    refused : str
        The error or question, where it was refused.
    """

    arms: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    average: float = 0.0
    low: float = 0.0
    high: float = 0.0
    unadjusted: float | None = None
    verdict: str = ""
    said: list[str] = field(default_factory=list)
    refused: str = ""


def read_case(name: str, answer: Answer | str, encoding: str | None = None) -> CustomerTable:
    """Read one of the tables in the roles of its answer."""
    roles = {"id": "id", "target": "left", **(answer.roles if isinstance(answer, Answer) else {})}
    if name == "duckdb_interval.parquet":
        roles["target"] = "left_"
    given = Roles(**roles)  # type: ignore[arg-type]
    return read_customer_table(TABLES / name, given, NOW, TableOptions(encoding=encoding))


def measure_table(name: str, answer: Answer | str) -> MeasuredTable:
    """Read a table of customers; evaluate a model where its answer asks for figures."""
    try:
        customers = read_case(name, answer)
    except InputError as error:
        return MeasuredTable(refused=str(error))
    encoding = customers.encoding(None)
    matrix = encoding.encode(customers.table)
    columns = list(encoding.columns)
    readings = [customers.plan.column(column.name) for column in columns]
    reasons = [
        f"{reading.name}: {reading.why}"
        for reading in customers.plan.columns
        if reading.why not in _USUAL_REASONS
        and reading.name in (*customers.columns, *customers.left_out)
    ]
    table = _table_of(customers, encoding)
    asked = answer if isinstance(answer, Answer) else Answer()
    return MeasuredTable(
        kinds={column.name: column.kind for column in columns},
        categories={c.name: len(c.categories) for c in columns if c.kind == "category"},
        missing={
            column.name: float(share)
            for column, share in zip(columns, np.isnan(matrix).mean(axis=0), strict=True)
        },
        marks={
            reading.name: list(reading.missing_marks)
            for reading in readings
            if reading.missing_marks
        },
        first={
            column.name: float(value)
            for column, value in zip(columns, matrix[0], strict=True)
            if not np.isnan(value)
        },
        labelled=int(customers.known.sum()),
        positive=int(np.nansum(customers.label)),
        said=[*customers.notes, *reasons],
        auc=_auc(table) if asked.auc else None,
        missingness=_missingness(table, encoding) if asked.missingness else {},
    )


def _table_of(customers: CustomerTable, encoding: Encoding) -> TrainingTable:
    known = customers.known
    categorical = [k for k, column in enumerate(encoding.columns) if column.kind == "category"]
    return TrainingTable(
        matrix=encoding.encode(customers.table)[known],
        label=customers.label[known],
        group=None,
        features=encoding.features,
        categorical=tuple(categorical),
    )


def _auc(table: TrainingTable) -> float:
    settings = TrainingSettings(repeats=1)
    splits = cross_validation(table.label, None, settings)
    return evaluate(table.label, cross_validate(table, splits, settings)).auc


def _missingness(table: TrainingTable, encoding: Encoding) -> dict[str, float]:
    names = [column.name for column in encoding.columns]
    flags = watch_table(
        table.matrix, table.label, None, names, table.categorical, LeakWatchSettings(), seed=1
    )
    return {f.column: f.figure for f in flags if f.kind == "missingness" and f.column}


def measure_experiment(name: str, answer: ExperimentAnswer, out: Path) -> MeasuredExperiment:
    """Evaluate an experiment, with its files in a directory."""
    try:
        roles = ExperimentRoles(**answer.roles, randomised=True)  # type: ignore[arg-type]
        run = evaluate_table(TABLES / name, roles, out, QUICK, clock=lambda: NOW)
    except InputError as error:
        return MeasuredExperiment(refused=str(error))
    ((evaluation,), action) = run.evaluations, run.evaluations[0].actions[0]
    experiment = evaluation.experiment
    counts = np.bincount(experiment.arm)
    return MeasuredExperiment(
        arms={arm: int(count) for arm, count in zip(experiment.arms, counts, strict=True)},
        left_out=experiment.left_out,
        average=100 * action.average.value,
        low=100 * action.average.low,
        high=100 * action.average.high,
        unadjusted=100 * action.unadjusted.value,
        verdict="; ".join(str(action.finding.verdict) for action in evaluation.actions),
        said=list(evaluation.notes),
    )


def table_differences(answer: Answer | str, measured: MeasuredTable) -> list[str]:
    """In what a table was read otherwise than is right; empty where it was read right."""
    if isinstance(answer, str):
        return [] if re.search(answer, measured.refused) else [f"must be refused: {answer}"]
    if measured.refused:
        return ["must be read"]
    differences = []
    if measured.kinds != answer.kinds:
        differences.append(f"kinds must be {answer.kinds}")
    for column in answer.kinds:
        share = answer.missing.get(column, 0.0)
        if abs(measured.missing.get(column, 0.0) - share) > 1e-6:
            differences.append(f"{column}: {share:.2%} must be missing")
    for column, marks in answer.marks.items():
        if tuple(measured.marks.get(column, ())) != marks:
            differences.append(f"{column}: {', '.join(marks)} must mean missing")
    for column, value in answer.first.items():
        if abs(measured.first.get(column, np.inf) - value) > 1e-6 * max(1.0, abs(value)):
            differences.append(f"{column}: the first value must be {value:g}")
    for field_name in ("labelled", "positive"):
        count = getattr(answer, field_name)
        if count is not None and getattr(measured, field_name) != count:
            differences.append(f"{count} rows must be {field_name}")
    if answer.auc is not None and (measured.auc or 0.0) < answer.auc - _AUC_TOLERANCE:
        differences.append(f"AUC must be at least {answer.auc}")
    for column, figure in answer.missingness.items():
        if abs(measured.missingness.get(column, 0.0) - figure) > _AUC_TOLERANCE:
            differences.append(f"{column} must be flagged for missing values, {figure}")
    differences += [
        f"must say {note!r}"
        for note in answer.notes
        if not any(note in said for said in measured.said)
    ]
    return differences


def experiment_differences(answer: ExperimentAnswer, measured: MeasuredExperiment) -> list[str]:
    """In what an experiment was evaluated otherwise than is right; empty where it was right."""
    if answer.refused:
        asked = re.search(answer.refused, measured.refused)
        return [] if asked else [f"must be asked: {answer.refused}"]
    if measured.refused:
        return ["must be evaluated"]
    differences = []
    if list(measured.arms.items()) != list(answer.arms.items()):
        differences.append(f"arms must be {answer.arms}")
    if measured.left_out != answer.left_out:
        differences.append(f"left out must be {answer.left_out}")
    if measured.unadjusted is None or abs(measured.unadjusted - answer.difference) > 0.001:
        differences.append(f"the unadjusted difference must be shown, {answer.difference:+.2f}")
    if not answer.adjusted and abs(measured.average - answer.difference) > _POINTS_TOLERANCE:
        differences.append(f"the average effect must be {answer.difference:+.2f}")
    if measured.verdict != answer.verdict:
        differences.append(f"the verdict must be {answer.verdict!r}")
    return differences
