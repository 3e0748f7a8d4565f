"""Files of the states that live events start from: each entity's last half year.

Below the directory lie ``<kind>.parquet`` (id, document) and ``states.json``: the cut-off they are
of and the raw tables it had.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from features.compute.files import digest_of, rows_of, write_rows
from features.compute.live_states import link_queries, state_queries
from features.compute.queries import asked_for
from features.live.items import GRACE
from features.sql.raw import RawTables
from holdfast.logging import progress

_ABOUT = "states.json"


@dataclass(frozen=True)
class StateFiles:
    """States of one cut-off.

    Parameters
    ----------
    cutoff : datetime
        The build's, with a time zone.
    tables : frozenset of str
        Raw tables that it had.
    paths : mapping of str to Path
        Files by kind of state and of link.
    """

    cutoff: datetime
    tables: frozenset[str]
    paths: Mapping[str, Path]

    @property
    def rows(self) -> int:
        """How many states there are."""
        return sum(map(rows_of, self.paths.values()))

    @property
    def digest(self) -> str:
        """What identifies states: the cut-off, and what they were computed from."""
        return " ".join(
            [self.cutoff.isoformat(), *(digest_of(path) or "" for path in self.paths.values())]
        )

    def documents(self) -> dict[str, Iterator[pa.RecordBatch]]:
        """Batches with the columns id and document, by kind."""
        return {kind: pq.ParquetFile(path).iter_batches() for kind, path in self.paths.items()}


def are_written(directory: Path, digest: str) -> bool:
    """Whether the directory holds the states of that digest, all of them."""
    states = find_states(directory)
    return states is not None and all(digest_of(path) == digest for path in states.paths.values())


def write_states(
    raw: RawTables, at: datetime, directory: Path, digest: str, tables: Iterable[str]
) -> None:
    """Write the states of a cut-off, those that are not there.

    Parameters
    ----------
    raw : RawTables
        With the population of the cut-off taken and its Monday's baselines loaded.
    at : datetime
        The cut-off.
    directory : Path
        Where the files lie.
    digest : str
        What they are computed from.
    tables : iterable of str
        Raw tables that the build had.
    """
    queries = state_queries(at) | link_queries(at, asked_for("cell"))
    missing = {
        kind: query
        for kind, query in queries.items()
        if digest_of(directory / f"{kind}.parquet") != digest
    }
    raw.bound(at - timedelta(microseconds=GRACE), at)
    with progress("Computing states for live events", len(missing)) as advance:
        for kind, query in missing.items():
            write_rows(raw.connection, query, directory / f"{kind}.parquet", digest)
            advance(1)
    about = {"at": at.isoformat(), "tables": sorted(tables), "kinds": sorted(queries)}
    beside = directory / f".{_ABOUT}.part"
    beside.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    beside.replace(directory / _ABOUT)


def find_states(directory: Path) -> StateFiles | None:
    """The states below a directory; None where there are none."""
    path = directory / _ABOUT
    if not path.exists():
        return None
    about = json.loads(path.read_text(encoding="utf-8"))
    paths = {kind: directory / f"{kind}.parquet" for kind in about["kinds"]}
    return StateFiles(datetime.fromisoformat(about["at"]), frozenset(about["tables"]), paths)
