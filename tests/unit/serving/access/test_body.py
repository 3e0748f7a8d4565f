import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import ClientDisconnect
from starlette.types import Message

from serving.access.body import read_body
from serving.contract.problem import Problem


def read(chunks: list[bytes], most: int, declared: str | None = None) -> tuple[bytes | int, int]:
    """The body, or the status it is refused with; and how many bytes were taken from the
    connection.
    """
    taken = 0
    waiting = list(chunks)

    async def receive() -> Message:
        nonlocal taken
        chunk = waiting.pop(0)
        taken += len(chunk)
        return {"type": "http.request", "body": chunk, "more_body": bool(waiting)}

    headers = [] if declared is None else [(b"content-length", declared.encode())]
    try:
        return asyncio.run(read_body({"headers": headers}, receive, most)), taken
    except Problem as problem:
        return problem.status, taken


@given(st.lists(st.binary(max_size=5), min_size=1, max_size=8), st.integers(1, 30), st.booleans())
def test_a_body_is_read_whole_or_refused_at_the_limit(
    chunks: list[bytes], most: int, declare: bool
) -> None:
    whole = b"".join(chunks)
    body, taken = read(chunks, most, str(len(whole)) if declare else None)
    if len(whole) <= most:
        assert (body, taken) == (whole, len(whole))
    else:
        assert body == 413
        assert taken == 0 if declare else taken <= most + 5


def test_an_endless_body_is_left_where_the_limit_is_passed() -> None:
    assert read([b"x" * 100] * 1000, 1000) == (413, 1100)


@pytest.mark.parametrize("declared", ["1001", "9" * 18, "9" * 5000])
def test_a_declared_length_above_the_limit_is_refused_unread(declared: str) -> None:
    assert read([b"x"], 1000, declared) == (413, 0)


@pytest.mark.parametrize("declared", ["3", "-1", "abc", "1e9", "²"])
def test_what_a_client_declares_does_not_lift_the_limit(declared: str) -> None:
    assert read([b"x" * 600] * 2, 1000, declared) == (413, 1200)


def test_a_caller_who_leaves_before_the_end_is_told_apart() -> None:
    async def receive() -> Message:
        return {"type": "http.disconnect"}

    with pytest.raises(ClientDisconnect):
        asyncio.run(read_body({"headers": []}, receive, 100))
