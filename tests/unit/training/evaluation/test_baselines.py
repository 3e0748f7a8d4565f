import numpy as np
import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from holdfast.errors import InputError
from training.evaluation.baselines import constant_baseline, fit_logistic


def _rows(rows: int = 1000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    matrix = random.normal(size=(rows, 4)) * [1, 100, 0.01, 1] + [0, 5000, 0, 3]
    label = (random.random(rows) < 1 / (1 + np.exp(1 - matrix[:, 0]))).astype(float)
    matrix[random.random(rows) < 0.3, 1] = np.nan
    matrix[random.random(rows) < 0.1, 2] = np.nan
    return matrix, label, random.uniform(0.5, 2, rows)


def test_it_is_a_logistic_regression_after_the_usual_preparation() -> None:
    matrix, label, weight = _rows()
    usual = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True), StandardScaler(), LogisticRegression()
    )
    usual.fit(
        matrix[:600],
        label[:600],
        logisticregression__sample_weight=weight[:600] / weight[:600].mean(),
    )
    predicted = fit_logistic(matrix[:600], label[:600], weight[:600]).probability(matrix[600:])
    assert predicted == pytest.approx(usual.predict_proba(matrix[600:])[:, 1], abs=1e-3)


def test_columns_that_say_nothing_do_no_harm() -> None:
    matrix, label, weight = _rows()
    base = fit_logistic(matrix, label, weight).probability(matrix)
    empty, same = np.full((1000, 1), np.nan), np.full((1000, 1), 7.0)
    wider = np.concatenate([empty, matrix, same], axis=1)
    model = fit_logistic(wider, label, weight)
    assert model.probability(wider) == pytest.approx(base, abs=1e-3)
    # A value where training had none, none where training always had one, and one that is out of
    # all proportion.
    wider[0] = [1, np.nan, np.nan, np.nan, np.nan, np.nan]
    wider[1, 1] = 1e12
    assert np.all((model.probability(wider) > 0) & (model.probability(wider) < 1))


def test_a_matrix_of_another_width_or_one_class_is_refused() -> None:
    matrix, label, weight = _rows()
    with pytest.raises(InputError, match="must have 4 columns"):
        fit_logistic(matrix, label, weight).probability(matrix[:, :3])
    with pytest.raises(InputError, match="both classes"):
        fit_logistic(matrix, np.zeros(1000))


def test_the_constant_is_the_weighted_share_in_training_by_stratum() -> None:
    label = np.tile([0.0, 0.0, 0.0, 1.0], 5000)
    strata = np.repeat(["postpaid", "prepaid"], 10_000)
    label[15_000:] = 0
    weight = np.where(label > 0, 2.0, 1.0)
    predicted = constant_baseline(
        label, weight, strata, np.array(["prepaid", "postpaid", "fixed", "prepaid"])
    )
    assert predicted == pytest.approx([2500 / 11_250, 0.4, 7500 / 23_750, 2500 / 11_250], abs=1e-3)
