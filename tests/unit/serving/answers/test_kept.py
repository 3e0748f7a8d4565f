"""What is kept counts only while it would be answered again, and takes no more than it may."""

from hypothesis import given
from hypothesis import strategies as st

from serving.answers.kept import Kept, KeptAnswer


def test_an_answer_counts_while_stores_and_time_stay() -> None:
    answer = KeptAnswer((1, 7), 100.0, b"1")
    assert answer.counts((1, 7), 99.9)
    assert not answer.counts((1, 7), 100.0)
    assert not answer.counts((1, 8), 0.0)


def test_the_newest_value_of_a_key_is_kept() -> None:
    kept: Kept[str] = Kept(10_000)
    kept.put("a", "old", 1)
    kept.put("a", "new", 1)
    assert kept.get("a") == "new"
    assert kept.get("b") is None


def test_nothing_is_kept_where_nothing_may_be() -> None:
    kept: Kept[str] = Kept(0)
    kept.put("a", "value", 1)
    assert kept.get("a") is None


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 4_000)), max_size=60))
def test_memory_is_bounded_and_the_value_used_last_stays(asked: list[tuple[int, int]]) -> None:
    most = 5_000
    kept: Kept[int] = Kept(most)
    for key, size in asked:
        kept.put(key, size, size)
        held = [kept.get(other) for other in range(31) if other != key]
        assert sum(one for one in held if one is not None) <= most
        if size + 500 <= most:
            assert kept.get(key) == size
