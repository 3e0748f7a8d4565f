"""A table written in other words, locales and date styles gives the model that its values deserve."""

import tempfile
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from features.flat.customers import Roles, read_customer_table
from features.tables.plan import OpenQuestions
from holdfast.arrays import Floats
from tests.builders.rewritten_tables import DATES, DATES_IN_DOUBT, LOCALES, MARKS, CleanTable

ROWS = 1_200
Read = tuple[Floats, Floats]


@pytest.fixture(scope="module")
def clean() -> CleanTable:
    """Three numbers of different spread and decimals, a date and a plan; all tell who leaves."""
    random = np.random.default_rng(1)
    spend = random.gamma(2, 700, ROWS).round(2)
    calls, share = random.poisson(3, ROWS), random.random(ROWS).round(3)
    days, plan = random.integers(0, 2_000, ROWS), random.choice(["Basic", "Plus"], ROWS)
    risk = -1.5 - spend / 900 + 0.5 * calls + 2 * share + days / 900 + (plan == "Basic")
    left = random.random(ROWS) < 1 / (1 + np.exp(-risk))
    first = date(2019, 1, 1)
    rows = [
        [
            str(s),
            str(c),
            str(h),
            (first + timedelta(int(d))).isoformat(),
            p,
            "yes" if gone else "no",
        ]
        for s, c, h, d, p, gone in zip(spend, calls, share, days, plan, left, strict=True)
    ]
    header = ["spend", "calls", "share", "since", "plan", "left"]
    return CleanTable(header, rows, ("spend", "calls", "share"), ("since",))


def _read(write: Callable[[Path], None]) -> Read:
    """The features and the label of a written table."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "table.csv"
        write(path)
        customers = read_customer_table(
            path, Roles(target="left"), datetime(2026, 1, 1, tzinfo=UTC)
        )
    return customers.encoding(None).encode(customers.table), customers.label


def _auc(matrix: Floats, label: Floats) -> float:
    """AUC of a small booster on rows that it was not fitted on."""
    half = ROWS // 2
    parameters = {"objective": "binary", "verbosity": -1, "num_threads": 1, "num_leaves": 7}
    booster = lgb.train(parameters, lgb.Dataset(matrix[:half], label[:half]), num_boost_round=30)
    return float(roc_auc_score(label[half:], booster.predict(matrix[half:], num_threads=1)))


@pytest.fixture(scope="module")
def reference(clean: CleanTable) -> Read:
    return _read(clean.write)


@pytest.mark.parametrize("mark", MARKS)
def test_a_mark_in_one_of_a_hundred_cells_costs_at_most_a_hundredth(
    clean: CleanTable, reference: Read, mark: str
) -> None:
    matrix, label = _read(lambda path: clean.write_marked(path, mark, 1))
    assert _auc(matrix, label) == pytest.approx(_auc(*reference), abs=0.01)
    hit = np.isnan(matrix)
    assert 0.005 < hit[:, :3].mean() < 0.015
    np.testing.assert_array_equal(matrix[~hit], reference[0][~hit])


@pytest.mark.parametrize("locale", list(LOCALES))
def test_numbers_of_another_locale_are_the_same(
    clean: CleanTable, reference: Read, locale: str
) -> None:
    matrix, _ = _read(lambda path: clean.write_in_locale(path, locale))
    np.testing.assert_allclose(matrix, reference[0], rtol=1e-6)


@pytest.mark.parametrize("style", list(DATES))
def test_dates_of_another_style_are_the_same(
    clean: CleanTable, reference: Read, style: str
) -> None:
    if style in DATES_IN_DOUBT:
        with pytest.raises(OpenQuestions, match=r"may be 20.*and no cell decides it"):
            _read(lambda path: clean.write_dated(path, style))
        return
    matrix, _ = _read(lambda path: clean.write_dated(path, style))
    np.testing.assert_array_equal(matrix, reference[0])
