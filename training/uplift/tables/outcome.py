"""The outcome of a team's own experiment: which of its values are good."""

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.flat.classes import NO_WORDS, YES_WORDS, Classes, canonical_value, is_class
from holdfast.arrays import Floats
from holdfast.errors import InputError

_LOSS = re.compile(
    r"churn|attrit|cancel|terminat|disconnect|deactivat|unsubscri|complain|port.?out|(^|[^a-z])(left|lost|loss|leave|leaver|leaving"
    r"|gone|exit|quit|drop)([^a-z]|$)|流失|离网|销户|退订|投诉|携出|转出"
)
_LOSS_VALUE = re.compile(
    r"churned|churn|left|lost|gone|cancell?ed|terminated|disconnected|deactivated|unsubscribed|ported|ported out|quit"
    r"|流失|离网|销户"
)
_KEPT_VALUE = frozenset(
    {"stayed", "stays", "retained", "kept", "active", "renewed", "loyal", "在网", "留存"}
)
HIGHER, LOWER = "higher", "lower"


def read_outcome(
    outcome: pa.ChunkedArray, classes: Classes, good_values: Sequence[str], name: str
) -> tuple[Floats, str]:
    """The outcome, larger being better, and how that was decided.

    Parameters
    ----------
    outcome : (n,) pyarrow string array
        Each row's class, none missing.
    classes : Classes
        The column's classes.
    good_values : sequence of str
        Values that a person called good, or ``higher`` or ``lower``; empty to infer.
    name : str
        The column's name.

    Raises
    ------
    InputError
        It is the same in all rows, or what is good is not clear.
    """
    values = sorted(pc.unique(outcome).to_pylist())
    if len(values) < 2:
        raise InputError("--outcome", "must not be the same in all rows", values)
    good = tuple(classes.matching(value) or canonical_value(value) for value in good_values)
    named = bool(good) and set(good) <= set(values)
    if len(values) > 2 and not named:
        numbers = as_numbers(outcome)
        if numbers is None:
            shown = f"{', '.join(map(repr, values[:10]))}{', …' if len(values) > 10 else ''}"
            raise InputError(
                "--outcome",
                f"must have two values or be a number; it has {shown}: name with --good the good ones",
            )
        return _number_outcome(numbers, good, name)
    if good and not named:
        absent = next(value for value in good if value not in values)
        raise InputError(
            "--good", f"must occur in the outcome, which has {', '.join(map(repr, values))}", absent
        )
    if set(good) == set(values):
        raise InputError("--good", "must leave a value that is not good", list(good_values))
    inferred, why = ("", "as given") if good else _infer_good(values, name)
    chosen = good or (inferred,)
    return is_class(outcome, chosen), f"good means {name} = {' or '.join(chosen)}, {why}"


def _number_outcome(numbers: Floats, good: Sequence[str], name: str) -> tuple[Floats, str]:
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
    if not good and _LOSS.search(name.lower()):
        raise InputError(
            "--outcome",
            f"names a loss, but larger values must be good; give --good {LOWER} or --good {HIGHER}",
            name,
        )
    if good == (LOWER,):
        return (
            -numbers,
            f"good means that {name} is lower, as given; effects are of its negative",
        )
    return numbers, f"good means that {name} is higher" + (", as given" if good else "")


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
    yes, no = [value in YES_WORDS for value in lower], [value in NO_WORDS for value in lower]
    if sum(yes) == 1 and sum(no) == 1:
        return values[yes.index(True)], f"as {name!r} names no loss; --good changes that"
    raise InputError("--outcome", f"has two values; name the good one: {shown}", list(values))


def as_numbers(text: pa.ChunkedArray) -> Floats | None:
    """A column of text as numbers, NaN where null; None where one is no number."""
    try:
        return np.array(text.cast(pa.float64()).to_numpy(), dtype=np.float64)
    except pa.ArrowInvalid:
        return None
