"""The guard in front of every route: without any key for this machine only, else for who brings
one.
"""

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.access.access import Access
from serving.access.caller import THIS_MACHINE, Caller, set_caller
from serving.access.key_ring import unauthorized
from serving.access.loopback import require_loopback
from serving.contract.codes import PAGE

# Probes and the contract itself hold no personal data.
OPEN_PATHS = frozenset({"/livez", "/readyz", "/healthz", "/openapi.json", PAGE})


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
        if (
            scope["type"] == "http"
            and scope["path"] not in OPEN_PATHS
            and scope["method"] != "OPTIONS"
        ):
            set_caller(scope, await self._caller(scope))
        await self._app(scope, receive, send)

    async def _caller(self, scope: Scope) -> Caller:
        if not self._access.keys.is_required():
            require_loopback(HTTPConnection(scope))
            return THIS_MACHINE
        key = await self._access.authenticate(_bearer(scope))
        return Caller.of_key(key.name, key.scopes)


def _bearer(scope: Scope) -> str:
    values = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(values) != 1:
        raise unauthorized("The request brings no key." if not values else "Send one key.")
    scheme, _, secret = values[0].decode("latin-1").partition(" ")
    if scheme.lower() != "bearer":
        raise unauthorized("The request brings no key.")
    return secret.strip(" ")
