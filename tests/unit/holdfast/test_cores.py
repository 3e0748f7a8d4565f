import os

import pytest

from holdfast.cores import core_count


def test_a_pinned_process_has_the_cores_that_it_is_pinned_to() -> None:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert core_count() == 1
    finally:
        os.sched_setaffinity(0, before)
    assert 1 <= core_count() <= len(before)


def test_the_number_can_be_lowered_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    assert core_count() == 1
