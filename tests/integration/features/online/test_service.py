"""The same reads from both online stores: packed records, and Redis through Feast."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import inf
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.online import service as online
from features.online.age import ages
from features.online.feast_layout import layout_of
from features.online.feast_store import open_feast
from features.online.settings import OnlineSettings, configured_store, online_store_section
from features.packed.store import PackedStore
from holdfast.errors import InputError, ModelError
from holdfast.home import Home
from tests.builders.servers import require_redis

STORES = ["packed", "redis"]
DAY = datetime(2026, 1, 31, tzinfo=UTC)
NAN = float("nan")

USAGE = {"s01": (1.5, 2, True), "s02": (-0.0, None, False), "s03": (None, 7, None)}
CARE = {"c1": (3.25,), "c2": (float("inf"),)}
BILLS = {"a1": (10.0, -4), "a3": (0.5, 2**40)}
LINKS = {"s01": ("c1", "a1"), "s02": ("c2", None), "s03": ("c9", "a3")}
DAYS_OLD = {"usage": 1, "care": 40, "bills": 8, "subscription_links": 1}


def _table(
    key: str, rows: dict[str, tuple[Any, ...]], columns: dict[str, pa.DataType], days_old: int
) -> pa.Table:
    moment = pa.array([DAY - timedelta(days=days_old)] * len(rows), pa.timestamp("us", "UTC"))
    values = {
        name: pa.array([row[k] for row in rows.values()], kind)
        for k, (name, kind) in enumerate(columns.items())
    }
    return pa.table(
        {key: list(rows), "event_timestamp": moment, "created_timestamp": moment, **values}
    )


def _objects(directory: Path) -> list[Any]:
    from feast import Entity, FeatureService, FeatureView, Field, FileSource, PushSource, ValueType
    from feast.types import Bool, Float32, Float64, Int64, String

    entities = {
        name: Entity(name=name, join_keys=[f"{name}_id"], value_type=ValueType.STRING)
        for name in ("subscription", "customer", "account")
    }

    def view(name: str, entity: str, fields: dict[str, Any], days: int) -> Any:
        source = FileSource(
            name=f"{name}_rows",
            path=str(directory / f"{name}.parquet"),
            timestamp_field="event_timestamp",
            created_timestamp_column="created_timestamp",
        )
        return FeatureView(
            name=name,
            entities=[entities[entity]],
            ttl=timedelta(days=days),
            schema=[Field(name=field, dtype=kind) for field, kind in fields.items()],
            source=PushSource(name=f"{name}_push", batch_source=source),
        )

    usage = view("usage", "subscription", {"minutes": Float64, "calls": Int64, "roams": Bool}, 30)
    care = view("care", "customer", {"wait": Float32}, 30)
    bills = view("bills", "account", {"owed": Float64, "late": Int64}, 0)
    links = view(
        "subscription_links",
        "subscription",
        {"linked_customer": String, "linked_account": String},
        0,
    )
    return [
        *entities.values(),
        *(usage, care, bills, links),
        FeatureService(
            name="churn_v1", features=[bills, usage, care], tags={"entity": "subscription_id"}
        ),
        FeatureService(name="care_v1", features=[care]),
        FeatureService(name="part_v1", features=[usage[["roams", "minutes"]]]),
        FeatureService(name="nobodys_v1", features=[usage, care]),
        FeatureService(name="unlinked_v1", features=[usage, care], tags={"entity": "account_id"}),
    ]


def _write_tables(directory: Path) -> None:
    f64, i64, text = pa.float64(), pa.int64(), pa.string()
    tables = {
        "usage": _table(
            "subscription_id",
            USAGE,
            {"minutes": f64, "calls": i64, "roams": pa.bool_()},
            DAYS_OLD["usage"],
        ),
        "care": _table("customer_id", CARE, {"wait": pa.float32()}, DAYS_OLD["care"]),
        "bills": _table("account_id", BILLS, {"owed": f64, "late": i64}, DAYS_OLD["bills"]),
        "subscription_links": _table(
            "subscription_id", LINKS, {"linked_customer": text, "linked_account": text}, 1
        ),
    }
    for name, table in tables.items():
        pq.write_table(table, directory / f"{name}.parquet")


@pytest.fixture(scope="module", params=STORES)
def home(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Home]:
    if request.param == "redis":
        require_redis()
    home = Home(tmp_path_factory.mktemp(request.param))
    repository = home.features / "operator"
    repository.mkdir(parents=True)
    _write_tables(repository)
    (repository / "feature_store.yaml").write_text(
        f"project: test_{uuid4().hex}\nprovider: local\nregistry: registry.db\noffline_store:\n  type: duckdb\n"
        f"{online_store_section(OnlineSettings(online_store=request.param))}entity_key_serialization_version: 3\n"
    )
    store = open_feast(repository)
    store.apply(_objects(repository))
    store.materialize(DAY - timedelta(days=100), DAY)
    if request.param == "packed":
        packed = PackedStore(online.online_directory(repository))
        for name in ("churn_v1", "care_v1", "part_v1"):
            online.publish_service(packed, layout_of(store, name))
    yield home
    store.teardown()


def open_service(home: Home, name: str) -> online.OnlineService:
    """Open a service from the online store that the home was made with."""
    written = (home.features / "operator" / "feature_store.yaml").read_text()
    return online.open_service(home, name, configured_store(written))


def test_one_row_of_three_entities(home: Home) -> None:
    service = open_service(home, "churn_v1")
    assert (service.name, service.entity, service.encoding) == ("churn_v1", "subscription_id", None)
    assert [(view.name, view.entity, view.ttl_days) for view in service.views] == [
        ("bills", "account_id", None),
        ("usage", "subscription_id", 30),
        ("care", "customer_id", 30),
    ]
    assert service.features == ("owed", "late", "minutes", "calls", "roams", "wait")
    matrix, times = online.read(service, ["s03", "nobody", "s01", "s02", "s01"])
    first = [10.0, -4, 1.5, 2, 1, 3.25]
    expected = [
        [0.5, 2**40, NAN, 7, NAN, NAN],
        [NAN] * 6,
        first,
        [NAN, NAN, -0.0, NAN, 0, float("inf")],
        first,
    ]
    assert np.array_equal(matrix, expected, equal_nan=True)
    assert np.signbit(matrix[3, 2])
    moments = {
        name: np.datetime64((DAY - timedelta(days=days)).replace(tzinfo=None), "us")
        for name, days in DAYS_OLD.items()
    }
    nat = np.datetime64("NaT", "us")
    assert times.dtype == "datetime64[us]"
    assert np.array_equal(
        times,
        np.array(
            [
                [moments["bills"], moments["usage"], nat],
                [nat] * 3,
                [moments["bills"], moments["usage"], moments["care"]],
                [nat, moments["usage"], moments["care"]],
                [moments["bills"], moments["usage"], moments["care"]],
            ]
        ),
        equal_nan=True,
    )


def test_what_is_too_old_is_named_and_what_is_absent_is_not(home: Home) -> None:
    service = open_service(home, "churn_v1")
    _, times = online.read(service, ["s01", "s03", "nobody"])
    old = online.stale(service, times, DAY)
    assert old.tolist() == [[False, False, True], [False] * 3, [False] * 3]
    assert [service.features_of(row) for row in old] == [("wait",), (), ()]
    assert (
        service.features_of(online.stale(service, times, DAY + timedelta(days=365))[0])
        == service.features[2:]
    )
    assert [str(time)[:10] for time in online.oldest(times)] == ["2025-12-22", "2026-01-23", "NaT"]
    with pytest.raises(InputError, match="time zone"):
        online.stale(service, times, DAY.replace(tzinfo=None))


def test_the_next_value_becomes_stale_when_it_is_said_to(home: Home) -> None:
    service = open_service(home, "churn_v1")
    _, times = online.read(service, ["s01", "s03", "nobody"])
    old = online.stale(service, times, DAY)
    moments = [age.next_late for age in ages(times, service.layout.lifetimes, DAY)]
    assert moments[2] == inf  # what is absent never becomes stale
    for row, seconds in enumerate(moments[:2]):
        moment = datetime.fromtimestamp(seconds, UTC)
        until, after = (
            online.stale(service, times, moment + timedelta(seconds=by))[row] for by in (0, 1)
        )
        assert moment > DAY
        assert (until == old[row]).all()
        assert after.sum() > old[row].sum()


def test_the_limit_itself_is_not_stale(home: Home) -> None:
    service = open_service(home, "care_v1")
    _, times = online.read(service, ["c1"])
    limit = DAY - timedelta(days=DAYS_OLD["care"]) + timedelta(days=30)
    assert not online.stale(service, times, limit).any()
    assert online.stale(service, times, limit + timedelta(microseconds=1)).all()


def test_a_service_of_another_entity_and_one_of_some_columns(home: Home) -> None:
    care = open_service(home, "care_v1")
    assert care.entity == "customer_id"
    assert np.array_equal(
        online.read(care, ["c2", "s01"])[0], [[float("inf")], [NAN]], equal_nan=True
    )
    part = open_service(home, "part_v1")
    assert part.features == ("roams", "minutes")
    assert online.read(part, ["s01"])[0].tolist() == [[1.0, 1.5]]


def test_nobody_asked(home: Home) -> None:
    matrix, times = online.read(open_service(home, "churn_v1"), [])
    assert (matrix.shape, times.shape) == ((0, 6), (0, 3))


def test_a_later_value_and_a_correction_of_the_same_time_are_read(home: Home) -> None:
    import pandas as pd
    from feast.data_source import PushMode

    store = open_feast(home.features / "operator")
    service = open_service(home, "churn_v1")
    for minute, moment in ((1.0, DAY), (2.0, DAY), (3.0, DAY + timedelta(microseconds=1))):
        row = {
            "subscription_id": "new",
            "event_timestamp": moment,
            "created_timestamp": moment,
            "minutes": minute,
        }
        rows = pd.DataFrame([row | {"calls": 1, "roams": False}])
        if minute == 2.0:
            store.push("usage_push", rows, to=PushMode.ONLINE)
        else:
            store.write_to_online_store("usage", rows)
        matrix, times = online.read(service, ["new"])
        assert matrix[0, 2] == minute
        assert times[0, 1] == np.datetime64(moment.replace(tzinfo=None), "us")


def test_feast_reads_all_views_itself(home: Home) -> None:
    store = open_feast(home.features / "operator")
    asked = {"subscription_id": ["s01"], "customer_id": ["c1"], "account_id": ["a1"]}
    names = [
        "bills:owed",
        "usage:calls",
        "usage:roams",
        "care:wait",
        "subscription_links:linked_customer",
    ]
    answer = store.get_online_features(names, asked).to_dict()
    served = [answer[name.partition(":")[2]] for name in names]
    assert served == [[10.0], [2], [True], [3.25], ["c1"]]


def test_what_cannot_be_opened(home: Home, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"other.*never materialized"):
        open_service(home, "other")
    with pytest.raises(ModelError):
        online.open_service(Home(tmp_path), "churn_v1", OnlineSettings())


def test_a_service_must_say_whose_ids_are_asked(home: Home) -> None:
    store = open_feast(home.features / "operator")
    with pytest.raises(ModelError, match="'entity'"):
        layout_of(store, "nobodys_v1")
    with pytest.raises(ModelError, match="no link from account_id"):
        layout_of(store, "unlinked_v1")


def test_a_store_of_another_setting_is_not_read(tmp_path: Path) -> None:
    home = Home(tmp_path)
    (home.features / "operator").mkdir(parents=True)
    (home.features / "operator" / "feature_store.yaml").write_text(
        f"project: p\nprovider: local\nregistry: registry.db\n{online_store_section(OnlineSettings())}"
    )
    with pytest.raises(ModelError, match="HOLDFAST_ONLINE_STORE"):
        online.open_service(home, "churn_v1", OnlineSettings(online_store="redis"))


def test_a_server_that_is_gone_is_a_model_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(
        "HOLDFAST_REDIS_URL", "redis://:hunter2@127.0.0.1:1"
    )  # Feast's store reads it
    settings = OnlineSettings(online_store="redis")
    repository = tmp_path / "features"
    repository.mkdir()
    (repository / "feature_store.yaml").write_text(
        "project: p\nprovider: local\nregistry: registry.db\noffline_store:\n  type: duckdb\n"
        f"{online_store_section(settings)}entity_key_serialization_version: 3\n"
    )
    open_feast(repository).apply(_objects(repository))
    service = online.open_service(Home(tmp_path), "care_v1", settings)
    with pytest.raises(ModelError, match="does not answer") as caught:
        online.read(service, ["c1"])
    assert "hunter2" not in str(caught.value)


def test_whose_an_entity_is(home: Home) -> None:
    reader = open_service(home, "churn_v1").reader
    asked = ["s03", "nobody", "s02"]
    assert reader.owners("customer_id", asked) == ["c9", None, "c2"]
    assert reader.owners("account_id", asked) == ["a3", None, None]
    assert reader.owners("cell_id", asked) == [None, None, None]
    assert reader.owners("customer_id", []) == []
    assert open_service(home, "part_v1").reader.owners("customer_id", ["s01"]) == [None]
