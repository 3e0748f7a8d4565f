"""What every operation of the OpenAPI document is made of: answers, headers, schemas."""

from collections.abc import Sequence
from typing import Any

from serving.contract.codes import CODES
from serving.contract.problem import MEDIA_TYPE

IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The caller's own key of the request: sent again with it, the answer is the same.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
"""The header of every operation that changes something."""
_CHANGES = ("invalid_idempotency_key", "in_progress", "read_only", "idempotency_key_reused")
OWN_CODES: dict[str, tuple[str, ...]] = {
    "EventsAnswer": (*_CHANGES, "no_events"),
    "ConsentsAnswer": (*_CHANGES, "no_ledger"),
    "OutcomesAnswer": (*_CHANGES, "no_ledger"),
    "CheckAnswer": ("no_ledger",),
    "CampaignsAnswer": ("no_ledger",),
    "ApprovalAnswer": (*_CHANGES, "no_ledger"),
    "JobDocument": (*_CHANGES, "no_ledger"),
    "JobsAnswer": ("no_ledger",),
    "ScoresAnswer": ("no_scores", "cursor_expired"),
    "PredictionsAnswer": ("model_unavailable",),
}
"""Codes that only some routes answer, by their answers."""

HEADERS = {
    "Request-Id": ("The request's own `Request-Id`, or one that was made for it.", "string"),
    "Content-Language": ("Language of the answer.", "string"),
    "Idempotency-Replayed": ("`true`: the answer was given before.", "string"),
    "Retry-After": ("Seconds after which the request may be sent again.", "integer"),
    "WWW-Authenticate": ("How to send a key.", "string"),
    "RateLimit": ("Requests that are left to the key, and seconds until there are more.", "string"),
    "RateLimit-Policy": ("Requests that the key may send, and in how many seconds.", "string"),
}
"""Headers of answers: what each says, and its type."""
_OF_STATUS = {
    "401": ("WWW-Authenticate",),
    "403": ("WWW-Authenticate",),
    "409": ("Retry-After",),
    "429": ("Retry-After", "RateLimit", "RateLimit-Policy"),
    "503": ("Retry-After",),
}
"""Headers of an error, besides its `Request-Id`, where they apply."""
_DEFAULT = "Anything else that went wrong, such as a request that took too long."


def responses(
    description: str,
    answer: str,
    statuses: Sequence[int],
    example: object,
    *,
    headers: Sequence[str] = (),
    links: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """All answers of an operation.

    Parameters
    ----------
    description : str
        What it answers.
    answer : str
        Schema of that.
    statuses : sequence of int
        Of its errors.
    example : object
        An answer; None without one.
    headers : sequence of str
        Of the answer, by `HEADERS`.
    links : dict, optional
        What may be asked next.
    """
    content: dict[str, Any] = {"schema": schema(answer)}
    if example is not None:
        content["example"] = example
    problem = {MEDIA_TYPE: {"schema": schema("ProblemDocument")}}
    own = OWN_CODES.get(answer, ())
    others = {name for names in OWN_CODES.values() for name in names if name not in own}
    means = {
        str(status): " ".join(
            code.means
            for name, code in CODES.items()
            if code.status == status and name not in others
        )
        for status in statuses
    } | {"default": _DEFAULT}
    return {
        "200": {
            "description": description,
            "headers": _headers(*headers, "RateLimit", "RateLimit-Policy"),
            "content": {"application/json": content},
        }
        | ({} if links is None else {"links": links})
    } | {
        status: {
            "description": text,
            "headers": _headers(*_OF_STATUS.get(status, ())),
            "content": problem,
        }
        for status, text in means.items()
    }


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in ("Request-Id", *names)}


def schema(name: str) -> dict[str, str]:
    """A reference to a schema."""
    return {"$ref": f"#/components/schemas/{name}"}
