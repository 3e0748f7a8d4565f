"""From feature tables to the online store: in bulk, and only what is new."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from features.compute.files import digest_of
from features.compute.state_files import find_states
from features.live.batch import LIVE_VIEWS
from features.live.held import HeldLimits
from features.live.store import replace_states
from features.online.feast_layout import layout_of
from features.online.owned import OWNED_COLUMN, OWNED_VIEW
from features.online.service import online_directory, publish_service
from features.online.settings import PACKED_TYPE
from features.operator.newest import NewestTable, newest_tables
from features.operator.repository import TIME, OperatorRepository
from features.packed.bulk_writer import write_batches, write_parquet
from features.packed.store import PackedStore
from holdfast.errors import ModelError
from holdfast.logging import progress

if TYPE_CHECKING:
    from feast import FeatureStore

_ROWS_PER_BATCH = 5_000
_OWNED = (
    "linked_customer AS customer_id, max(event_timestamp) AS event_timestamp,"
    " to_json(list(subscription_id ORDER BY subscription_id))::VARCHAR AS subscriptions"
)


@dataclass(frozen=True)
class Materialized:
    """What was written.

    Parameters
    ----------
    rows : dict of str to int
        Records written, by view.
    skipped : tuple of str
        Views whose newest snapshot was online already.
    """

    rows: dict[str, int]
    skipped: tuple[str, ...]


def materialize(repository: OperatorRepository, limits: HeldLimits | None = None) -> Materialized:
    """Write the newest snapshot of every view into the repository's online store.

    An older value never overwrites a newer one. Views that are online already are skipped; a run
    that was killed is completed by the next one.

    Parameters
    ----------
    repository : OperatorRepository
        The operator's.
    limits : HeldLimits, optional
        How long live events of unknown ids are held.

    Raises
    ------
    InputError
        No features were built yet.
    ModelError
        The online store does not answer.
    """
    repository.require_tables()
    tables = list(newest_tables(repository))
    repository.apply()
    store = repository.feast()
    if store.config.online_store.type == PACKED_TYPE:
        return _into_packed(repository, store, tables, limits)
    return _through_feast(repository, store, tables)


def _into_packed(
    repository: OperatorRepository,
    store: "FeatureStore",
    tables: list[NewestTable],
    limits: HeldLimits | None,
) -> Materialized:
    packed = PackedStore(online_directory(repository.directory), create=True)
    rows: dict[str, int] = {}
    for table in tables:
        note, digest = f"materialized/{table.view}", digest_of(table.path)
        if packed.get_document(note) == digest:
            continue
        rows[table.view] = write_parquet(
            packed,
            table.view,
            table.columns,
            table.path,
            id_column=table.join_key,
            time_column=TIME,
        )
        repository.record_materialization(store, table.view, *table.times())
        packed.put_document(note, digest)
    _write_owned(packed, tables)
    _replace_states(repository, packed, limits)
    for service in repository.catalogue.services:
        publish_service(packed, layout_of(store, service))
    return Materialized(rows, tuple(table.view for table in tables if table.view not in rows))


def _write_owned(packed: PackedStore, tables: list[NewestTable]) -> None:
    """Write which subscriptions each customer has, so that a customer's can be asked for."""
    links = next((table for table in tables if table.view == "subscription_links"), None)
    if links is None:
        return
    note, digest = f"materialized/{OWNED_VIEW}", digest_of(links.path)
    if packed.get_document(note) == digest:
        return
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        owned = (
            connection.read_parquet(str(links.path))
            .filter("linked_customer IS NOT NULL")
            .aggregate(_OWNED, "linked_customer")
            .order("customer_id")
        )
        write_batches(
            packed,
            OWNED_VIEW,
            (OWNED_COLUMN,),
            owned.to_arrow_reader(),
            id_column="customer_id",
            time_column=TIME,
        )
    packed.put_document(note, digest)


def _replace_states(
    repository: OperatorRepository, packed: PackedStore, limits: HeldLimits | None
) -> None:
    # After the records: what events have changed since the build's cut-off is then written over
    # them.
    states = find_states(repository.directory / "states")
    if states is None:
        return
    # A view whose columns changed was emptied: what events had written there is written anew.
    note, digest = "materialized/states", f"{states.digest} {LIVE_VIEWS}"
    if packed.get_document(note) != digest:
        replace_states(
            packed, states.cutoff, states.tables, states.documents(), states.rows, limits
        )
        packed.put_document(note, digest)


def _through_feast(
    repository: OperatorRepository, store: "FeatureStore", tables: list[NewestTable]
) -> Materialized:
    rows: dict[str, int] = {}
    for table in tables:
        file = pq.ParquetFile(table.path)
        with progress(f"Writing {table.view} for serving", file.metadata.num_rows) as advance:
            for batch in file.iter_batches(_ROWS_PER_BATCH):
                try:
                    store.write_to_online_store(
                        table.view, df=pa.Table.from_batches([batch]).to_pandas()
                    )
                except Exception as error:  # each store's client has errors of its own
                    raise ModelError(
                        "online store", f"does not answer: {type(error).__name__}: {error}"
                    ) from error
                advance(batch.num_rows)
        repository.record_materialization(store, table.view, *table.times())
        rows[table.view] = file.metadata.num_rows
    return Materialized(rows, ())
