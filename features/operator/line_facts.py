# ruff: noqa: S608  # names in queries come from the catalogue of features and from paths, never from rows
"""What is known of every line in the newest snapshot: chosen features of the line, its customer, its
account and its cell, and who they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from features.fields import LINKS
from features.operator.newest import NewestTable, newest_tables
from features.operator.repository import OperatorRepository
from features.sql.expressions import files_sql, known, quoted, text_sql, time_sql
from features.sql.raw import open_raw
from holdfast.errors import InputError

_LINE = "subscription"
_LINKS = "subscription_links"


@dataclass(frozen=True, kw_only=True)
class FactReading:
    """How facts are read.

    Parameters
    ----------
    at : datetime
        Time of the snapshot (UTC).
    memory_gb : float
        Memory that reading may take before it spills to disk, GB.
    threads : int
        Threads that read.
    """

    at: datetime
    memory_gb: float
    threads: int


def line_facts(
    repository: OperatorRepository, features: Sequence[str], reading: FactReading
) -> pa.Table:
    """Features of every line.

    Parameters
    ----------
    repository : OperatorRepository
        Where the snapshot lies.
    features : sequence of str
        Names of features of lines, customers, accounts or cells.
    reading : FactReading
        How to read.

    Returns
    -------
    pyarrow.Table
        subscription_id, customer_id, and a float64 column for each feature, null where it is not
        known; a row for each line of the snapshot, in order of its id.

    Raises
    ------
    InputError
        There is no such feature, or its view was not built.
    """
    # Views of contacts repeat features of the customer behind the contact.
    declared = repository.catalogue.views
    views = {
        name: view
        for view in declared.values()
        if view.entity in (_LINE, *LINKS[_LINE])
        for name in view.columns
    }
    built = {table.view: table for table in newest_tables(repository)}
    for name in features:
        if name not in views:
            raise InputError("fact", "must be a feature", name)
        if views[name].name not in built:
            raise InputError(
                f"feature {name}", "was not built; run `holdfast features build`", views[name].name
            )
    lines = built[next(view.name for view in declared.values() if view.entity == _LINE)]
    joined = []
    for view in dict.fromkeys(views[name].name for name in features):
        entity = declared[view].entity
        key = "lines.subscription_id" if entity == _LINE else f"links.linked_{entity}"
        joined.append(
            f"LEFT JOIN {_scan(built[view])} AS {view} ON {view}.{built[view].join_key} = {key}"
        )
    columns = [f"{views[name].name}.{quoted(name)}::DOUBLE AS {quoted(name)}" for name in features]
    with duckdb.connect() as connection:
        _configure(connection, repository.directory / "work", reading)
        return connection.execute(
            f"""
            SELECT lines.subscription_id, links.linked_customer AS customer_id{_listed(columns)}
            FROM {_scan(lines)} AS lines
            JOIN {_scan(built[_LINKS])} AS links USING (subscription_id)
            {" ".join(joined)}
            ORDER BY lines.subscription_id
            """
        ).to_arrow_table()


def customers_known(raw: Path, reading: FactReading) -> pa.Table:
    """Who the customers are, as known at the snapshot.

    Parameters
    ----------
    raw : Path
        Directory of the raw store.
    reading : FactReading
        How to read.

    Returns
    -------
    pyarrow.Table
        customer_id, household_id (the customer alone where unknown), time_zone, age_band, language:
        null where not known. In order of the id.
    """
    with open_raw(raw, memory_gb=reading.memory_gb, threads=reading.threads) as tables:
        tables.bound(last=reading.at)
        return tables.connection.execute(
            f"""
            SELECT customer_id, coalesce(household_id, customer_id) AS household_id, time_zone,
                age_band, language
            FROM customers
            WHERE {known("customers", time_sql(reading.at))}
            ORDER BY customer_id
            """
        ).to_arrow_table()


def household_contacts(raw: Path, since: datetime, reading: FactReading) -> pa.Table:
    """Contacts that customers were sent, by whomever, as known at the snapshot.

    Parameters
    ----------
    raw : Path
        Directory of the raw store.
    since : datetime
        Contacts before it are left out.
    reading : FactReading
        How to read.

    Returns
    -------
    pyarrow.Table
        contact_id, customer_id, action, arm and happened_at, those withheld too.
    """
    with open_raw(raw, memory_gb=reading.memory_gb, threads=reading.threads) as tables:
        tables.bound(last=reading.at)
        return tables.connection.execute(
            f"""
            SELECT contact_id, customer_id, action, arm, happened_at
            FROM care_contacts
            WHERE {known("care_contacts", time_sql(reading.at))} AND happened_at > {time_sql(since)}
            ORDER BY happened_at, contact_id
            """
        ).to_arrow_table()


def _scan(table: NewestTable) -> str:
    return files_sql([table.path])


def _listed(columns: Sequence[str]) -> str:
    return "".join(f", {column}" for column in columns)


def _configure(connection: duckdb.DuckDBPyConnection, work: Path, reading: FactReading) -> None:
    for option, value in (
        ("memory_limit", f"{reading.memory_gb}GB"),
        ("temp_directory", str(work)),
        ("threads", str(reading.threads)),
        ("TimeZone", "UTC"),
    ):
        connection.execute(f"SET {option} = {text_sql(value)}")
    connection.execute("SET enable_progress_bar = false")
