"""A request's body as JSON."""

from collections.abc import Sequence

from starlette.types import Scope

from holdfast.errors import shorten
from serving.contract.predictions import RepeatedKeyError, parse_json
from serving.contract.problem import Problem

_JSON = b"application/json"
_DECLARED = [_JSON]


def require_json(scope: Scope) -> None:
    """Refuse a request whose body is declared as something else than JSON, or as compressed.

    Raises
    ------
    Problem
        415, also where it is declared as two things: whoever stands in between may have looked at the
        other one.
    """
    declared: list[bytes] = []
    for name, value in scope["headers"]:
        if name == b"content-type":
            declared.append(value)
        elif name == b"content-encoding" and value.lower() != b"identity":
            shown = shorten(str(value, "latin-1"), 60)
            raise Problem(
                415,
                f"The body must be sent as it is, not compressed (got `Content-Encoding` {shown}).",
                headers={"Accept-Encoding": "identity"},
            )
    if declared != _DECLARED and not _is_json(declared):
        shown = shorten(str(b", ".join(declared), "latin-1"), 60)
        raise Problem(
            415, f"The request must have the header `Content-Type: application/json` (got {shown})."
        )


def _is_json(declared: Sequence[bytes]) -> bool:
    return len(declared) == 1 and declared[0].partition(b";")[0].strip().lower() == _JSON


def read_document(body: bytes) -> object:
    """A body as JSON; `Problem` 400 where it is none, or where an object has a key twice."""
    try:
        return parse_json(body)
    except RepeatedKeyError as error:
        raise Problem(400, f"The body is refused: {error}.", code="repeated_key") from None
    except ValueError as error:
        raise Problem(400, f"The body must be JSON in UTF-8: {error}") from None
