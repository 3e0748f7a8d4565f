from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from features.fields import BUILT_IN, SERVICES, VIEWS
from features.operator.repository import OperatorRepository
from holdfast.errors import InputError
from training.labelling import dataset as module
from training.labelling.dataset import columns_of, features_for


class FakeRepository:
    """Answers with the id and the day that it was asked for, and remembers how much was asked at
    once.
    """

    catalogue = BUILT_IN

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.asked: list[list[np.datetime64]] = []

    def historical(self, service: str, ids: list[str], times: np.ndarray) -> np.ndarray:
        assert all(isinstance(id_, str) for id_ in ids)
        self.asked.append(list(times))
        days = (times - np.datetime64("2025-03-03")) / np.timedelta64(1, "D")
        matrix = np.full((len(ids), len(columns_of(service))), np.nan)
        matrix[:, 0], matrix[:, 1] = [float(id_) for id_ in ids], days
        return matrix


def _ask(repository: FakeRepository) -> np.ndarray:
    ids = [f"{number:03d}" for number in range(9)]
    times = np.datetime64("2025-03-03", "us") + np.array([2, 0, 1] * 3) * np.timedelta64(1, "D")
    return features_for(cast(OperatorRepository, repository), "contact_v1", ids, times)


@pytest.mark.parametrize("streamed", [False, True])
def test_features_are_in_the_rows_order_however_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, streamed: bool
) -> None:
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 4)
    monkeypatch.setattr(module, "STREAMED_BYTES", 0 if streamed else 1 << 20)
    repository = FakeRepository(tmp_path)
    matrix = _ask(repository)
    assert isinstance(matrix, np.memmap) is streamed
    np.testing.assert_array_equal(matrix[:, 0], np.arange(9))
    np.testing.assert_array_equal(matrix[:, 1], [2, 0, 1] * 3)
    assert np.isnan(matrix[:, 2:]).all()
    assert [len(times) for times in repository.asked] == [4, 4, 1]
    together = np.concatenate(repository.asked)
    assert (together[1:] >= together[:-1]).all()
    # Nothing stays behind on the disk.
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_reported_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STREAMED_BYTES", 0)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: SimpleNamespace(free=100))
    repository = FakeRepository(tmp_path)
    with pytest.raises(InputError, match="MB free for the features of all cut-offs"):
        _ask(repository)
    assert repository.asked == []


def test_columns_of_a_service_are_those_that_feast_gives() -> None:
    assert columns_of("contact_v1") == VIEWS[SERVICES["contact_v1"][0]].columns
    with pytest.raises(InputError, match="service: must be one of churn_v1, "):
        columns_of("churn_v0")


def test_the_mondays_of_a_view_are_those_of_its_files(tmp_path: Path) -> None:
    repository: Any = OperatorRepository(SimpleNamespace(features=tmp_path))  # type: ignore[arg-type]
    assert len(repository.history_mondays("contract")) == 0
