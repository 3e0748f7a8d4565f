"""The packed records as a Feast online store, for Feast's own commands.

Named in `feature_store.yaml` by its class path. Bulk writes and hot reads go past it, to
`features.packed.store`.
"""

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
from feast import Entity, FeatureView, RepoConfig
from feast.infra.online_stores.online_store import OnlineStore
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.repo_config import FeastConfigBaseModel
from pydantic import field_validator

from features.online.feast_layout import holds_texts
from features.online.settings import present_type
from features.packed.store import PackedStore
from holdfast.errors import InputError

_NUMERIC = ("double_val", "float_val", "int64_val", "int32_val", "bool_val")


class PackedOnlineStoreConfig(FeastConfigBaseModel):
    """The `online_store` section of `feature_store.yaml`."""

    type: Literal["features.online.feast_plugin.PackedOnlineStore"] = (
        "features.online.feast_plugin.PackedOnlineStore"
    )
    path: str = "online"
    """Directory of the records, relative to the repository."""

    _present_type = field_validator("type", mode="before")(present_type)


class PackedOnlineStore(OnlineStore):
    """Feast's interface over `PackedStore`, for entities with one join key of type string.

    A view holds numbers alone, or strings alone.
    join key.
    """

    def online_write_batch(
        self,
        config: RepoConfig,
        table: FeatureView,
        data: list[tuple[EntityKey, dict[str, Value], datetime, datetime | None]],
        progress: Callable[[int], Any] | None,
    ) -> None:
        """Write a batch; an older row never overwrites a newer one."""
        columns = _columns(table)
        ids = [_entity(key) for key, _, _, _ in data]
        times = np.array([_naive_utc(time) for _, _, time, _ in data], dtype="datetime64[us]")
        rows = [[values.get(column) for column in columns] for _, values, _, _ in data]
        store = _store(config, create=True)
        if holds_texts(table):
            store.write_texts(
                table.name, columns, ids, times, [[_text(value) for value in row] for row in rows]
            )
        else:
            matrix = np.array([[_number(value) for value in row] for row in rows], dtype=np.float64)
            store.write(table.name, columns, ids, times, matrix.reshape(len(ids), len(columns)))
        if progress:
            progress(len(data))

    def online_read(
        self,
        config: RepoConfig,
        table: FeatureView,
        entity_keys: list[EntityKey],
        requested_features: list[str] | None = None,
    ) -> list[tuple[datetime | None, dict[str, Value] | None]]:
        """Read the newest rows; (None, None) for entities not in the store."""
        columns = requested_features or _columns(table)
        kinds = {field.name: str(field.dtype) for field in table.features}
        ids = [_entity(key) for key in entity_keys]
        values: list[list[Value]]
        if holds_texts(table):
            texts, times = _store(config).read_texts(table.name, columns, ids)
            values = [
                [Value() if text is None else Value(string_val=text) for text in row]
                for row in texts
            ]
        else:
            matrix, times = _store(config).read(table.name, columns, ids)
            values = [
                [_value(number, kinds[column]) for number, column in zip(row, columns, strict=True)]
                for row in matrix.tolist()
            ]
        return [
            (None, None)
            if time is None
            else (time.replace(tzinfo=UTC), dict(zip(columns, row, strict=True)))
            for row, time in zip(values, times.tolist(), strict=True)
        ]

    def update(
        self,
        config: RepoConfig,
        tables_to_delete: Sequence[FeatureView],
        tables_to_keep: Sequence[FeatureView],
        entities_to_delete: Sequence[Entity],
        entities_to_keep: Sequence[Entity],
        partial: bool,
    ) -> None:
        """Drop the records of views that are gone."""
        store = _store(config, create=True)
        for view in tables_to_delete:
            store.drop(view.name)

    def teardown(
        self, config: RepoConfig, tables: Sequence[FeatureView], entities: Sequence[Entity]
    ) -> None:
        """Drop the records of the given views."""
        for view in tables:
            _store(config).drop(view.name)


def _store(config: RepoConfig, create: bool = False) -> PackedStore:
    return PackedStore(Path(config.repo_path or ".") / config.online_store.path, create=create)


def _columns(view: FeatureView) -> list[str]:
    return [field.name for field in view.features]


def _entity(key: EntityKey) -> str:
    if len(key.entity_values) != 1 or key.entity_values[0].WhichOneof("val") != "string_val":
        raise InputError("entity", "must have one join key of type string", list(key.join_keys))
    return key.entity_values[0].string_val


def _number(value: Value | None) -> float:
    kind = None if value is None else value.WhichOneof("val")
    if kind is None or kind == "null_val":
        return float("nan")
    if kind not in _NUMERIC:
        raise InputError("feature", f"must be one of {', '.join(_NUMERIC)} to be packed", kind)
    return float(getattr(value, kind))


def _text(value: Value | None) -> str | None:
    return None if value is None or value.WhichOneof("val") != "string_val" else value.string_val


def _value(number: float, kind: str) -> Value:
    if math.isnan(number):
        return Value()
    if kind.startswith("Int"):
        return Value(int64_val=int(number)) if kind == "Int64" else Value(int32_val=int(number))
    if kind == "Bool":
        return Value(bool_val=bool(number))
    return Value(float_val=number) if kind == "Float32" else Value(double_val=number)


def _naive_utc(time: datetime) -> datetime:
    return time if time.tzinfo is None else time.astimezone(UTC).replace(tzinfo=None)
