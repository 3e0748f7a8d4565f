"""The door: which application answers a path, and routes found without Starlette's search."""

import asyncio
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from serving.door import DirectRoutes, Door


async def echo(request: Request) -> Response:
    return PlainTextResponse(await request.body())


class Application:
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("an application")(scope, receive, send)


APP = Starlette(
    routes=[
        Route("/v1/echo", echo, methods=["POST"]),
        Route("/v1/read", echo),
        Route("/v1/application", Application(), methods=["POST"]),
    ]
)


def test_routes_answer_as_starlette_does() -> None:
    direct, plain = TestClient(DirectRoutes(APP)), TestClient(APP)
    for method in ("GET", "HEAD", "POST", "PUT", "OPTIONS"):
        for path in ("/v1/echo", "/v1/read", "/v1/application", "/v1/echo/", "/v1/other"):
            one, other = (
                caller.request(method, path, content=b"x", follow_redirects=False)
                for caller in (direct, plain)
            )
            assert (one.status_code, one.content, one.headers) == (
                other.status_code,
                other.content,
                other.headers,
            ), (method, path)


def test_own_paths_and_all_else_part_at_the_door() -> None:
    async def answer(name: str, scope: Scope, receive: Receive, send: Send) -> None:
        asked.append((name, scope["type"], scope.get("path")))

    asked: list[Any] = []
    door = Door(
        lambda *rest: answer("ours", *rest),
        lambda *rest: answer("bento", *rest),
    )
    paths = ("/v1/predictions", "/openapi.json", "/docs/reference/errors.md", "/livez", "/v1x")

    async def ask() -> None:
        for path in paths:
            await door({"type": "http", "path": path}, None, None)  # type: ignore[arg-type]
        await door({"type": "lifespan"}, None, None)  # type: ignore[arg-type]

    asyncio.run(ask())
    assert [name for name, *_ in asked] == ["ours", "ours", "ours", "bento", "bento", "bento"]
