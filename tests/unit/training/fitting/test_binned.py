import lightgbm as lgb
import numpy as np

from holdfast.arrays import Floats
from tests.builders.training_tables import training_table
from training.fitting.binned import EDGE_ROWS, BinnedRows
from training.fitting.parameters import SHALLOW_PARAMETERS, fit_parameters
from training.settings import TrainingSettings

TABLE = training_table(900)
PARAMETERS = fit_parameters(TrainingSettings(), 1, SHALLOW_PARAMETERS)


def boosted(data: lgb.Dataset) -> lgb.Booster:
    return lgb.train(PARAMETERS, data, num_boost_round=15)


def margin(data: lgb.Dataset, rows: Floats = TABLE.matrix) -> Floats:
    return np.asarray(boosted(data).predict(rows, raw_score=True))


def test_all_rows_teach_what_they_teach_lightgbm() -> None:
    binned = BinnedRows(TABLE.matrix, TABLE.features)
    plain = lgb.Dataset(
        TABLE.matrix, TABLE.label, weight=TABLE.weight, params={"feature_pre_filter": False}
    )
    ours = binned.part(np.arange(900), TABLE.label, TABLE.weight)
    assert np.array_equal(margin(ours), margin(plain))


def test_a_part_has_its_own_rows_labels_and_weights() -> None:
    binned = BinnedRows(TABLE.matrix, TABLE.features)
    rows = np.arange(0, 900, 2)
    even = binned.part(rows, TABLE.label[rows], None)
    before = margin(even)
    other = binned.part(rows, 1 - TABLE.label[rows], np.linspace(1, 2, len(rows)))
    assert not np.array_equal(margin(other), before)
    assert np.array_equal(margin(even), before)
    # Of the other rows neither values nor labels count.
    changed = TABLE.matrix.copy()
    changed[1::2] = np.nan
    again = BinnedRows(changed, TABLE.features, (), rows).part(rows, TABLE.label[rows], None)
    same = BinnedRows(TABLE.matrix, TABLE.features, (), rows).part(rows, TABLE.label[rows], None)
    assert np.array_equal(margin(again), margin(same))


def test_edges_are_found_on_a_sample_where_there_are_many_rows() -> None:
    random = np.random.default_rng(0)
    matrix = np.zeros((2 * EDGE_ROWS, 1))
    # What only rows outside the sample have cannot be told apart.
    matrix[1::2, 0] = random.normal(size=EDGE_ROWS)
    matrix[::2, 0] = random.integers(0, 2, EDGE_ROWS)
    label = (matrix[:, 0] > 0.2).astype(float)
    rows = np.arange(2 * EDGE_ROWS)
    part = BinnedRows(matrix, ("x",), (), rows).part(rows, label, None)
    thresholds = boosted(part).trees_to_dataframe()["threshold"].dropna().unique()
    assert len(thresholds) == 1
