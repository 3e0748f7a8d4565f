import numpy as np
import pytest
from sklearn.metrics import log_loss

from holdfast.errors import InputError
from training.fitting.fit import (
    PARAMETERS,
    TrainingTable,
    boost_until_worse,
    constrained,
    dataset,
    fit_booster,
    fit_early_stopped,
    fit_inner,
    parameters,
    valid_dataset,
)
from training.settings import TrainingSettings

SETTINGS = TrainingSettings(max_rounds=60, patience_rounds=10)


def _table(rows: int, seed: int = 1, weighted: bool = True) -> TrainingTable:
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(rows, 4))
    matrix[:, 3] = random.integers(0, 3, rows)
    rate = 1 / (1 + np.exp(-(matrix[:, 0] + 0.5 * np.abs(matrix[:, 1]) - 1)))
    return TrainingTable(
        matrix=matrix,
        label=(random.random(rows) < rate).astype(float),
        group=None,
        features=("a", "b", "c", "d"),
        categorical=(3,),
        weight=random.choice([0.5, 3.0], rows) if weighted else None,
    )


def test_rows_carry_their_weight() -> None:
    table = _table(50)
    positions = np.array([7, 3, 3])
    assert table.weight is not None
    assert np.array_equal(table.rows(positions).weight, table.weight[positions])  # type: ignore[arg-type]
    assert _table(50, weighted=False).rows(positions).weight is None


def test_rows_that_weigh_next_to_nothing_teach_nothing() -> None:
    table = _table(2000, weighted=False)
    upside_down = np.arange(2000) % 2 == 1
    label = np.where(upside_down, 1 - table.label, table.label)
    mixed = TrainingTable(
        **{**vars(table), "label": label, "weight": np.where(upside_down, 1e-6, 1.0)}
    )
    booster = fit_booster(mixed, 30, SETTINGS, threads=1)
    unseen = _table(1000, seed=2)
    assert (
        np.corrcoef(booster.predict(unseen.matrix, raw_score=True), unseen.matrix[:, 0])[0, 1] > 0.5
    )


def test_it_stops_where_the_weighted_log_loss_on_the_other_part_is_lowest() -> None:
    train, valid = _table(800), _table(600, seed=2)
    booster, rounds = fit_early_stopped(train, valid, PARAMETERS, SETTINGS, threads=1)
    assert booster.num_trees() == rounds < SETTINGS.max_rounds
    longer = fit_booster(train, rounds + SETTINGS.patience_rounds, SETTINGS, threads=1)
    losses = [
        log_loss(
            valid.label,
            longer.predict(valid.matrix, num_iteration=number),
            sample_weight=valid.weight,
        )
        for number in range(1, longer.num_trees() + 1)
    ]
    assert int(np.argmin(losses)) + 1 == rounds
    assert np.array_equal(
        booster.predict(valid.matrix), longer.predict(valid.matrix, num_iteration=rounds)
    )


def test_what_it_was_stopped_by_is_what_it_predicts() -> None:
    train, valid = _table(800), _table(600, seed=2)
    data = dataset(train)
    stopped = boost_until_worse(data, valid_dataset(data, valid), parameters(SETTINGS, 1), SETTINGS)
    predicted = stopped.booster.predict(valid.matrix)
    assert stopped.log_loss == pytest.approx(
        log_loss(valid.label, predicted, sample_weight=valid.weight)
    )


def test_weights_count_in_choosing_the_rounds_by_folds() -> None:
    table = _table(800)
    even = TrainingTable(**{**vars(table), "weight": None})
    same = TrainingTable(**{**vars(table), "weight": np.ones(800)})
    assert np.array_equal(
        fit_inner(even, SETTINGS, threads=1).margin, fit_inner(same, SETTINGS, threads=1).margin
    )
    assert not np.array_equal(
        fit_inner(even, SETTINGS, threads=1).margin, fit_inner(table, SETTINGS, threads=1).margin
    )


@pytest.mark.parametrize(
    "recipe", [PARAMETERS, {**PARAMETERS, "path_smooth": 20.0}, {**PARAMETERS, "lambda_l1": 2.0}]
)
def test_a_constrained_margin_never_falls_where_it_may_only_rise(recipe: dict[str, object]) -> None:
    train = _table(1000)
    # With values missing, LightGBM's most precise method breaks the constraints.
    train.matrix[np.random.default_rng(4).random(train.matrix.shape) < 0.1] = np.nan
    matrix = np.repeat(_table(20, seed=3).matrix, 50, axis=0)
    matrix[:, 1] = np.tile(np.linspace(-3, 3, 50), 20)

    def steps(constraints: tuple[int, ...] | None) -> np.ndarray:
        booster = fit_booster(
            train, 60, SETTINGS, threads=1, recipe=constrained(recipe, constraints)
        )
        return np.diff(booster.predict(matrix, raw_score=True).reshape(20, 50), axis=1)

    assert steps((0, 1, 0, 0)).min() >= 0
    assert steps((0, -1, 0, 0)).max() <= 0
    assert steps(None).min() < 0 < steps(None).max()


def test_free_features_leave_the_recipe_as_it_is() -> None:
    assert constrained(PARAMETERS, (0, 0, 0, 0)) == constrained(PARAMETERS, None) == PARAMETERS
    with pytest.raises(InputError, match=r"constraints: must each be -1, 0 or 1 \(got 2\)"):
        constrained(PARAMETERS, (0, 2, 0, 0))
