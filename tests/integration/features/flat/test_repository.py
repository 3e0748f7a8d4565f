import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from features.encoding.encoding import Encoding, infer_encoding
from features.flat.repository import SERVICE, VIEW, TableRepository, snapshot_time
from features.online import service as online
from features.online.settings import OnlineSettings
from features.packed.store import PackedStore
from holdfast.errors import ModelError
from holdfast.home import Home


@pytest.fixture(scope="module")
def filled(
    tmp_path_factory: pytest.TempPathFactory, customer_table: Callable[..., pa.Table]
) -> tuple[Home, Encoding, list[str], np.ndarray]:
    home = Home(tmp_path_factory.mktemp("home"))
    table = customer_table(200)
    ids = table["customer"].to_pylist()
    encoding = infer_encoding(
        table, [name for name in table.column_names if name not in ("customer", "left")]
    )
    matrix = encoding.encode(table)
    repository = TableRepository(home)
    repository.write(
        encoding, ids, snapshot_time(datetime(2026, 1, 1, tzinfo=UTC), len(ids)), matrix
    )
    repository.materialize()
    return home, encoding, ids, matrix


def test_history_and_online_give_what_was_put_in(
    filled: tuple[Home, Encoding, list[str], np.ndarray],
) -> None:
    home, encoding, ids, matrix = filled
    times = snapshot_time(datetime(2026, 1, 1, tzinfo=UTC), len(ids))
    assert np.array_equal(TableRepository(home).historical(ids, times), matrix, equal_nan=True)
    service = online.open_service(home, SERVICE, OnlineSettings())
    served, found_times = online.read(service, [*reversed(ids), "nobody"])
    assert service.features == encoding.features
    assert service.encoding == encoding
    assert np.array_equal(served[:-1], matrix[::-1], equal_nan=True)
    assert online.oldest(found_times)[:-1].tolist() == times.tolist()
    assert np.isnan(served[-1]).all()
    assert np.isnat(found_times[-1]).all()


def test_nothing_is_known_before_it_was_true(
    filled: tuple[Home, Encoding, list[str], np.ndarray],
) -> None:
    home, _, ids, _ = filled
    before = snapshot_time(datetime(2025, 12, 31, tzinfo=UTC), len(ids))
    assert np.isnan(TableRepository(home).historical(ids, before)).all()


def test_feast_reads_the_packed_records(
    filled: tuple[Home, Encoding, list[str], np.ndarray],
) -> None:
    home, encoding, ids, matrix = filled
    store = _feast(home)
    answer = store.get_online_features(
        store.get_feature_service(SERVICE), [{"customer_id": entity} for entity in [*ids, "nobody"]]
    ).to_dict()
    for position, feature in enumerate(encoding.features):
        served = np.array(
            [np.nan if value is None else value for value in answer[feature]], dtype=float
        )
        assert np.array_equal(served, [*matrix[:, position], np.nan], equal_nan=True), feature


def test_feast_materializes_into_the_packed_records(
    filled: tuple[Home, Encoding, list[str], np.ndarray],
) -> None:
    home, _encoding, ids, matrix = filled
    store = _feast(home)
    PackedStore(online.online_directory(home.features)).drop(VIEW)
    store.materialize(datetime(2025, 12, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
    served, times = online.read(online.open_service(home, SERVICE, OnlineSettings()), ids)
    assert np.array_equal(served, matrix, equal_nan=True)
    assert set(online.oldest(times).tolist()) == {datetime(2026, 1, 1)}  # noqa: DTZ001


def test_the_registry_says_what_was_materialized(
    filled: tuple[Home, Encoding, list[str], np.ndarray],
) -> None:
    home, _, _, _ = filled
    intervals = _feast(home).get_feature_view(VIEW).materialization_intervals
    assert (
        datetime(2026, 1, 1, tzinfo=UTC),
        datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=1),
    ) in intervals


def test_fields_tell_their_column(filled: tuple[Home, Encoding, list[str], np.ndarray]) -> None:
    home, encoding, _, _ = filled
    fields = _feast(home).get_feature_view(VIEW).features
    assert [(field.name, field.tags["column"], field.tags["kind"]) for field in fields] == [
        (column.feature, column.name, column.kind) for column in encoding.columns
    ]


def test_feast_apply_in_the_home_changes_nothing(
    filled: tuple[Home, Encoding, list[str], np.ndarray],
) -> None:
    home, encoding, ids, matrix = filled
    feast = Path(sys.executable).with_name("feast")
    subprocess.run([feast, "apply"], cwd=home.features, check=True, capture_output=True)
    assert [field.name for field in _feast(home).get_feature_view(VIEW).features] == list(
        encoding.features
    )
    assert np.array_equal(
        online.read(online.open_service(home, SERVICE, OnlineSettings()), ids)[0],
        matrix,
        equal_nan=True,
    )


def test_a_service_never_materialized_is_a_model_error(
    filled: tuple[Home, Encoding, list[str], np.ndarray],
) -> None:
    with pytest.raises(ModelError, match="never materialized"):
        online.open_service(filled[0], "other", OnlineSettings())


def _feast(home: Home):  # type: ignore[no-untyped-def]
    from feast import FeatureStore

    return FeatureStore(repo_path=str(home.features))
