"""A CRM pulls scores from a service of two workers while nights end."""

import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from holdfast.home import Home
from models.targets import TARGETS
from pipeline.night.score import ScoreRun, score_everybody
from tests.builders.clocks import clock_at
from tests.builders.night import (
    CONFIG,
    NIGHT,
    ONLINE,
    make_operator,
    make_operator_version,
    register_champion,
)
from tests.builders.shared import built_once
from tests.e2e.conftest import HOLDFAST


def score(home: Home) -> ScoreRun:
    return score_everybody(home, CONFIG, clock=clock_at(NIGHT), online=ONLINE)


@pytest.fixture(scope="module")
def home(shared_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """An operator's home whose everybody was scored."""
    operator = built_once(
        shared_folder / "night_operator", lambda folder: make_operator(folder) and None
    )
    folder = tmp_path_factory.mktemp("scores") / "home"
    home = Home(Path(shutil.copytree(operator / "home", folder)))
    score(home)
    return home


@pytest.fixture(scope="module")
def address(home: Home) -> Iterator[str]:
    """Where a service of two workers answers, until the last test is done."""
    command = [HOLDFAST, "serve", "--home", home.root, "--port", "0", "--workers", "2"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = next(line for line in process.stderr if line.startswith("holdfast serves "))
        yield line.split(" on ")[1].split()[0]
        process.send_signal(signal.SIGTERM)
        process.wait(30)


class Crm:
    """Keeps of each key the newest score, and nothing of who is excluded.

    Each request has a connection of its own, so that either worker answers.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._next: str | None = None
        self.kept: dict[tuple[Any, ...], dict[str, Any]] = {}

    def page(self) -> dict[str, Any]:
        since = {} if self._next is None else {"since": self._next}
        answer = httpx.get(f"{self._address}/v1/scores", params={"limit": 40, **since}, timeout=30)
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()
        self._next = document["next"]
        for one in document["scores"]:
            key = one["model"], one["subscription_id"] or one["customer_id"], one["horizon_days"]
            if one["change"] == "excluded":
                self.kept.pop(key, None)
            else:
                self.kept[key] = one
        return document

    def everything(self) -> int:
        """Read until there is no more; how many scores it was given."""
        count, more = 0, True
        while more:
            document = self.page()
            count, more = count + len(document["scores"]), document["more"]
        return count


def test_a_crm_that_pulls_has_what_the_last_night_says(home: Home, address: str) -> None:
    crm = Crm(address)
    first = crm.page()
    # A night ends while everybody is read, and another one while the changes are.
    register_champion(home, make_operator_version(home, TARGETS["churn"], seed=2))
    changed = sum(score(home).changes["churn"].values())
    assert len(first["scores"]) + crm.everything() == first["manifest"]["scores"]
    assert {one["version"] for one in crm.kept.values()} == {"1"}
    crm.page()
    register_champion(home, make_operator_version(home, TARGETS["csat_low"], seed=3))
    score(home)
    assert crm.everything() >= changed - 40
    assert crm.everything() == 0
    newest = Crm(address)
    assert newest.everything() == len(newest.kept)
    assert crm.kept.keys() == newest.kept.keys()
    for key, one in newest.kept.items():
        held = crm.kept[key]
        assert held["band"] == one["band"]
        assert abs(held["probability"] - one["probability"]) < CONFIG.feed.step


def test_the_log_counts_scores_and_names_nobody(home: Home, address: str) -> None:
    Crm(address).everything()
    text = (home.access / "requests.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    assert {(line["method"], line["path"]) for line in lines} == {("GET", "/v1/scores")}
    assert 40 in {line["items"] for line in lines}
    assert "since" not in text
