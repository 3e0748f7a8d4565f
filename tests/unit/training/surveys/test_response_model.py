"""Who answers is learned without a customer's own rows, and without what became known after the
training period.
"""

from datetime import UTC, datetime

import numpy as np
import pytest
from scipy.special import expit

from training.settings import SurveySettings
from training.surveys.response_model import Response, customer_folds, fit_response

SETTINGS = SurveySettings(response_rounds=60)
JANUARY, JUNE = np.datetime64("2025-01-01", "us"), np.datetime64("2025-06-01", "us")
MAY = datetime(2025, 5, 1, tzinfo=UTC)


def drawn(rows: int = 4000, seed: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(rows, 3))
    matrix[random.random(rows) < 0.1, 2] = np.nan
    chance = expit(-1.2 + 1.2 * matrix[:, 0])
    return matrix, chance, random.random(rows) < chance


def fit(
    matrix: np.ndarray,
    answered: np.ndarray,
    customers: np.ndarray,
    known_at: np.ndarray | None = None,
    invitation_ids: np.ndarray | None = None,
) -> Response:
    ids = names(len(answered)) if invitation_ids is None else invitation_ids
    at = np.full(len(answered), JANUARY) if known_at is None else known_at
    return fit_response(
        matrix,
        ("app", "x", "y"),
        answered,
        customers,
        ids,
        at,
        fitted_until=MAY,
        settings=SETTINGS,
        seed=1,
        threads=1,
    )


def names(rows: int, a_customer: int = 1) -> np.ndarray:
    return np.array([f"c{row // a_customer:05d}" for row in range(rows)])


def test_probabilities_are_those_of_answering() -> None:
    matrix, chance, answered = drawn()
    fitted = fit(matrix, answered, names(len(answered)))
    assert fitted.kind == "boosters"
    assert fitted.probability.mean() == pytest.approx(answered.mean(), abs=0.01)
    assert np.corrcoef(fitted.probability, chance)[0, 1] > 0.9
    assert fitted.auc is not None
    assert fitted.auc > 0.7
    assert fitted.log_loss < fitted.log_loss_of_rate  # type: ignore[operator]
    assert ((fitted.probability > 0) & (fitted.probability <= 1)).all()


def test_a_customers_own_answers_do_not_tell() -> None:
    """Ten rows a customer, alike in every column, and answered at random: seen of oneself, the
    answer would be known.
    """
    random = np.random.default_rng(4)
    people = 500
    matrix = np.repeat(random.normal(size=(people, 3)), 10, axis=0)
    answered = np.repeat(random.random(people) < 0.3, 10)
    fitted = fit(matrix, answered, names(people * 10, 10))
    assert abs(fitted.probability[answered].mean() - fitted.probability[~answered].mean()) < 0.02


def test_later_outcomes_are_not_learned_from() -> None:
    matrix, _, answered = drawn()
    known_at = np.where(np.arange(len(answered)) < 2500, JANUARY, JUNE)
    fitted = fit(matrix, answered, names(len(answered)), known_at)
    turned = np.where(known_at == JUNE, ~answered, answered)
    again = fit(matrix, turned, names(len(answered)), known_at)
    np.testing.assert_array_equal(fitted.probability, again.probability)
    assert (fitted.rows, fitted.answers) == (2500, int(answered[:2500].sum()))
    assert fitted.to_json()["fitted_until"] == "2025-05-01T00:00:00+00:00"


def test_an_invitation_that_is_the_label_of_several_cut_offs_is_counted_once() -> None:
    matrix, _, answered = drawn(1200)
    thrice = np.repeat(np.arange(1200), 3)
    fitted = fit(
        matrix[thrice], answered[thrice], names(3600, 3), invitation_ids=np.char.mod("i%d", thrice)
    )
    assert (fitted.kind, fitted.rows) == ("boosters", 3600)
    assert (fitted.invitations, fitted.answers) == (1200, answered.sum())
    assert fitted.to_json()["invitations"] == 1200
    few = fit(
        matrix[thrice[:300]],
        answered[thrice[:300]],
        names(300, 3),
        invitation_ids=np.char.mod("i%d", thrice[:300]),
    )
    assert (few.kind, few.rows, few.invitations) == ("one rate", 300, 100)
    assert few.answers == answered[:100].sum()


def test_too_little_to_learn_from_gives_one_rate() -> None:
    matrix, _, answered = drawn(300)
    fitted = fit(matrix, answered, names(300))
    assert fitted.kind == "one rate"
    assert set(fitted.probability) == {answered.mean()}
    before = fit(matrix, answered, names(300), np.full(300, JUNE))
    assert (before.rows, before.answers) == (0, 0)
    assert set(before.probability) == {answered.mean()}
    nobody = fit(matrix, np.zeros(300, dtype=bool), names(300))
    assert set(nobody.probability) == {1.0}


def test_folds_are_by_customer_and_stay() -> None:
    customers = np.array(["a", "b", "a", "c", "b"] + [f"x{number}" for number in range(1000)])
    folds = customer_folds(customers, 5, 1)
    assert folds[0] == folds[2]
    assert folds[1] == folds[4]
    assert set(folds) == set(range(5))
    assert np.bincount(folds).min() > 150
    np.testing.assert_array_equal(folds[::-1], customer_folds(customers[::-1], 5, 1))
    assert (folds != customer_folds(customers, 5, 2)).any()
