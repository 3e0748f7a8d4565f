"""What can go wrong with a night's raw tables, done to a simulated operator's."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from features.intake.verdicts import Verdict

Damage = Callable[[Path, datetime], None]
"""Does something to a folder of raw tables, which are those of a night: the midnight before it."""

_LAST_WEEK = "arrived_at >= getvariable('midnight') - INTERVAL 7 DAY"
_TONIGHT = "arrived_at >= getvariable('midnight') - INTERVAL 1 DAY"


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong.

    Parameters
    ----------
    name : str
        What, in words.
    table : str
        The table in which it must be seen.
    verdict : {"fresh", "late", "thin", "changed", "missing"}
        What it must be called; fresh where intake mends it.
    apply : callable
        Does it to a folder of raw tables, of a night.
    needs : tuple of str
        Other tables that it takes.
    names : str
        What one of the reasons must name.
    """

    name: str
    table: str
    verdict: Verdict
    apply: Damage
    needs: tuple[str, ...] = ()
    names: str = ""

    @property
    def tables(self) -> tuple[str, ...]:
        """Tables that it takes to see it."""
        return ("customers", "subscriptions", self.table, *self.needs)


def rewrite(query: str, *tables: str) -> Damage:
    """Write tables anew: `query` reads ``rows``."""

    def apply(source: Path, midnight: datetime) -> None:
        for table in tables:
            file = source / table / "part-00000.parquet"
            beside = file.with_suffix(".new")
            with duckdb.connect(config={"threads": 1}) as connection:
                connection.execute("SET TimeZone = 'UTC'")
                connection.execute(f"SET VARIABLE midnight = TIMESTAMPTZ '{midnight.isoformat()}'")
                connection.execute(f"CREATE VIEW rows AS SELECT * FROM read_parquet('{file}')")
                for name in ("subscriptions", "customers"):
                    connection.execute(
                        f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{source}/{name}/*.parquet')"
                    )
                connection.execute(f"COPY ({query}) TO '{beside}' (FORMAT parquet)")
            beside.replace(file)

    return apply


def replace(column: str, value: str, table: str, where: str = "true") -> Damage:
    """Give a column another value in some rows."""
    return rewrite(
        f"SELECT * REPLACE (CASE WHEN {where} THEN {value} ELSE {column} END AS {column}) FROM rows",
        table,
    )


def without(condition: str, *tables: str) -> Damage:
    """Leave rows out."""
    return rewrite(f"SELECT * FROM rows WHERE NOT ({condition})", *tables)


def gone(table: str) -> Damage:
    """Remove a table."""
    return lambda source, midnight: shutil.rmtree(source / table)


def duplicated(table: str) -> Damage:
    """Lay a second copy of a table's file beside it."""

    def apply(source: Path, midnight: datetime) -> None:
        file = source / table / "part-00000.parquet"
        shutil.copyfile(file, file.with_name("part-00000 (1).parquet"))

    return apply


def as_csv(
    table: str,
    columns: str = "*",
    share: float = 1.0,
    *,
    delimiter: str = ",",
    times: str = "%Y-%m-%dT%H:%M:%S.%fZ",
    encoding: str = "utf-8",
) -> Damage:
    """Deliver a table as CSV, of which only the first bytes may arrive."""

    def apply(source: Path, midnight: datetime) -> None:
        folder = source / table
        file = folder / "part-00000.csv"
        with duckdb.connect(config={"threads": 1}) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(
                f"""COPY (SELECT {columns} FROM read_parquet('{folder}/*.parquet'))
                TO '{file}' (HEADER, DELIMITER '{delimiter}', TIMESTAMPFORMAT '{times}')"""
            )
        (folder / "part-00000.parquet").unlink()
        content = file.read_text(encoding="utf-8").encode(encoding)
        file.write_bytes(content[: int(len(content) * share)])

    return apply


def together(*steps: Damage) -> Damage:
    """Do one after the other."""

    def apply(source: Path, midnight: datetime) -> None:
        for step in steps:
            step(source, midnight)

    return apply


_REGION = "(SELECT customer_id FROM customers WHERE region = (SELECT mode(region) FROM customers))"

FAULTS: tuple[Fault, ...] = (
    Fault("a week of usage is missing", "usage_weeks", "late", without(_TONIGHT, "usage_weeks")),
    Fault(
        "three quarters of the rows are lost",
        "usage_weeks",
        "thin",
        without("hash(subscription_id) % 4 > 0", "usage_weeks"),
    ),
    Fault(
        "three quarters of tonight's rows are lost",
        "network_weeks",
        "thin",
        without(f"{_TONIGHT} AND hash(subscription_id) % 4 > 0", "network_weeks"),
    ),
    Fault("the table is missing", "network_weeks", "missing", gone("network_weeks")),
    Fault("the table is missing", "interactions", "missing", gone("interactions")),
    Fault(
        "a plan is renamed",
        "subscriptions",
        "changed",
        together(
            replace("plan_id", "'MOB-01-NEW'", "subscriptions", "plan_id = 'MOB-01'"),
            replace("plan_id", "'MOB-01-NEW'", "plans", "plan_id = 'MOB-01'"),
        ),
        ("plans",),
        "MOB-01",
    ),
    Fault(
        "a new channel",
        "interactions",
        "changed",
        replace(
            "channel", "'video'", "interactions", f"{_LAST_WEEK} AND hash(interaction_id) % 3 = 0"
        ),
        names="video",
    ),
    Fault(
        "contacts move to another channel",
        "interactions",
        "changed",
        replace(
            "channel", "'social'", "interactions", f"{_LAST_WEEK} AND channel IN ('phone', 'ivr')"
        ),
        names="social",
    ),
    Fault(
        "a column is renamed",
        "usage_weeks",
        "changed",
        rewrite("SELECT * RENAME (minutes AS voice_minutes) FROM rows", "usage_weeks"),
        names="minutes",
    ),
    Fault(
        "times are eight hours early",
        "app_events",
        "changed",
        replace("happened_at", "happened_at - INTERVAL 8 HOUR", "app_events", _LAST_WEEK),
        names="hour of happened_at",
    ),
    Fault(
        "all times are eight hours early",
        "app_events",
        "changed",
        replace("happened_at", "happened_at - INTERVAL 8 HOUR", "app_events"),
        names="hour of happened_at",
    ),
    Fault(
        "arrival is told in another time zone",
        "app_events",
        "changed",
        replace("arrived_at", "arrived_at + INTERVAL 8 HOUR", "app_events", _LAST_WEEK),
        names="hours to arrive",
    ),
    Fault(
        "rows arrive in the future",
        "app_events",
        "changed",
        replace(
            "arrived_at",
            "arrived_at + INTERVAL 30 DAY",
            "app_events",
            f"{_LAST_WEEK} AND hash(customer_id) % 4 = 0",
        ),
        names="claim to arrive",
    ),
    Fault("a file is there twice", "tickets", "thin", duplicated("tickets"), names="quarantine"),
    Fault(
        "yesterday's file again",
        "network_weeks",
        "late",
        without(_TONIGHT, "network_weeks"),
    ),
    Fault(
        "an export a month old",
        "app_events",
        "late",
        without(
            "arrived_at >= getvariable('midnight') - INTERVAL 30 DAY",
            "app_events",
        ),
    ),
    Fault("a truncated file", "usage_weeks", "late", as_csv("usage_weeks", share=0.6)),
    Fault(
        "ids without their zeros",
        "interactions",
        "thin",
        replace("customer_id", "regexp_replace(customer_id, '^C0+', 'C')", "interactions"),
        names="customer_id",
    ),
    Fault(
        "ids that are in no other table, without their zeros",
        "bills",
        "changed",
        replace("account_id", "regexp_replace(account_id, '^A0+', 'A')", "bills"),
        names="account_id",
    ),
    Fault(
        "everybody has another id",
        "customers",
        "changed",
        together(
            replace("customer_id", "'K' || substr(customer_id, 2)", "customers"),
            replace("customer_id", "'K' || substr(customer_id, 2)", "subscriptions"),
        ),
        names="customer_id",
    ),
    Fault(
        "GB become MB",
        "usage_weeks",
        "changed",
        replace("data_gb", "data_gb * 1024", "usage_weeks", _TONIGHT),
        names="data_gb",
    ),
    Fault(
        "currency becomes cents",
        "payments",
        "changed",
        replace("amount", "amount * 100", "payments", _LAST_WEEK),
        ("bills",),
        "amount",
    ),
    Fault(
        "a column is empty",
        "network_weeks",
        "changed",
        replace("latency_ms", "NULL", "network_weeks", _TONIGHT),
        names="latency_ms",
    ),
    Fault(
        "a column is 0 everywhere",
        "network_weeks",
        "changed",
        replace("throughput_peak_mbps", "0", "network_weeks", _TONIGHT),
        names="throughput_peak_mbps",
    ),
    Fault(
        "a region is missing",
        "usage_weeks",
        "thin",
        without(
            f"{_TONIGHT} AND subscription_id IN (SELECT subscription_id FROM subscriptions WHERE customer_id IN {_REGION})",
            "usage_weeks",
        ),
        names="region",
    ),
    Fault(
        "a product line is missing",
        "usage_weeks",
        "thin",
        without(
            f"{_TONIGHT} AND subscription_id IN (SELECT subscription_id FROM subscriptions WHERE product_line = 'broadband')",
            "usage_weeks",
        ),
        names="broadband",
    ),
    Fault(
        "no tickets for a week",
        "tickets",
        "thin",
        without(_LAST_WEEK, "tickets"),
        names="gone",
    ),
    Fault(
        "withdrawn consents are lost",
        "consents",
        "thin",
        without("state = 'withdrawn'", "consents"),
        names="gone",
    ),
    Fault(
        "amounts with decimal commas",
        "bills",
        "fresh",
        as_csv("bills", "* REPLACE (replace(amount::VARCHAR, '.', ',') AS amount)"),
    ),
    Fault(
        "the oldest months are gone",
        "payments",
        "thin",
        without("arrived_at < TIMESTAMPTZ '2024-04-01 00:00:00+00'", "payments"),
        ("bills",),
        "begins",
    ),
    Fault(
        "CSV in another encoding, with another delimiter and decimal sign",
        "bills",
        "fresh",
        as_csv(
            "bills",
            "* REPLACE (replace(amount::VARCHAR, '.', ',') AS amount)",
            delimiter=";",
            encoding="utf-16",
        ),
    ),
    Fault(
        "times do not tell their zone any more",
        "app_events",
        "thin",
        as_csv("app_events", times="%Y-%m-%d %H:%M:%S"),
        names="--time-zone",
    ),
    Fault(
        "every time is read in a wrong zone",
        "app_events",
        "changed",
        together(
            replace("happened_at", "happened_at + INTERVAL 8 HOUR", "app_events"),
            replace("arrived_at", "arrived_at + INTERVAL 8 HOUR", "app_events"),
        ),
        names="hour of happened_at",
    ),
    Fault(
        "only days are left of times",
        "app_events",
        "changed",
        replace("happened_at", "date_trunc('day', happened_at)", "app_events"),
        names="hour of happened_at",
    ),
    Fault(
        "decimal points are lost",
        "payments",
        "changed",
        as_csv("payments", "* REPLACE (printf('%,d', (amount * 1000)::BIGINT) AS amount)"),
        ("bills",),
        "amount",
    ),
    Fault(
        "two columns change places",
        "usage_weeks",
        "changed",
        rewrite(
            "SELECT * REPLACE (minutes AS data_gb, data_gb AS minutes) FROM rows", "usage_weeks"
        ),
        names="minutes",
    ),
    Fault(
        "every row is there twice",
        "app_events",
        "thin",
        rewrite("SELECT * FROM rows UNION ALL SELECT * FROM rows", "app_events"),
        names="quarantine",
    ),
    Fault(
        "the export stops at its 10,000th row",
        "usage_weeks",
        "late",
        rewrite("SELECT * FROM rows ORDER BY arrived_at LIMIT 10000", "usage_weeks"),
    ),
    Fault(
        "9999 stands for a missing value",
        "network_weeks",
        "changed",
        replace(
            "latency_ms", "9999", "network_weeks", f"{_TONIGHT} AND hash(subscription_id) % 3 = 0"
        ),
        names="latency_ms",
    ),
    Fault(
        "9999-12-31 stands for no minimum term",
        "subscriptions",
        "thin",
        replace(
            "commitment_end_at",
            "TIMESTAMPTZ '9999-12-31 00:00:00+00'",
            "subscriptions",
            "commitment_end_at IS NULL",
        ),
        names="commitment_end_at",
    ),
    Fault(
        "half of the customers are missing",
        "customers",
        "thin",
        without("hash(customer_id) % 2 = 0", "customers"),
        names="gone",
    ),
    Fault(
        "a week of usage is missing, and currency becomes cents",
        "bills",
        "changed",
        together(
            without(_TONIGHT, "usage_weeks"),
            replace("amount", "amount * 100", "bills", _LAST_WEEK),
        ),
        ("usage_weeks",),
        "amount",
    ),
    Fault(
        "last week's rows are sent again as this week's",
        "usage_weeks",
        "fresh",
        rewrite(
            f"""SELECT * FROM rows WHERE NOT ({_TONIGHT}) UNION ALL
            SELECT * REPLACE (happened_at + INTERVAL 7 DAY AS happened_at,
                arrived_at + INTERVAL 7 DAY AS arrived_at)
            FROM rows WHERE arrived_at >= getvariable('midnight') - INTERVAL 8 DAY
                AND arrived_at < getvariable('midnight') - INTERVAL 7 DAY""",
            "usage_weeks",
        ),
    ),
)
