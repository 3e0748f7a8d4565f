"""Baselines on disk: for each Monday what is usual in a region, and in which region a cell lies.

They are taken over everybody and kept as small files. A Monday's are computed once.
"""

from datetime import UTC, datetime, tzinfo
from pathlib import Path

from features.compute.files import digest_of, write_rows
from features.compute.population import take_snapshot
from features.sql.expressions import files_sql, time_sql
from features.sql.raw import RawTables
from features.sql.region import cell_regions, region_baselines
from features.sql.weeks import RECENT_DAYS
from holdfast.zone import day_of

BASELINES = {"region_baselines": region_baselines, "cell_regions": cell_regions}
"""Relations by name, and the SQL that computes them from the population of a Monday."""


class Baselines:
    """Baselines below a directory.

    Parameters
    ----------
    directory : Path
        One folder for each relation, one file for each Monday in it.
    zone : tzinfo
        The operator's, whose Mondays they are.
    """

    def __init__(self, directory: Path, zone: tzinfo = UTC) -> None:
        self.directory, self.zone = directory, zone

    def path(self, relation: str, monday: datetime) -> Path:
        """Where a Monday's baseline lies."""
        return self.directory / relation / f"{day_of(monday, self.zone)}.parquet"

    def digest(self, monday: datetime) -> str | None:
        """What a Monday's baselines were computed from; None where one is missing."""
        digests = {digest_of(self.path(relation, monday)) for relation in BASELINES}
        return digests.pop() if len(digests) == 1 else None

    def build(self, raw: RawTables, monday: datetime, digest: str) -> None:
        """Compute a Monday's baselines over everybody.

        It leaves the snapshot of that Monday, and its bounds.
        """
        queries = {relation: query(time_sql(monday)) for relation, query in BASELINES.items()}
        raw.bound(monday, monday, RECENT_DAYS)
        take_snapshot(raw, monday)
        for relation, query in queries.items():
            write_rows(raw.connection, query, self.path(relation, monday), digest)

    def load(self, raw: RawTables, *mondays: datetime) -> None:
        """Make the relations `region_baselines` and `cell_regions` of those Mondays."""
        for relation in BASELINES:
            files = files_sql([self.path(relation, monday) for monday in mondays])
            raw.connection.execute(
                f"CREATE OR REPLACE TEMP VIEW {relation} AS SELECT * FROM {files}"
            )
