import numpy as np
import pytest
from sklearn.metrics import log_loss

from tests.builders.training_tables import training_table
from training.evaluation.folds import stratified_folds
from training.fitting.fit import (
    TrainingTable,
    boost_until_worse,
    cross_fit,
    dataset,
    fit_booster,
    fit_early_stopped,
    valid_dataset,
)
from training.fitting.parameters import DEFAULT_PARAMETERS, fit_parameters
from training.settings import TrainingSettings

SETTINGS = TrainingSettings(max_rounds=60, patience_rounds=10)


def test_rows_carry_their_weight() -> None:
    table = training_table(50)
    positions = np.array([7, 3, 3])
    assert table.weight is not None
    assert np.array_equal(table.rows(positions).weight, table.weight[positions])  # type: ignore[arg-type]
    assert training_table(50, weighted=False).rows(positions).weight is None


def test_rows_that_weigh_next_to_nothing_teach_nothing() -> None:
    table = training_table(2000, weighted=False)
    upside_down = np.arange(2000) % 2 == 1
    label = np.where(upside_down, 1 - table.label, table.label)
    mixed = TrainingTable(
        **{**vars(table), "label": label, "weight": np.where(upside_down, 1e-6, 1.0)}
    )
    booster = fit_booster(mixed, 30, SETTINGS, threads=1)
    unseen = training_table(1000, seed=2)
    assert (
        np.corrcoef(booster.predict(unseen.matrix, raw_score=True), unseen.matrix[:, 0])[0, 1] > 0.5
    )


def test_it_stops_where_the_weighted_log_loss_on_the_other_part_is_lowest() -> None:
    train, valid = training_table(800), training_table(600, seed=2)
    booster, rounds = fit_early_stopped(train, valid, DEFAULT_PARAMETERS, SETTINGS, threads=1)
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
    train, valid = training_table(800), training_table(600, seed=2)
    data = dataset(train)
    stopped = boost_until_worse(
        data, valid_dataset(data, valid), fit_parameters(SETTINGS, 1), SETTINGS
    )
    predicted = stopped.booster.predict(valid.matrix)
    assert stopped.log_loss == pytest.approx(
        log_loss(valid.label, predicted, sample_weight=valid.weight)
    )


def test_weights_count_in_choosing_the_rounds_by_folds() -> None:
    table = training_table(800)
    even = TrainingTable(**{**vars(table), "weight": None})
    same = TrainingTable(**{**vars(table), "weight": np.ones(800)})
    folds = list(stratified_folds(table.label, None, 3, seed=1))
    first, second, weighted = (
        cross_fit(one, folds, SETTINGS, 1, DEFAULT_PARAMETERS).margin(table.matrix, 5, 1)
        for one in (even, same, table)
    )
    assert np.array_equal(first, second)
    assert not np.array_equal(first, weighted)


def test_nested_margins_have_the_rounds_that_the_other_folds_choose() -> None:
    table = training_table(900)
    folds = list(stratified_folds(table.label, None, 3, seed=1))
    fit = cross_fit(table, folds, SETTINGS, 1, DEFAULT_PARAMETERS)
    most = fit.boosters[0].num_trees()
    losses = np.array(
        [
            [
                log_loss(
                    table.label[held_out],
                    booster.predict(table.matrix[held_out], num_iteration=number),
                    sample_weight=table.weight[held_out],  # type: ignore[index]
                )
                for number in range(1, most + 1)
            ]
            for booster, held_out in zip(fit.boosters, fit.folds, strict=True)
        ]
    )
    nested = fit.nested_margin(table, most, threads=1)
    chosen = []
    for place, held_out in enumerate(fit.folds):
        others = [loss for other, loss in enumerate(losses) if other != place]
        chosen.append(int(np.argmin(np.mean(others, axis=0))) + 1)
        expected = fit.boosters[place].predict(
            table.matrix[held_out], raw_score=True, num_iteration=chosen[-1]
        )
        assert nested[held_out] == pytest.approx(expected, abs=1e-12)
    assert len({*chosen, fit.rounds}) > 1  # or nothing would differ
    fewer = fit.nested_margin(table, 2, threads=1)
    assert not np.allclose(fewer, nested)


def test_rounds_that_a_row_had_a_say_in_flatter_it() -> None:
    """On noise, the round that fits a fold best looks better than the one that others choose."""
    gained = []
    for seed in range(12):
        random = np.random.default_rng(seed)
        table = training_table(300, seed=seed)
        table = TrainingTable(
            **{**vars(table), "label": random.permutation(table.label), "weight": None}
        )
        folds = list(stratified_folds(table.label, None, 3, seed=seed))
        fit = cross_fit(table, folds, SETTINGS, 1, DEFAULT_PARAMETERS)
        margins = (
            fit.margin(table.matrix, fit.rounds, 1),
            fit.nested_margin(table, fit.boosters[0].num_trees(), 1),
        )
        chosen, nested = (log_loss(table.label, 1 / (1 + np.exp(-one))) for one in margins)
        gained.append(nested - chosen)
    assert np.mean(gained) > 0
