"""The level of risk in a night: scores and the service predict at the same revision, and neither counts
any more once there is another.
"""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.special import logit

from holdfast.errors import ModelError
from holdfast.home import Home
from models.churn import LINES
from models.level.beside import current_level, write_level
from models.level.revision import LevelRevision, Shift
from models.registry import find_champion
from models.score_set import ScoreFacts
from pipeline.night.score import score_everybody
from serving.answers.freshness import Freshness
from serving.answers.kept import Kept
from serving.answers.predict import predict
from serving.contract.predictions import check_request
from serving.served.follower import ModelFollower
from tests.builders.clocks import clock_at
from tests.builders.night import CONFIG, NIGHT, ONLINE
from training.level.revise import revised

LAG_DAYS = {30: 74, 60: 104, 90: 134}


def level_of(size: float) -> LevelRevision:
    """A level a week ago, of shifts over two and a half years: a season that lines share in part."""
    last = NIGHT - timedelta(days=LAG_DAYS[90] + 7)
    times = [last - timedelta(weeks=4 * number) for number in range(33)]
    shifts = [
        Shift(
            cutoff=time.isoformat(),
            line=line,
            shift=size * (1 + place / 4) * float(np.cos(2 * np.pi * (NIGHT - time).days / 365.25)),
            error=0.04,
            expected=100.0,
        )
        for time in times
        for place, line in enumerate(LINES.names)
    ]
    read_until = dict.fromkeys(LAG_DAYS, last.isoformat())
    of_all = dict.fromkeys(LAG_DAYS, shifts)
    return revised(of_all, LAG_DAYS, read_until, NIGHT - timedelta(days=7))


def score(home: Home) -> tuple[ScoreFacts, bool]:
    """Scores of churn, and whether they were there already."""
    run = score_everybody(home, CONFIG, clock=clock_at(NIGHT), online=ONLINE, model="churn")
    (facts,) = run.sets
    return facts, "churn" in run.unchanged


def probabilities(home: Home) -> dict[tuple[str, int], float]:
    (path,) = home.score_sets.glob("at=*/churn.parquet")
    rows = pq.read_table(path, columns=["subscription_id", "horizon_days", "probability"])
    return {
        (row["subscription_id"], row["horizon_days"]): row["probability"]
        for row in rows.to_pylist()
    }


def answers(follower: ModelFollower, ids: list[str]) -> dict[tuple[str, int], float]:
    request = check_request({"subscription_ids": ids, "models": ["churn"]}, len(ids))
    told = predict(follower.current(), request, "en", Freshness(NIGHT, 3, 35), "service", Kept(0))
    return {
        (one["subscription_id"], one["horizon_days"]): one["probability"]
        for of_line in told
        for one in of_line.predictions
    }


def test_a_version_without_a_level_predicts_as_before_with_a_wide_band(home: Home) -> None:
    facts, _ = score(home)
    assert not home.levels.exists()
    assert facts.expected.keys() == {"30", "60", "90"}
    total = sum(value for (_, days), value in probabilities(home).items() if days == 90)
    expected = facts.expected["90"]
    assert expected.value == pytest.approx(total)
    assert expected.level == "assumed"
    assert expected.low < 0.8 * expected.value < 1.25 * expected.value < expected.high


def test_scores_and_answers_follow_each_revision(home: Home) -> None:
    score(home)
    before = probabilities(home)
    follower = ModelFollower(home, ONLINE, clock_at(NIGHT))
    follower.refresh()
    address = find_champion(home, "churn")
    write_level(home, "churn", address, level_of(0.3))
    assert follower.refresh()

    facts, was_there = score(home)
    assert not was_there
    revision = current_level(home, "churn", address, {})
    assert revision is not None
    assert datetime.fromisoformat(revision.at) == datetime.fromisoformat(facts.at)
    follower.refresh()
    now = probabilities(home)
    assert answers(follower, sorted({line for line, _ in now})) == now
    moved = np.array([logit(now[key]) - logit(before[key]) for key in now if key[1] == 90])
    shifts = np.array([revision.of(90).of(line) for line in LINES.names])
    assert shifts.min() > 0.1
    # But for lines whose probabilities would decrease with the horizon, each moves by its line's.
    assert np.abs(moved[:, None] - shifts).min(axis=1).max() < 0.01 < np.diff(shifts).min()
    assert len(np.unique(moved.round(6))) > 1
    assert facts.expected["90"].value == pytest.approx(
        sum(value for (_, days), value in now.items() if days == 90)
    )

    assert score(home) == (facts, True)
    assert not follower.refresh()
    write_level(home, "churn", address, level_of(-0.3))
    again, was_there = score(home)
    assert not was_there
    assert again.inputs != facts.inputs
    assert again.expected["90"].value < facts.expected["90"].value


def test_a_revision_of_another_version_does_not_count_and_a_damaged_one_is_named(
    home: Home,
) -> None:
    address = find_champion(home, "churn")
    write_level(home, "churn", replace(address, sha256="of another"), level_of(0.3))
    assert current_level(home, "churn", address, {}) is None
    (path,) = home.levels.iterdir()
    path.write_text("{", encoding="utf-8")
    with pytest.raises(ModelError, match=r"churn_1\.json: must be a revision of the level"):
        current_level(home, "churn", address, {})
