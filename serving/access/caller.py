"""Who asks: the key behind a request, what it may be used for, and what is counted of it.

The guard puts a `Caller` into the request's state before any route sees it.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.access.scope import KeyScope, purpose_of
from serving.contract.problem import Problem

if TYPE_CHECKING:
    from models.score_set import Purpose

Endpoint = Callable[[Request], Awaitable[Response]]
"""A route's function."""

_STATE = "caller"


@dataclass(frozen=True)
class Caller:
    """Who asks.

    Parameters
    ----------
    name : str or None
        Name of the key; None where this machine asks without one.
    scopes : frozenset of KeyScope
        What may be asked for.
    purpose : {"service", "marketing"} or None
        What it is asked for; None for a key that opens nothing about customers.
    person : str or None
        Name of the person whose key it is; None of a system's, and without one.
    """

    name: str | None
    scopes: frozenset[KeyScope]
    purpose: "Purpose | None"
    person: str | None = None

    @classmethod
    @lru_cache(maxsize=1024)
    def of_key(cls, name: str, scopes: frozenset[KeyScope], person: str | None = None) -> "Caller":
        """The caller behind a key."""
        return cls(name, scopes, purpose_of(scopes), person)


THIS_MACHINE = Caller(None, frozenset(KeyScope), "service")
"""Who asks without a key, where there is none: for everything, and for service."""


def set_caller(scope: Scope, caller: Caller) -> None:
    """Say who sends a request, for everything below the guard."""
    scope.setdefault("state", {})[_STATE] = caller


def caller_of(scope: Scope) -> Caller:
    """Who sends a request that has passed the guard."""
    caller: Caller = scope["state"][_STATE]
    return caller


def purpose(scope: Scope) -> "Purpose":
    """What the answer is for, by the caller's key.

    Raises
    ------
    Problem
        403, where the key opens nothing about customers.
    """
    chosen = caller_of(scope).purpose
    if chosen is None:
        raise _forbidden(caller_of(scope), tuple(KeyScope))
    return chosen


def require_scope(scope: Scope, needed: Sequence[KeyScope]) -> None:
    """Let only keys pass that have one of some scopes.

    Raises
    ------
    Problem
        403, which names the scopes.
    """
    caller = caller_of(scope)
    if caller.scopes.isdisjoint(needed):
        raise _forbidden(caller, needed)


def scoped(endpoint: Endpoint, *needed: KeyScope) -> Endpoint:
    """A route's function behind `require_scope`."""

    @wraps(endpoint)
    async def checked(request: Request) -> Response:
        require_scope(request.scope, needed)
        return await endpoint(request)

    return checked


class ScopedApplication:
    """An ASGI application behind `require_scope`.

    Parameters
    ----------
    app : ASGI application
        What answers.
    needed : KeyScope
        Scopes of which a key must have one.
    """

    def __init__(self, app: ASGIApp, *needed: KeyScope) -> None:
        self.__wrapped__ = app
        self._needed = needed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        require_scope(scope, self._needed)
        await self.__wrapped__(scope, receive, send)


def _forbidden(caller: Caller, needed: Sequence[KeyScope]) -> Problem:
    wanted = " or ".join(f"`{scope}`" for scope in needed)
    has = ", ".join(f"`{scope}`" for scope in sorted(caller.scopes)) or "none"
    # As RFC 6750 words it for bearer tokens.
    challenge = f'Bearer error="insufficient_scope", scope="{" ".join(needed)}"'
    return Problem(
        403,
        f"The key {caller.name} needs the scope {wanted}; it has {has}.",
        headers={"WWW-Authenticate": challenge},
    )
