from serving.process.supervisor import Restarts


def test_a_worker_is_started_again_later_each_time_until_it_is_given_up() -> None:
    restarts = Restarts()
    assert [restarts.wait_seconds(1) for _ in range(6)] == [0, 1, 2, 4, 8, None]


def test_one_that_served_for_a_minute_begins_anew() -> None:
    restarts = Restarts(failures=5)
    assert restarts.wait_seconds(60) == 0
    assert restarts.wait_seconds(59) == 1
