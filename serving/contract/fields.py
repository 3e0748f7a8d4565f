"""Checking a body against a contract: fields that break a rule are named as callers know them."""

from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import BeforeValidator, TypeAdapter, ValidationError

from holdfast.errors import InputError

T = TypeVar("T")


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_whole)
"""Of an `int`: takes 3.0 as well, which is an integer to JSON Schema, and what some languages write
for 3.
"""


def check_document(contract: TypeAdapter[T], document: object) -> T:
    """A document as its contract has it, with defaults filled in.

    Raises
    ------
    InputError
        Names the first field that breaks a rule, such as ``events[3].row``, the rule and the value.
    """
    try:
        return contract.validate_python(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        raise InputError(
            _field_name(first["loc"]) or "body", _rule(first["type"], first["msg"]), first["input"]
        ) from None


def single_parameters(parameters: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The parameters of a query by name.

    Raises
    ------
    InputError
        Names the first parameter that stands twice.
    """
    names = [name for name, _ in parameters]
    for name in names:
        if names.count(name) > 1:
            raise InputError(name, "must stand once")
    return dict(parameters)


def require_count(field: str, items: Any, most: int) -> None:
    """Refuse a list that is empty or too long before any item is looked at; what is no list is left to
    its contract.

    Raises
    ------
    InputError
        Names the field and the count.
    """
    if isinstance(items, list) and not 1 <= len(items) <= most:
        raise InputError(field, f"must hold 1 to {most} items", len(items))


def _field_name(location: tuple[int | str, ...]) -> str:
    named = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return named.removeprefix(".")


def _rule(kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return "is not a field of this request"
    return message.replace("Input should be", "must be").replace("List should", "must")
