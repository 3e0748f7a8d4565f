import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from serving.events.together import Together


def test_each_thread_gets_its_own_result_or_error_and_groups_gather_meanwhile() -> None:
    groups: list[list[int]] = []
    everybody_waits = threading.Event()

    def work(given: Sequence[int]) -> list[int | Exception]:
        if not groups:
            everybody_waits.wait(10)
        groups.append(list(given))
        return [ValueError(f"{one} is odd") if one % 2 else 10 * one for one in given]

    together = Together(work, 8)

    def do(one: int) -> int | str:
        try:
            return together.do(one)
        except ValueError as error:
            return str(error)

    with ThreadPoolExecutor(20) as pool:
        doing = [pool.submit(do, one) for one in range(20)]
        while sum(map(len, groups)) + len(together._waiting) < 19:
            pass
        everybody_waits.set()
        results = [one.result(10) for one in doing]
    assert results == [f"{one} is odd" if one % 2 else 10 * one for one in range(20)]
    assert sorted(one for group in groups for one in group) == list(range(20))
    assert max(map(len, groups)) == 8
    assert len(groups) <= 4


def test_what_fails_for_a_group_fails_for_all_of_it_and_the_next_one_works() -> None:
    fails = [True]

    def work(given: Sequence[int]) -> Sequence[int]:
        if fails.pop():
            raise OSError("the disk is full")
        return given

    together = Together(work, 8)
    with pytest.raises(OSError, match="full"):
        together.do(1)
    fails.append(False)
    assert together.do(2) == 2
