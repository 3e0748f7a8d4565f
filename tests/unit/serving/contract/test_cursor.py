import json
import re
from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import InputError
from serving.contract.cursor import Cursor, ExpiredCursorError

CURSORS = st.builds(
    Cursor,
    st.text("0123456789abcdef", min_size=8, max_size=8),
    st.integers(0, 2**62),
    st.integers(0, 2**40),
    st.none() | st.lists(st.sampled_from(["churn", "csat_low"]), unique=True).map(tuple),
    st.none() | st.integers(0, 2**31),
)


@given(CURSORS)
def test_a_cursor_is_read_back_and_needs_no_escaping(cursor: Cursor) -> None:
    text = cursor.encode()
    assert re.fullmatch(r"[A-Za-z0-9_-]+", text)
    assert Cursor.decode(text) == cursor


@given(st.text(max_size=40) | st.binary(max_size=40).map(lambda some: as_text(some)))
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="since: must be the `next` of an earlier answer"):
        Cursor.decode(text)


@pytest.mark.parametrize(
    "document",
    [
        [1],
        [1, "a", 1, 1, None],
        [1, "a", -1, 1, None, None],
        [1, "a", 1, 1, None, None, 1],
        [1, "a", "b", 1, None, None],
        [1, "a", 1, 1, "churn", None],
        [1, "a", 1, 1, None, 1.5],
        [1, "a", 1, 1, None, 10**600],
        [1, "a", 1, 1e400, None, None],
        [True, "a", 1, 1, None, None],
        {},
        "1",
    ],
)
def test_what_looks_like_a_cursor_is_refused(document: object) -> None:
    with pytest.raises(InputError):
        Cursor.decode(as_text(json.dumps(document).encode()))
    with pytest.raises(InputError):
        Cursor.decode("A" * 2_000)


def test_a_cursor_that_nests_deeply_is_refused() -> None:
    with pytest.raises(InputError):
        Cursor.decode(as_text(b"[" * 700))
    with pytest.raises(InputError):
        Cursor.decode(as_text(b"[" * 370 + b"]" * 370))


def test_a_cursor_of_another_release_has_expired() -> None:
    with pytest.raises(ExpiredCursorError, match="another release"):
        Cursor.decode(as_text(b'[2,"whatever"]'))


def as_text(some: bytes) -> str:
    return urlsafe_b64encode(some).decode().rstrip("=")
