"""Addresses that holdfast may send to: public ones, unless an operator allows its own network.

A name is resolved once for each connection, what it stands for is checked, and the connection goes
to exactly these addresses: a name that stands for another address a moment later changes nothing.
"""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from aiohttp import ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult

_NAT64 = ip_network("64:ff9b::/96")
_MAPPED = ip_network("::ffff:0:0/96")
_PUBLIC = (ip_network("0.0.0.0/0"), ip_network("2000::/3"), _MAPPED, _NAT64)
"""Where public addresses may lie. Beside them, IPv6 leads to hosts of the network that one is in."""


class PrivateAddressError(OSError):
    """A name stands for an address that may not be sent to."""


def is_public(address: str) -> bool:
    """Whether an IP address lies in the public network.

    Not public are loopback, private, link-local (with the metadata services of clouds), multicast
    and reserved addresses, also where an IPv6 address wraps one.

    Examples
    --------
    >>> is_public("93.184.216.34"), is_public("169.254.169.254"), is_public("::ffff:10.0.0.1")
    (True, False, False)
    """
    parsed = ip_address(address.partition("%")[0])
    if not any(parsed in network for network in _PUBLIC):
        return False
    return all(one.is_global and not one.is_multicast for one in (parsed, *_wrapped(parsed)))


def _wrapped(address: IPv4Address | IPv6Address) -> list[IPv4Address]:
    """IPv4 addresses that an IPv6 address leads to."""
    if isinstance(address, IPv4Address):
        return []
    teredo = address.teredo
    wrapped = [address.ipv4_mapped, address.sixtofour, teredo[1] if teredo else None]
    if address in _NAT64:
        wrapped.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return [one for one in wrapped if one is not None]


class CheckedResolver(AbstractResolver):
    """Resolves names to addresses that may be sent to.

    Parameters
    ----------
    resolver : AbstractResolver or None
        Asks for addresses; None for the machine's own.
    """

    def __init__(self, resolver: AbstractResolver | None = None) -> None:
        self._resolver = resolver or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Addresses of a name.

        Raises
        ------
        PrivateAddressError
            One of them is not public. All have to be, so that a name is not sent to now and
            refused a moment later.
        """
        addresses = await self._resolver.resolve(host, port, family)
        if not all(is_public(one["host"]) for one in addresses):
            raise PrivateAddressError("stands for an address that is not public")
        return addresses

    async def close(self) -> None:
        """Close the resolver that is asked."""
        await self._resolver.close()
