"""Access: without a key for this machine only, else for everyone with the key."""

import hmac
import ipaddress
import re

from pydantic import SecretStr
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.contract.problem import Problem

# Probes and the contract itself hold no personal data.
_OPEN_PATHS = frozenset({"/livez", "/readyz", "/healthz", "/openapi.json"})
_HOST = re.compile(r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9.-]+))(?::\d{1,5})?", re.IGNORECASE)


def is_loopback(host: str) -> bool:
    """Whether a host name or address without a port is this machine's own loopback."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class AccessMiddleware:
    """Lets a request through, or raises a `Problem` with the reason.

    Without a key, only this machine may send requests, and only under a loopback name: a web page
    whose host name was pointed at this machine (DNS rebinding) is refused.

    Parameters
    ----------
    app : ASGI application
        What is guarded.
    api_key : SecretStr or None
        The key, if one is set.
    """

    def __init__(self, app: ASGIApp, api_key: SecretStr | None) -> None:
        self._app = app
        self._expected = None if api_key is None else api_key.get_secret_value().strip().encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one request."""
        if (
            scope["type"] == "http"
            and scope["path"] not in _OPEN_PATHS
            and scope["method"] != "OPTIONS"
        ):
            connection = HTTPConnection(scope)
            if self._expected is None:
                _require_loopback(connection)
            else:
                _require_key(connection, self._expected)
        await self._app(scope, receive, send)


def _require_key(connection: HTTPConnection, expected: bytes) -> None:
    scheme, _, key = connection.headers.get("authorization", "").partition(" ")
    # Header bytes arrive as latin-1 text.
    if scheme.lower() != "bearer" or not hmac.compare_digest(
        key.strip().encode("latin-1"), expected
    ):
        detail = "The request needs `Authorization: Bearer KEY` with the server's key."
        raise Problem(401, detail, headers={"WWW-Authenticate": "Bearer"})


def _require_loopback(connection: HTTPConnection) -> None:
    if connection.client is not None and not is_loopback(connection.client.host):
        raise Problem(403, "No key is set, so the server answers this machine only.")
    host = _HOST.fullmatch(connection.headers.get("host", ""))
    if host is None or not is_loopback(host["v6"] or host["name"]):
        raise Problem(
            421,
            "No key is set, so the server answers under a loopback name only, such as localhost.",
        )
