"""Documents: JSON that a dataclass is written as, and read back from, checked by pydantic.

Reading is strict. Nothing is converted, no number may be NaN or infinite, and every field must be
there: a reader that filled in defaults would let a gate pass what was never measured. So a stored
dataclass has no default, except in a field that names its kind. Keys that it does not have are
passed over. Where the stored key is called otherwise than the field, the field says so with
``Field(alias=...)``.
"""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from holdfast.errors import InputError

T = TypeVar("T")

_STRICT = ConfigDict(strict=True, allow_inf_nan=False)

_RULES: Mapping[str, str] = {
    "missing": "is missing",
    "float_type": "must be a finite number",
    "union_tag_not_found": "must be an object that names its kind",
}
"""Rules by pydantic's type of error, where its own words are not as clear."""


def read_document(kind: type[T], document: object, name: str, *keys: str) -> T:
    """Read a document.

    Parameters
    ----------
    kind : type
        Dataclass to make, or a dictionary or tuple of them.
    document : JSON
        What was stored, as `json.loads` gives it.
    name : str
        What errors call the document, such as its file name.
    keys : str
        Where in the document of that name this one stands.

    Raises
    ------
    InputError
        Names the place of the first value that is missing or of another kind, such as
        ``assessment.json: 90.metrics.auc.low``, and the rule.
    """
    value, faults = inspect_document(kind, document, name, *keys)
    if value is None:
        raise faults[0]
    return value


def inspect_document(
    kind: type[T], document: object, name: str, *keys: str
) -> tuple[T | None, list[InputError]]:
    """Read a document, and list all that is wrong with it; None where anything is. Arguments as of
    `read_document`.
    """
    try:
        # JSON has neither tuples nor dataclasses, so only text can be read strictly as them.
        (value,) = _adapter(cast(Any, kind)).validate_json(json.dumps([document]))
    except ValidationError as error:
        return None, [_fault(details, name, keys) for details in error.errors(include_url=False)]
    return value, []


def to_document(value: Any) -> dict[str, Any]:
    """A dataclass as `read_document` reads it; PydanticSerializationError where a field holds
    something else than it declares.
    """
    adapter = _adapter(cast(Any, type(value)))
    document: dict[str, Any]
    (document,) = adapter.dump_python((value,), by_alias=True, warnings="error")
    return document


def place_in(name: str, *keys: str) -> str:
    """What errors call a place in a document, such as ``assessment.json: 90.metrics.auc``."""
    path = ".".join(filter(None, keys))
    return f"{name}: {path}" if path else name


@cache
def _adapter(kind: Any) -> TypeAdapter[tuple[Any]]:
    # Pydantic takes no configuration for a dataclass itself, but hands that of what is around it on
    # to all dataclasses inside.
    return TypeAdapter(tuple[kind], config=_STRICT)


def _fault(details: ErrorDetails, name: str, keys: tuple[str, ...]) -> InputError:
    _, *path = map(str, details["loc"] or ("",))
    rule = _RULES.get(details["type"]) or details["msg"].replace("Input should be", "must be")
    value = None if details["type"] == "missing" else details["input"]
    return InputError(
        place_in(name, *keys, *path),
        rule.removeprefix("Value error, "),
        "null" if value is None and details["type"] != "missing" else value,
    )
