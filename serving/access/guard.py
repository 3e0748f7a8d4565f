"""The guard in front of every route: without any key for this machine only, else for who brings
one.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.access.access import Access
from serving.access.caller import THIS_MACHINE, Caller, set_caller
from serving.access.key_ring import unauthorized
from serving.access.loopback import require_loopback
from serving.access.rate_limit import Allowance
from serving.contract.codes import PAGE

PROBE_PATHS = frozenset({"/livez", "/readyz", "/healthz"})
"""What whoever supervises the service asks."""

# Probes and the contract itself hold no personal data.
OPEN_PATHS = PROBE_PATHS | {"/openapi.json", PAGE}


class AccessMiddleware:
    """Says who asks and lets the request through, or raises a `Problem` with the reason.

    Parameters
    ----------
    app : ASGI application
        What is guarded.
    access : Access
        The keys.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one request."""
        if scope["type"] != "http" or scope["path"] in OPEN_PATHS or scope["method"] == "OPTIONS":
            await self._app(scope, receive, send)
        elif not self._access.keys.is_required():
            require_loopback(scope)
            set_caller(scope, THIS_MACHINE)
            await self._app(scope, receive, send)
        else:
            key = await self._access.authenticate(_bearer(scope))
            set_caller(scope, Caller.of_key(key.name, key.scopes, key.person))
            allowance = await self._access.count(key)
            await self._app(scope, receive, _with_headers(send, allowance))


def _with_headers(send: Send, allowance: Allowance) -> Send:
    """Tell in each answer what is left to the key."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *allowance.raw_headers()]
        await send(message)

    return send_with_headers


def _bearer(scope: Scope) -> str:
    values = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(values) != 1:
        raise unauthorized("The request brings no key." if not values else "Send one key.")
    scheme, _, secret = values[0].decode("latin-1").partition(" ")
    if scheme.lower() != "bearer":
        raise unauthorized("The request brings no key.")
    return secret.strip(" ")
