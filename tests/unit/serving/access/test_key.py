import asyncio

import pytest
from pydantic import SecretStr
from starlette.types import Message, Receive, Scope, Send

from serving.access.key import AccessMiddleware, is_loopback
from serving.contract.problem import Problem


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.8.9.10", "::1"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "0.0.0.0",
        "::",
        "10.0.0.1",
        "128.0.0.1",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "holdfast",
        "0x7f.1",
    ],
)
def test_not_loopback(host: str) -> None:
    assert not is_loopback(host)


def status(
    path: str = "/v1/predictions",
    *,
    key: str | None = None,
    method: str = "POST",
    client: tuple[str, int] | None = ("127.0.0.1", 1234),
    **headers: str,
) -> int:
    """What a guarded application answers: 200 where it is reached."""
    reached = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        reached.append(scope)

    async def receive() -> Message:
        raise AssertionError("nothing is read before access is granted")

    async def send(message: Message) -> None:
        raise AssertionError("the guard itself answers nothing")

    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope: Scope = {
        "type": "http",
        "path": path,
        "method": method,
        "client": client,
        "headers": pairs,
    }
    guard = AccessMiddleware(app, None if key is None else SecretStr(key))
    try:
        asyncio.run(guard(scope, receive, send))
    except Problem as problem:
        assert not reached
        return problem.status
    assert reached == [scope]
    return 200


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:3000", "127.0.0.1:3000", "[::1]", "[::1]:3000", "Localhost:1"]
)
def test_without_a_key_loopback_names_are_served(host: str) -> None:
    assert status(host=host) == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:3000",
        "127.0.0.1.evil.example",
        "localhost@evil.example",
        "localhost:3000/",
        "",
        "[::2]",
        "::1:x",
    ],
)
def test_without_a_key_other_names_are_refused(host: str) -> None:
    assert status(host=host) == 421


def test_without_a_key_a_request_without_a_name_is_refused() -> None:
    assert status() == 421


def test_without_a_key_other_machines_are_refused_whatever_name_they_use() -> None:
    assert status(client=("10.0.0.9", 1234), host="localhost") == 403


@pytest.mark.parametrize("authorization", ["Bearer s3cret", "bearer s3cret", "BEARER  s3cret"])
def test_the_key_opens_from_anywhere_under_any_name(authorization: str) -> None:
    assert (
        status(
            key="s3cret", client=("10.0.0.9", 1), host="churn.example", authorization=authorization
        )
        == 200
    )


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "s3cret",
        "Bearer",
        "Bearer ",
        "Bearer s3cre",
        "Bearer s3cret2",
        "Basic s3cret",
        "Bearer\ts3cret",
        "Bearer ü",
    ],
)
def test_another_key_or_none_is_refused_on_loopback_too(authorization: str) -> None:
    assert status(key="s3cret", host="localhost", authorization=authorization) == 401
    assert status(key="s3cret", host="localhost") == 401


def test_a_key_beyond_ascii_works() -> None:
    assert status(key="schlüssel", authorization="Bearer schlüssel") == 200


@pytest.mark.parametrize("key", [None, "s3cret"])
@pytest.mark.parametrize("path", ["/livez", "/readyz", "/openapi.json"])
def test_probes_and_the_contract_are_open(path: str, key: str | None) -> None:
    assert status(path, key=key, method="GET", client=("10.0.0.9", 1), host="pod.example") == 200


@pytest.mark.parametrize("key", [None, "s3cret"])
def test_preflight_is_open(key: str | None) -> None:
    assert status(key=key, method="OPTIONS", host="evil.example") == 200


@pytest.mark.parametrize("path", ["/", "/schema.json", "/livez/", "/v1/../livez", "/anything"])
def test_everything_else_is_closed(path: str) -> None:
    assert status(path, key="s3cret", method="GET") == 401
    assert status(path, method="GET", host="evil.example") == 421
