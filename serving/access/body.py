"""Reading a request's body, never more of it than allowed."""

from starlette.requests import Request

from serving.contract.problem import Problem


async def read_body(request: Request, most_bytes: int) -> bytes:
    """The whole body.

    Raises
    ------
    Problem
        413, as soon as the body turns out to be larger: by its declared length, or while it is read.
    """
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and (len(declared) > 18 or int(declared) > most_bytes):
        raise _too_large(most_bytes)
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most_bytes:
            raise _too_large(most_bytes)
        chunks.append(chunk)
    return b"".join(chunks)


def _too_large(most_bytes: int) -> Problem:
    return Problem(413, f"The body must be at most {most_bytes} bytes; ask for fewer at once.")
