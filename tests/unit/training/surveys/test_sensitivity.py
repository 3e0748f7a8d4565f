"""The sensitivity band together with sampling: what it holds, and that customers are resampled, not
rows.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.dissatisfaction import calibration_band, prevalence_band
from training.settings import AssessmentSettings
from training.surveys.sensitivity import sampled_calibration, sampled_prevalence

SETTINGS = AssessmentSettings(draws=100)


def answers(
    rows: int = 300, seed: int = 1
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    label = (random.random(rows) < 0.2).astype(float)
    label[:2] = 0, 1
    customers = np.array([f"c{number}" for number in range(rows)])
    return label, random.uniform(0.5, 2, rows), 1 + random.gamma(2, 2, rows), customers


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.floats(1, 10))
def test_the_region_holds_the_band_and_widens_with_it(seed: int, odds_ratio: float) -> None:
    label, design, response, customers = answers(60, seed)
    band = prevalence_band(label, design, response, odds_ratio)
    sampled = sampled_prevalence(label, design, response, customers, odds_ratio, SETTINGS, 1)
    assert (sampled.low, sampled.estimate, sampled.high) == (band.low, band.estimate, band.high)
    assert (
        sampled.region_low <= sampled.low <= sampled.estimate <= sampled.high <= sampled.region_high
    )
    assert sampled.estimate_low <= sampled.estimate <= sampled.estimate_high
    wider = sampled_prevalence(label, design, response, customers, odds_ratio * 2, SETTINGS, 1)
    assert wider.region_low <= sampled.region_low <= sampled.region_high <= wider.region_high
    assert sampled.estimate in sampled
    assert sampled.region_high + 0.01 not in sampled


def test_without_a_tilt_only_sampling_is_left() -> None:
    label, design, response, customers = answers()
    sampled = sampled_prevalence(label, design, response, customers, 1.0, SETTINGS, 1)
    assert sampled.low == sampled.estimate == sampled.high
    assert (sampled.region_low, sampled.region_high) == (
        sampled.estimate_low,
        sampled.estimate_high,
    )


def test_rows_of_one_customer_count_together() -> None:
    """Told ten times over, an answer is worth one: the interval stays as wide as that of the
    customers.
    """
    label, design, response, customers = answers()
    once = sampled_prevalence(label, design, response, customers, 2.0, SETTINGS, 1)
    often = sampled_prevalence(
        *(np.repeat(values, 10) for values in (label, design, response, customers)),
        2.0,
        SETTINGS,
        1,
    )
    assert often.estimate == pytest.approx(once.estimate)
    assert often.region_high - often.region_low == pytest.approx(
        once.region_high - once.region_low, rel=1e-6
    )


def test_calibration_is_observed_over_expected_of_all() -> None:
    label, design, response, customers = answers()
    probability = np.linspace(0.05, 0.4, len(label))
    band = calibration_band(label, probability, design, response, 2.0)
    sampled = sampled_calibration(label, probability, design, response, customers, 2.0, SETTINGS, 1)
    assert (sampled.low, sampled.estimate, sampled.high) == (band.low, band.estimate, band.high)
    weight = design * response
    assert sampled.estimate == pytest.approx((weight * label).sum() / (weight * probability).sum())
    assert sampled.region_low < sampled.low < sampled.high < sampled.region_high
    again = sampled_calibration(label, probability, design, response, customers, 2.0, SETTINGS, 1)
    assert again == sampled
    assert again.to_json()["odds_ratio"] == 2.0


def test_the_interval_is_as_wide_as_sampling() -> None:
    """Over many samples the interval of the estimate covers the share among all about as often as
    it says.
    """
    random = np.random.default_rng(7)
    truth, covered = 0.2, 0
    for draw in range(60):
        answering = random.uniform(0.2, 0.9, 1500)
        answered = random.random(1500) < answering
        label = (random.random(1500) < truth).astype(float)[answered]
        customers = np.array([f"c{number}" for number in range(int(answered.sum()))])
        sampled = sampled_prevalence(
            label, np.ones(len(label)), 1 / answering[answered], customers, 1.0, SETTINGS, draw
        )
        covered += sampled.estimate_low <= truth <= sampled.estimate_high
    assert 51 <= covered <= 60
