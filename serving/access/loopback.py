"""Requests of this machine itself, which need no key while there is none."""

import ipaddress
import re
from functools import lru_cache

from starlette.types import Scope

from serving.contract.problem import Problem
from serving.headers import header

_HOST = re.compile(r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9.-]+))(?::\d{1,5})?", re.IGNORECASE)
_PROXY_HEADERS = frozenset({b"forwarded", b"via", b"x-real-ip"})


@lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    """Whether a host name or address without a port is this machine's own loopback."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def require_loopback(scope: Scope) -> None:
    """Refuse a request that may come from elsewhere.

    A web page whose host name was pointed at this machine (DNS rebinding) asks under another name,
    and a proxy on this machine asks for others: both arrive from loopback.

    Raises
    ------
    Problem
        403 for another machine or a proxy, 421 for another host name.
    """
    client = scope.get("client")
    if client is not None and not is_loopback(client[0]):
        raise _open_only("answers this machine only", 403)
    for name, _ in scope["headers"]:
        if name in _PROXY_HEADERS or name.startswith(b"x-forwarded-"):
            shown = name.decode("latin-1")
            raise _open_only(f"takes nothing from a proxy, which the header `{shown}` shows", 403)
    if not _names_loopback(header(scope, b"host") or ""):
        raise _open_only("answers under a loopback name only, such as localhost", 421)


@lru_cache(maxsize=256)
def _names_loopback(host: str) -> bool:
    """Whether the value of a `Host` header, which may have a port, names this machine's loopback."""
    named = _HOST.fullmatch(host)
    return named is not None and is_loopback(named["v6"] or named["name"])


def _open_only(rule: str, status: int) -> Problem:
    return Problem(
        status, f"There is no API key, so the server {rule}. Make one with `holdfast keys create`."
    )
