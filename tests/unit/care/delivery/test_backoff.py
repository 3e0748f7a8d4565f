"""When what failed is tried again."""

from datetime import timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from care.delivery.backoff import MOST_ATTEMPTS, next_attempt
from tests.builders.ledger_rows import NOON


@given(st.integers(1, 50), st.floats(0, 1e6), st.randoms(use_true_random=False))
def test_waits_grow_to_an_hour_and_heed_the_receiver(
    attempt: int, asked: float, random: Random
) -> None:
    wait = (next_attempt(NOON, attempt, asked, random) - NOON) / timedelta(seconds=1)
    doubled = min(3600, 5 * 2 ** min(attempt - 1, 20))
    assert min(asked, 3600) - 1e-5 <= wait <= max(1.5 * doubled, min(asked, 3600)) + 1e-5
    assert wait >= doubled / 2 - 1e-5


def test_all_attempts_take_hours() -> None:
    waits = [
        next_attempt(NOON, attempt, 0, Random(attempt)) - NOON
        for attempt in range(1, MOST_ATTEMPTS)
    ]
    assert timedelta(hours=3) < sum(waits, timedelta()) < timedelta(hours=8)
