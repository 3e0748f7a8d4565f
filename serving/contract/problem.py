"""Problem details: the one shape of every error that the server answers (RFC 9457).

Whether a route of ours, Starlette or BentoML reports the error, the caller reads the same
document.
"""

import logging
import traceback
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from pydantic_core import to_json
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from holdfast.errors import InputError, shorten
from serving.contract.codes import PAGE, code_of_status
from serving.contract.predictions import FieldError, ProblemDocument
from serving.contract.rows import DoubtfulRowsError
from serving.time_limit import TimeLimit

MEDIA_TYPE = "application/problem+json"

MOST_FAULTS = 50
"""Most faults that one problem names."""

# How long an answer may take; what is not ready then is abandoned.
MOST_SECONDS = 25.0

_DETAILS = {
    404: "There is nothing at this path.",
    405: "This path does not take this method.",
    503: "The server is not ready to answer.",
}
_STATE = "problem"
_KEPT_HEADERS = (b"allow", b"retry-after")

_log = logging.getLogger(__name__)


class Problem(Exception):
    """An error to answer with.

    Parameters
    ----------
    status : int
        HTTP status, 400 to 599.
    detail : str
        What is wrong, for the caller: no internals, no whole bodies.
    errors : sequence of FieldError
        Which fields are wrong.
    headers : mapping of str to str
        Headers that belong to the status.
    code : str
        One of `serving.contract.codes.CODES`. Default: that of the status.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code or code_of_status(status)
        self.detail = detail
        self.errors = errors
        self.headers = headers

    @classmethod
    def from_input_error(cls, error: InputError) -> "Problem":
        """422 for a field that breaks a rule; it shows a shortened value."""
        faults = (
            [(doubt.field, doubt.rule, doubt.value) for doubt in error.doubts[:MOST_FAULTS]]
            if isinstance(error, DoubtfulRowsError)
            else [(error.field, error.rule, error.value)]
        )
        errors: list[FieldError] = [
            {"field": field, "detail": _rule(rule, value)} for field, rule, value in faults
        ]
        return cls(422, f"{errors[0]['field']}: {errors[0]['detail']}", errors=errors)

    @classmethod
    def being_replaced(cls) -> "Problem":
        """503 while models and features in the store do not fit each other, which passes."""
        return cls(
            503,
            "Models or features are being replaced; send the request again.",
            headers={"Retry-After": "1"},
        )

    def response(self) -> Response:
        """The problem as a response."""
        document: ProblemDocument = {
            "type": f"{PAGE}#{self.code}",
            "code": self.code,
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors:
            document["errors"] = list(self.errors)
        return Response(to_json(document), self.status, self.headers, MEDIA_TYPE)


def _rule(rule: str, value: object) -> str:
    return rule if value is None else f"{rule} (got {shorten(value, 60)})"


def problem_code(scope: Scope) -> str | None:
    """Code of the problem that a request was answered with, after the answer."""
    code: str | None = scope.get("state", {}).get(_STATE)
    return code


async def answer_problem(request: Request, error: Exception) -> Response:
    """Starlette's handler for a `Problem` raised below it."""
    if not isinstance(error, Problem):
        raise error
    _note(request.scope, error)
    return error.response()


def _note(scope: Scope, problem: Problem) -> None:
    scope.setdefault("state", {})[_STATE] = problem.code


class ProblemMiddleware:
    """Turns every error below it into a problem document, be it raised or answered in another
    shape.

    Parameters
    ----------
    app : ASGI application
        What answers.
    most_seconds : float
        How long an answer may take; what is not ready then is abandoned.
    """

    def __init__(self, app: ASGIApp, most_seconds: float = MOST_SECONDS) -> None:
        self._app = app
        self._most_seconds = most_seconds
        self._limit = TimeLimit(most_seconds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send)
        try:
            # No path of ours ends so; below, it would be redirected, and the body lost.
            if len(scope["path"]) > 1 and scope["path"].endswith("/"):
                raise Problem(404, _DETAILS[404])
            with self._limit:
                await self._app(scope, receive, answer.send)
            problem = answer.replacement
        except ClientDisconnect:
            return
        except Problem as raised:
            problem = raised
        except TimeoutError:
            problem = Problem(
                504,
                f"The answer was not ready within {self._most_seconds:.0f} seconds; ask for less at once.",
            )
        except Exception as error:
            # Neither the message nor the values, which may be a customer's, nor the path, in which
            # anything may stand, such as a line break and a line of the log: the kind of error and
            # where it was.
            where = "".join(traceback.format_tb(error.__traceback__))
            name = scope.get("request_id")
            _log.error("request %s failed with %s at\n%s", name, type(error).__name__, where)
            problem = Problem(500, "Something went wrong in the server; its log says what.")
        if problem is not None and not answer.started:
            _note(scope, problem)
            await problem.response()(scope, receive, send)


class _Answer:
    """Lets an answer through unless it is an error in another shape, which it holds back."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False
        self.replacement: Problem | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start(message)
        if self.started:
            await self._send(message)

    def _start(self, message: Message) -> None:
        status = int(message["status"])
        headers = {} if status < 400 else dict(message.get("headers", ()))
        if status < 400 or headers.get(b"content-type") == MEDIA_TYPE.encode():
            self.started = True
            return
        kept = {
            name.decode(): headers[name].decode("latin-1")
            for name in _KEPT_HEADERS
            if name in headers
        }
        self.replacement = Problem(
            status, _DETAILS.get(status, HTTPStatus(status).phrase), headers=kept
        )
