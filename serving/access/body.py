"""Reading a request's body, never more of it than allowed."""

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from serving.contract.problem import Problem
from serving.headers import header


async def read_body(scope: Scope, receive: Receive, most_bytes: int) -> bytes:
    """The whole body.

    Raises
    ------
    Problem
        413, as soon as the body turns out to be larger: by its declared length, or while it is read.
    ClientDisconnect
        The caller has left before its end.
    """
    declared = header(scope, b"content-length") or "0"
    if declared.isdecimal() and (len(declared) > 18 or int(declared) > most_bytes):
        raise _too_large(most_bytes)
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk, more = message.get("body", b""), message.get("more_body", False)
        size += len(chunk)
        if size > most_bytes:
            raise _too_large(most_bytes)
        chunks.append(chunk)
    return b"".join(chunks)


def _too_large(most_bytes: int) -> Problem:
    return Problem(413, f"The body must be at most {most_bytes} bytes; ask for fewer at once.")
