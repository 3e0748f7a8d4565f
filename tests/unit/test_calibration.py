import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from holdfast.errors import InputError
from models.calibration import PlattCalibration


def _draw(seed: int, slope: float, intercept: float, rows: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    margin = random.normal(0, 2, rows)
    return margin, (random.random(rows) < expit(slope * margin + intercept)).astype(float)


def test_it_finds_the_curve_that_made_the_labels() -> None:
    margin, label = _draw(1, slope=0.6, intercept=-1.2)
    found = PlattCalibration.fit(margin, label)
    assert found.slope == pytest.approx(0.6, abs=0.03)
    assert found.intercept == pytest.approx(-1.2, abs=0.05)


@given(st.integers(0, 1000), st.floats(-2, 2), st.floats(-2, 2))
def test_a_higher_margin_never_means_a_lower_probability(seed: int, slope: float, intercept: float) -> None:
    margin, label = _draw(seed, slope, intercept, rows=300)
    label[:2] = 0, 1
    probability = PlattCalibration.fit(margin, label).probability(np.sort(margin))
    assert np.all(np.diff(probability) >= 0)
    assert np.all((probability >= 0) & (probability <= 1))


@given(st.integers(0, 1000))
def test_the_mean_probability_is_the_share_of_positives(seed: int) -> None:
    margin, label = _draw(seed, slope=1.0, intercept=-1.0, rows=1000)
    assert PlattCalibration.fit(margin, label).probability(margin).mean() == pytest.approx(label.mean(), abs=1e-3)


@pytest.mark.parametrize("margin", [np.zeros(100), np.where(np.arange(100) % 4 == 0, -1.0, 1.0)])
def test_margins_without_information_give_the_overall_share(margin: np.ndarray) -> None:
    label = (np.arange(100) % 4 == 0).astype(float)
    assert PlattCalibration.fit(margin, label).probability(margin) == pytest.approx(0.25)


def test_one_class_cannot_be_calibrated() -> None:
    with pytest.raises(InputError, match="both classes"):
        PlattCalibration.fit(np.arange(3.0), np.ones(3))


def test_json_round_trip() -> None:
    calibration = PlattCalibration(slope=0.1 + 0.2, intercept=-1e-9)
    assert PlattCalibration.from_json(calibration.to_json()) == calibration
    with pytest.raises(InputError, match="platt"):
        PlattCalibration.from_json({"kind": "isotonic"})
