"""The gate's tolerances: inside all of them a version passes at any size, but for chance."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.documents import to_document
from models.level.revision import LEVEL, LevelRevision, assumed_level
from tests.builders.gate_documents import FEATURES, SERVICE, documents
from training.evaluation.assessment import ASSESSMENT
from training.evaluation.reliability import share_bounds
from training.level.revise import FEWEST_ORIGINS, is_refuted
from training.release.calibration_rules import (
    LEVEL_MOVES,
    OBSERVED_OVER_EXPECTED,
    SLOPE,
    TOP_DECILES,
)
from training.release.evidence import ModelEvidence
from training.release.gate import SHADOW_RULES, CurrentChampion, evaluate
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
    figure_and_place=st.sampled_from(
        [("slope", place) for place in CALIBRATIONS]
        + [("observed_over_expected", place) for place in CALIBRATIONS if place[1] != "all"]
    ),
    value=st.one_of(st.floats(0.2, 0.6), st.floats(1.5, 3)),
    error=st.floats(1e-6, 0.08),
)
def test_a_slope_or_line_far_outside_is_refused_at_any_size_with_enough_events(
    figure_and_place: tuple[str, tuple[str, str]], value: float, error: float
) -> None:
    figure, place = figure_and_place
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


def season(factor: float, error: float, random: np.random.Generator | None = None) -> Any:
    """The passing documents where `factor` times as many have the outcome within 30 days as was
    predicted, in every stratum and tenth; with errors drawn where a generator is given.
    """
    stored: dict[str, Any] = json.loads(TEXT)
    for calibration in stored[ASSESSMENT]["30"]["strata"].values():
        drawn = factor if random is None else random.normal(factor, error * factor)
        calibration["observed_over_expected"] = estimate(drawn, error * factor)
        for decile in calibration["deciles"]:
            decile["observed"] = factor * decile["predicted"]
    return stored


FACTORS = st.one_of(st.floats(0.55, 0.85), st.floats(1.2, 1.9))


@given(factor=FACTORS, error=st.floats(1e-4, 0.03))
def test_a_season_lets_a_version_be_shadow_at_most(factor: float, error: float) -> None:
    verdict = ask(season(factor, error))
    assert not verdict.passed
    assert [(reason.rule, reason.where) for reason in verdict.reasons] == [("level", "30/all")]
    assert not verdict.beyond(SHADOW_RULES)


@given(
    factor=st.one_of(st.floats(0.05, 0.9 / LEVEL_MOVES), st.floats(1.1 * LEVEL_MOVES, 9)),
    error=st.floats(1e-4, 0.02),
)
def test_no_season_moves_the_level_that_far(factor: float, error: float) -> None:
    verdict = ask(season(factor, error))
    assert "observed_over_expected" in {reason.rule for reason in verdict.beyond(SHADOW_RULES)}


@given(
    factor=FACTORS,
    line=st.sampled_from(["postpaid", "prepaid", "fixed"]),
    apart=st.one_of(st.floats(0.2, 0.6), st.floats(1.6, 4)),
    error=st.floats(1e-4, 0.03),
)
def test_a_line_that_does_not_move_with_the_season_is_refused(
    factor: float, line: str, apart: float, error: float
) -> None:
    stored = season(factor, error)
    ratio = stored[ASSESSMENT]["30"]["strata"][line]["observed_over_expected"]
    ratio.update(estimate(factor * apart, error * factor * apart))
    beyond = ask(stored).beyond(SHADOW_RULES)
    assert [(reason.rule, reason.where) for reason in beyond] == [
        ("observed_over_expected", f"30/{line}")
    ]


@given(
    factor=FACTORS,
    error=st.floats(1e-4, 0.03),
    slope=st.one_of(st.floats(0.2, 0.6), st.floats(1.5, 3)),
)
def test_a_season_excuses_no_slope_and_no_tenth(factor: float, error: float, slope: float) -> None:
    stored = season(factor, error)
    everybody = stored[ASSESSMENT]["30"]["strata"]["all"]
    everybody["slope"] = estimate(slope, 0.05)
    everybody["deciles"][-1].update(
        observed=min(factor * 3 * everybody["deciles"][-1]["predicted"], 1.0), effective_rows=1e5
    )
    rules = [reason.rule for reason in ask(stored).beyond(SHADOW_RULES)]
    assert rules == ["slope", "top_deciles"]


@pytest.mark.parametrize("factor", [0.7, 1.4])
def test_lines_that_move_alike_are_refused_in_at_most_one_of_twenty_seasons(factor: float) -> None:
    random = np.random.default_rng(7)
    refused = sum(
        bool(ask(season(factor, random.uniform(0.01, 0.05), random)).beyond(SHADOW_RULES))
        for _ in range(200)
    )
    assert refused <= 0.05 * 200


def with_level(found: dict[str, Any], origins: int, covered: int) -> dict[str, Any]:
    """Documents with a level within 30 days that so many earlier dates judge."""
    level = replace(assumed_level(), has_season=True, origins=origins, covered=covered)
    revision = LevelRevision(at="2026-01-05T00:00:00+00:00", horizons={"30": level})
    return found | {LEVEL: json.loads(json.dumps(to_document(revision)))}


@given(factor=FACTORS, error=st.floats(1e-4, 0.03), origins=st.integers(FEWEST_ORIGINS, 30))
def test_a_level_whose_earlier_bands_held_is_not_asked_of_one_period(
    factor: float, error: float, origins: int
) -> None:
    assert ask(with_level(season(factor, error), origins, origins)).passed
    few = ask(with_level(season(factor, error), FEWEST_ORIGINS - 1, FEWEST_ORIGINS - 1))
    assert [reason.rule for reason in few.reasons] == ["level"]


@given(origins=st.integers(FEWEST_ORIGINS, 30))
def test_a_level_whose_earlier_bands_missed_too_often_is_assumed(origins: int) -> None:
    covered = max(held for held in range(origins) if is_refuted(origins, held))
    verdict = ask(with_level(json.loads(TEXT), origins, covered))
    assert [(reason.rule, reason.where) for reason in verdict.reasons] == [("level", "30/all")]
    assert f"{covered} of {origins} earlier bands" in verdict.reasons[0].message
    assert not verdict.beyond(SHADOW_RULES)
    assert ask(with_level(json.loads(TEXT), origins, covered + 1)).passed


@given(factor=FACTORS, apart=st.one_of(st.floats(0.2, 0.6), st.floats(1.6, 4)))
def test_shape_is_asked_of_every_period_once_its_level_is_removed(
    factor: float, apart: float
) -> None:
    stored = season(factor, 0.01)
    ratio = stored[ASSESSMENT]["30"]["strata"]["fixed"]["observed_over_expected"]
    ratio.update(estimate(factor * apart, 0.01 * factor * apart))
    beyond = ask(with_level(stored, 12, 12)).beyond(SHADOW_RULES)
    assert [reason.where for reason in beyond] == ["30/fixed"]


def test_a_level_that_cannot_be_read_refuses() -> None:
    stored = with_level(json.loads(TEXT), 12, 12)
    del stored[LEVEL]["horizons"]["30"]["covered"]
    assert [reason.rule for reason in ask(stored).reasons] == ["complete"]
