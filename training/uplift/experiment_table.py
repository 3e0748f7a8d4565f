"""A team's own experiment: a table with a treatment and an outcome column, read and checked."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.encoding.encoding import Encoding, infer_encoding
from features.encoding.reading import as_text, missing_count, read_table
from features.flat.customers import canonical_text, canonical_value, check_named, group_codes
from holdfast.arrays import Floats
from holdfast.errors import InputError
from training.uplift.experiment import Experiment, Source

_CONTROL_WORDS = frozenset(
    {
        "control",
        "none",
        "no",
        "0",
        "false",
        "untreated",
        "placebo",
        "nothing",
        "no action",
        "对照",
        "对照组",
    }
)
_CONTROL_START = re.compile(r"no[ _-]")
_LOSS = re.compile(
    r"churn|attrit|cancel|terminat|disconnect|deactivat|unsubscri|complain|port.?out|(^|[^a-z])(left|lost|loss|leave|leaver|leaving"
    r"|gone|exit|quit|drop)([^a-z]|$)|流失|离网|销户|退订|投诉|携出|转出"
)
_LOSS_VALUE = re.compile(
    r"churned|churn|left|lost|gone|cancell?ed|terminated|disconnected|deactivated|unsubscribed|ported|ported out|quit"
    r"|流失|离网|销户"
)
_YES = frozenset({"1", "yes", "y", "true", "t", "是"})
_NO = frozenset({"0", "no", "n", "false", "f", "否"})
_KEPT_VALUE = frozenset(
    {"stayed", "stays", "retained", "kept", "active", "renewed", "loyal", "在网", "留存"}
)
HIGHER, LOWER = "higher", "lower"


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
    """

    treatment: str
    outcome: str
    control: str | None = None
    good: tuple[str, ...] = ()
    propensity: str | None = None
    id: str | None = None
    group: str | None = None
    drop: tuple[str, ...] = ()


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
        Empty columns.
    """

    experiment: Experiment
    encoding: Encoding
    control_why: str
    good_why: str
    columns_left_out: tuple[str, ...]


def read_experiment(path: Path, roles: ExperimentRoles) -> ExperimentTable:
    """Read an experiment and check it against the roles of its columns.

    Parameters
    ----------
    path : Path
        CSV, CSV.gz or Parquet.
    roles : ExperimentRoles
        The roles of its columns.

    Raises
    ------
    InputError
        Names the option or column, the rule and the value.
    """
    table = read_table(path)
    _check_roles(table, roles)
    treatment, outcome = (
        canonical_text(as_text(table[roles.treatment])),
        canonical_text(as_text(table[roles.outcome])),
    )
    left_out = {}
    blank = {
        f"{roles.treatment} is blank": np.array(pc.is_null(treatment)),
        f"{roles.outcome} is blank": np.array(pc.is_null(outcome)),
    }
    kept = np.ones(table.num_rows, dtype=bool)
    stored = (
        None if roles.propensity is None else _propensity(table[roles.propensity], roles.propensity)
    )
    if stored is not None:
        blank[f"{roles.propensity} is blank"] = np.isnan(stored)
        blank[f"{roles.propensity} is 0 or 1: not randomised"] = (stored == 0) | (stored == 1)
    for reason, mark in blank.items():
        if (kept & mark).any():
            left_out[reason] = int((kept & mark).sum())
        kept &= ~mark
    if not kept.any():
        raise InputError(
            "TABLE",
            "holds no row with a treatment and an outcome"
            + (" drawn at random" if roles.propensity else ""),
        )
    rows = np.flatnonzero(kept)
    table, treatment, outcome = table.take(rows), treatment.take(rows), outcome.take(rows)
    arms, arm, control_why = _arms(treatment, roles)
    value, good_why = _outcome(outcome, roles)
    columns, empty = _feature_columns(table, roles)
    encoding = infer_encoding(table, columns)
    share = np.bincount(arm, minlength=len(arms)) / len(arm)
    source: Source = "shares" if stored is None else "stored"
    experiment = Experiment(
        name=path.name,
        arms=arms,
        arm=arm,
        outcome=value,
        outcome_name=roles.outcome,
        propensity=share[arm] if stored is None else stored[rows],
        source=source,
        cluster=_clusters(table, roles),
        matrix=encoding.encode(table),
        features=encoding.features,
        labels=tuple(column.name for column in encoding.columns),
        categories={
            place: column.categories
            for place, column in enumerate(encoding.columns)
            if column.kind == "category"
        },
        left_out=left_out,
    )
    return ExperimentTable(
        experiment=experiment.checked(),
        encoding=encoding,
        control_why=control_why,
        good_why=good_why,
        columns_left_out=empty,
    )


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
        check_named(option, name, names)
        kind = table[name].type
        if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
            raise InputError(
                option,
                f"column {name!r} must hold numbers, text, dates or true and false",
                str(kind),
            )
        if name in taken and {option, taken[name]} != {"--id", "--group"}:
            raise InputError(option, f"must be another column than that of {taken[name]}", name)
        taken[name] = option
    for name in roles.drop:
        check_named("--drop", name, names)
        if name in taken:
            raise InputError("--drop", f"must not be the column of {taken[name]}", name)


def _arms(
    treatment: pa.ChunkedArray, roles: ExperimentRoles
) -> tuple[tuple[str, ...], NDArray[np.int64], str]:
    values = sorted(pc.unique(treatment).to_pylist())
    if len(values) < 2:
        raise InputError(
            "--treatment", "needs at least two arms, control and one that was treated", values
        )
    if len(values) > 20:
        raise InputError(
            "--treatment",
            f"must name the arms of an experiment, at most 20; it has {len(values)}",
            values[0],
        )
    if roles.control is not None:
        control = canonical_value(roles.control)
        if control not in values:
            raise InputError(
                "--control",
                f"must occur in the treatment, which has {', '.join(map(repr, values))}",
                roles.control,
            )
        why = "as given"
    else:
        likely = [
            v for v in values if v.lower() in _CONTROL_WORDS or _CONTROL_START.match(v.lower())
        ]
        if len(likely) != 1:
            shown = ", ".join(map(repr, values))
            raise InputError(
                "--treatment",
                f"has the values {shown}; name with --control the one that means that nothing was done",
            )
        control, why = likely[0], "by its name"
    arms = (control, *(value for value in values if value != control))
    return (
        arms,
        np.array(pc.index_in(treatment, value_set=pa.array(arms)).to_numpy(), dtype=np.int64),
        why,
    )


def _outcome(outcome: pa.ChunkedArray, roles: ExperimentRoles) -> tuple[Floats, str]:
    """The outcome, larger being better, and how that was decided."""
    values = sorted(pc.unique(outcome).to_pylist())
    if len(values) < 2:
        raise InputError("--outcome", "must not be the same in all rows", values)
    good = tuple(canonical_value(value) for value in roles.good)
    named = bool(good) and set(good) <= set(values)
    if len(values) > 2 and not named:
        numbers = _numbers(outcome)
        if numbers is None:
            shown = f"{', '.join(map(repr, values[:10]))}{', …' if len(values) > 10 else ''}"
            raise InputError(
                "--outcome",
                f"must have two values or be a number; it has {shown}: name with --good the good ones",
            )
        return _number_outcome(numbers, good, roles)
    if good and not named:
        absent = next(value for value in good if value not in values)
        raise InputError(
            "--good", f"must occur in the outcome, which has {', '.join(map(repr, values))}", absent
        )
    if set(good) == set(values):
        raise InputError("--good", "must leave a value that is not good", list(roles.good))
    inferred, why = ("", "as given") if good else _infer_good(values, roles.outcome)
    chosen = good or (inferred,)
    outcomes = np.array(pc.is_in(outcome, value_set=pa.array(chosen)).to_numpy(), dtype=np.float64)
    return outcomes, f"good means {roles.outcome} = {' or '.join(chosen)}, {why}"


def _number_outcome(
    numbers: Floats, good: Sequence[str], roles: ExperimentRoles
) -> tuple[Floats, str]:
    if not np.isfinite(numbers).all():
        raise InputError(
            "--outcome", "must be finite numbers", float(numbers[~np.isfinite(numbers)][0])
        )
    if good not in ((), (HIGHER,), (LOWER,)):
        raise InputError(
            "--good",
            f"must be {HIGHER} or {LOWER}, or values that occur, for an outcome of numbers",
            list(good),
        )
    if not good and _LOSS.search(roles.outcome.lower()):
        raise InputError(
            "--outcome",
            f"names a loss, but larger values must be good; give --good {LOWER} or --good {HIGHER}",
            roles.outcome,
        )
    if good == (LOWER,):
        return (
            -numbers,
            f"good means that {roles.outcome} is lower, as given; effects are of its negative",
        )
    return numbers, f"good means that {roles.outcome} is higher" + (", as given" if good else "")


def _infer_good(values: Sequence[str], name: str) -> tuple[str, str]:
    """Which of two values is good, and why."""
    lower = [value.lower() for value in values]
    losses = [_LOSS_VALUE.fullmatch(value) is not None for value in lower]
    kept = [value in _KEPT_VALUE for value in lower]
    if sum(losses) == 1 and not any(kept):
        return values[1 - losses.index(True)], "as the other value is a loss"
    if sum(kept) == 1:
        return values[kept.index(True)], "by its name"
    shown = " or ".join(f"--good {value}" for value in values)
    if _LOSS.search(name.lower()):
        raise InputError(
            "--outcome",
            f"names a loss, but good outcomes must be known; name the good value: {shown}",
            name,
        )
    yes, no = [value in _YES for value in lower], [value in _NO for value in lower]
    if sum(yes) == 1 and sum(no) == 1:
        return values[yes.index(True)], f"as {name!r} names no loss; --good changes that"
    raise InputError("--outcome", f"has two values; name the good one: {shown}", list(values))


def _propensity(values: pa.ChunkedArray, name: str) -> Floats:
    numbers = _numbers(canonical_text(as_text(values)))
    if numbers is None:
        raise InputError(
            "--propensity",
            f"column {name!r} must hold numbers",
            as_text(values).drop_null()[0].as_py(),
        )
    wrong = (numbers < 0) | (numbers > 1) | np.isinf(numbers)
    if wrong.any():
        raise InputError(
            "--propensity",
            f"column {name!r} must hold probabilities, 0 to 1",
            float(numbers[wrong][0]),
        )
    return numbers


def _numbers(text: pa.ChunkedArray) -> Floats | None:
    """A column of text as numbers, NaN where null; None where one is no number."""
    try:
        return np.array(text.cast(pa.float64()).to_numpy(), dtype=np.float64)
    except pa.ArrowInvalid:
        return None


def _clusters(table: pa.Table, roles: ExperimentRoles) -> NDArray[np.int64]:
    name = roles.group or roles.id
    return np.arange(table.num_rows) if name is None else group_codes(table[name])


def _feature_columns(
    table: pa.Table, roles: ExperimentRoles
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    used = {roles.treatment, roles.outcome, roles.propensity, roles.id, roles.group, *roles.drop}
    names = [name for name in table.column_names if name not in used]
    empty = tuple(name for name in names if missing_count(table[name]) == table.num_rows)
    columns = tuple(name for name in names if name not in empty)
    if not columns:
        raise InputError(
            "TABLE", "must have a column left as a feature, besides those with roles and --drop"
        )
    return columns, empty
