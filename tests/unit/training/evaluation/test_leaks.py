import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from training.evaluation.leaks import (
    Flag,
    auc_alone,
    duplicate_share,
    watch_model,
    watch_table,
)
from training.settings import LeakWatchSettings

ROWS = 1000
SETTINGS = LeakWatchSettings()


def _label() -> np.ndarray:
    return (np.random.default_rng(3).random(ROWS) < 0.3).astype(float)


def _flags(values: np.ndarray, categorical: bool = False) -> dict[str, float]:
    noise = np.random.default_rng(4).normal(size=ROWS)
    flags = watch_table(
        np.column_stack([values, noise]),
        _label(),
        None,
        ["x", "noise"],
        [0] if categorical else [],
        SETTINGS,
        seed=1,
    )
    assert all(flag.column == "x" for flag in flags)
    return {flag.kind: flag.figure for flag in flags}


def test_noise_is_not_suspicious() -> None:
    random = np.random.default_rng(5)
    assert _flags(random.normal(size=ROWS)) == {}
    assert _flags(random.integers(0, 300, ROWS).astype(float), categorical=True) == {}


def test_a_column_that_tells_the_answer() -> None:
    random = np.random.default_rng(5)
    assert set(_flags(_label() * 2 + random.normal(size=ROWS))) == {"single_column"}
    assert set(_flags(-_label() * 2 + random.normal(size=ROWS))) == {"single_column"}


def test_a_column_that_tells_the_answer_out_of_order() -> None:
    # High in the middle, low at both ends: no single threshold finds it.
    random = np.random.default_rng(5)
    values = np.where(
        _label() == 1,
        random.uniform(-1, 1, ROWS),
        random.choice([-1, 1], ROWS) * random.uniform(1, 2, ROWS),
    )
    assert set(_flags(values)) == {"single_column"}


def test_a_reason_filled_in_for_leavers_only() -> None:
    values = np.where(_label() == 1, 3.0, np.nan)
    assert set(_flags(values, categorical=True)) == {"single_column", "missingness"}


@given(st.integers(0, 2**32 - 1), st.integers(1, 30))
def test_the_auc_of_a_column_is_scikit_learn_s(seed: int, bins: int) -> None:
    random = np.random.default_rng(seed)
    bin_of_row, label = random.integers(0, bins, 60), np.tile([0.0, 1.0], 30)
    halves = np.arange(30), np.arange(30, 60)
    expected = []
    for train, test in (halves, halves[::-1]):
        positives = np.bincount(bin_of_row[train], label[train], minlength=bins)
        share = (positives + 0.5) / (np.bincount(bin_of_row[train], minlength=bins) + 1)
        expected.append(roc_auc_score(label[test], share[bin_of_row[test]]))
    assert auc_alone(bin_of_row, label, [halves, halves[::-1]]) == pytest.approx(
        np.mean(expected), abs=1e-12
    )


@pytest.mark.parametrize("categorical", [False, True])
def test_missing_is_a_bin_of_its_own(categorical: bool) -> None:
    """Whoever is missing left and nobody else did: sharing a bin with any value would blur that."""
    random = np.random.default_rng(5)
    values = random.integers(0, 3, ROWS) if categorical else random.normal(size=ROWS)
    assert _flags(np.where(_label() == 1, np.nan, values), categorical)["single_column"] == 1.0


def test_missingness_needs_rows_of_both_kinds() -> None:
    values = np.random.default_rng(5).normal(size=ROWS)
    leavers = np.flatnonzero(_label() == 1)
    values[leavers[: SETTINGS.missingness_rows - 1]] = np.nan
    assert _flags(values) == {}


def test_a_missing_value_with_a_meaning_is_a_value_like_any_other() -> None:
    random = np.random.default_rng(5)
    mild = np.where(_label() + random.normal(size=ROWS) > 0.8, np.nan, random.normal(size=ROWS))
    telling = np.where(_label() == 1, np.nan, random.normal(size=ROWS))
    for meaningful, flagged in (
        ((), {("mild", "missingness"), ("telling", "missingness"), ("telling", "single_column")}),
        # What tells the answer is still found: missing is a bin of its own.
        (("mild", "telling"), {("telling", "single_column")}),
        (("mild",), {("telling", "missingness"), ("telling", "single_column")}),
    ):
        flags = watch_table(
            np.column_stack([mild, telling, random.normal(size=ROWS)]),
            _label(),
            None,
            ["mild", "telling", "noise"],
            [],
            SETTINGS,
            seed=1,
            null_has_meaning=meaningful,
        )
        assert {(flag.column, flag.kind) for flag in flags} == flagged


@pytest.mark.parametrize("order", [1, -1])
def test_missingness_counts_either_way(order: int) -> None:
    values = np.random.default_rng(5).normal(size=ROWS)
    values[(order * _label()) < (0.5 * order)] = np.nan
    assert "missingness" in _flags(values)


def test_ids_that_look_like_features() -> None:
    assert _flags(np.random.default_rng(6).permutation(ROWS).astype(float)) == {"id_like": 1.0}
    assert set(_flags(np.arange(ROWS, dtype=float) % 980, categorical=True)) == {"id_like"}


def test_amounts_are_no_ids() -> None:
    assert _flags(np.random.default_rng(6).integers(0, 10**5, ROWS).astype(float)) == {}


def test_repeated_rows() -> None:
    matrix = np.random.default_rng(7).normal(size=(ROWS, 2))
    matrix[:, 1] = np.nan
    matrix[-50:] = matrix[:50]
    label = np.zeros(ROWS)
    assert duplicate_share(matrix, label) == pytest.approx(0.05)
    label[-50:] = 1
    assert duplicate_share(matrix, label) == 0


def test_repeated_rows_are_flagged_without_a_column() -> None:
    label = _label()
    matrix = np.random.default_rng(7).normal(size=(ROWS, 2))
    matrix[-50:], label[-50:] = matrix[:50], label[:50]
    assert watch_table(matrix, label, None, ["a", "b"], [], SETTINGS, seed=1) == [
        Flag(None, "duplicate_rows", pytest.approx(0.05))
    ]


def test_a_model_that_is_too_good() -> None:
    assert watch_model(0.94, SETTINGS) == []
    assert watch_model(0.95, SETTINGS) == [Flag(None, "too_good", 0.95)]


def test_a_column_without_any_value_says_nothing() -> None:
    assert _flags(np.full(ROWS, np.nan)) == {}


def test_a_group_is_not_ranked_by_itself() -> None:
    random = np.random.default_rng(8)
    household = np.repeat(np.arange(ROWS // 4), 4)
    label = np.repeat((random.random(ROWS // 4) < 0.3).astype(float), 4)
    matrix = np.column_stack([household.astype(float), random.normal(size=ROWS)])
    together = watch_table(matrix, label, household, ["x", "noise"], [0], SETTINGS, seed=1)
    apart = watch_table(matrix, label, None, ["x", "noise"], [0], SETTINGS, seed=1)
    assert "single_column" in {flag.kind for flag in apart}
    assert "single_column" not in {flag.kind for flag in together}
