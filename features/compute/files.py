"""Feature files: how the rows of a view are stored, with the digest of what they come from.

A file holds the entity's id, ``event_timestamp`` and ``created_timestamp`` (both the cut-off, never
the clock of the build) and the features, rounded, in order of the ids. The same rows give the same
bytes. The digest of what it was computed from stands in the file itself, so that a file and its
digest cannot part when a build is killed.
"""

from collections.abc import Collection, Sequence
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from features.sql.expressions import quoted, text_sql
from features.views.declaration import View

DIGEST = "holdfast.digest"
_WHOLE = ", ".join(map(text_sql, ("BOOLEAN", "INTEGER", "BIGINT", "HUGEINT")))
_TIMES = "make_timestamptz(epoch_us(cutoff)) AS event_timestamp, make_timestamptz(epoch_us(cutoff)) AS created_timestamp"


def rounded(column: str) -> str:
    """SQL: a value as it is stored, to 4 digits; null where it is no finite number.

    Rounded twice: sums over several threads differ in the last bits, and the first rounding takes
    those away before the second decides which way a half goes. Adding nothing turns minus zero into
    zero.
    """
    # DuckDB settles the type of a column before it runs, so counts are not rounded at all. Its own
    # `round` to some digits asks for the power of ten again for each value.
    number = f"{column}::DOUBLE"
    return f"""
        CASE
            WHEN typeof({column}) IN ({_WHOLE}) THEN {number}
            WHEN isfinite({number}) THEN round(round({number} * 1e9) / 1e9 * 1e4) / 1e4 + 0.0
        END
    """


def view_rows(view: View, query: str, disabled: Collection[str]) -> str:
    """SQL: a view's rows as they are stored.

    Parameters
    ----------
    view : View
        The view.
    query : str
        SQL that gives its join key, `cutoff` and features.
    disabled : collection of str
        Features that are null for everybody, because a table they need is absent.
    """
    features = [
        f"{'NULL::DOUBLE' if name in disabled else rounded(quoted(name))} AS {quoted(name)}"
        for name in view.columns
    ]
    return f"SELECT {view.join_key}, {_TIMES}, {', '.join(features)} FROM ({query}) ORDER BY {view.join_key}, cutoff"


def link_rows(join_key: str, linked: Sequence[str], asked: str) -> str:
    """SQL: whom each asked entity belongs to, as it is stored."""
    columns = ", ".join(f"linked_{entity}" for entity in linked)
    return f"SELECT {join_key}, {_TIMES}, {columns} FROM {asked} ORDER BY {join_key}, cutoff"


def write_rows(connection: duckdb.DuckDBPyConnection, rows: str, path: Path, digest: str) -> None:
    """Write the rows of a query to a file: whole, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.part")
    options = f"FORMAT parquet, COMPRESSION snappy, KV_METADATA {{{text_sql(DIGEST)}: {text_sql(digest)}}}"
    connection.execute(f"COPY ({rows}) TO {text_sql(str(beside))} ({options})")
    beside.replace(path)


def digest_of(path: Path) -> str | None:
    """What a file was computed from; None where there is no such file."""
    if not path.exists():
        return None
    digest = (pq.read_metadata(path).metadata or {}).get(DIGEST.encode())
    return digest.decode() if digest else None


def rows_of(path: Path) -> int:
    """How many rows a file has."""
    return int(pq.read_metadata(path).num_rows)
