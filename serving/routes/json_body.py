"""A request's body as JSON."""

from starlette.types import Scope

from holdfast.errors import shorten
from serving.contract.predictions import RepeatedKeyError, parse_json
from serving.contract.problem import Problem
from serving.headers import header

_JSON = "application/json"


def require_json(scope: Scope) -> None:
    """Refuse a request whose body is declared as something else than JSON; `Problem` 415."""
    declared = header(scope, b"content-type") or ""
    if declared == _JSON:
        return
    if declared.partition(";")[0].strip().lower() != _JSON:
        raise Problem(
            415,
            "The request must have the header `Content-Type: application/json`"
            f" (got {shorten(declared, 60)}).",
        )


def read_document(body: bytes) -> object:
    """A body as JSON; `Problem` 400 where it is none, or where an object has a key twice."""
    try:
        return parse_json(body)
    except RepeatedKeyError as error:
        raise Problem(400, f"The body is refused: {error}.", code="repeated_key") from None
    except ValueError as error:
        raise Problem(400, f"The body must be JSON in UTF-8: {error}") from None
