"""Documents: JSON read back into the dataclass that wrote it, with nothing missing, nothing of
another kind and no NaN.

A reader that filled in defaults would let a gate pass what was never measured, so none is filled
in: every field must be there.
"""

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from holdfast.errors import InputError

T = TypeVar("T")


def read_document(kind: type[T], document: object, name: str) -> T:
    """Read a document strictly.

    Parameters
    ----------
    kind : type
        Dataclass to make. Its fields may be dataclasses, tuples, dictionaries by text, optional,
        literals and plain values.
    document : JSON
        What was stored. Keys that the dataclass does not know are passed over.
    name : str
        What errors call the document.

    Raises
    ------
    InputError
        Names the place of the first value that is missing or of another kind, such as
        ``assessment.json: 90/metrics/auc/low``.
    """
    value, problems = inspect_document(kind, document, name)
    if value is None:
        raise problems[0]
    return value


def inspect_document(
    kind: type[T], document: object, name: str
) -> tuple[T | None, list[InputError]]:
    """Read a document strictly, and tell all that is wrong with it; None where anything is."""
    problems: list[InputError] = []
    value = _read(kind, document, name, problems)
    return (None if problems else value), problems


def _read(kind: Any, value: object, place: str, problems: list[InputError]) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if origin in (Union, UnionType):
        if value is None and type(None) in arguments:
            return None
        (inner,) = [argument for argument in arguments if argument is not type(None)]
        return _read(inner, value, place, problems)
    if origin is Literal:
        return (
            value
            if value in arguments
            else _refuse(place, f"must be one of {', '.join(map(str, arguments))}", value, problems)
        )
    if is_dataclass(kind):
        return _read_dataclass(kind, value, place, problems)
    if origin is dict:
        if not isinstance(value, Mapping):
            return _refuse(place, "must be an object", value, problems)
        return {
            key: _read(arguments[1], found, f"{place}/{key}", problems)
            for key, found in value.items()
        }
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            return _refuse(place, "must be a list", value, problems)
        return tuple(
            _read(arguments[0], found, f"{place}/{number}", problems)
            for number, found in enumerate(value)
        )
    return _read_plain(kind, value, place, problems)


def _read_dataclass(kind: Any, value: object, place: str, problems: list[InputError]) -> Any:
    if not isinstance(value, Mapping):
        return _refuse(place, "must be an object", value, problems)
    found = {}
    for name, hint in _hints(kind).items():
        if name in value:
            found[name] = _read(hint, value[name], f"{place}/{name}", problems)
        else:
            _refuse(f"{place}/{name}", "is missing", None, problems)
    return None if problems else kind(**found)


def _read_plain(kind: Any, value: object, place: str, problems: list[InputError]) -> Any:
    if kind is float:
        if (
            isinstance(value, bool)
            or not isinstance(value, (int, float))
            or not math.isfinite(value)
        ):
            return _refuse(place, "must be a finite number", value, problems)
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        words = {int: "a whole number", str: "a text", bool: "true or false"}
        return _refuse(place, f"must be {words[kind]}", value, problems)
    return value


def _refuse(place: str, rule: str, value: object, problems: list[InputError]) -> None:
    problems.append(
        InputError(place, rule, "null" if value is None and rule != "is missing" else value)
    )


@cache
def _hints(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}
