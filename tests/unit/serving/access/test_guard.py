import asyncio
from collections.abc import Sequence

import pytest
from starlette.types import Message, Receive, Scope, Send

from serving.access.caller import THIS_MACHINE, Caller, caller_of
from serving.access.guard import AccessMiddleware
from serving.access.loopback import is_loopback
from serving.contract.problem import Problem
from tests.builders.api_keys import SECRET, known_access


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


def asked(
    path: str = "/v1/predictions",
    *headers: tuple[str, str],
    keyed: bool = False,
    method: str = "POST",
    client: tuple[str, int] | None = ("127.0.0.1", 1234),
) -> Scope | Problem:
    """The request as a guarded application gets it, or the problem it is refused with."""
    reached: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        reached.append(scope)

    async def receive() -> Message:
        raise AssertionError("nothing is read before access is granted")

    async def send(message: Message) -> None:
        raise AssertionError("the guard itself answers nothing")

    scope: Scope = {
        "type": "http",
        "path": path,
        "method": method,
        "client": client,
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
    }
    guard = AccessMiddleware(app, known_access(keyed))
    try:
        asyncio.run(guard(scope, receive, send))
    except Problem as problem:
        assert not reached
        return problem
    assert reached == [scope]
    return scope


def status(
    path: str = "/v1/predictions",
    *headers: tuple[str, str],
    keyed: bool = False,
    method: str = "POST",
    client: tuple[str, int] | None = ("127.0.0.1", 1234),
) -> int:
    """The status that a request is refused with, or 200."""
    answer = asked(path, *headers, keyed=keyed, method=method, client=client)
    return answer.status if isinstance(answer, Problem) else 200


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:3000", "127.0.0.1:3000", "[::1]", "[::1]:3000", "Localhost:1"]
)
def test_without_a_key_loopback_names_are_served(host: str) -> None:
    scope = asked("/v1/predictions", ("host", host))
    assert not isinstance(scope, Problem)
    assert caller_of(scope) == THIS_MACHINE


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
    assert status("/v1/predictions", ("host", host)) == 421


def test_without_a_key_a_request_without_a_name_is_refused() -> None:
    assert status() == 421


def test_without_a_key_other_machines_are_refused_whatever_name_they_use() -> None:
    assert status("/v1/predictions", ("host", "localhost"), client=("10.0.0.9", 1234)) == 403


def test_without_a_key_two_names_are_refused() -> None:
    local, other = ("host", "localhost"), ("host", "evil.example")
    assert status("/v1/predictions", local, other) == 421
    assert status("/v1/predictions", other, local) == 421


@pytest.mark.parametrize(
    "header",
    [
        *("forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded", "x_forwarded_for"),
        *("x-original-forwarded-for", "x-real-ip", "x-client-ip", "true-client-ip", "via"),
        *("cf-connecting-ip", "fastly-client-ip", "x-cluster-client-ip"),
        "x-envoy-external-address",
    ],
)
def test_without_a_key_what_comes_through_a_proxy_is_refused(header: str) -> None:
    host = ("host", "localhost")
    refused = asked("/v1/predictions", host, (header, "for=127.0.0.1"))
    assert isinstance(refused, Problem)
    assert refused.status == 403
    assert f"`{header}`" in refused.detail


@pytest.mark.parametrize("header", ["x-request-id", "vias", "x-real", "x-forward"])
def test_without_a_key_other_headers_pass(header: str) -> None:
    assert status("/v1/predictions", ("host", "localhost"), (header, "x")) == 200


@pytest.mark.parametrize(
    "header",
    [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", "http://localhost:8888"),
        ("origin", "http://localhost:3000.evil.example"),
        ("origin", "http://127.0.0.1:3000"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ],
)
def test_without_a_key_web_pages_other_than_our_own_are_refused(header: tuple[str, str]) -> None:
    refused = asked("/v1/scores", ("host", "localhost:3000"), header, method="GET")
    assert isinstance(refused, Problem)
    assert (refused.status, refused.code) == (403, "forbidden")
    assert "web pages" in refused.detail
    # With keys a page has no way to ask in the name of whoever looks at it.
    sent = ("authorization", f"Bearer {SECRET.text}")
    assert status("/v1/scores", ("host", "churn.example"), header, sent, keyed=True) == 200


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_without_a_key_our_own_pages_are_served(site: str) -> None:
    host, origin = ("host", "localhost:3000"), ("origin", "http://localhost:3000")
    assert status("/v1/predictions", host, origin, ("sec-fetch-site", site)) == 200
    assert status("/v1/predictions", origin, host) == 200


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER  "])
def test_a_key_opens_from_anywhere_through_anything(scheme: str) -> None:
    scope = asked(
        "/v1/predictions",
        ("host", "churn.example"),
        ("x-forwarded-for", "10.2.2.2"),
        ("authorization", scheme + SECRET.text),
        keyed=True,
        client=("10.0.0.9", 1),
    )
    assert not isinstance(scope, Problem)
    assert caller_of(scope) == Caller.of_key("crm", caller_of(scope).scopes)
    assert caller_of(scope).purpose == "service"


def _wrong(secret: str) -> Sequence[str]:
    changed = secret[:-2] + ("A" if secret[-2] != "A" else "B") + secret[-1]
    return (
        *("", secret, "Bearer", "Bearer ", f"Bearer {secret[:-1]}", f"Bearer {secret}A"),
        *(f"Basic {secret}", f"Bearer\t{secret}", "Bearer ü", f"Bearer {changed}"),
        f"Bearer {secret.replace('holdfast', 'Holdfast')}",
    )


WRONG = (
    *("none", "no scheme", "scheme alone", "blank secret", "short", "long"),
    *("other scheme", "tab", "not ASCII", "changed", "other prefix"),
)
"""Names of the wrong headers: the secret is another in every process."""


@pytest.mark.parametrize("authorization", _wrong(SECRET.text), ids=WRONG)
def test_another_key_or_none_is_refused_on_loopback_too(authorization: str) -> None:
    local = ("host", "localhost")
    refused = asked("/v1/predictions", local, ("authorization", authorization), keyed=True)
    assert isinstance(refused, Problem)
    assert refused.status == 401
    assert refused.headers == {"WWW-Authenticate": "Bearer"}
    assert SECRET.text[-20:] not in refused.detail
    assert status("/v1/predictions", local, keyed=True) == 401


def test_two_keys_in_a_request_are_refused() -> None:
    sent = ("authorization", f"Bearer {SECRET.text}")
    assert status("/v1/predictions", sent, keyed=True) == 200
    assert status("/v1/predictions", sent, sent, keyed=True) == 401


@pytest.mark.parametrize("keyed", [False, True])
@pytest.mark.parametrize("path", ["/livez", "/readyz", "/openapi.json"])
def test_probes_and_the_contract_are_open(path: str, keyed: bool) -> None:
    host = ("host", "pod.example")
    assert status(path, host, keyed=keyed, method="GET", client=("10.0.0.9", 1)) == 200


@pytest.mark.parametrize("keyed", [False, True])
def test_preflight_is_open(keyed: bool) -> None:
    assert status("/v1/predictions", ("host", "evil.example"), keyed=keyed, method="OPTIONS") == 200


@pytest.mark.parametrize("path", ["/", "/schema.json", "/livez/", "/v1/../livez", "/anything"])
def test_everything_else_is_closed(path: str) -> None:
    assert status(path, keyed=True, method="GET") == 401
    assert status(path, ("host", "evil.example"), method="GET") == 421
