"""Addresses that may be sent to."""

import asyncio
import socket

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import given
from hypothesis import strategies as st

from care.delivery.address import CheckedResolver, PrivateAddressError, is_public


class Answers(AbstractResolver):
    """Names that stand for one list of addresses after the other."""

    def __init__(self, *answers: tuple[str, ...]) -> None:
        self.answers = list(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host, host=one, port=port, family=socket.AF_INET, proto=0, flags=0
            )
            for one in self.answers.pop(0)
        ]

    async def close(self) -> None:
        self.answers.clear()


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
        *("0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1%eth0", "fc00::1"),
        *("ff02::1", "::ffff:127.0.0.1", "2002:7f00:1::", "64:ff9b::10.0.0.1"),
        *("64:ff9b::a9fe:a9fe", "64:ff9b:1::10.0.0.1", "::ffff:0:10.0.0.1", "::10.0.0.1"),
        *("fec0::1", "5f00::1"),
    ],
)
def test_what_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::808:808"])
def test_what_is_public(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4, network="10.0.0.0/8"))
def test_private_addresses_do_not_hide_in_longer_ones(address: object) -> None:
    assert not is_public(f"::ffff:{address}")
    assert not is_public(f"64:ff9b::{address}")


def test_a_name_is_refused_as_soon_as_it_stands_for_a_private_address() -> None:
    resolver = CheckedResolver(Answers(("93.184.216.34",), ("93.184.216.34", "10.0.0.1")))
    first = asyncio.run(resolver.resolve("crm.example", 443))
    assert [one["host"] for one in first] == ["93.184.216.34"]
    with pytest.raises(PrivateAddressError):
        asyncio.run(resolver.resolve("crm.example", 443))
