from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from holdfast.errors import InputError
from models.calibration import BetaCalibration, IsotonicCalibration, PlattCalibration
from training.evaluation.metrics import log_loss
from training.fitting import calibrate
from training.fitting.calibrate import (
    FEWEST_POSITIVES_ISOTONIC,
    CalibrationChoice,
    choose_calibration,
)


def _draw(rows: int, risk: object, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    margin = random.normal(-1, 2, rows)
    return margin, (random.random(rows) < risk(margin)).astype(float)  # type: ignore[operator]


def chosen(margin: np.ndarray, label: np.ndarray, *rest: Any, **options: Any) -> CalibrationChoice:
    """The choice where customers have two rows each."""
    return choose_calibration(margin, label, *rest, group=np.arange(len(label)) // 2, **options)


def test_the_curve_that_made_the_labels_is_chosen() -> None:
    beta = BetaCalibration(a=0.3, b=2.5, intercept=0.0)
    calibration = chosen(*_draw(8000, beta.probability))
    assert (calibration.kind, type(calibration.calibration)) == ("beta", BetaCalibration)
    stairs = chosen(*_draw(8000, lambda margin: 0.1 + 0.3 * (margin > -1) + 0.3 * (margin > 1)))
    assert (stairs.kind, type(stairs.calibration)) == ("isotonic", IsotonicCalibration)
    assert set(stairs.log_loss) == {"platt", "beta", "isotonic"}
    assert stairs.log_loss["isotonic"] == min(stairs.log_loss.values())


def test_the_chosen_one_is_fitted_on_all_rows() -> None:
    margin, label = _draw(3000, expit)
    weight = np.random.default_rng(1).uniform(0.5, 2, 3000)
    calibration = chosen(margin, label, weight)
    kinds = {"platt": PlattCalibration, "beta": BetaCalibration}
    assert calibration.calibration == kinds[calibration.kind].fit(margin, label, weight)


def test_a_curve_of_any_shape_needs_more_than_a_thousand_customers_with_the_outcome() -> None:
    margin, label = _draw(5000, expit)
    positives = np.flatnonzero(label)
    label[positives[FEWEST_POSITIVES_ISOTONIC:]] = 0
    assert set(choose_calibration(margin, label).log_loss) == {"platt", "beta"}
    label[positives[FEWEST_POSITIVES_ISOTONIC]] = 1
    assert set(choose_calibration(margin, label).log_loss) == {"platt", "beta", "isotonic"}
    again = choose_calibration(
        *(np.tile(of_rows, 3) for of_rows in (margin, label * (np.arange(5000) % 2))),
        group=np.tile(np.arange(5000), 3),
    )
    assert set(again.log_loss) == {
        "platt",
        "beta",
    }  # rows of the same customers are no more of them


def test_a_group_is_never_on_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    margin, label = _draw(2000, expit)
    group = np.random.default_rng(1).integers(0, 300, 2000)
    seen = []
    folds = calibrate.stratified_customer_folds

    def watched(*arguments: object) -> object:
        for train, test in folds(*arguments):  # type: ignore[arg-type]
            seen.append(set(group[train]) & set(group[test]))
            yield train, test

    monkeypatch.setattr(calibrate, "stratified_customer_folds", watched)
    choose_calibration(margin, label, group=group)
    assert seen == [set()] * 5


def test_scores_are_weighted_and_honest() -> None:
    margin, label = _draw(3000, expit)
    weight = np.where(margin > 0, 5.0, 1.0)
    calibration = chosen(margin, label, weight)
    # About the loss of the true risk, which no curve can beat but by chance.
    assert calibration.log_loss["platt"] == pytest.approx(
        log_loss(label, expit(margin), weight), rel=0.01
    )
    assert calibration.log_loss["platt"] != pytest.approx(log_loss(label, expit(margin)), rel=0.05)


def test_the_same_seed_gives_the_same_choice() -> None:
    margin, label = _draw(2000, expit)
    assert chosen(margin, label, seed=1) == chosen(margin, label, seed=1)
    assert chosen(margin, label, seed=1).log_loss != chosen(margin, label, seed=2).log_loss


def test_too_few_rows_to_compare_get_the_stiffest_curve() -> None:
    margin, label = _draw(40, expit)
    label[:] = 0
    label[3] = 1
    calibration = choose_calibration(margin, label)
    assert (calibration.kind, calibration.log_loss) == ("platt", {})
    all_of_one = choose_calibration(
        margin, np.tile([0.0, 1.0], 20), group=np.zeros(40, dtype=np.int64)
    )
    assert (all_of_one.kind, all_of_one.log_loss) == ("platt", {})


def test_one_class_cannot_be_calibrated() -> None:
    with pytest.raises(InputError, match="both classes"):
        choose_calibration(np.arange(5.0), np.zeros(5))


def test_a_stratum_keeps_the_shared_curve_where_nothing_but_its_share_differs() -> None:
    shared = PlattCalibration(slope=1.0, intercept=0.0)
    calibration = choose_calibration(
        *_draw(1500, lambda margin: expit(margin - 0.7)), shared=shared
    )
    assert calibration.kind == "shifted"
    assert calibration.calibration.shift == pytest.approx(-0.7, abs=0.2)  # type: ignore[attr-defined]


def test_a_stratum_gets_its_own_curve_where_its_rows_show_one() -> None:
    shared = PlattCalibration(slope=1.0, intercept=0.0)
    calibration = chosen(*_draw(8000, lambda margin: expit(2.5 * margin)), shared=shared)
    assert calibration.kind == "platt"


def test_a_freer_curve_must_be_better_by_more_than_chance() -> None:
    margin, label = _draw(4000, expit, seed=3)
    calibration = choose_calibration(margin, label, group=np.arange(4000) // 2)
    assert calibration.kind == "platt"
    assert set(calibration.log_loss) == {"platt", "beta", "isotonic"}
