"""`Idempotency-Key`: a request that changes something takes effect once, however often it is sent.

The first answer is kept for a day beside a digest of the request, and given again to whoever sends
the same request with the same key. The memory is shared by all workers: a unique constraint lets
one of them work on a key at a time.

Should a worker be killed between the change and the memory of its answer, the same request is taken
again once `IN_PROGRESS` is over. So a route that is wrapped here must also be safe to repeat by
itself, as events are by their ids.
"""

import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps

import sqlalchemy as sa
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from holdfast.clock import Clock
from serving.access.body import read_body
from serving.access.caller import Endpoint, caller_of
from serving.access.database import requests_metadata
from serving.contract.problem import MOST_SECONDS, Problem

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
"""Header of an answer that was given before."""

KEPT = timedelta(hours=24)
"""How long an answer is kept."""

IN_PROGRESS = timedelta(seconds=MOST_SECONDS + 5)
"""After which a request that has no answer yet counts as lost with its worker."""

_KEY = re.compile(r"[\x21-\x7e]{1,255}")

_answers = sa.Table(
    "idempotent_answers",
    requests_metadata,
    sa.Column("caller", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("sha256", sa.LargeBinary, nullable=False),
    sa.Column("attempt", sa.Text, nullable=False),
    sa.Column("begun_at", sa.Float, nullable=False, index=True),
    sa.Column("status", sa.Integer),
    sa.Column("media_type", sa.Text),
    sa.Column("body", sa.LargeBinary),
)


@dataclass(frozen=True)
class Attempt:
    """One worker's try to answer a request.

    Parameters
    ----------
    caller : str
        Who sent it.
    key : str
        The caller's key for the request.
    name : str
        Tells it from other tries.
    """

    caller: str
    key: str
    name: str


@dataclass(frozen=True)
class KeptAnswer:
    """An answer that was given before.

    Parameters
    ----------
    status : int
        Its HTTP status.
    media_type : str or None
        Its content type.
    body : bytes
        Its body.
    """

    status: int
    media_type: str | None
    body: bytes


class IdempotentAnswers:
    """The memory of answers, shared by all workers.

    Parameters
    ----------
    requests : Engine
        As `serving.access.database.open_requests` gives it, durable.
    clock : Clock
        What time it is.
    """

    def __init__(self, requests: sa.Engine, clock: Clock) -> None:
        self._requests = requests
        self._clock = clock

    def begin(self, caller: str, key: str, sha256: bytes) -> Attempt | KeptAnswer:
        """Begin to work on a request, unless it was answered.

        Parameters
        ----------
        caller : str
            Who sends it; keys of different callers have nothing to do with each other.
        key : str
            The caller's key for the request.
        sha256 : bytes
            Digest of what is asked.

        Returns
        -------
        Attempt or KeptAnswer
            What `finish` or `give_up` end; or the answer that was given.

        Raises
        ------
        Problem
            422, where the key stands for another request; 409, where another worker is at it.
        """
        attempt, now = Attempt(caller, key, secrets.token_hex(8)), self._clock().timestamp()
        with self._requests.begin() as connection:
            old = now - KEPT.total_seconds()
            connection.execute(_answers.delete().where(_answers.c.begun_at < old))
            known = connection.execute(
                sa.select(_answers).where(_answers.c.caller == caller, _answers.c.key == key)
            ).one_or_none()
            if known is None:
                mine = {"caller": caller, "key": key, "sha256": sha256, "begun_at": now}
                connection.execute(_answers.insert().values(mine | {"attempt": attempt.name}))
                return attempt
            if known.sha256 != sha256:
                raise Problem(
                    422,
                    f"The {HEADER} was sent with another request; choose a new one for each.",
                    code="idempotency_key_reused",
                )
            if known.status is not None:
                return KeptAnswer(known.status, known.media_type, known.body)
            if known.begun_at >= now - IN_PROGRESS.total_seconds():
                raise Problem(
                    409,
                    f"A request with this {HEADER} is being worked on; send it again later.",
                    headers={"Retry-After": "1"},
                    code="in_progress",
                )
            taken_over = {"attempt": attempt.name, "begun_at": now}
            connection.execute(
                _answers.update()
                .where(_answers.c.caller == caller, _answers.c.key == key)
                .values(taken_over)
            )
        return attempt

    def finish(self, attempt: Attempt, answer: KeptAnswer) -> None:
        """Keep the answer of an attempt; nothing, where another has taken its place."""
        with self._requests.begin() as connection:
            connection.execute(
                _answers.update()
                .where(*_is(attempt))
                .values(status=answer.status, media_type=answer.media_type, body=answer.body)
            )

    def give_up(self, attempt: Attempt) -> None:
        """Forget an attempt that changed nothing, so that its key may be used again."""
        with self._requests.begin() as connection:
            connection.execute(_answers.delete().where(*_is(attempt)))


def _is(attempt: Attempt) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        _answers.c.caller == attempt.caller,
        _answers.c.key == attempt.key,
        _answers.c.attempt == attempt.name,
    )


def idempotent(
    endpoint: Endpoint, answers: Callable[[], IdempotentAnswers], most_bytes: int
) -> Endpoint:
    """A route's function behind an `Idempotency-Key`, which a caller may send or not.

    An answer below 400 is kept. Where the endpoint raises, or answers with an error, nothing was
    changed, and the key may be used again. An endpoint that is cancelled may still be at work, so
    its key stays taken until `IN_PROGRESS` is over.

    Parameters
    ----------
    endpoint : Endpoint
        Changes something: all of what is asked, or nothing.
    answers : callable
        Gives the memory of answers, or raises a `Problem` where nothing can be changed. Called
        for requests with a key alone.
    most_bytes : int
        Largest body, in bytes.
    """

    @wraps(endpoint)
    async def once(request: Request) -> Response:
        key = _read_key(request)
        if key is None:
            return await endpoint(request)
        body = await read_body(request.scope, request.receive, most_bytes)
        store, caller = await to_thread.run_sync(answers), caller_of(request.scope).name or ""
        begun = await to_thread.run_sync(store.begin, caller, key, _digest(request, body))
        if isinstance(begun, KeptAnswer):
            return Response(begun.body, begun.status, {REPLAYED: "true"}, begun.media_type)
        try:
            response = await endpoint(_with_body(request, body))
        except Exception:
            await to_thread.run_sync(store.give_up, begun)
            raise
        if response.status_code >= 400:
            await to_thread.run_sync(store.give_up, begun)
            return response
        kept = KeptAnswer(response.status_code, response.media_type, bytes(response.body))
        await to_thread.run_sync(store.finish, begun, kept)
        return response

    return once


def _read_key(request: Request) -> str | None:
    values = request.headers.getlist(HEADER)
    if not values:
        return None
    if len(values) > 1 or not _KEY.fullmatch(values[0]):
        raise Problem(
            400,
            f"{HEADER} must be one value of 1 to 255 printable ASCII characters without spaces.",
            code="invalid_idempotency_key",
        )
    return values[0]


def _digest(request: Request, body: bytes) -> bytes:
    """SHA-256 of what is asked: the method, the path and the body."""
    asked = f"{request.method} {request.scope['path']}\n".encode()
    return hashlib.sha256(asked + body).digest()


def _with_body(request: Request, body: bytes) -> Request:
    """The request again, for a reader who has not read its body."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request(request.scope, receive)
