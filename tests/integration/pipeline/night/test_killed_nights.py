"""Nights killed at every failpoint: carried on by the next run, with the results of one undisturbed."""

import os
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from holdfast.clock import home_clock, system_clock
from holdfast.home import Home
from models.feed.files import FeedFiles
from pipeline.night.night import STEPS, NightRecords
from pipeline.night.nightly import run_night
from pipeline.night.options import NightOptions
from tests.builders.night import (
    CHAMPIONS,
    NIGHT,
    NIGHT_CONFIG,
    ONLINE,
    TIMED,
    make_operator,
    nightly,
    raw_by,
    scores_of,
    snapshot_of,
)
from tests.builders.processes import processes

CUSTOMERS = 520
"""Of the operator, in the proof: of 500, the drawn tables of the second night are as unusual as to stop it."""

NEXT_NIGHT = NIGHT.replace(day=6)
TIMES = 10
"""How often a night is killed at each failpoint, in the proof."""


@dataclass(frozen=True)
class Results:
    """What a night leaves that others read, but for when it was made."""

    scores: dict[str, Any]
    snapshot: dict[str, Any]
    feed: Any

    @classmethod
    def of(cls, home: Home) -> "Results":
        files = FeedFiles(home.score_feed)
        feed = pq.read_table(files.rows(files.numbers()[-1])).drop_columns(TIMED)
        return cls(scores_of(home), snapshot_of(home), feed)


def _killed_at(home: Path, raw: Path, place: str) -> None:
    def failpoint(reached: str) -> None:
        if reached == place:
            os.kill(os.getpid(), signal.SIGKILL)

    clock = home_clock(Home(home), system_clock, str(raw))
    options = NightOptions(source=str(raw))
    run_night(Home(home), options, NIGHT_CONFIG, clock=clock, online=ONLINE, failpoint=failpoint)


class Nights:
    """The second night of an operator: undisturbed, and killed in a process of its own.

    The home stays where it is, because one that was moved registers its features anew.

    Parameters
    ----------
    folder : Path
        With the operator's ``home``. Copies of it, ``begun_at_STEP``, are kept there.
    raw : Path
        Raw tables of that night.
    """

    def __init__(self, folder: Path, raw: Path) -> None:
        self._folder, self._raw = folder, raw
        self._home = Home(folder / "home")
        self._context = processes("tests.builders.preloaded")
        shutil.copytree(self._home.root, self._begun_at(STEPS[0]))
        places: list[str] = []
        night = run_night(
            self._home,
            NightOptions(source=str(raw)),
            NIGHT_CONFIG,
            clock=home_clock(self._home, system_clock, str(raw)),
            online=ONLINE,
            failpoint=places.append,
        )
        assert night.verdict == "done", night.error
        self.places = list(dict.fromkeys(places))
        """Every failpoint that an undisturbed night comes to, in order, each once."""
        self._undisturbed = Results.of(self._home)

    def places_of(self, step: str) -> list[str]:
        """The failpoints of a step, in order."""
        first, last = (self.places.index(f"{step}: {end}") for end in ("begun", "noted"))
        return self.places[first : last + 1]

    def begin(self, step: str = STEPS[0]) -> None:
        """Let the home be one whose night was killed when the steps before this one were done."""
        if not self._begun_at(step).exists():
            before = STEPS[STEPS.index(step) - 1]
            self.begin(before)
            self.kill(f"{before}: noted")
            shutil.copytree(self._home.root, self._begun_at(step))
        shutil.rmtree(self._home.root)
        shutil.copytree(self._begun_at(step), self._home.root)

    def kill(self, place: str) -> None:
        """Run the night until it comes to a failpoint, and is killed there."""
        process = self._context.Process(target=_killed_at, args=(self._home.root, self._raw, place))
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL, place
        records = list(NightRecords(self._home).newest_first())
        assert not records or records[0].verdict is None, place

    def require_same(self, place: str) -> None:
        """Carry the night on, and require the results of the undisturbed one."""
        night = nightly(self._home, source=str(self._raw))
        assert night.verdict == "done", (place, night.error)
        assert Results.of(self._home) == self._undisturbed, place

    def _begun_at(self, step: str) -> Path:
        return self._folder / f"begun_at_{step}"


@pytest.fixture(scope="module")
def nights(
    night_operator: Path, tmp_path_factory: pytest.TempPathFactory, is_proof: bool
) -> Nights:
    folder = tmp_path_factory.mktemp("killed")
    if is_proof:
        make_operator(folder, CUSTOMERS)
        return Nights(folder, raw_by(folder / "next", NEXT_NIGHT, CUSTOMERS))
    shutil.copytree(night_operator / "home", folder / "home")
    return Nights(folder, raw_by(folder / "next", NEXT_NIGHT))


@pytest.mark.proof
def test_a_night_killed_in_every_step_in_turn_ends_as_if_it_was_not(
    nights: Nights, is_proof: bool
) -> None:
    places = nights.places
    assert {place.split(":")[0] for place in places} == {*STEPS, *CHAMPIONS, "feed"}
    chosen = [f"{step}: done" for step in STEPS]
    scored = chosen.index("score: done")
    chosen[scored:scored] = ["csat_low: published", "feed: written"]
    nights.begin()
    for place in places if is_proof else chosen:
        nights.kill(place)
    nights.require_same("all")


@pytest.mark.proof
@pytest.mark.parametrize("step", STEPS)
def test_a_night_killed_ten_times_at_each_failpoint_of_a_step(
    nights: Nights, step: str, is_proof: bool
) -> None:
    if not is_proof:
        pytest.skip("the test of all steps in turn is its shorter version")
    for place in nights.places_of(step):
        for _ in range(TIMES):
            nights.begin(step)
            nights.kill(place)
            nights.require_same(place)
