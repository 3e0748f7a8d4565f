"""A flat table of one cut-off has the rows and labels of the operator's own dataset."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from features.operator.repository import OperatorRepository
from holdfast.errors import InputError
from holdfast.home import Home
from tests.builders.clocks import NOW
from training.flat.table import ID, LABEL, SERVICE, flat_table, newest_cutoff
from training.labelling.dataset import Dataset, churn_dataset, columns_of
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


@pytest.fixture(scope="module")
def table_of(
    home: Home, history: RawHistory, cutoff: datetime
) -> Callable[[LabelSettings, int], pa.Table]:
    """The flat table of a horizon; each is made once."""

    @cache
    def made(settings: LabelSettings, horizon_days: int) -> pa.Table:
        return flat_table(OperatorRepository(home), history, cutoff, settings, horizon_days)

    return made


@pytest.fixture(scope="module")
def dataset_of(home: Home, cutoff: datetime) -> Callable[[LabelSettings], Dataset]:
    """The dataset of that cut-off; each is made once."""

    @cache
    def made(settings: LabelSettings) -> Dataset:
        return churn_dataset(home, settings, until=NOW, cutoffs=[cutoff])

    return made


def labels_of(table: pa.Table) -> dict[str, float]:
    number = {"yes": 1.0, "no": 0.0, None: np.nan}
    return {
        id_: number[label]
        for id_, label in zip(table[ID].to_pylist(), table[LABEL].to_pylist(), strict=True)
    }


@pytest.mark.parametrize(
    "settings, horizon_days",
    [(SETTINGS, 90), (SETTINGS, 30), (LabelSettings(gap_days=14, inactivity_days=14), 90)],
)
def test_rows_and_labels_are_those_of_the_dataset(
    table_of: Callable[[LabelSettings, int], pa.Table],
    dataset_of: Callable[[LabelSettings], Dataset],
    settings: LabelSettings,
    horizon_days: int,
) -> None:
    flat, dataset = table_of(settings, horizon_days), dataset_of(settings)
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
    home: Home,
    history: RawHistory,
    cutoff: datetime,
    table_of: Callable[[LabelSettings, int], pa.Table],
) -> None:
    # Of 90 days by default.
    table = flat_table(OperatorRepository(home), history, cutoff, LabelSettings(gap_days=14))
    usual, later = labels_of(table_of(SETTINGS, 90)), labels_of(table)
    shared = usual.keys() & later.keys()
    assert {id_ for id_ in shared if usual[id_] != later[id_]}


def test_the_newest_cutoff_has_complete_labels_of_all_lines(
    home: Home, cutoff: datetime, dataset_of: Callable[[LabelSettings], Dataset]
) -> None:
    repository = OperatorRepository(home)
    assert dataset_of(SETTINGS).excluded["incomplete"] == 0
    next_week = cutoff + timedelta(weeks=1)
    later = churn_dataset(home, SETTINGS, until=NOW, cutoffs=[next_week])
    assert set(later.slices["billing_type"][~later.complete].tolist()) == {"prepaid"}
    assert np.isnan(later.labels[90][~later.complete]).all()
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
