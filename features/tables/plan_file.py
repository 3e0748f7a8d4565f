"""The plan as a file that a person reads and changes."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli_w

from features.formats.date_format import ORDERS
from features.tables.column_reading import KINDS, ColumnReading
from features.tables.plan import TablePlan
from holdfast.errors import InputError

_HEAD = """\
# How holdfast reads {name}. Change what is wrong, and give this file with --columns.
# kind: number, category, date, flag (yes or no), id or text (the last two are no features).
# order of dates: ymd, dmy, mdy, compact (20210305), month (2015-06), excel (a spreadsheet's day
# number), or seconds, milliseconds or microseconds since 1970.
# Columns that are not named here are decided anew.
"""
_DECIMALS, _THOUSANDS = (".", ","), ("", ",", ".", " ", "'", "_")
_ALLOWED: dict[str, tuple[object, ...] | type] = {
    "kind": KINDS,
    "order": ORDERS,
    "decimal": _DECIMALS,
    "thousands": _THOUSANDS,
    "unit": str,
    "letter_case": ("ignore", "keep"),
    "accept_unread": (True, False),
    "why": str,
}


def plan_text(plan: TablePlan, name: str) -> str:
    """The plan as TOML; open questions stand as comments with their answers.

    Parameters
    ----------
    plan : TablePlan
        How a table is read.
    name : str
        The table's file.
    """
    sections = [_HEAD.format(name=" ".join(name.split()))]
    sections += [f"# {_one_line(note)}\n" for note in plan.notes]
    sections += [_section(column) for column in plan.columns]
    return "\n".join(sections)


def read_answers(path: Path) -> dict[str, dict[str, Any]]:
    """Read what a plan file says of each column.

    Raises
    ------
    InputError
        The file is missing, no TOML, or says what cannot be. Names column, key and value.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError:
        raise InputError("--columns", "must be a readable file", str(path)) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError("--columns", f"must be TOML: {error}", path.name) from None
    columns = document.get("columns")
    if not isinstance(columns, dict) or set(document) != {"columns"}:
        raise InputError(
            "--columns", "must hold tables such as [columns.fee] and nothing else", path.name
        )
    return {name: _checked(name, answer) for name, answer in columns.items() if answer}


def _checked(name: str, answer: object) -> dict[str, Any]:
    field = f"--columns, [columns.{name}]"
    if not isinstance(answer, dict):
        raise InputError(field, "must be a table such as [columns.fee]", answer)
    if set(answer) == {"answer"} and isinstance(answer["answer"], dict):
        answer = answer["answer"]
    for key, value in answer.items():
        if key == "missing_marks":
            if not isinstance(value, list) or not all(isinstance(mark, str) for mark in value):
                raise InputError(f"{field}.missing_marks", "must be a list of texts", value)
            continue
        allowed = _ALLOWED.get(key)
        if allowed is None:
            raise InputError(
                field,
                f"has no such key; it may have {', '.join(('missing_marks', *_ALLOWED))}",
                key,
            )
        fits = isinstance(value, allowed) if isinstance(allowed, type) else value in allowed
        if not fits:
            named = "text" if isinstance(allowed, type) else " or ".join(map(repr, allowed))
            raise InputError(f"{field}.{key}", f"must be {named}", value)
    if answer.get("thousands") and answer.get("thousands") == answer.get("decimal", "."):
        raise InputError(
            f"{field}.thousands", "must differ from the decimal sign", answer["thousands"]
        )
    return dict(answer)


def answer_line(choice: Mapping[str, Any]) -> str:
    """An answer to a question as a line of the file."""
    pairs = ", ".join(
        f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in choice.items()
    )
    return f"answer = {{ {pairs} }}"


def _section(column: ColumnReading) -> str:
    if not column.question:
        answer: Mapping[str, Any] = {
            "kind": column.kind,
            **({"missing_marks": list(column.missing_marks)} if column.missing_marks else {}),
            **column.format(),
        }
        comment = f"# {_one_line(column.why)}\n" if column.why else ""
        return comment + tomli_w.dumps({"columns": {column.name: answer}})
    lines = [f"# QUESTION: {_one_line(column.question)}", "# Take the # from one of these answers:"]
    lines += [f"# {answer_line(choice)}" for choice in column.choices]
    return tomli_w.dumps({"columns": {column.name: {}}}) + "\n".join(lines) + "\n"


def _one_line(text: str) -> str:
    return " ".join(text.split())
