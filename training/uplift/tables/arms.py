"""The arms of a team's own experiment: one name each, and which one is control."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.encoding.reading import as_text
from features.flat.classes import NO_WORDS, Classes, find_classes
from features.tables.column_reading import ColumnReading
from holdfast.errors import InputError

_CONTROL_WORDS = NO_WORDS | frozenset(
    [
        *["control", "control group", "controls", "ctrl", "ctl", "none", "nothing", "untreated"],
        *["placebo", "baseline", "business as usual", "bau", "not treated", "not contacted"],
        *["对照", "对照组", "控制组", "空白组", "未干预", "不干预", "无", "對照", "對照組", "控制組", "無"],
        *["対照", "対照群", "コントロール", "コントロール群", "なし", "대조군", "통제군", "없음"],
        *["контроль", "контрольная", "контрольная группа", "без воздействия"],
        *["kontrolle", "kontrollgruppe", "kontroll", "keine", "kontrollgrupp", "kontrollryhmä"],
        *["contrôle", "controle", "groupe de contrôle", "groupe témoin", "témoin", "aucun", "aucune"],
        *["grupo de control", "grupo control", "testigo", "ninguno", "ninguna", "nada"],
        *["grupo de controle", "nenhum", "nenhuma", "controllo", "gruppo di controllo", "nessuno"],
        *["controlegroep", "geen", "kontrola", "grupa kontrolna", "kontrolna", "brak", "žádná"],
        *["kontrolní", "kontrolní skupina", "kontrol", "kontrol grubu", "yok", "kelompok kontrol"],
    ]
)  # fmt: skip
_CONTROL_START = re.compile(
    r"no |control |kontroll?|contr[oô]l|контрол|对照|對照|対照|대조|not? (treat|contact)"
)
_MOST_ARMS = 20


@dataclass(frozen=True, kw_only=True)
class Arms:
    """The arms of n rows.

    Parameters
    ----------
    names : tuple of str
        Control first.
    position : (n,) int64
        Position of each row's arm.
    control_why : str
        How control was recognised, to be shown.
    """

    names: tuple[str, ...]
    position: NDArray[np.int64]
    control_why: str


def find_arms(values: pa.ChunkedArray, name: str) -> Classes:
    """The classes of a treatment column; ``none`` is the name of an arm in it, not a missing value."""
    return find_classes(as_text(values), name, kept=_CONTROL_WORDS)


def arms_reading(reading: ColumnReading, values: pa.ChunkedArray) -> ColumnReading:
    """How the column that names the arm is read: a question where names differ in case only."""
    name = reading.name
    arms = ColumnReading(
        name=name,
        kind="category",
        why="names the arm",
        letter_case=reading.letter_case,
    )
    if reading.letter_case is None:
        classes = find_arms(values, name)
        if classes.folded:
            first = next(iter(classes.folded))
            arms = replace(
                arms,
                question=f"{first!r} and {classes.folded[first]!r} differ in case only; are they one arm?",
                choices=(
                    {"kind": "category", "letter_case": "ignore"},
                    {"kind": "category", "letter_case": "keep"},
                ),
            )
    return arms


def read_arms(treatment: pa.ChunkedArray, classes: Classes, control: str | None) -> Arms:
    """The arms of rows, control first.

    Parameters
    ----------
    treatment : (n,) pyarrow string array
        Each row's arm, none missing.
    classes : Classes
        The column's classes.
    control : str or None
        The value that a person named; None to recognise it.

    Raises
    ------
    InputError
        There are fewer than two arms or too many, or control is not clear.
    """
    values = sorted(pc.unique(treatment).to_pylist())
    if len(values) < 2:
        raise InputError(
            "--treatment", "needs at least two arms, control and one that was treated", values
        )
    if len(values) > _MOST_ARMS:
        raise InputError(
            "--treatment",
            f"must name the arms of an experiment, at most {_MOST_ARMS}; it has {len(values)}",
            values[0],
        )
    first, why = _control(values, classes, control)
    names = (first, *(value for value in values if value != first))
    position = np.array(pc.index_in(treatment, value_set=pa.array(names)).to_numpy(), np.int64)
    return Arms(names=names, position=position, control_why=why)


def _control(values: Sequence[str], classes: Classes, control: str | None) -> tuple[str, str]:
    shown = ", ".join(map(repr, values))
    if control is not None:
        named = classes.matching(control)
        if named is None or named not in values:
            raise InputError(
                "--control", f"must occur in the treatment, which has {shown}", control
            )
        return named, "as given"
    plain = [" ".join(re.split(r"[\s_-]+", value.casefold())) for value in values]
    exact = [value for value, word in zip(values, plain, strict=True) if word in _CONTROL_WORDS]
    likely = exact or [
        v for v, word in zip(values, plain, strict=True) if _CONTROL_START.match(word)
    ]
    if len(likely) != 1:
        raise InputError(
            "--treatment",
            f"has the values {shown}; name the one that means that nothing was done, "
            f"such as --control {shlex.quote((likely or values)[0])}",
        )
    return likely[0], "by its name"
