"""Requests of this machine itself, which need no key while there is none."""

import ipaddress
import re
from functools import lru_cache

from starlette.types import Scope

from serving.contract.problem import Problem

_HOST = re.compile(r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9.-]+))(?::\d{1,5})?", re.IGNORECASE)
_PROXY_HEADERS = frozenset(
    {
        *(b"via", b"x-real-ip", b"x-client-ip", b"x-cluster-client-ip", b"true-client-ip"),
        *(b"cf-connecting-ip", b"fastly-client-ip", b"x-envoy-external-address"),
    }
)
"""What proxies add, besides everything that is named after `Forwarded`."""

_OWN_PAGE = frozenset({b"same-origin", b"none"})
"""`Sec-Fetch-Site` of a request by a page of the service, or by whoever typed its address."""


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
    any other web page that a browser of this machine shows asks with its own origin, and a proxy on
    this machine asks for others: all of them arrive from loopback.

    Raises
    ------
    Problem
        403 for another machine, a proxy or another web page, 421 for another host name.
    """
    client = scope.get("client")
    if client is not None and not is_loopback(client[0]):
        raise _open_only("answers this machine only", 403)
    hosts, origin = [], None
    for name, value in scope["headers"]:
        if name == b"host":
            hosts.append(value)
        elif name == b"origin":
            origin = value
        elif name == b"sec-fetch-site":
            if value not in _OWN_PAGE:
                raise _other_page()
        elif b"forwarded" in name or name in _PROXY_HEADERS:
            shown = name.decode("latin-1")
            raise _open_only(f"takes nothing from a proxy, which the header `{shown}` shows", 403)
    # Of two names, whoever stands in between may have looked at the other one.
    if len(hosts) != 1 or not _names_loopback(str(hosts[0], "latin-1")):
        raise _open_only("answers under a loopback name only, such as localhost", 421)
    if origin is not None and origin.partition(b"://")[2] != hosts[0]:
        raise _other_page()


@lru_cache(maxsize=256)
def _names_loopback(host: str) -> bool:
    """Whether the value of a `Host` header, which may have a port, names this machine's loopback."""
    named = _HOST.fullmatch(host)
    return named is not None and is_loopback(named["v6"] or named["name"])


def _other_page() -> Problem:
    return _open_only("takes nothing from web pages other than its own", 403)


def _open_only(rule: str, status: int) -> Problem:
    return Problem(
        status, f"There is no API key, so the server {rule}. Make one with `holdfast keys create`."
    )
