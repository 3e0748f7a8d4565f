"""Requests of this machine itself, which need no key while there is none."""

import ipaddress
import re
from functools import lru_cache

from starlette.requests import HTTPConnection

from serving.contract.problem import Problem

_HOST = re.compile(r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9.-]+))(?::\d{1,5})?", re.IGNORECASE)
_PROXY_HEADERS = re.compile(r"forwarded|via|x-real-ip|x-forwarded-.*")


@lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    """Whether a host name or address without a port is this machine's own loopback."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def require_loopback(connection: HTTPConnection) -> None:
    """Refuse a request that may come from elsewhere.

    A web page whose host name was pointed at this machine (DNS rebinding) asks under another name,
    and a proxy on this machine asks for others: both arrive from loopback.

    Raises
    ------
    Problem
        403 for another machine or a proxy, 421 for another host name.
    """
    if connection.client is not None and not is_loopback(connection.client.host):
        raise _open_only("answers this machine only", 403)
    for name in connection.headers:
        if _PROXY_HEADERS.fullmatch(name):
            raise _open_only(f"takes nothing from a proxy, which the header `{name}` shows", 403)
    host = _HOST.fullmatch(connection.headers.get("host", ""))
    if host is None or not is_loopback(host["v6"] or host["name"]):
        raise _open_only("answers under a loopback name only, such as localhost", 421)


def _open_only(rule: str, status: int) -> Problem:
    return Problem(
        status, f"There is no API key, so the server {rule}. Make one with `holdfast keys create`."
    )
