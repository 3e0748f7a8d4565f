"""Files for teams without webhooks: CSV or Parquet, written beside and moved into place."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from care.delivery.receivers import Files
from holdfast.files import escape_formula, write_beside

COLUMNS = (
    "decision_id",
    "campaign_id",
    "customer_id",
    "subscription_id",
    "action",
    "channel",
    "language",
    "message",
    "send_after",
    "send_before",
    "consent_revision",
)
"""Columns of a file. Times are ISO 8601 in UTC; nothing may be sent outside them."""


def write_file(path: Path, files: Files, rows: Sequence[Mapping[str, str]]) -> Path:
    """Write rows of decisions into a file.

    Parameters
    ----------
    path : Path
        Where, without the ending.
    files : Files
        In which format.
    rows : sequence of mapping
        `COLUMNS` by name, as text; empty where there is none.

    Returns
    -------
    Path
        The file. Nobody ever sees a part of it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = path.with_name(f"{path.name}.{files.format}")
    if files.format == "csv":
        write_beside(whole, _csv(rows))
        return whole
    table = pa.table({name: [row[name] for row in rows] for name in COLUMNS})
    beside = whole.with_name(f".{whole.name}.part")
    pq.write_table(table, beside)
    beside.replace(whole)
    return whole


def _csv(rows: Sequence[Mapping[str, str]]) -> str:
    text = io.StringIO()
    # Every cell is quoted: a carriage return within one would else end the row.
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows({name: escape_formula(value) for name, value in row.items()} for row in rows)
    return text.getvalue()
