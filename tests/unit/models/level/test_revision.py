"""The level as a document, and what the scorer makes of it."""

import json

import numpy as np
import pytest
from scipy.special import logit

from holdfast.documents import read_document, to_document
from models.level.revision import HorizonLevel, LevelRevision, Shift, assumed_level


@pytest.fixture
def of_lines() -> HorizonLevel:
    return HorizonLevel(
        status="judged",
        has_season=True,
        lines=("postpaid", "prepaid"),
        shares=(0.25, 0.75),
        shift=(0.4, -0.2),
        covariance=((0.04, 0.01), (0.01, 0.09)),
        quantile=1.645,
        origins=9,
        covered=8,
        lag_days=104,
        shifts=(
            Shift(
                cutoff="2025-01-06T00:00:00+00:00",
                line="prepaid",
                shift=0.1,
                error=0.2,
                expected=12.0,
            ),
        ),
    )


def test_a_revision_reads_as_it_was_written(of_lines: HorizonLevel) -> None:
    revision = LevelRevision(at="2026-01-05T00:00:00+00:00", horizons={"90": of_lines})
    stored = json.loads(json.dumps(to_document(revision)))
    assert read_document(LevelRevision, stored, "level.json") == revision
    assert read_document(LevelRevision, stored, "level.json").sha256 == revision.sha256


def test_a_line_that_was_never_seen_has_the_level_of_all(of_lines: HorizonLevel) -> None:
    assert (of_lines.of("postpaid"), of_lines.of("prepaid")) == (0.4, -0.2)
    assert of_lines.of("fixed") == of_lines.common == pytest.approx(0.25 * 0.4 - 0.75 * 0.2)


def test_the_band_moves_the_sum_as_the_lines_err_together(of_lines: HorizonLevel) -> None:
    low, high = of_lines.band(50.0, {"postpaid": 10.0, "prepaid": 20.0})
    moved = np.sqrt(0.04 * 100 + 0.09 * 400 + 2 * 0.01 * 200)
    assert (low, high) == pytest.approx(
        (50 * np.exp(-1.645 * moved / 50), 50 * np.exp(1.645 * moved / 50))
    )
    assert of_lines.band(0.0, {}) == (0.0, 0.0)
    # What nobody knows the line of moves as all lines do.
    assert of_lines.band(50.0, {"": 40.0}) == pytest.approx(
        of_lines.band(50.0, {"postpaid": 10.0, "prepaid": 30.0})
    )


def test_a_horizon_of_which_nothing_is_known_is_assumed() -> None:
    revision = LevelRevision(at="2026-01-05T00:00:00+00:00", horizons={})
    assert revision.of(30) == assumed_level()
    assert not revision.moves_anything
    low, high = revision.of(None).band(100.0, {"": 95.0})
    assert low < 60 < 170 < high
    assert np.log(high / 100) == pytest.approx(0.95 * 0.61, rel=0.01)


def test_half_of_the_range_of_a_season_is_the_assumed_error() -> None:
    assert logit(0.5) == 0  # log-odds and logarithms of rare risks move alike
    assert assumed_level().covariance[0][0] ** 0.5 == pytest.approx(np.log(2.1) / 2, abs=1e-3)
