"""The files of one snapshot, each view's computed and written."""

import logging
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path

import duckdb

from features.compute.files import link_rows, view_rows, write_rows
from features.compute.population import sampled, take_snapshot
from features.compute.queries import SUMMARIES, asked_for
from features.compute.whole import Whole
from features.fields import LINKS, FeatureCatalogue
from features.sql.expressions import files_sql, time_sql
from features.sql.raw import RawTables
from features.views import experience
from features.views.declaration import ENTITIES, OwnView, View
from holdfast.errors import InputError
from holdfast.logging import Advance
from holdfast.zone import day_of, days_later, monday_before

NEWEST = "newest.parquet"
LINK_TABLES = {f"{entity}_links": entity for entity in LINKS}
"""Files of whom entities belong to, and the entity of each."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Snapshot:
    """A time at which features are computed.

    Parameters
    ----------
    at : datetime
        The cut-off, in UTC: a midnight of the operator's.
    share : float
        Share of customers that rows are made for.
    file : str
        Its file's path below each view's folder.
    zone : tzinfo
        The operator's.
    """

    at: datetime
    share: float
    file: str
    zone: tzinfo = UTC

    @property
    def name(self) -> str:
        """What reports call it."""
        return "newest" if self.file == NEWEST else str(day_of(self.at, self.zone))

    @property
    def monday(self) -> datetime:
        """The Monday of its week."""
        return monday_before(self.at, self.zone)

    @property
    def contacts_after(self) -> datetime:
        """Contacts that arrived after this time and by the cut-off belong to the snapshot.

        They are those of one week, whole or begun.
        """
        return self.monday if self.monday < self.at else days_later(self.monday, -7, self.zone)


@dataclass(frozen=True, kw_only=True)
class SnapshotWriter:
    """Writes views of snapshots.

    Parameters
    ----------
    directory : Path
        The build's.
    whole : Whole
        What concerns the whole operator.
    catalogue : FeatureCatalogue
        The views.
    queries : mapping of str to str
        SQL of every view (see `features.compute.queries`).
    """

    directory: Path
    whole: Whole
    catalogue: FeatureCatalogue
    queries: Mapping[str, str]

    def path(self, snapshot: Snapshot, table: str) -> Path:
        """Where a snapshot of a view lies."""
        return self.directory / "tables" / table / snapshot.file

    def write(
        self, raw: RawTables, snapshot: Snapshot, tables: Mapping[str, str], advance: Advance
    ) -> None:
        """Compute and write views of a snapshot.

        Parameters
        ----------
        raw : RawTables
            The session to compute in. Its bounds are moved.
        snapshot : Snapshot
            The snapshot.
        tables : mapping of str to str
            The views, and the digests of what each is computed from.
        advance : callable
            Told of every view that is written.
        """
        self.prepare(raw, snapshot)
        for table in _in_order(tables):
            begun = time.monotonic()
            rows = self._rows(raw, table, snapshot)
            with _naming(self.catalogue.views.get(table)):
                write_rows(raw.connection, rows, self.path(snapshot, table), tables[table])
            _log.debug("%s of %s: %.2f s", table, snapshot.name, time.monotonic() - begun)
            advance(1)

    def prepare(self, raw: RawTables, snapshot: Snapshot) -> None:
        """Make the tables that views of a snapshot are computed from."""
        begun = time.monotonic()
        raw.bound(snapshot.at, snapshot.at)
        take_snapshot(raw, snapshot.at, snapshot.share)
        self.whole.baselines.load(raw, snapshot.monday)
        for name, query in SUMMARIES.items():
            raw.connection.execute(
                f"CREATE OR REPLACE TEMP TABLE {name} AS {query(time_sql(snapshot.at))}"
            )
        _log.debug("population of %s: %.2f s", snapshot.name, time.monotonic() - begun)

    def _rows(self, raw: RawTables, table: str, snapshot: Snapshot) -> str:
        if table in LINK_TABLES:
            entity = LINK_TABLES[table]
            return link_rows(ENTITIES[entity], LINKS[entity], asked_for(entity))
        if table == "experience":
            for source in experience.SOURCES:
                self._show_stored(raw, source, snapshot)
        if table == "contact":
            _ask_contacts(raw, snapshot)
        disabled = self.catalogue.disabled_features(self.whole.tables)
        return view_rows(self.catalogue.views[table], self.queries[table], disabled.get(table, ()))

    def _show_stored(self, raw: RawTables, view: str, snapshot: Snapshot) -> None:
        file = files_sql([self.path(snapshot, view)])
        raw.connection.execute(f"""
            CREATE OR REPLACE TEMP VIEW stored_{view} AS
            SELECT * EXCLUDE (event_timestamp, created_timestamp), {time_sql(snapshot.at)} AS cutoff FROM {file}
        """)


@contextmanager
def _naming(view: View | None) -> Iterator[None]:
    """Name the file of a home's own view where its SQL fails."""
    try:
        yield
    except duckdb.Error as error:
        if not isinstance(view, OwnView):
            raise
        text = str(error).splitlines()[0]
        raise InputError(
            str(view.sql_path), f"{text}; `holdfast features check` says more"
        ) from None


def asked_contacts(snapshot: Snapshot) -> str:
    """SQL of the contacts that a snapshot asks about, each as of its own close."""
    return f"""
        SELECT interaction_id, arg_min(happened_at, arrived_at) AS cutoff
        FROM interactions
        GROUP BY interaction_id
        HAVING min(arrived_at) > {time_sql(snapshot.contacts_after)}
           AND {sampled("arg_min(customer_id, arrived_at)", snapshot.share)}
    """


def _ask_contacts(raw: RawTables, snapshot: Snapshot) -> None:
    """Ask about the contacts whose first version arrived in the snapshot's week."""
    raw.bound(snapshot.contacts_after, snapshot.at)
    raw.connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {asked_for('contact')} AS {asked_contacts(snapshot)}"
    )
    earliest = raw.connection.execute(
        f"SELECT make_timestamptz(epoch_us(min(cutoff))) FROM {asked_for('contact')}"
    ).fetchone()
    if earliest and earliest[0]:
        raw.bound(earliest[0], snapshot.at)


def _in_order(tables: Collection[str]) -> list[str]:
    """Views in the order in which they can be computed.

    No view comes before one that it reads, nor after the bounds of raw tables are moved for
    another.
    """
    last = ("experience", "contact")
    return [table for table in tables if table not in last] + [
        table for table in last if table in tables
    ]
