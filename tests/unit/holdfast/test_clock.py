from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from holdfast.clock import (
    CLOCK_NOTE,
    home_clock,
    keep_time,
    read_clock,
    time_origin,
    write_clock,
)
from holdfast.errors import HomeError
from holdfast.home import Home
from tests.builders.clocks import NOW, clock_at

THEN = datetime(2024, 5, 26, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "home").mkdir()
    return Home(tmp_path / "home")


@pytest.fixture
def simulated(tmp_path: Path) -> str:
    folder = tmp_path / "raw"
    folder.mkdir()
    write_clock(folder / CLOCK_NOTE, THEN)
    return str(folder)


def test_a_home_of_an_operator_has_the_time_of_the_edges(home: Home) -> None:
    assert home_clock(home, clock_at())() == NOW
    assert time_origin(home) == "system"


def test_a_home_keeps_the_time_of_the_simulated_tables_it_took_in(
    home: Home, simulated: str
) -> None:
    assert home_clock(home, clock_at(), simulated)() == THEN
    assert home_clock(home, clock_at())() == NOW
    keep_time(home, simulated)
    assert home_clock(home, clock_at())() == THEN
    assert time_origin(home) == "simulated"


def test_tables_that_say_no_time_bring_back_that_of_the_edges(
    home: Home, simulated: str, tmp_path: Path
) -> None:
    keep_time(home, simulated)
    own = tmp_path / "own"
    own.mkdir()
    assert home_clock(home, clock_at(), str(own))() == NOW
    keep_time(home, str(own))
    assert home_clock(home, clock_at())() == NOW
    assert home_clock(home, clock_at(), "sqlite:///somewhere.db")() == NOW


def test_a_time_is_kept_in_utc(tmp_path: Path) -> None:
    path = tmp_path / "clock.json"
    write_clock(path, datetime(2024, 5, 26, 8, tzinfo=timezone(timedelta(hours=8))))
    assert read_clock(path) == THEN
    assert read_clock(tmp_path / "nothing") is None


@pytest.mark.parametrize("text", ["", "[]", '{"now": "soon"}', '{"now": "2024-05-26T00:00:00"}'])
def test_a_note_without_a_time_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "clock.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(HomeError, match="must hold a time with a time zone"):
        read_clock(path)
