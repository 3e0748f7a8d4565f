"""What scores is compared with what was evaluated where neither has learnt from the rows."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from models.version import ModelVersion
from tests.unit.training.fitting.test_horizon_models import CONFIG, TARGET, made_up
from training.fitting.horizon_models import fit_horizon_models
from training.fitting.parameters import DEFAULT_PARAMETERS
from training.operator.refit import pair_figures, refit_facts

RANDOM = np.random.default_rng(1)
MARGIN = RANDOM.normal(-3, 1, 4_000)
ALIKE = np.ones(4_000)
KIND = np.array(["a", "b"])[RANDOM.integers(0, 2, 4_000)]


def every(_: np.ndarray) -> bool:
    """Every slice is compared."""
    return True


def test_a_common_level_moves_no_slice_and_no_order() -> None:
    figures = pair_figures(expit(MARGIN), 1.5 * expit(MARGIN), ALIKE, {"kind": KIND}, every)
    assert (figures.rows, figures.level) == (4_000, pytest.approx(1.5))
    assert figures.rank_correlation == pytest.approx(1)
    assert figures.shifts == {"kind/a": pytest.approx(1), "kind/b": pytest.approx(1)}


def test_a_slice_that_moves_against_the_others_is_told_from_the_level() -> None:
    after = np.where(KIND == "a", 2.0, 1.0) * expit(MARGIN)
    shifts = pair_figures(expit(MARGIN), after, ALIKE, {"kind": KIND}, every).shifts
    assert shifts["kind/a"] / shifts["kind/b"] == pytest.approx(2)


def test_slices_that_show_too_little_are_left_out() -> None:
    rare = np.where(np.arange(4_000) < 20, "rare", "common")
    figures = pair_figures(
        expit(MARGIN), expit(MARGIN), ALIKE, {"kind": rare}, lambda chosen: chosen.sum() > 20
    )
    assert set(figures.shifts) == {"kind/common"}


def test_a_slice_is_compared_where_enough_customers_are_lost_however_many_rows_they_have() -> None:
    """Thirty rows of ten customers, each lost at three cut-offs, are ten losses."""
    dataset = made_up()
    label = dataset.labels[90].copy()
    few = np.array([f"c{number:04d}" for number in range(10)])
    chosen = np.isin(dataset.customers, few) & (dataset.cutoffs < dataset.cutoffs.max())
    assert chosen.sum() == 30
    label[chosen] = 1.0
    dataset = replace(
        dataset, labels={90: label}, slices={"home": np.where(chosen, "few", "others")}
    )
    rows = np.flatnonzero(dataset.cutoffs < dataset.cutoffs.max())
    target = replace(TARGET, horizons_days=(90,), strata=None)
    fitted = fit_horizon_models(dataset, rows, target, [DEFAULT_PARAMETERS], CONFIG)
    version = ModelVersion(
        name=target.name,
        service=target.service,
        features=dataset.features,
        horizon_models=fitted.models,
        strata=None,
    )
    pair = (version, fitted)
    for fewest, slices in ((30, {"home/others"}), (10, {"home/few", "home/others"})):
        facts = refit_facts(dataset, pair, pair, None, fewest)
        assert set(facts.horizons["90"].cross_fitted.shifts) == slices


def test_another_order_is_seen_and_no_order_at_all_is_none() -> None:
    other = RANDOM.permutation(MARGIN)
    assert abs(pair_figures(expit(MARGIN), expit(other), ALIKE, {}, every).rank_correlation) < 0.1
    assert (
        pair_figures(np.full(9, 0.1), np.full(9, 0.2), np.ones(9), {}, every).rank_correlation == 1
    )


def test_rows_count_as_their_weights() -> None:
    weight = np.where(KIND == "a", 3.0, 1.0)
    twice = np.where(KIND == "a", 2.0, 1.0) * expit(MARGIN)
    times = np.where(KIND == "a", 3, 1)
    repeated = [np.repeat(values, times) for values in (expit(MARGIN), twice, KIND)]
    weighted = pair_figures(expit(MARGIN), twice, weight, {"kind": KIND}, every)
    alone = pair_figures(*repeated[:2], np.ones(times.sum()), {"kind": repeated[2]}, every)
    assert weighted.level == pytest.approx(alone.level)
    assert weighted.shifts == pytest.approx(alone.shifts)
