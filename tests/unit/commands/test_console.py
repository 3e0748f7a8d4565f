"""Progress on standard error where it is no terminal, as in a log."""

from types import SimpleNamespace

import pytest

from commands.console import ConsoleReporter


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time in its only element; the console's clock."""
    now = [100.0]
    monkeypatch.setattr("commands.console.time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    out, err = capsys.readouterr()
    assert out == ""
    return [line.strip() for line in err.splitlines()]


def test_a_task_leaves_a_line_with_its_seconds(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with ConsoleReporter().task("Simulating", 10) as advance:
        clock[0] += 4.9
        advance(1)
        clock[0] += 0.1
        advance(2)
        advance(1)
        clock[0] += 7.34
    assert lines(capsys) == ["Simulating: 3 of 10", "Simulating, 12.3 s"]


@pytest.mark.parametrize(("seconds", "printed"), [(0.04, []), (0.06, ["Reading, 0.1 s"])])
def test_a_task_that_took_no_time_leaves_none(
    clock: list[float], capsys: pytest.CaptureFixture[str], seconds: float, printed: list[str]
) -> None:
    with ConsoleReporter().task("Reading", None):
        clock[0] += seconds
    assert lines(capsys) == printed


def test_tasks_may_lie_in_one_another(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    reporter = ConsoleReporter()
    with reporter.task("Training", None):
        with reporter.task("Fitting", None):
            clock[0] += 1
        clock[0] += 1
    assert lines(capsys) == ["Fitting, 1.0 s", "Training, 2.0 s"]
