"""A team's own experiment: a table with a treatment and an outcome column, read and checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.encoding.encoding import Encoding, infer_encoding
from features.encoding.reading import as_text, missing_count
from features.flat.classes import (
    NO_WORDS,
    YES_WORDS,
    Classes,
    blank_notes,
    find_classes,
    folded,
    without_stray,
)
from features.flat.customers import feature_kind, group_codes
from features.tables.opening import check_named, check_role, open_table, read_columns
from features.tables.options import TableOptions
from features.tables.plan import TablePlan
from holdfast.arrays import Floats
from holdfast.errors import InputError
from training.uplift.balance import Imbalance, missing_outcomes
from training.uplift.experiment import Experiment, Source
from training.uplift.tables.arms import Arms, arms_reading, find_arms, read_arms
from training.uplift.tables.outcome import HIGHER, LOWER, as_numbers, read_outcome

_STRAY_SHARE = 0.05
"""Largest share of outcomes beside yes and no that are left out unasked."""
_SAYS_RANDOMISED = frozenset({"randomised", "randomized"})
_MOST_STRAY = 5
"""Most other values beside 0 and 1 that make one ask whether the outcome is a number."""


@dataclass(frozen=True, kw_only=True)
class ExperimentRoles:
    """The roles of the columns of an experiment's table.

    Parameters
    ----------
    treatment : str
        Column that names each row's arm. Rows where it is blank are left out.
    outcome : str
        Column with the outcome: two values, or numbers. Rows where it is blank are left out.
    control : str or None
        Value of the treatment that means that nothing was done; None to recognise it by its name.
    good : tuple of str
        Values of the outcome that are good, such as stayed; or ``higher`` or ``lower`` for numbers.
        Empty to recognise them.
    propensity : str or None
        Column with the probability that the row's own arm was drawn with; None to estimate it from
        the arms' shares.
    id : str or None
        Column that names the customer: no feature; rows of one customer form a cluster.
    group : str or None
        Column whose values, such as households, form clusters.
    drop : tuple of str
        Columns not to use, such as those known only after the treatment.
    randomised : bool
        Whether the caller says that arms were drawn at random. The table itself says so with a
        column called ``randomised``: rows with another value than yes are left out.
    """

    treatment: str
    outcome: str
    control: str | None = None
    good: tuple[str, ...] = ()
    propensity: str | None = None
    id: str | None = None
    group: str | None = None
    drop: tuple[str, ...] = ()
    randomised: bool = False


@dataclass(frozen=True, kw_only=True)
class ExperimentTable:
    """A checked table.

    Parameters
    ----------
    experiment : Experiment
        Its rows.
    encoding : Encoding
        How its columns became features.
    control_why, good_why : str
        How control and good outcomes were recognised, to be shown.
    columns_left_out : tuple of str
        Empty columns, ids and texts.
    plan : TablePlan
        How every column was read.
    notes : tuple of str
        What was decided about the file, for a person.
    missing_outcomes : tuple of Imbalance
        Arms whose outcomes are missing more, or less, often than those of control.
    """

    experiment: Experiment
    encoding: Encoding
    control_why: str
    good_why: str
    columns_left_out: tuple[str, ...]
    plan: TablePlan
    notes: tuple[str, ...]
    missing_outcomes: tuple[Imbalance, ...]


def read_experiment(
    where: str | Path, roles: ExperimentRoles, options: TableOptions | None = None
) -> ExperimentTable:
    """Read an experiment and check it against the roles of its columns.

    Parameters
    ----------
    where : str or Path
        A file, folder, pattern or database, as `features.tables.place.read_table` takes it.
    roles : ExperimentRoles
        The roles of its columns.
    options : TableOptions, optional
        What a person said about reading it.

    Raises
    ------
    OpenQuestions
        A column can be read in more than one way.
    InputError
        Names the option or column, the rule and the value.
    """
    source, plan = open_table(where, options, lambda written: _check_roles(written, roles))
    arms_column = arms_reading(plan.column(roles.treatment), source.table[roles.treatment])
    says = _column_that_says(source.table.column_names, roles)
    used = {
        name
        for name in source.table.column_names
        if name not in (roles.id, roles.group, says, *roles.drop)
    }
    if arms_column.question:
        plan = plan.with_reading(arms_column)
    else:  # other questions are asked with the plan that `holdfast inspect` writes
        used -= {roles.treatment}
    used -= {roles.outcome} if _is_outcome_of_classes(plan, roles.outcome) else set()
    as_written = {
        name for name in (roles.id, roles.group, says, roles.treatment, roles.outcome) if name
    }
    table, plan = read_columns(source, plan, used, as_written)
    plan = plan.with_reading(arms_column)
    treatment = find_arms(
        plan.column(roles.treatment).read(table[roles.treatment]), roles.treatment
    )
    outcome = find_classes(_outcome_text(table, plan, roles.outcome), roles.outcome)
    outcome = _without_stray_outcomes(outcome, roles)
    stored = None if roles.propensity is None else _propensity(table, plan, roles.propensity)
    drawn = None if says is None else _drawn_at_random(table, says)
    kept, left_out = _kept_rows(table, plan, roles, treatment, outcome, stored, drawn)
    rows = np.flatnonzero(kept)
    written = table
    table = table.take(rows)
    arms = read_arms(treatment.text.take(rows), treatment, roles.control)
    value, good_why = read_outcome(outcome.text.take(rows), outcome, roles.good, roles.outcome)
    columns, empty = _feature_columns(table, plan, roles, says)
    encoding = infer_encoding(table, columns, {name: feature_kind(plan, name) for name in columns})
    share = np.bincount(arms.position, minlength=len(arms.names)) / len(rows)
    propensities: Source = "shares" if stored is None else "stored"
    experiment = Experiment(
        name=source.name,
        treatment=roles.treatment,
        arms=arms.names,
        arm=arms.position,
        outcome=value,
        outcome_name=roles.outcome,
        propensity=share[arms.position] if stored is None else stored[rows],
        source=propensities,
        cluster=_clusters(table, roles),
        matrix=encoding.encode(table) if columns else np.empty((len(rows), 0)),
        features=encoding.features,
        labels=tuple(column.name for column in encoding.columns),
        categories={
            place: column.categories
            for place, column in enumerate(encoding.columns)
            if column.kind == "category"
        },
        left_out=left_out,
        drawn_at_random="table" if says else "caller" if roles.randomised else None,
    )
    return ExperimentTable(
        experiment=experiment.checked(),
        encoding=encoding,
        control_why=arms.control_why,
        good_why=good_why,
        columns_left_out=empty,
        plan=plan,
        notes=(
            *plan.notes,
            *blank_notes(written[roles.treatment], roles.treatment),
            *blank_notes(written[roles.outcome], roles.outcome),
            *_spelling_notes(treatment),
            *_spelling_notes(outcome),
            *_repeated_notes(table, arms, roles.id),
            *([f"column {says!r} says that arms were drawn at random"] if says else []),
        ),
        missing_outcomes=missing_outcomes(
            arms.names,
            _positions(treatment, arms),
            np.array(pc.is_null(outcome.text)),
            _clusters(written, roles),
        ),
    )


def _positions(treatment: Classes, arms: Arms) -> NDArray[np.int64]:
    """Each row's arm, -1 where it has none."""
    places = pc.index_in(treatment.text, value_set=pa.array(arms.names))
    return np.array(pc.fill_null(places, -1).to_numpy(), dtype=np.int64)


def _repeated_notes(table: pa.Table, arms: Arms, name: str | None) -> tuple[str, ...]:
    """A note where customers have several rows, and several arms."""
    if name is None:
        return ()
    customer = group_codes(table[name])
    repeated = int((np.bincount(customer) > 1).sum())
    if not repeated:
        return ()
    pairs = np.unique(np.column_stack([customer, arms.position]), axis=0)[:, 0]
    mixed = int((np.bincount(pairs) > 1).sum())
    note = f"{repeated:,} customers have several rows, which count as one observation"
    return (f"{note}; {mixed:,} of them are in more than one arm" if mixed else note,)


def _is_outcome_of_classes(plan: TablePlan, name: str) -> bool:
    return plan.column(name).kind != "number"


def _outcome_text(table: pa.Table, plan: TablePlan, name: str) -> pa.ChunkedArray:
    """The outcome as text, numbers in one form whatever their locale."""
    reading = plan.column(name)
    return as_text(reading.read(table[name]) if reading.kind == "number" else table[name])


def _without_stray_outcomes(outcome: Classes, roles: ExperimentRoles) -> Classes:
    """Outcomes that are neither yes nor no are none; those that a person calls good are kept."""
    yes = [one for one in outcome.names if folded(one) in YES_WORDS]
    no = [one for one in outcome.names if folded(one) in NO_WORDS]
    good = {outcome.matching(value) for value in roles.good}
    if len(yes) != 1 or len(no) != 1 or not good <= {*yes, *no}:
        return outcome
    stray = [one for one in outcome.names if one not in (*yes, *no)]
    rows = sum(outcome.counts[one] for one in stray)
    few = rows <= _STRAY_SHARE * sum(outcome.counts.values())
    if _are_numbers(outcome.names) and not good and stray:
        if few and len(stray) <= _MOST_STRAY:
            raise InputError(
                roles.outcome,
                f"has 0, 1 and other values in {rows:,} rows; take 0 and 1 alone with --good 1 (or 0), "
                f"or all as numbers with --good {HIGHER} (or {LOWER})",
                stray[0],
            )
        return outcome
    return without_stray(outcome, [*yes, *no], roles.outcome) if few or good else outcome


def _are_numbers(names: Sequence[str]) -> bool:
    return as_numbers(pa.chunked_array([pa.array(names, pa.string())])) is not None


def _kept_rows(
    table: pa.Table,
    plan: TablePlan,
    roles: ExperimentRoles,
    treatment: Classes,
    outcome: Classes,
    stored: Floats | None,
    drawn: Classes | None,
) -> tuple[NDArray[np.bool_], dict[str, int]]:
    """Rows with an arm and an outcome, and how many others there are by reason."""
    blank: dict[str, NDArray[np.bool_]] = {}
    reading = plan.column(roles.outcome)
    number = reading.kind == "number"
    words = {roles.treatment: tuple(treatment.missing), roles.outcome: tuple(outcome.missing)}
    words[roles.outcome] += reading.missing_marks if number else ()
    for name, classes in ((roles.treatment, treatment), (roles.outcome, outcome)):
        text = as_text(table[name])
        for word in words[name]:
            blank[f"{name} is {word!r}"] = np.array(pc.fill_null(pc.equal(text, word), False))
        blank[f"{name} is blank"] = np.array(pc.is_null(text))
        what = "none of the two outcomes" if len(outcome.names) == 2 else "no number"
        blank[f"{name} is {what}"] = np.array(pc.is_null(classes.text))
    if stored is not None:
        blank[f"{roles.propensity} is blank"] = np.isnan(stored)
        blank[f"{roles.propensity} is 0 or 1: not randomised"] = (stored == 0) | (stored == 1)
    if drawn is not None:
        yes = [name for name in drawn.names if folded(name) in YES_WORDS]
        said = pc.is_in(drawn.text, value_set=pa.array(yes, pa.string()))
        blank["not drawn at random, as the table says"] = ~np.array(pc.fill_null(said, False))
    left_out = {}
    kept = np.ones(table.num_rows, dtype=bool)
    for reason, mark in blank.items():
        if (kept & mark).any():
            left_out[reason] = int((kept & mark).sum())
        kept &= ~mark
    if not kept.any():
        raise InputError(
            "TABLE",
            "holds no row with a treatment and an outcome"
            + (" drawn at random" if roles.propensity or drawn is not None else ""),
        )
    return kept, left_out


def _column_that_says(names: Sequence[str], roles: ExperimentRoles) -> str | None:
    """The column by which a table says of its rows whether their arm was drawn at random."""
    taken = {roles.treatment, roles.outcome, roles.propensity, roles.id, roles.group, *roles.drop}
    says = [name for name in names if folded(name) in _SAYS_RANDOMISED and name not in taken]
    return says[0] if len(says) == 1 else None


def _drawn_at_random(table: pa.Table, name: str) -> Classes:
    """The values of that column, all of them yes or no.

    Raises
    ------
    InputError
        It holds anything else.
    """
    classes = find_classes(as_text(table[name]), name)
    other = [one for one in classes.names if folded(one) not in YES_WORDS | NO_WORDS]
    if other:
        raise InputError(
            name,
            "must be yes or no: whether the row's arm was drawn at random; or --drop it",
            other[0],
        )
    return classes


def _spelling_notes(classes: Classes) -> tuple[str, ...]:
    return tuple(note for note in classes.notes if "means missing" not in note)


def _check_roles(table: pa.Table, roles: ExperimentRoles) -> None:
    names = table.column_names
    single = {
        "--treatment": roles.treatment,
        "--outcome": roles.outcome,
        "--propensity": roles.propensity,
        "--id": roles.id,
        "--group": roles.group,
    }
    taken: dict[str, str] = {}
    for option, name in single.items():
        if name is None:
            continue
        check_role(option, name, table)
        if name in taken and {option, taken[name]} != {"--id", "--group"}:
            raise InputError(option, f"must be another column than that of {taken[name]}", name)
        taken[name] = option
    for name in roles.drop:
        check_named("--drop", name, names)
        if name in taken:
            raise InputError("--drop", f"must not be the column of {taken[name]}", name)


def _propensity(table: pa.Table, plan: TablePlan, name: str) -> Floats:
    values = table[name]
    if plan.column(name).kind != "number":
        raise InputError(
            "--propensity",
            f"column {name!r} must hold numbers",
            as_text(values).drop_null()[0].as_py(),
        )
    numbers = np.array(values.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)
    wrong = (numbers < 0) | (numbers > 1) | np.isinf(numbers)
    if wrong.any():
        raise InputError(
            "--propensity",
            f"column {name!r} must hold probabilities, 0 to 1",
            float(numbers[wrong][0]),
        )
    return numbers


def _clusters(table: pa.Table, roles: ExperimentRoles) -> NDArray[np.int64]:
    name = roles.group or roles.id
    return np.arange(table.num_rows) if name is None else group_codes(table[name])


def _feature_columns(
    table: pa.Table, plan: TablePlan, roles: ExperimentRoles, says: str | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    used = {roles.treatment, roles.outcome, roles.propensity, roles.id, roles.group, says}
    used |= {*roles.drop}
    names = [name for name in table.column_names if name not in used]
    empty = tuple(
        name
        for name in names
        if not plan.column(name).is_feature or missing_count(table[name]) == table.num_rows
    )
    return tuple(name for name in names if name not in empty), empty
