"""Raw tables of some households, to try features on, and the same tables as they might have been."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.contracts.vocabulary import ARRIVED
from features.sql.expressions import files_sql, quoted
from features.sql.parts import parts_of
from features.sql.raw import READABLE
from holdfast.zone import midnight_before

MOST_CUSTOMERS = 400
"""About how many customers features are tried on."""

Tables = Mapping[str, pa.Table]

_OF_THE_SAMPLE = frozenset(
    {"usage_weeks", "usage_days", "network_weeks", "recharges", "app_events"}
)
"""Tables of which a build of history holds only the rows of sampled customers."""


def sample_tables(raw: Path, names: Collection[str]) -> dict[str, pa.Table]:
    """Rows of some households, of the tables that features read and those that name entities.

    Parameters
    ----------
    raw : Path
        Accepted raw tables: ``<table>/*.parquet``. Only read.
    names : collection of str
        The tables that are read. Those of nobody, such as plans, are taken whole.

    Returns
    -------
    dict of str to Table
        Those that are there; the same for the same tables.
    """
    wanted = [name for name in READABLE if name in {"customers", "subscriptions", *names}]
    tables: dict[str, pa.Table] = {}
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name in wanted:
            if parts := parts_of(raw / name):
                source = files_sql([part.path for part in parts])
                connection.execute(f"CREATE VIEW raw_{name} AS SELECT * FROM {source}")
                tables[name] = pa.table({})
        connection.execute(f"""
            CREATE TABLE households AS
            SELECT household FROM (
                SELECT DISTINCT coalesce('of ' || household_id, 'alone ' || customer_id) AS household,
                customer_id FROM raw_customers
            ) GROUP BY household ORDER BY md5(household) LIMIT {MOST_CUSTOMERS};
            CREATE TABLE chosen AS
            SELECT DISTINCT customer_id, account_id FROM raw_customers
            WHERE coalesce('of ' || household_id, 'alone ' || customer_id) IN (FROM households);
            CREATE TABLE lines AS
            SELECT DISTINCT subscription_id FROM raw_subscriptions
            WHERE customer_id IN (SELECT customer_id FROM chosen);
        """)
        for name in tables:
            table = READABLE[name]
            # A store of an earlier release may lack columns that came later.
            stored = {row[0] for row in connection.execute(f"DESCRIBE raw_{name}").fetchall()}
            columns = ", ".join(
                quoted(one) if one in stored else f"NULL AS {quoted(one)}" for one in table.columns
            )
            rows = connection.execute(
                f"SELECT {columns} FROM raw_{name} WHERE {_of_the_chosen(table.columns)}"
            ).to_arrow_table()
            tables[name] = rows.cast(table.arrow_schema)
    return tables


def _of_the_chosen(columns: Collection[str]) -> str:
    if "subscription_id" in columns:
        return "subscription_id IN (FROM lines)"
    if "customer_id" in columns:
        return "customer_id IN (SELECT customer_id FROM chosen)"
    if "account_id" in columns:
        return (
            "account_id IN (SELECT account_id FROM chosen) OR"
            " account_id IN (SELECT customer_id FROM chosen)"
        )
    return "true"


def newest_midnight(tables: Tables, zone: tzinfo) -> datetime:
    """The operator's last midnight, in UTC, that the rows reach."""
    newest = max(pc.max(table[ARRIVED]).as_py() for table in tables.values() if len(table))
    return midnight_before(newest, zone)


def as_known(tables: Tables, at: datetime) -> dict[str, pa.Table]:
    """The rows that had arrived by a time."""
    limit = pa.scalar(at, pa.timestamp("us", "UTC"))
    return {name: rows.filter(pc.less_equal(rows[ARRIVED], limit)) for name, rows in tables.items()}


def with_later_rows(tables: Tables, at: datetime) -> dict[str, pa.Table]:
    """Tables in another order, with all that arrived after a time, and a later version of every row
    that had arrived by then.
    """
    later = pa.scalar(at + timedelta(hours=1), pa.timestamp("us", "UTC"))
    random = np.random.default_rng(1)
    known = as_known(tables, at)
    changed = {}
    for name, rows in tables.items():
        again = known[name].set_column(
            rows.schema.get_field_index(ARRIVED),
            rows.schema.field(ARRIVED),
            pa.repeat(later, len(known[name])),
        )
        both = pa.concat_tables([rows, again])
        changed[name] = both.take(pa.array(random.permutation(len(both))))
    return changed


def half_of(tables: Tables) -> tuple[dict[str, pa.Table], frozenset[str]]:
    """Tables as a build of history has them where it keeps half of the customers, and those.

    Of weekly tables, recharges and app events it holds the rows of these customers alone; of the
    rest those of their households.
    """
    customers = tables["customers"]
    household = pc.coalesce(customers["household_id"], customers["customer_id"])
    ids = sorted(set(customers["customer_id"].to_pylist()))
    chosen = frozenset(ids[::2])
    kept = pc.is_in(customers["customer_id"], pa.array(sorted(chosen)))
    near = set(
        customers.filter(pc.is_in(household, pc.unique(household.filter(kept))))[
            "customer_id"
        ].to_pylist()
    )
    lines = tables["subscriptions"]
    halved = {}
    for name, rows in tables.items():
        people = chosen if name in _OF_THE_SAMPLE else near
        if "customer_id" in rows.column_names:
            rows = rows.filter(pc.is_in(rows["customer_id"], pa.array(sorted(people))))
        elif "subscription_id" in rows.column_names:
            of = lines.filter(pc.is_in(lines["customer_id"], pa.array(sorted(people))))
            rows = rows.filter(pc.is_in(rows["subscription_id"], pc.unique(of["subscription_id"])))
        halved[name] = rows
    return halved, chosen


def write_tables(tables: Tables, folder: Path) -> Path:
    """Write tables as a raw store has them; gives the folder."""
    for name, rows in tables.items():
        (folder / name).mkdir(parents=True)
        pq.write_table(rows, folder / name / "part-0.parquet")
    return folder
