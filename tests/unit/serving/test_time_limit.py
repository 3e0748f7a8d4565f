import asyncio

import pytest

from serving.time_limit import TimeLimit


async def within(limit: TimeLimit, seconds: float) -> str:
    try:
        with limit:
            await asyncio.sleep(seconds)
            return "done"
    except TimeoutError:
        return "late"


def test_tasks_that_stay_too_long_end_alone() -> None:
    async def several() -> list[str]:
        limit = TimeLimit(0.05)
        return await asyncio.gather(*(within(limit, seconds) for seconds in (0, 0.01, 5, 5, 0)))

    assert asyncio.run(several()) == ["done", "done", "late", "late", "done"]


def test_a_limit_holds_again_after_nobody_stayed_within_it_and_in_another_loop() -> None:
    limit = TimeLimit(0.04)

    async def twice() -> tuple[str, str]:
        first = await within(limit, 5)
        await asyncio.sleep(0.02)
        return first, await within(limit, 5)

    # The first loop ends while it would still look again.
    assert asyncio.run(within(limit, 0)) == "done"
    assert asyncio.run(twice()) == ("late", "late")


def test_who_cancels_a_task_is_not_overruled() -> None:
    async def cancelled() -> None:
        task = asyncio.create_task(within(TimeLimit(5), 5))
        await asyncio.sleep(0)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())


def test_what_ends_well_all_the_same_is_not_late() -> None:
    limit = TimeLimit(0.01)

    async def stubborn() -> str:
        with limit:
            try:
                await asyncio.sleep(5)
            except asyncio.CancelledError:
                return "done all the same"
        return "never"

    async def and_after() -> tuple[str, int]:
        task = asyncio.current_task()
        assert task is not None
        return await stubborn(), task.cancelling()

    assert asyncio.run(and_after()) == ("done all the same", 0)
