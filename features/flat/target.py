"""Who left: the target column as a label."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from features.flat.classes import (
    NO_WORDS,
    YES_WORDS,
    Classes,
    canonical_value,
    find_classes,
    folded,
    is_class,
    without_stray,
)
from holdfast.arrays import Floats
from holdfast.errors import InputError

FEWEST_LABELLED = 100
FEWEST_OF_A_CLASS = 20

_LEFT = YES_WORDS | frozenset(
    [
        *["churn", "churned", "left", "gone", "cancelled", "canceled", "positive", "attrited"],
        *["lost", "terminated", "deactivated", "inactive"],
        "attrited customer", "流失", "已流失", "离网", "已离网", "销户", "退网", "ушел", "ушёл", "отток", "baja", "abandono",
        "cancelado", "gekündigt", "résilié", "解約", "해지",
    ]
)  # fmt: skip
_STAYED = NO_WORDS | frozenset(
    [
        *["stayed", "stay", "active", "retained", "negative", "existing", "loyal", "current", "kept"],
        "existing customer", "no churn", "not churned",
        "未流失", "留存", "在网", "未离网", "正常", "非流失", "остался", "активен",
        "activo", "ativo", "aktiv", "actif", "継続", "유지",
    ]
)  # fmt: skip
_STRAY_SHARE = 0.05
_MOST_SHOWN = 10


@dataclass(frozen=True)
class Target:
    """A target column.

    Parameters
    ----------
    label : (n,) float64
        1 left, 0 stayed, NaN not known.
    positive : tuple of str
        The classes that mean "left".
    notes : tuple of str
        What was decided, for a person.
    """

    label: Floats
    positive: tuple[str, ...]
    notes: tuple[str, ...]


def read_target(text: pa.ChunkedArray, name: str, positive: Sequence[str]) -> Target:
    """Read a target column.

    Parameters
    ----------
    text : (n,) pyarrow string array
        As `features.encoding.reading.as_text` gives it.
    name : str
        Its name.
    positive : sequence of str
        Values that mean "left"; empty to infer the one of two.

    Raises
    ------
    InputError
        There are not two classes, or too few rows of one.
    """
    classes = find_classes(text, name)
    if len(classes.names) < 2:
        raise InputError("--target", "must have two classes", list(classes.names))
    if positive:
        chosen = _given(classes, positive)
    else:
        classes, chosen = _inferred(classes, name)
    classes = _two_classes(classes, chosen, name)
    label = is_class(classes.text, chosen)
    _check_counts(label)
    return Target(label, chosen, classes.notes)


def _given(classes: Classes, positive: Sequence[str]) -> tuple[str, ...]:
    chosen = set()
    for value in positive:
        match = classes.matching(value)
        if match is None:
            raise InputError(
                "--positive",
                f"must occur in the target, which has {', '.join(map(repr, classes.names[:_MOST_SHOWN]))}",
                canonical_value(value),
            )
        chosen.add(match)
    return tuple(sorted(chosen))


def _inferred(classes: Classes, name: str) -> tuple[Classes, tuple[str, ...]]:
    left = [one for one in classes.names if folded(one) in _LEFT]
    stayed = [one for one in classes.names if folded(one) in _STAYED]
    if len(left) == 1 and len(stayed) == 1:
        total = sum(classes.counts.values())
        stray = total - classes.counts[left[0]] - classes.counts[stayed[0]]
        if stray <= _STRAY_SHARE * total:
            return classes, (left[0],)
    names = list(classes.names)
    if len(names) > 2:
        shown = f"{', '.join(map(repr, names[:_MOST_SHOWN]))}{', …' if len(names) > _MOST_SHOWN else ''}"
        raise InputError(
            "--target",
            f"has {len(names)} classes ({shown}); "
            "name with --positive those that mean that the customer left",
        )
    raise InputError(
        "--target",
        "has two classes; name with --positive the one that means that the customer left",
        names,
    )


def _two_classes(classes: Classes, chosen: Sequence[str], name: str) -> Classes:
    """Leave out what is neither class: of yes and no, or of numbers, anything else."""
    others = [one for one in classes.names if one not in chosen]
    opposite = [one for one in others if folded(one) in _STAYED]
    if len(opposite) == 1 and all(folded(one) in _LEFT for one in chosen):
        return without_stray(classes, [*chosen, *opposite], name)
    if all(map(_is_number, chosen)):
        kept = [one for one in others if _is_number(one)]
        return without_stray(classes, [*chosen, *kept], name) if kept else classes
    return classes


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def _check_counts(label: Floats) -> None:
    known = int((~np.isnan(label)).sum())
    positives = int(np.nansum(label))
    if known < FEWEST_LABELLED:
        raise InputError(
            "--target", f"needs at least {FEWEST_LABELLED} rows where it is not blank", known
        )
    if positives < FEWEST_OF_A_CLASS:
        raise InputError("--target", f"needs at least {FEWEST_OF_A_CLASS} positive rows", positives)
    if known - positives < FEWEST_OF_A_CLASS:
        raise InputError(
            "--target",
            f"needs at least {FEWEST_OF_A_CLASS} rows that are not positive",
            known - positives,
        )
