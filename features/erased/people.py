"""People who are to be erased or exported, with every id that the raw tables know them by."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.contracts.tables import TABLES, Table
from features.contracts.vocabulary import ARRIVED, HAPPENED

PERSON_KINDS = ("customer_id", "subscription_id", "account_id")
"""Columns of raw tables that say whose a row is. An id is known by its kind, the name of the
column, because a customer and a subscription may have the same."""

IdsByKind = Mapping[str, Collection[str]]


def columns_of_people(table: Table) -> dict[str, str]:
    """Columns of a table that say whose a row is, with the kind of id in each.

    A table that names neither customer nor subscription nor account belongs to whoever the rows
    that it refers to belong to. Plans, cells and incidents are nobody's.

    >>> columns_of_people(TABLES["care_outcomes"])
    {'contact_id': 'contact_id'}
    >>> columns_of_people(TABLES["plans"])
    {}
    """
    own = {name: name for name in PERSON_KINDS if name in table.columns}
    if own:
        return own
    references = {
        name: column.metadata["references"] for name, column in table.schema.columns.items()
    }
    return {
        name: TABLES[other].key[0]
        for name, other in references.items()
        if other in TABLES and any(kind in TABLES[other].columns for kind in PERSON_KINDS)
    }


def refused_kinds() -> tuple[str, ...]:
    """Kinds of ids by which rows of people are told."""
    named = (columns_of_people(table).values() for table in TABLES.values())
    return tuple(dict.fromkeys(kind for kinds in named for kind in kinds))


@dataclass(frozen=True)
class People:
    """Customers with their ids.

    Parameters
    ----------
    by_customer : mapping of str to mapping
        By customer, its ids by kind, the customer's own among them.
    shared : mapping of str to tuple of str
        By customer, ids that others have, too, in words: they stay.
    """

    by_customer: Mapping[str, IdsByKind]
    shared: Mapping[str, tuple[str, ...]]

    @property
    def customers(self) -> tuple[str, ...]:
        """The customers."""
        return tuple(self.by_customer)

    @cached_property
    def ids(self) -> dict[str, frozenset[str]]:
        """All ids by kind."""
        kinds = dict.fromkeys(kind for ids in self.by_customer.values() for kind in ids)
        return {
            kind: frozenset(one for ids in self.by_customer.values() for one in ids.get(kind, ()))
            for kind in kinds
        }

    @property
    def refused(self) -> dict[str, IdsByKind]:
        """By customer, the ids by which rows are refused from now on."""
        kinds = refused_kinds()
        return {
            customer: {kind: some for kind, some in ids.items() if kind in kinds}
            for customer, ids in self.by_customer.items()
        }

    def own(self, rows: pa.Table, columns: Mapping[str, str]) -> NDArray[np.bool_]:
        """Of each of n rows, whether it is theirs: (n,) bool.

        Parameters
        ----------
        rows : pyarrow.Table
            With any of the columns.
        columns : mapping of str to str
            Kind of the ids in each column.
        """
        theirs = np.zeros(len(rows), dtype=np.bool_)
        for column, kind in columns.items():
            if column in rows.column_names and kind in self.ids:
                values = pa.array(sorted(self.ids[kind]), rows.schema.field(column).type)
                theirs |= pc.is_in(rows[column], values).to_numpy()
        return theirs


def find_people(customers: Sequence[str], raw: Path, others: Sequence[Path] = ()) -> People:
    """Find the ids of customers.

    A subscription is the customer's who has it now. An account is the customer's unless others
    have it, too.

    Parameters
    ----------
    customers : sequence of str
        Their ids.
    raw : Path
        Raw tables: ``<table>/*.parquet``.
    others : sequence of Path
        Parquet files that have the column customer_id, and other ids in rows of theirs.
    """
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA found")
        connection.execute("CREATE TABLE found.ids (customer VARCHAR, kind VARCHAR, id VARCHAR)")
        connection.execute("CREATE TABLE found.shared (customer VARCHAR, about VARCHAR)")
        asked = pa.table({"customer": pa.array(list(dict.fromkeys(customers)), pa.string())})
        connection.register("asked", asked)
        connection.execute(
            "INSERT INTO found.ids SELECT customer, 'customer_id', customer FROM asked"
        )
        tables: dict[str, frozenset[str]] = {}
        for name in TABLES:
            if files := [str(path) for path in sorted((raw / name).glob("*.parquet"))]:
                # Files of earlier releases lack some columns.
                relation = connection.read_parquet(files, union_by_name=True)
                relation.create_view(name)
                tables[name] = frozenset(relation.columns)
        if "subscriptions" in tables:
            _find_subscriptions(connection)
        _find_accounts(connection, tables)
        for name in tables:
            _find_keys(connection, TABLES[name], tables[name])
        for path in others:
            _find_in(connection, path)
        rows = connection.execute(
            "SELECT DISTINCT customer, kind, id FROM found.ids WHERE id IS NOT NULL ORDER BY ALL"
        ).fetchall()
        shared = connection.execute("SELECT DISTINCT * FROM found.shared ORDER BY ALL").fetchall()
    by_customer: dict[str, dict[str, list[str]]] = {
        one: {} for one in asked["customer"].to_pylist()
    }
    for customer, kind, id_ in rows:
        by_customer[customer].setdefault(kind, []).append(id_)
    notes: dict[str, list[str]] = {}
    for customer, about in shared:
        notes.setdefault(customer, []).append(about)
    return People(by_customer, {customer: tuple(some) for customer, some in notes.items()})


def _find_subscriptions(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(f"""
        CREATE TABLE found.holders AS
        SELECT subscription_id, customer_id FROM subscriptions
        QUALIFY row_number() OVER (
            PARTITION BY subscription_id ORDER BY {HAPPENED} DESC, {ARRIVED} DESC
        ) = 1
    """)
    connection.execute("""
        INSERT INTO found.ids SELECT ids.customer, 'subscription_id', subscription_id
        FROM found.holders JOIN found.ids ON ids.kind = 'customer_id' AND ids.id = holders.customer_id
    """)
    connection.execute("""
        INSERT INTO found.shared SELECT DISTINCT ids.customer,
            'a subscription that another customer has now: only the rows that name this customer go'
        FROM subscriptions
        JOIN found.ids ON ids.kind = 'customer_id' AND ids.id = subscriptions.customer_id
        WHERE subscription_id NOT IN (SELECT id FROM found.ids WHERE kind = 'subscription_id')
    """)


def _find_accounts(
    connection: duckdb.DuckDBPyConnection, tables: Mapping[str, frozenset[str]]
) -> None:
    """Accounts that rows of the customers name; a customer without one has its own id as account."""
    connection.execute("CREATE TABLE found.accounts (customer VARCHAR, account VARCHAR)")
    for name, columns in tables.items():
        if "account_id" in columns and "customer_id" in columns:
            connection.execute(
                f"INSERT INTO found.accounts SELECT DISTINCT customer_id, account_id FROM {name} WHERE account_id IS NOT NULL"
            )
        elif "account_id" in columns and "subscription_id" in columns and "subscriptions" in tables:
            connection.execute(
                f"INSERT INTO found.accounts SELECT DISTINCT customer_id, account_id FROM {name}"
                " JOIN found.holders USING (subscription_id) WHERE account_id IS NOT NULL"
            )
    connection.execute(
        "INSERT INTO found.accounts SELECT id, id FROM found.ids WHERE kind = 'customer_id'"
    )
    of_others = """
        SELECT account FROM found.accounts
        WHERE customer NOT IN (SELECT id FROM found.ids WHERE kind = 'customer_id')
    """
    connection.execute(f"""
        INSERT INTO found.ids SELECT customer, 'account_id', account FROM found.accounts
        WHERE customer IN (SELECT id FROM found.ids WHERE kind = 'customer_id')
          AND account NOT IN ({of_others})
    """)
    connection.execute(f"""
        INSERT INTO found.shared SELECT DISTINCT customer,
            'an account that other customers have, too: its bills and payments stay'
        FROM found.accounts
        WHERE customer IN (SELECT id FROM found.ids WHERE kind = 'customer_id') AND account IN ({of_others})
    """)


def _find_keys(connection: duckdb.DuckDBPyConnection, table: Table, has: frozenset[str]) -> None:
    """Ids that rows of the customers have themselves, such as those of contacts and tickets, unless
    rows of others have them, too.
    """
    key = table.key[0]
    columns = {name: kind for name, kind in columns_of_people(table).items() if name in has}
    if key in PERSON_KINDS or key in columns or not key.endswith("_id") or not columns:
        return
    owners = " UNION ALL ".join(
        f"""SELECT rows."{key}" AS key, ids.customer FROM {table.name} AS rows
            JOIN found.ids ON ids.kind = '{kind}' AND ids.id = rows."{column}" """
        for column, kind in columns.items()
    )
    theirs = " OR ".join(
        f"""coalesce("{column}" IN (SELECT id FROM found.ids WHERE kind = '{kind}'), false)"""
        for column, kind in columns.items()
    )
    connection.execute(f"""
        INSERT INTO found.ids SELECT DISTINCT customer, '{key}', key FROM ({owners})
        WHERE key NOT IN (SELECT "{key}" FROM {table.name} WHERE NOT ({theirs}))
    """)


def _find_in(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    names = pq.read_schema(path).names
    rows = connection.read_parquet(str(path))
    rows.create_view("others", replace=True)
    for kind in ("subscription_id", "interaction_id"):
        if kind in names:
            connection.execute(f"""
                INSERT INTO found.ids SELECT DISTINCT ids.customer, '{kind}', others.{kind}
                FROM others JOIN found.ids ON ids.kind = 'customer_id' AND ids.id = others.customer_id
                WHERE others.{kind} IS NOT NULL
            """)
