import numpy as np
import pytest

from holdfast.errors import InputError
from models.reasons.meaning import FeatureMeaning
from tests.builders.training_tables import training_table
from training.fitting.constraints import constrained, constraints_of
from training.fitting.fit import fit_booster
from training.fitting.parameters import DEFAULT_PARAMETERS
from training.settings import TrainingSettings

SETTINGS = TrainingSettings(max_rounds=60, patience_rounds=10)


def test_a_features_direction_is_its_constraint() -> None:
    directions = ("increasing", "none", "decreasing")
    meanings = [
        FeatureMeaning(
            name=direction,
            about="",
            unit="",
            driver="usage",
            actionable=False,
            direction=direction,
            reason="",
        )
        for direction in directions
    ]
    assert constraints_of(meanings) == (1, 0, -1)


@pytest.mark.parametrize(
    "parameters",
    [
        DEFAULT_PARAMETERS,
        {**DEFAULT_PARAMETERS, "path_smooth": 20.0},
        {**DEFAULT_PARAMETERS, "lambda_l1": 2.0},
    ],
)
def test_a_constrained_margin_never_falls_where_it_may_only_rise(
    parameters: dict[str, object],
) -> None:
    train = training_table(1000)
    # With values missing, LightGBM's most precise method breaks the constraints.
    train.matrix[np.random.default_rng(4).random(train.matrix.shape) < 0.1] = np.nan
    matrix = np.repeat(training_table(20, seed=3).matrix, 50, axis=0)
    matrix[:, 1] = np.tile(np.linspace(-3, 3, 50), 20)

    def steps(constraints: tuple[int, ...] | None) -> np.ndarray:
        booster = fit_booster(
            train, 60, SETTINGS, threads=1, parameters=constrained(parameters, constraints)
        )
        return np.diff(booster.predict(matrix, raw_score=True).reshape(20, 50), axis=1)

    assert steps((0, 1, 0, 0)).min() >= 0
    assert steps((0, -1, 0, 0)).max() <= 0
    assert steps(None).min() < 0 < steps(None).max()


def test_free_features_leave_the_parameters_as_they_are() -> None:
    assert (
        constrained(DEFAULT_PARAMETERS, (0, 0, 0, 0))
        == constrained(DEFAULT_PARAMETERS, None)
        == DEFAULT_PARAMETERS
    )
    with pytest.raises(InputError, match=r"constraints: must each be -1, 0 or 1 \(got 2\)"):
        constrained(DEFAULT_PARAMETERS, (0, 2, 0, 0))
