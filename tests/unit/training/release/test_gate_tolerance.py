"""The gate's tolerances: inside all of them a version passes at any size, but for chance."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders.gate_documents import FEATURES, SERVICE, documents
from training.evaluation.assessment import ASSESSMENT
from training.evaluation.reliability import share_bounds
from training.release.evidence import ModelEvidence
from training.release.gate import (
    OBSERVED_OVER_EXPECTED,
    SLOPE,
    TOP_DECILES,
    CurrentChampion,
    evaluate,
)
from training.release.verdict import Verdict
from training.settings import GateSettings

TEXT = json.dumps(documents())
CHAMPION = CurrentChampion(number="3", ungated=False, service=SERVICE, features=FEATURES)
SIZES = st.floats(0, 9).map(lambda power: float(round(10**power)))
SHARES = st.floats(1e-4, 0.9)


def ask(found: dict[str, Any], tolerance: float = 0.1) -> Verdict:
    evidence = ModelEvidence(
        name="churn", service=SERVICE, features=FEATURES, has_strata=True, documents=found
    )
    return evaluate(evidence, CHAMPION, GateSettings(decile_tolerance=tolerance))


def top_decile(predicted: float, observed: float, rows: float | None) -> dict[str, Any]:
    """The passing documents with other figures of the riskiest tenth within 30 days."""
    found: dict[str, Any] = json.loads(TEXT)
    decile = found[ASSESSMENT]["30"]["strata"]["all"]["deciles"][-1]
    decile.update(predicted=predicted, observed=observed, effective_rows=rows)
    return found


@given(predicted=SHARES, ratio=st.floats(0.9, 1.1), rows=SIZES)
def test_inside_the_tolerance_it_passes_at_any_size(
    predicted: float, ratio: float, rows: float
) -> None:
    assert ask(top_decile(predicted, predicted * ratio, rows)).passed


@given(
    predicted=st.floats(0.001, 0.5),
    ratio=st.one_of(st.floats(0.3, 0.65), st.floats(1.5, 1.9)),
    leavers=st.floats(2.7, 7).map(lambda power: 10**power),
)
def test_far_outside_it_fails_at_any_size_with_enough_events(
    predicted: float, ratio: float, leavers: float
) -> None:
    rows = float(round(leavers / predicted))
    verdict = ask(top_decile(predicted, predicted * ratio, rows))
    assert {reason.rule for reason in verdict.reasons} == {"top_deciles"}


def test_without_a_tolerance_more_rows_ask_for_more() -> None:
    # 2 % too high: chance among ten thousand rows, not among ten million.
    assert ask(top_decile(0.2, 0.196, 1e4), tolerance=0.0).passed
    assert not ask(top_decile(0.2, 0.196, 1e7), tolerance=0.0).passed


def test_bounds_hold_jointly_over_all_horizons_and_strata() -> None:
    found = top_decile(0.2, 0.2, 2_000.0)
    deciles = sum(len(horizon["strata"]) for horizon in found[ASSESSMENT].values()) * TOP_DECILES
    _, alone = share_bounds(np.array([0.2]), np.array([2_000.0]), 0.99, 0.1)
    _, jointly = share_bounds(np.array([0.2]), np.array([2_000.0]), 0.99 ** (1 / deciles), 0.1)
    assert deciles == 24
    assert jointly[0] > alone[0] + 0.005
    assert ask(top_decile(0.2, float(jointly[0]), 2_000.0)).passed
    assert not ask(top_decile(0.2, float(jointly[0]) + 1e-9, 2_000.0)).passed


def test_an_assessment_from_before_keeps_its_stricter_bounds() -> None:
    inside, outside = 0.04 * 1.39, 0.04 * 1.41
    assert ask(top_decile(0.04, inside, None)).passed
    assert not ask(top_decile(0.04, outside, None)).passed


ZONES = {"slope": SLOPE, "observed_over_expected": OBSERVED_OVER_EXPECTED}
CALIBRATIONS = [
    (horizon, stratum)
    for horizon, assessment in json.loads(TEXT)[ASSESSMENT].items()
    for stratum in assessment["strata"]
]


def estimate(value: float, error: float) -> dict[str, float]:
    """A figure with an interval of 95 %, from its standard error."""
    return {"value": value, "low": value - 1.96 * error, "high": value + 1.96 * error}


def with_figure(figure: str, place: tuple[str, str], found: dict[str, float]) -> dict[str, Any]:
    """The passing documents with another slope or ratio."""
    stored: dict[str, Any] = json.loads(TEXT)
    horizon, stratum = place
    stored[ASSESSMENT][horizon]["strata"][stratum][figure] = found
    return stored


@given(
    figure=st.sampled_from(list(ZONES)),
    place=st.sampled_from(CALIBRATIONS),
    within=st.floats(0, 1),
    error=st.floats(1e-6, 1),
)
def test_a_slope_or_level_inside_its_zone_passes_at_any_size(
    figure: str, place: tuple[str, str], within: float, error: float
) -> None:
    low, high = ZONES[figure]
    value = float(np.clip(low + within * (high - low), low, high))
    assert ask(with_figure(figure, place, estimate(value, error))).passed


@given(
    figure=st.sampled_from(list(ZONES)),
    place=st.sampled_from(CALIBRATIONS),
    value=st.one_of(st.floats(0.2, 0.6), st.floats(1.5, 3)),
    error=st.floats(1e-6, 0.08),
)
def test_a_slope_or_level_far_outside_is_refused_at_any_size_with_enough_events(
    figure: str, place: tuple[str, str], value: float, error: float
) -> None:
    verdict = ask(with_figure(figure, place, estimate(value, error)))
    assert [(reason.rule, reason.where) for reason in verdict.reasons] == [
        (figure, "/".join(place))
    ]


@pytest.mark.parametrize("end", [0, 1], ids=["lowest", "highest"])
def test_what_is_just_tolerated_everywhere_is_refused_in_at_most_one_of_twenty_test_periods(
    end: int,
) -> None:
    """All sixteen true figures lie at the ends of their zones. With an interval of 95 % for each by
    itself, a third of the test periods would refuse.
    """
    random = np.random.default_rng(5)
    periods, refused, alone = 300, 0, 0
    for _ in range(periods):
        stored: dict[str, Any] = json.loads(TEXT)
        outside = False
        for horizon, stratum in CALIBRATIONS:
            for figure, zone in ZONES.items():
                error = random.uniform(0.01, 0.2)
                drawn = estimate(random.normal(zone[end], error), error)
                stored[ASSESSMENT][horizon]["strata"][stratum][figure] = drawn
                outside |= drawn["high"] < zone[0] or drawn["low"] > zone[1]
        refused += not ask(stored).passed
        alone += outside
    assert refused <= 0.05 * periods
    assert alone > 0.2 * periods
