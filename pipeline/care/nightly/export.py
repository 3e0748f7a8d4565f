"""The nightly export of our own care: what the ledger knows, as parts of the raw tables.

`features.intake` takes the parts in beside the operator's own, so that labels, care exposure and
uplift learn from our own care as from any other system's.
"""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from care.ledger.ledger import Ledger
from features.contracts.tables import TABLES
from features.retained.own_decisions import OWN_CARE_PART
from holdfast.home import Home


def export_care(home: Home, ledger: Ledger) -> dict[str, int]:
    """Write what the ledger knows into ``care/exported`` of the home; the same ledger and the same
    raw tables give the same files.

    Rows about customers whom the raw tables do not know, or no longer know, are left out.

    Parameters
    ----------
    home : Home
        The home.
    ledger : Ledger
        Its ledger.

    Returns
    -------
    dict of str to int
        Rows by raw table. Tables without rows have no file.
    """
    exports = ledger.exports
    contacts = _table("care_contacts", exports.contacts())
    consents = _table("consents", exports.consents())
    if known := _known(home.raw, "customers", "customer_id"):
        contacts = contacts.filter(pc.is_in(contacts["customer_id"], value_set=known))
        consents = consents.filter(pc.is_in(consents["customer_id"], value_set=known))
    if lines := _known(home.raw, "subscriptions", "subscription_id"):
        # A line that the raw tables no longer have leads nowhere.
        is_there = pc.is_in(contacts["subscription_id"], value_set=lines)
        column = pc.if_else(is_there, contacts["subscription_id"], pa.scalar(None, pa.string()))
        place = contacts.schema.get_field_index("subscription_id")
        contacts = contacts.set_column(place, contacts.schema.field(place), column)
    outcomes = _table("care_outcomes", exports.outcomes())
    decisions = contacts["contact_id"].combine_chunks()
    outcomes = outcomes.filter(pc.is_in(outcomes["contact_id"], value_set=decisions))
    tables = {"care_contacts": contacts, "care_outcomes": outcomes, "consents": consents}
    for name, table in tables.items():
        _write(home.exported_care / name / OWN_CARE_PART, table)
    return {name: len(table) for name, table in tables.items()}


def _table(name: str, rows: Iterable[Any]) -> pa.Table:
    return pa.Table.from_pylist([asdict(row) for row in rows], TABLES[name].arrow_schema)


def _known(raw: Path, table: str, column: str) -> pa.Array | None:
    """Ids of a raw table; None where there is no table yet."""
    files = sorted((raw / table).glob("*.parquet"))
    if not files:
        return None
    columns = [pq.read_table(file, columns=[column])[column] for file in files]
    return pc.unique(pa.chunked_array([chunk for one in columns for chunk in one.chunks]))


def _write(path: Path, table: pa.Table) -> None:
    if not len(table):
        path.unlink(missing_ok=True)
        if path.parent.exists():
            path.parent.rmdir()
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    pq.write_table(table, beside)
    if path.exists() and path.read_bytes() == beside.read_bytes():
        # Not touched: what has not changed is not read again.
        beside.unlink()
        return
    beside.replace(path)
