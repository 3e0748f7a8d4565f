import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from holdfast.documents import read_document, to_document
from holdfast.errors import InputError
from models.calibration import (
    KINDS,
    BetaCalibration,
    Calibration,
    IsotonicCalibration,
    PlattCalibration,
    ShiftedCalibration,
)

Kind = type[PlattCalibration] | type[BetaCalibration] | type[IsotonicCalibration]
few = settings(max_examples=20)
kinds = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def stored_and_read(calibration: Calibration) -> Calibration:
    return read_document(Calibration, json.loads(json.dumps(to_document(calibration))), "x")  # type: ignore[arg-type]


def _draw(
    seed: int, slope: float, intercept: float, rows: int = 20_000
) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    margin = random.normal(0, 2, rows)
    return margin, (random.random(rows) < expit(slope * margin + intercept)).astype(float)


def test_it_finds_the_curve_that_made_the_labels() -> None:
    margin, label = _draw(1, slope=0.6, intercept=-1.2)
    fitted = PlattCalibration.fit(margin, label)
    assert fitted.slope == pytest.approx(0.6, abs=0.03)
    assert fitted.intercept == pytest.approx(-1.2, abs=0.05)


@kinds
@few
@given(st.integers(0, 1000), st.floats(-2, 2), st.floats(-2, 2))
def test_a_higher_margin_never_means_a_lower_probability(
    kind: Kind, seed: int, slope: float, intercept: float
) -> None:
    margin, label = _draw(seed, slope, intercept, rows=300)
    label[:2] = 0, 1
    probability = kind.fit(margin, label).probability(np.sort(margin))
    assert np.all(np.diff(probability) >= 0)
    assert np.all((probability >= 0) & (probability <= 1))


@kinds
@few
@given(st.integers(0, 1000))
def test_the_mean_probability_is_the_share_of_positives(kind: Kind, seed: int) -> None:
    margin, label = _draw(seed, slope=1.0, intercept=-1.0, rows=1000)
    weight = np.random.default_rng(seed).uniform(0.2, 3.0, 1000)
    share = np.average(label, weights=weight)
    # Platt's and the beta curve keep it; the isotonic one is drawn through the middle of its steps,
    # which moves it a little.
    allowed = 0.02 if kind is IsotonicCalibration else 1e-3
    assert np.average(
        kind.fit(margin, label, weight).probability(margin), weights=weight
    ) == pytest.approx(share, abs=allowed)


@kinds
@few
@given(st.integers(0, 1000))
def test_a_weight_says_how_often_a_row_counts(kind: Kind, seed: int) -> None:
    margin, label = _draw(seed, slope=0.7, intercept=-1.0, rows=200)
    label[:2] = 0, 1
    often = np.random.default_rng(seed).integers(0, 4, 200)
    often[:2] = 1
    places = np.linspace(-6, 6, 50)
    weighted = kind.fit(margin, label, often.astype(float)).probability(places)
    assert weighted == pytest.approx(
        kind.fit(np.repeat(margin, often), np.repeat(label, often)).probability(places), abs=1e-4
    )


@kinds
@pytest.mark.parametrize("margin", [np.zeros(100), np.where(np.arange(100) % 4 == 0, -1.0, 1.0)])
def test_margins_without_information_give_the_overall_share(kind: Kind, margin: np.ndarray) -> None:
    label = (np.arange(100) % 4 == 0).astype(float)
    assert kind.fit(margin, label).probability(margin) == pytest.approx(0.25)


@kinds
def test_one_class_cannot_be_calibrated(kind: Kind) -> None:
    with pytest.raises(InputError, match="both classes"):
        kind.fit(np.arange(3.0), np.ones(3))
    with pytest.raises(InputError, match="both classes"):
        kind.fit(np.arange(3.0), np.array([0.0, 1.0, 0.0]), np.array([1.0, 0.0, 1.0]))


@kinds
def test_margins_and_weights_must_be_numbers(kind: Kind) -> None:
    label = np.array([0.0, 1.0, 0.0])
    with pytest.raises(InputError, match=r"margin: must be finite \(got nan"):
        kind.fit(np.array([0.0, np.nan, 1.0]), label)
    with pytest.raises(InputError, match=r"weight: .* at least 0 \(got -1"):
        kind.fit(np.arange(3.0), label, np.array([1.0, 1.0, -1.0]))


def test_the_beta_curve_is_found_again() -> None:
    random = np.random.default_rng(1)
    margin = random.normal(-1, 2, 60_000)
    true = BetaCalibration(a=0.5, b=1.6, intercept=-0.4)
    label = (random.random(60_000) < true.probability(margin)).astype(float)
    fitted = BetaCalibration.fit(margin, label)
    assert (fitted.a, fitted.b, fitted.intercept) == pytest.approx((0.5, 1.6, -0.4), abs=0.08)
    places = np.linspace(-5, 4, 50)
    assert fitted.probability(places) == pytest.approx(true.probability(places), abs=0.02)
    assert (
        np.abs(
            PlattCalibration.fit(margin, label).probability(places) - true.probability(places)
        ).max()
        > 0.04
    )


@pytest.mark.parametrize("rows", [60, 20_000])
def test_platt_s_curve_is_the_logistic_regression_without_penalty(rows: int) -> None:
    margin, label = _draw(3, slope=0.6, intercept=-1.2, rows=rows)
    margin = 1_000.0 + 0.01 * margin
    weight = np.random.default_rng(3).uniform(0.2, 9.0, rows)
    ours = PlattCalibration.fit(margin, label, weight)
    theirs = LogisticRegression(C=np.inf, tol=1e-8, solver="newton-cholesky")
    theirs.fit((margin - 1_000.0)[:, None] * 100.0, label, weight)
    expected = theirs.predict_proba((margin - 1_000.0)[:, None] * 100.0)[:, 1]
    assert ours.probability(margin) == pytest.approx(expected, abs=1e-6)


def test_a_start_from_rows_that_a_margin_parts_is_no_end() -> None:
    """Every tenth row, from which many rows' curve starts, is parted by the margin; the others are
    not.
    """
    random = np.random.default_rng(5)
    margin = random.normal(0, 2, 20_000)
    label = (random.random(20_000) < expit(0.7 * margin - 1)).astype(float)
    label[::10] = margin[::10] > 1
    fitted = PlattCalibration.fit(margin, label)
    reference = LogisticRegression(C=np.inf, tol=1e-8, solver="newton-cholesky")
    reference.fit(margin[:, None], label)
    assert fitted.slope == pytest.approx(float(reference.coef_[0, 0]), rel=1e-4)


@pytest.mark.parametrize("kind", [PlattCalibration, BetaCalibration])
def test_margins_that_part_the_classes_give_a_steep_curve(
    kind: type[PlattCalibration] | type[BetaCalibration],
) -> None:
    margin = np.linspace(-3, 3, 200)
    label = (margin > 0).astype(float)
    probability = kind.fit(margin, label).probability(margin)
    assert np.abs(probability - label).mean() < 0.01


def test_with_equal_slopes_the_beta_curve_is_platt_s() -> None:
    margin = np.linspace(-30, 30, 50)
    platt = PlattCalibration(slope=0.7, intercept=-1.0)
    assert BetaCalibration(a=0.7, b=0.7, intercept=-1.0).probability(margin) == pytest.approx(
        platt.probability(margin)
    )


@few
@given(st.integers(0, 1000))
def test_a_beta_curve_whose_free_slope_is_negative_is_the_best_of_those_allowed(seed: int) -> None:
    random = np.random.default_rng(seed)
    margin = random.normal(0, 2, 400)
    # Risk falls again at one end, which no rising curve can follow.
    risk = expit(random.choice([-1, 1]) * 0.05 * margin**2 + random.normal(0, 0.3) * margin - 1)
    label = (random.random(400) < risk).astype(float)
    label[:2] = 0, 1
    fitted = BetaCalibration.fit(margin, label)
    assert min(fitted.a, fitted.b) >= 0
    best = _log_loss(fitted, margin, label)
    for a, b, intercept in random.normal(0, 0.05, (20, 3)):
        other = BetaCalibration(
            a=max(0.0, fitted.a + a),
            b=max(0.0, fitted.b + b),
            intercept=fitted.intercept + intercept,
        )
        assert _log_loss(other, margin, label) >= best - 1e-7


def _log_loss(calibration: BetaCalibration, margin: np.ndarray, label: np.ndarray) -> float:
    probability = calibration.probability(margin)
    return -float(np.log(np.where(label > 0, probability, 1 - probability)).mean())


def test_the_isotonic_curve_follows_any_rise_and_keeps_the_order_between_its_ends() -> None:
    random = np.random.default_rng(1)
    margin = random.normal(0, 2, 40_000)
    risk = 0.05 + 0.4 * (margin > -1) + 0.3 * (margin > 2)
    fitted = IsotonicCalibration.fit(margin, (random.random(40_000) < risk).astype(float))
    assert fitted.probability(np.array([-3.0, 0.5, 4.0])) == pytest.approx(
        [0.05, 0.45, 0.75], abs=0.04
    )
    assert np.all(
        np.diff(fitted.probability(np.linspace(fitted.margins[0], fitted.margins[-1], 100))) > 0
    )


def test_the_isotonic_curve_is_never_sure() -> None:
    margin = np.arange(10.0)
    fitted = IsotonicCalibration.fit(margin, (margin >= 5).astype(float))
    assert fitted.probability(np.array([-1e9, 1e9])) == pytest.approx([1 / 12, 11 / 12])


@given(st.floats(-20, 20), st.floats(0.01, 100), st.floats(0.01, 100))
def test_isotonic_knots_rise_where_margins_differ_in_the_last_bit(
    margin: float, weight: float, next_weight: float
) -> None:
    """Rounding in a weighted mean must not move a knot past its neighbour: such a curve could be
    stored and never read again.
    """
    margins = np.array([margin, np.nextafter(margin, np.inf)])
    fitted = IsotonicCalibration.fit(margins, np.array([0.0, 1.0]), np.array([weight, next_weight]))
    assert fitted.margins == tuple(margins)
    assert stored_and_read(fitted) == fitted


@kinds
@few
@given(st.integers(0, 1000))
def test_json_round_trip(kind: Kind, seed: int) -> None:
    calibration = kind.fit(*_draw(seed, slope=1.0, intercept=0.0, rows=200))
    assert stored_and_read(calibration) == calibration


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"kind": "spline"}, "'platt', 'beta', 'isotonic', 'shifted'"),
        ({}, "must be an object that names its kind"),
        (
            {"kind": "platt", "slope": -0.1, "intercept": 0.0},
            "slope: must be greater than or equal to 0",
        ),
        ({"kind": "platt", "slope": 0.1}, "intercept: is missing"),
        ({"kind": "platt", "slope": "0.1", "intercept": 0.0}, "slope: must be a finite number"),
        (
            {"kind": "beta", "a": 1.0, "b": float("nan"), "intercept": 0.0},
            "b: must be a finite number",
        ),
        (
            {"kind": "beta", "a": 1.0, "b": -1.0, "intercept": 0.0},
            "b: must be greater than or equal to 0",
        ),
        (
            {"kind": "isotonic", "margins": [], "probabilities": []},
            "margins must be strictly rising",
        ),
        (
            {"kind": "isotonic", "margins": [0.0, 0.0], "probabilities": [0.1, 0.2]},
            "margins must be strictly rising",
        ),
        (
            {"kind": "isotonic", "margins": [0.0, 1.0], "probabilities": [0.1]},
            "probabilities must be as many",
        ),
        (
            {"kind": "isotonic", "margins": [0.0, 1.0], "probabilities": [0.2, 0.1]},
            "probabilities must never fall",
        ),
        (
            {"kind": "isotonic", "margins": [0.0, 1.0], "probabilities": [0.0, 0.1]},
            "strictly between 0 and 1",
        ),
        (
            {"kind": "isotonic", "margins": 1.0, "probabilities": [0.1]},
            "margins: must be a valid array",
        ),
    ],
)
def test_a_damaged_calibration_is_refused(document: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_document(Calibration, document, "calibration")


@pytest.mark.parametrize(
    "base",
    [
        PlattCalibration(slope=0.8, intercept=-0.3),
        BetaCalibration(a=0.4, b=1.5, intercept=0.2),
        IsotonicCalibration(margins=(-1.0, 0.5, 2.0), probabilities=(0.1, 0.2, 0.7)),
    ],
)
def test_a_shifted_curve_expects_as_many_as_there_are_and_keeps_the_order(
    base: Calibration,
) -> None:
    random = np.random.default_rng(5)
    margin, weight = random.normal(size=500), random.uniform(0.5, 3, 500)
    label = (random.random(500) < 0.07).astype(float)
    shifted = ShiftedCalibration.fit(base, margin, label, weight)
    assert float(weight @ shifted.probability(margin)) == pytest.approx(
        float(weight @ label), rel=1e-6
    )
    ordered = shifted.probability(np.sort(margin))
    assert np.all(np.diff(ordered) >= 0)
    assert np.all((ordered > 0) & (ordered < 1))
    again = stored_and_read(shifted)
    assert again == shifted


@pytest.mark.parametrize(
    "base", [None, {"kind": "shifted", "shift": 0, "base": {}}, {"kind": "odd"}]
)
def test_a_shifted_curve_of_nothing_is_refused(base: object) -> None:
    with pytest.raises(InputError, match=r"calibration: shifted\.base"):
        read_document(Calibration, {"kind": "shifted", "shift": 0.1, "base": base}, "calibration")


def test_shifting_a_shifted_curve_moves_it_further() -> None:
    margin, label = _draw(3, slope=1.0, intercept=-1.0, rows=2_000)
    base = PlattCalibration(slope=1.0, intercept=-1.0)
    once = ShiftedCalibration(base=base, shift=2.0)
    again = ShiftedCalibration.fit(once, margin, label)
    direct = ShiftedCalibration.fit(base, margin, label)
    assert again.base == base
    assert again.shift == pytest.approx(direct.shift)
