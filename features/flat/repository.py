"""The Feast repository of a team's own table: its objects, made from its columns.

It lies in the home directory and is complete: `feast -c HOME/features apply` there changes nothing.
"""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.encoding.encoding import Encoding, read_encoding
from features.online.feast_store import open_feast
from features.online.service import OnlineLayout, OnlineView, online_directory, publish_service
from features.online.settings import (
    PACKED_TYPE,
    OnlineSettings,
    configured_store,
    online_store_section,
)
from features.packed.store import PackedStore
from holdfast.arrays import Floats, Times
from holdfast.files import write_beside
from holdfast.home import Home
from holdfast.logging import progress

if TYPE_CHECKING:
    from feast import FeatureStore

VIEW = "customer_table"
SERVICE = "customer_table_v1"
ID = "customer_id"
TIME = "event_timestamp"
CREATED = "created_timestamp"

_TABLE = "customer_table.parquet"

_CONFIGURATION = """\
project: {project}
provider: local
registry: registry.db
offline_store:
  type: duckdb
{online_store}entity_key_serialization_version: 3
"""

_DEFINITIONS = '''\
"""Feast objects of this home's table, whose columns are in encoding.json.

Written by `holdfast quickstart`.
"""

from pathlib import Path

from features.flat.repository import definitions

entity, source, view, service = definitions(Path(__file__).parent)
'''


class TableRepository:
    """The Feast repository below a home directory.

    Parameters
    ----------
    home : Home
        The home directory; the repository is its ``features`` directory.
    online : OnlineSettings, optional
        Where the newest features go from now on. Default: where they went so far, packed files in
        a new repository.
    """

    def __init__(self, home: Home, online: OnlineSettings | None = None) -> None:
        self._online = online
        self.directory = home.features

    def write(self, encoding: Encoding, ids: list[str], times: Times, matrix: Floats) -> None:
        """Replace the feature table and the definitions, and apply them.

        Parameters
        ----------
        encoding : Encoding
            What the k columns are.
        ids : list of str
            The n customers, each once.
        times : (n,) datetime64[us]
            When each row was true, UTC; also its created time.
        matrix : (n, k) float64
            Encoded features, NaN for missing.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        write_beside(self.directory / "feature_store.yaml", self._configuration())
        write_beside(self.directory / "definitions.py", _DEFINITIONS)
        write_beside(self.directory / "encoding.json", _dump(encoding))
        self._write_table(encoding, ids, times, matrix)
        self._feast().apply(list(definitions(self.directory)))

    def historical(self, ids: list[str], times: Times) -> Floats:
        """Features of customers as known at given times, through Feast's point-in-time join.

        Returns
        -------
        (n, k) float64
            In the rows' order and the service's columns.
        """
        store = self._feast()
        rows = pa.table(
            {ID: ids, TIME: pa.array(times, pa.timestamp("us")).cast(pa.timestamp("us", "UTC"))}
        ).to_pandas()
        with progress("Reading features as known then (Feast)"):
            rows = store.get_historical_features(
                rows, store.get_feature_service(SERVICE)
            ).to_arrow()
        position = {entity: row for row, entity in enumerate(rows[ID].to_pylist())}
        order = pa.array([position[entity] for entity in ids])
        features = self.encoding().features
        return np.column_stack([_floats(rows[name].take(order)) for name in features])

    def materialize(self) -> None:
        """Write the feature table to the online store, and record the interval in Feast's registry.

        The table is the whole truth: customers who are no longer in it are gone, and earlier times
        replace later ones.
        """
        table = pq.read_table(self.table)
        times = table[TIME].cast(pa.timestamp("us")).to_numpy()
        store = self._feast()
        if store.config.online_store.type == PACKED_TYPE:
            self._write_packed(table, times)
        else:
            _write_through_feast(store, table)
        self._record_materialization(times)

    def encoding(self) -> Encoding:
        """The encoding that the repository holds."""
        return read_encoding(self.directory)

    @property
    def table(self) -> Path:
        """The feature table."""
        return self.directory / _TABLE

    def _configuration(self) -> str:
        before = self._old_configuration()
        settings = self._online or configured_store(before)
        # Homes may share a Redis server: there a project's name is part of every key, so each home
        # has its own, for good.
        known = re.search(r"^project: (holdfast_\w+)$", before, re.MULTILINE)
        own = known[1] if known else f"holdfast_{uuid4().hex[:12]}"
        project = own if settings.online_store == "redis" else "holdfast"
        return _CONFIGURATION.format(project=project, online_store=online_store_section(settings))

    def _old_configuration(self) -> str:
        path = self.directory / "feature_store.yaml"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def _write_table(
        self, encoding: Encoding, ids: list[str], times: Times, matrix: Floats
    ) -> None:
        in_utc = pa.array(times, pa.timestamp("us")).cast(pa.timestamp("us", "UTC"))
        arrays: dict[str, pa.Array] = {
            ID: pa.array(ids, pa.string()),
            TIME: in_utc,
            CREATED: in_utc,
        }
        for position, column in enumerate(encoding.columns):
            values = pa.array(matrix[:, position], from_pandas=True)
            arrays[column.feature] = (
                values.cast(pa.int64()) if column.kind == "category" else values
            )
        beside = self.table.with_suffix(".parquet.new")
        pq.write_table(pa.table(arrays), beside)
        beside.replace(self.table)

    def _write_packed(self, table: pa.Table, times: Times) -> None:
        encoding = self.encoding()
        matrix = np.column_stack([_floats(table[name]) for name in encoding.features])
        store = PackedStore(online_directory(self.directory), create=True)
        with progress("Writing features for serving"):
            # First the encoding: it only grows, so that it also reads the records still there.
            publish_service(
                store,
                OnlineLayout(
                    name=SERVICE,
                    entity=ID,
                    views=(OnlineView(VIEW, ID, encoding.features, ttl_days=None),),
                    links=None,
                    encoded=encoding.columns,
                ),
            )
            store.replace(VIEW, encoding.features, table[ID].to_pylist(), times, matrix)

    def _record_materialization(self, times: Times) -> None:
        store = self._feast()
        start, end = (time.item().replace(tzinfo=UTC) for time in (times.min(), times.max()))
        view = store.get_feature_view(VIEW)
        store.registry.apply_materialization(
            view, store.project, start, max(end, start + timedelta(microseconds=1))
        )

    def _feast(self) -> "FeatureStore":
        return open_feast(self.directory)


def definitions(directory: Path) -> tuple[Any, Any, Any, Any]:
    """Feast's entity, source, feature view and feature service for the encoding in a repository.

    Parameters
    ----------
    directory : Path
        The repository; it holds ``encoding.json``.
    """
    from feast import Entity, FeatureService, FeatureView, Field, FileSource, ValueType
    from feast.types import Float64, Int64

    encoding = read_encoding(directory)
    entity = Entity(
        name="customer", join_keys=[ID], value_type=ValueType.STRING, description="Who is scored"
    )
    # Absolute, because the DuckDB store resolves a relative path against the working directory;
    # each run applies it anew.
    source = FileSource(
        name=VIEW,
        path=str(directory.absolute() / _TABLE),
        timestamp_field=TIME,
        created_timestamp_column=CREATED,
    )
    fields = [
        Field(
            name=column.feature,
            dtype=Int64 if column.kind == "category" else Float64,
            description=f"Column {column.name!r} of the team's table: {column.why}",
            tags={"column": column.name, "kind": column.kind},
        )
        for column in encoding.columns
    ]
    view = FeatureView(name=VIEW, entities=[entity], ttl=timedelta(0), schema=fields, source=source)
    return entity, source, view, FeatureService(name=SERVICE, features=[view])


def snapshot_time(time: datetime, rows: int) -> Times:
    """The same time for every row: (rows,) datetime64[us] in UTC."""
    return np.full(rows, np.datetime64(time.astimezone(UTC).replace(tzinfo=None), "us"))


def _write_through_feast(store: "FeatureStore", table: pa.Table) -> None:
    with progress("Writing features for serving", table.num_rows) as advance:
        for batch in table.to_batches(max_chunksize=5_000):
            # Whole numbers stay such beside missing ones.
            store.write_to_online_store(VIEW, df=batch.to_pandas(integer_object_nulls=True))
            advance(batch.num_rows)
    online = store._get_provider().online_store
    online.keep_only(store.config, store.get_feature_view(VIEW), table[ID].to_pylist())


def _dump(encoding: Encoding) -> str:
    return json.dumps(encoding.to_json(), ensure_ascii=False, indent=1) + "\n"


def _floats(values: pa.ChunkedArray) -> Floats:
    return np.array(values.cast(pa.float64()).to_numpy(), dtype=np.float64)
