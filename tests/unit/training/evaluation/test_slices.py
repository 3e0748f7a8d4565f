import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.evaluation.metrics import auc, figures
from training.evaluation.ranking import Ranking
from training.evaluation.slices import SliceColumn
from training.settings import AssessmentSettings


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_every_value_has_the_figures_of_its_rows_and_a_gap_to_all_others(seed: int) -> None:
    random = np.random.default_rng(seed)
    rows, customers = 200, 30
    probability = random.beta(1, 3, rows).round(2).clip(0.01, 0.99)
    label = (random.random(rows) < probability).astype(float)
    weight, customer = random.uniform(0.5, 2, rows), random.integers(0, customers, rows)
    values = random.choice(["a", "b", "c", "d"], rows, p=[0.6, 0.3, 0.09, 0.01])
    counts = random.integers(0, 3, (customers, 3)).astype(float)
    everyone = Ranking(label, probability, weight, customer, customers)
    column = SliceColumn(values, label, probability, weight, customer, customers, everyone)
    slice_figures = column.figures(counts, everyone.masses(counts))
    for draw in range(3):
        drawn = weight * counts[customer, draw]
        for number, name in enumerate(column.names):
            here, others = (values == name) & (drawn > 0), (values != name) & (drawn > 0)
            if not here.any():
                continue
            expected = figures(label[here], probability[here], drawn[here], AssessmentSettings())
            apart = expected["auc"] - auc(label[others], probability[others], drawn[others])
            for metric in ("auc", "log_loss", "observed_over_expected"):
                assert slice_figures[metric][number, draw] == pytest.approx(
                    expected[metric], nan_ok=True
                )
            assert slice_figures["gap"][number, draw] == pytest.approx(apart, nan_ok=True, abs=1e-9)


def test_only_what_has_enough_of_both_classes_is_compared() -> None:
    values = np.repeat(["few", "many", "most"], [40, 100, 200])
    label = np.tile([0.0, 1.0], 170)
    label[:40] = np.arange(40) < 5
    rows = (label, np.full(340, 0.5), np.ones(340), np.arange(340), 340)
    column = SliceColumn(values, *rows, Ranking(*rows))
    assert column.names == ("few", "many", "most")
    assert column.rows.tolist() == [40, 100, 200]
    assert column.positives.tolist() == [5, 50, 100]
    assert [column.comparable(number, 30) for number in range(3)] == [False, True, True]
    assert [column.comparable(number, 56) for number in range(3)] == [False, False, False]
    # Ten rows of each customer are one customer.
    rows = (label, np.full(340, 0.5), np.ones(340), np.arange(340) // 10, 34)
    column = SliceColumn(values, *rows, Ranking(*rows))
    assert [column.comparable(number, 10) for number in range(3)] == [False, True, True]
    assert [column.comparable(number, 12) for number in range(3)] == [False, False, False]
