"""Kept answers count only while state and time hold, and take no more memory than they may."""

from hypothesis import given
from hypothesis import strategies as st

from serving.answers.kept import KeptAnswer, KeptAnswers

FOREVER = float("inf")


def test_an_answer_counts_while_its_state_and_time_hold() -> None:
    kept = KeptAnswers(10_000)
    kept.put("a", KeptAnswer((1, 7), 100.0, b"1"))
    assert kept.get("a", (1, 7), 99.9) == b"1"
    assert kept.get("a", (1, 7), 100.0) is None
    assert kept.get("a", (1, 8), 0.0) is None
    assert kept.get("b", (1, 7), 0.0) is None
    kept.put("a", KeptAnswer((1, 8), FOREVER, b"2"))
    assert kept.get("a", (1, 8), 1e12) == b"2"


def test_nothing_is_kept_where_nothing_may_be() -> None:
    kept = KeptAnswers(0)
    kept.put("a", KeptAnswer((1,), FOREVER, b"1"))
    assert kept.get("a", (1,), 0.0) is None


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 4_000)), max_size=60))
def test_memory_is_bounded_and_the_last_used_stay(asked: list[tuple[int, int]]) -> None:
    most = 5_000
    kept = KeptAnswers(most)
    for key, size in asked:
        answer = KeptAnswer((0,), FOREVER, b"x" * size)
        kept.put(key, answer)
        held = [kept.get(other, (0,), 0.0) for other in range(31)]
        assert sum(len(body) for body in held if body is not None) <= most
        if answer.bytes <= most:
            assert kept.get(key, (0,), 0.0) == answer.body
