"""Intervals of campaigns on a simulated operator: ten times fewer than the benchmark, and seeded."""

import numpy as np
import pytest

from benchmarks.care.coverage import Outcome, campaigns, summary, targets
from simulator.engine.futures import Futures
from simulator.engine.simulator import simulate

COUNT = 20
Campaigns = dict[str, list[Outcome]]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Campaigns:
    folder = tmp_path_factory.mktemp("coverage") / "operator"
    simulate(folder, customers=3_000, months=2, seed=3, workers=1)
    futures = Futures.open(folder)
    _, harmed = targets(futures)
    return campaigns(futures, [harmed], COUNT, days=56)


def contains(one: Outcome, true: float) -> bool:
    return one.effect is not None and one.effect.low <= true <= one.effect.high


def test_twenty_intervals_cover_the_true_effect(outcomes: Campaigns) -> None:
    harmed = outcomes["harms"]
    population = float(np.mean([one.true for one in harmed]))
    assert population < 0
    # A right method misses more than 4 of 20 three times in a thousand.
    assert sum(contains(one, population) for one in harmed) >= 16
    assert sum(contains(one, one.true) for one in harmed) >= 16
    row = summary("harms", harmed)
    spread, error = row["spread of estimates, points"], row["mean standard error, points"]
    assert isinstance(spread, float)
    assert isinstance(error, float)
    assert 0.6 < spread / error < 1.5


def test_of_twenty_campaigns_that_do_nothing_hardly_any_works(outcomes: Campaigns) -> None:
    nothing = outcomes["does nothing"]
    assert {one.true for one in nothing} == {0.0}
    findings = [one.effect.finding for one in nothing if one.effect is not None]
    assert len(findings) == COUNT
    assert findings.count("works") <= 3
