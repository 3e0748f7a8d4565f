"""A flat table of one cut-off has the rows and labels of the operator's own dataset."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from features.operator.repository import OperatorRepository
from holdfast.errors import InputError
from holdfast.home import Home
from tests.builders.clocks import NOW
from training.flat.table import ID, LABEL, SERVICE, flat_table, newest_cutoff
from training.labelling.dataset import churn_dataset, columns_of
from training.labelling.history import RawHistory
from training.settings import LabelSettings

SETTINGS = LabelSettings()


@pytest.fixture(scope="module")
def home(simulated_operator: Path) -> Home:
    return Home(simulated_operator / "home")


@pytest.fixture(scope="module")
def history(home: Home) -> RawHistory:
    return RawHistory(home.raw, NOW)


@pytest.fixture(scope="module")
def cutoff(home: Home, history: RawHistory) -> datetime:
    newest = newest_cutoff(OperatorRepository(home), history, SETTINGS)
    assert newest is not None
    return newest


def labels_of(table: pa.Table) -> dict[str, float]:
    number = {"yes": 1.0, "no": 0.0, None: np.nan}
    return {
        id_: number[label]
        for id_, label in zip(table[ID].to_pylist(), table[LABEL].to_pylist(), strict=True)
    }


@pytest.mark.parametrize(
    "settings, horizon_days",
    [(SETTINGS, 90), (SETTINGS, 30), (LabelSettings(gap_days=28, inactivity_days=14), 90)],
)
def test_rows_and_labels_are_those_of_the_dataset(
    home: Home, history: RawHistory, cutoff: datetime, settings: LabelSettings, horizon_days: int
) -> None:
    flat = flat_table(OperatorRepository(home), history, cutoff, settings, horizon_days)
    dataset = churn_dataset(home, settings, until=NOW, cutoffs=[cutoff])
    labels = labels_of(flat)
    assert list(labels) == sorted(labels)
    # Care has touched some lines: the dataset has others stand for them.
    assert len(labels) == len(dataset.ids) + dataset.excluded["care"]
    # A row that care touched within this horizon alone has no label in it.
    label = dataset.labels[horizon_days]
    known = ~np.isnan(label)
    assert known.mean() > 0.5
    np.testing.assert_array_equal(
        [labels[id_] for id_ in dataset.ids[known].tolist()], label[known]
    )
    row = {id_: position for position, id_ in enumerate(flat[ID].to_pylist())}
    positions = [row[id_] for id_ in dataset.ids.tolist()]
    matrix = np.column_stack(
        [flat[name].to_numpy().astype(np.float64)[positions] for name in columns_of(SERVICE)]
    )
    np.testing.assert_array_equal(matrix, dataset.matrix)


def test_other_settings_give_other_labels(
    home: Home, history: RawHistory, cutoff: datetime
) -> None:
    repository = OperatorRepository(home)
    usual, later = (
        labels_of(flat_table(repository, history, cutoff, settings))
        for settings in (SETTINGS, LabelSettings(gap_days=28))
    )
    shared = usual.keys() & later.keys()
    assert {id_ for id_ in shared if usual[id_] != later[id_]}


def test_the_newest_cutoff_has_complete_labels_of_all_lines(
    home: Home, history: RawHistory, cutoff: datetime
) -> None:
    repository = OperatorRepository(home)
    assert churn_dataset(home, SETTINGS, until=NOW, cutoffs=[cutoff]).excluded["incomplete"] == 0
    next_week = cutoff + timedelta(weeks=1)
    assert churn_dataset(home, SETTINGS, until=NOW, cutoffs=[next_week]).excluded["incomplete"] > 0
    early = RawHistory(home.raw, datetime(2024, 9, 1, tzinfo=UTC))
    assert newest_cutoff(repository, early, SETTINGS) is None


def test_cutoffs_and_horizons_without_labels_are_refused(
    home: Home, history: RawHistory, cutoff: datetime
) -> None:
    repository = OperatorRepository(home)
    with pytest.raises(InputError, match=r"horizon_days: must be one of 30, 60, 90 \(got 45\)"):
        flat_table(repository, history, cutoff, SETTINGS, 45)
    with pytest.raises(InputError, match="cutoffs: must be Mondays"):
        flat_table(repository, history, datetime(2030, 1, 7, tzinfo=UTC), SETTINGS)
    with pytest.raises(InputError, match="cutoffs: must not lie after"):
        flat_table(repository, RawHistory(home.raw, cutoff), cutoff, SETTINGS)
