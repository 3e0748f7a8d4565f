import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.errors import InputError
from training.evaluation.folds import (
    cross_validation,
    customer_fold_count,
    inner_folds,
    stratified_customer_folds,
    time_windows,
)
from training.settings import TrainingSettings

SETTINGS = TrainingSettings(folds=4, repeats=2, time_windows=3)
seeds = st.integers(0, 10_000)


def _rows(
    seed: int, rows: int = 240, groups: int = 60
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return (
        (random.random(rows) < 0.4).astype(float),
        random.integers(0, groups, rows),
        random.integers(0, 30, rows).astype(float),
    )


@given(seeds)
def test_every_row_is_evaluated_once_a_repeat_by_a_model_that_has_not_seen_it(seed: int) -> None:
    label, _, _ = _rows(seed)
    splits = cross_validation(label, None, SETTINGS)
    for repeat in range(SETTINGS.repeats):
        evaluated = np.concatenate([split.test for split in splits if split.repeat == repeat])
        assert sorted(evaluated) == list(range(len(label)))
    assert all(np.intersect1d(split.train, split.test).size == 0 for split in splits)


@settings(max_examples=20)
@given(seeds)
def test_groups_are_never_on_both_sides(seed: int) -> None:
    label, group, time = _rows(seed)
    for split in [
        *cross_validation(label, group, SETTINGS),
        *time_windows(label, time, group, SETTINGS),
    ]:
        assert np.intersect1d(group[split.train], group[split.test]).size == 0


@given(seeds)
def test_windows_are_later_than_what_was_learnt_from_and_never_evaluate_twice(seed: int) -> None:
    label, _, time = _rows(seed)
    splits = time_windows(label, time, None, SETTINGS)
    assert len(splits) == SETTINGS.time_windows
    for split in splits:
        assert time[split.train].max() < time[split.test].min()
    evaluated = np.concatenate([split.test for split in splits])
    assert len(np.unique(evaluated)) == len(evaluated)


def test_repeats_differ_and_the_seed_repeats_them() -> None:
    label, _, _ = _rows(1)
    first, again = (cross_validation(label, None, SETTINGS) for _ in range(2))
    assert all(np.array_equal(a.test, b.test) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0].test, first[SETTINGS.folds].test)


def test_too_few_groups() -> None:
    label, _, _ = _rows(1)
    with pytest.raises(InputError, match="--group: needs at least 4 groups"):
        cross_validation(label, np.arange(len(label)) % 3, SETTINGS)


def test_two_times_make_one_window() -> None:
    label, _, _ = _rows(1)
    time = np.repeat([1.0, 2.0], len(label) // 2)
    (split,) = time_windows(label, time, None, SETTINGS)
    assert set(time[split.train]) == {1.0}
    assert set(time[split.test]) == {2.0}


def test_no_window_with_both_classes() -> None:
    label = np.repeat([1.0, 0.0], 100)
    with pytest.raises(InputError, match="--time"):
        time_windows(label, np.arange(200.0), None, SETTINGS)


def test_few_groups_make_fewer_inner_folds() -> None:
    label, _, _ = _rows(1)
    group = np.arange(len(label)) % 5
    (first, *_) = cross_validation(label, group, TrainingSettings(folds=5))
    folds = list(
        inner_folds(label[first.train], group[first.train], TrainingSettings(inner_folds=5))
    )
    assert len(folds) == 4


def test_a_single_group_to_learn_from_is_refused() -> None:
    label, _, _ = _rows(1)
    with pytest.raises(InputError, match="--group"):
        cross_validation(label, np.arange(len(label)) % 2, TrainingSettings(folds=2))


@given(seeds, st.integers(2, 6), st.floats(0.01, 0.5))
def test_folds_of_customers_are_alike(seed: int, most: int, share: float) -> None:
    random = np.random.default_rng(seed)
    customer = random.integers(0, 80, 300)
    label = (random.random(300) < share).astype(float)
    folds = customer_fold_count(label, customer, most)
    if folds < 2:
        return
    parts = list(stratified_customer_folds(label, customer, folds, seed))
    assert len(parts) == folds
    inside = [rows for _, rows in parts]
    assert np.array_equal(np.sort(np.concatenate(inside)), np.arange(300))
    whose = [set(customer[rows].tolist()) for rows in inside]
    assert sum(map(len, whose)) == len(set(customer.tolist()))
    assert all(np.array_equal(np.sort(np.concatenate(part)), np.arange(300)) for part in parts)
    # As even as can be: customers, and among them those with positives.
    for among in (set(customer.tolist()), set(customer[label == 1].tolist())):
        counts = [len(names & among) for names in whose]
        assert min(counts) >= 1
        assert max(counts) - min(counts) <= 1
    again = list(stratified_customer_folds(label, customer, folds, seed))
    assert all(np.array_equal(one[1], other[1]) for one, other in zip(parts, again, strict=True))


def test_fewer_customers_than_folds_make_fewer_folds() -> None:
    customer = np.repeat(np.arange(10), 2)
    label = (customer < 3).astype(float)
    assert customer_fold_count(label, customer, most=5) == 3
    assert customer_fold_count(np.zeros(20), customer, most=5) == 0
