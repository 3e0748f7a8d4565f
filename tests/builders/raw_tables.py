"""Raw tables to try things on: small, awkward and valid, drawn from the contracts themselves.

What is awkward about them: rows in no order, many rows at the same moment, moments that fall on
Monday 00:00 to the microsecond, corrections that arrive later (some move `happened_at`), states
told late and out of order, nulls wherever a column may be null, ids with leading zeros, customers
without household or account, subscriptions that change hands, texts with commas and line breaks.
What is sound: every table obeys its contract, identities are unique, every id is found in the table
it refers to, and all steps of an order or an appointment are the same customer's."""

import zlib
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from features.contracts.tables import ARRIVED, HAPPENED, TABLES, Table

START = datetime(2025, 1, 6, tzinfo=UTC)
"""A Monday."""

LATE_DAYS = 7
_DAY_US = 86_400_000_000
_HOUR_US = _DAY_US // 24
_NULL_SHARE, _CORRECTED_SHARE = 0.15, 0.15
_SCALES = {"csat": (1, 5), "nps": (0, 10), "ces": (1, 7), "other": (0, 100)}
_BEFORE = {
    "first_seen_at",
    "activated_at",
    "plan_since_at",
    "released_at",
    "last_used_at",
    "oldest_due_at",
    "started_at",
    "notice_at",
}
_TEXTS = ("", "slow, again", 'said "never"\nand hung up', "信号不好", "0", "null")
_POOLS = {
    "plan_id": ("plan", 5),
    "household_id": ("h", 8),
    "home_cell_id": ("cell", 4),
    "area_id": ("cell", 4),
    "region": ("region", 3),
    "agent_id": ("agent", 3),
    "campaign_id": ("campaign", 3),
    "action": ("action", 4),
}
_SHARE_OF_CUSTOMERS = {"notice_id": 0.1}
"""How many ids there are of kinds that are rarer than three per customer: who has given notice is at
risk of nothing.
"""

_RARE = {"subscriptions.status": ("pending_terminate", "other")}
"""Values that hardly any row has, because rows with them are at risk of nothing."""

_WORDS = {
    "time_zone": ("Asia/Shanghai", "Europe/Berlin", "America/St_Johns"),
    "language": ("en", "zh-Hans", "zh-Hant"),
}
_OWN_IDS = {
    "bill_id": "bills",
    "payment_id": "payments",
    "refund_id": "refunds",
    "order_id": "orders",
    "appointment_id": "appointments",
    "request_id": "port_requests",
    "interaction_id": "interactions",
    "ticket_id": "tickets",
    "incident_id": "incidents",
    "invitation_id": "survey_invitations",
    "contact_id": "care_contacts",
    "notice_id": "notices",
}

Columns = dict[str, Any]


def raw_tables(
    seed: int,
    customers: int = 20,
    *,
    start: datetime = START,
    days: int = 120,
    only: Collection[str] = tuple(TABLES),
) -> dict[str, pa.Table]:
    """Draw raw tables.

    Parameters
    ----------
    seed : int
        Same arguments, same tables; a table does not depend on which others are asked for.
    customers : int
        How many customers; they have one to three subscriptions each.
    start : datetime
        First moment of the period, with a time zone.
    days : int
        Its length. Things begin before it (subscriptions up to 400 days) and rows arrive up to 60
        days after it.
    only : collection of str
        The tables wanted. Ids that refer to a table left out are drawn all the same.

    Returns
    -------
    dict of str to pyarrow.Table
        Typed exactly as the contracts say.
    """
    world = _World(
        seed,
        customers,
        int((start - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1)),
        days,
    )
    return {name: _draw(table, world) for name, table in TABLES.items() if name in only}


def in_zone(tables: Mapping[str, pa.Table], zone: tzinfo) -> dict[str, pa.Table]:
    """The same tables, but their weeks and days begin at midnights of a zone; rows arrive as long
    after them.
    """
    return {name: _in_zone(table, zone) for name, table in tables.items()}


def _in_zone(table: pa.Table, zone: tzinfo) -> pa.Table:
    begin = next((name for name in table.column_names if name.endswith("_start_at")), None)
    if begin not in ("week_start_at", "day_start_at") or zone is UTC:
        return table
    frame = table.to_pandas(types_mapper=pd.ArrowDtype)
    moved = {
        name: frame[name].astype("datetime64[us, UTC]").dt.tz_localize(None).dt.tz_localize(zone)
        for name in (begin, HAPPENED)
    }
    lag = frame[ARRIVED] - frame[HAPPENED]
    moved[ARRIVED] = moved[HAPPENED] + lag.astype("timedelta64[us]")
    columns = {
        name: pa.array(values).cast(table.schema.field(name).type) for name, values in moved.items()
    }
    for name, values in columns.items():
        table = table.set_column(table.column_names.index(name), name, values)
    return table


def write_raw_tables(
    tables: Mapping[str, pa.Table], folder: Path, *, form: str = "parquet", parts: int = 1
) -> Path:
    """Write tables as ``<table>/part-00000.parquet`` and so on, or as ``<table>.csv``; gives the
    folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        if form == "csv":
            pa_csv.write_csv(_readable(table), folder / f"{name}.csv")
            continue
        (folder / name).mkdir(exist_ok=True)
        size = -(-max(len(table), 1) // parts)
        for part in range(parts):
            pq.write_table(
                table.slice(part * size, size), folder / name / f"part-{part:05d}.parquet"
            )
    return folder


def _readable(table: pa.Table) -> pa.Table:
    columns = {}
    for name in table.column_names:
        column = table[name]
        if pa.types.is_timestamp(column.type):
            column = pa.array(
                [None if value is None else value.isoformat() for value in column.to_pylist()],
                pa.string(),
            )
        columns[name] = column
    return pa.table(columns)


class _World:
    """Who there is, and who belongs to whom."""

    def __init__(self, seed: int, customers: int, start_us: int, days: int) -> None:
        self.seed, self.start_us, self.days = seed, start_us, days
        random = self.random("world")
        self.customers = np.array(
            [f"{number:06d}" for number in range(1, customers + 1)], dtype=object
        )
        self.accounts = np.array(
            [f"a{number:05d}" for number in random.integers(1, customers + 1, customers)],
            dtype=object,
        )
        self.accounts = np.where(random.random(customers) < 0.2, self.customers, self.accounts)
        lines = random.choice([1, 1, 2, 3], customers)
        self.owner = np.repeat(np.arange(customers), lines)
        self.subscriptions = np.array(
            [f"{number:07d}" for number in range(len(self.owner))], dtype=object
        )
        self.product_line = random.choice(
            ["mobile", "mobile", "mobile", "broadband", "tv"], len(self.owner)
        ).astype(object)
        mobile = random.choice(["postpaid", "prepaid"], len(self.owner))
        self.billing_type = np.where(self.product_line == "mobile", mobile, "fixed").astype(object)
        self.activated_us = start_us + _rounded(
            random, random.integers(-400, max(days // 2, 1), len(self.owner)) * _DAY_US
        )

    def random(self, name: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, zlib.crc32(name.encode())])

    def ids(self, column: str) -> Any:
        """All ids of a kind; the table they belong to has each."""
        if column in ("customer_id", "subscription_id", "account_id"):
            return getattr(self, f"{column.removesuffix('_id')}s")
        usual = max(int(len(self.customers) * _SHARE_OF_CUSTOMERS.get(column, 3)), 1)
        prefix, count = _POOLS.get(column, (column.removesuffix("_id"), usual))
        return np.array([f"{prefix}-{number:04d}" for number in range(count)], dtype=object)


def _draw(table: Table, world: _World) -> pa.Table:
    random = world.random(table.name)
    columns = _bearers(table, world, random)
    rows = len(next(iter(columns.values())))
    _moments(table, world, random, columns, rows)
    for name in table.columns:
        if name not in columns:
            columns[name] = _values(table, name, world, random, columns, rows)
    frame = pd.DataFrame(columns)[list(table.columns)]
    _make_sense(table, frame, world, random)
    frame = _corrected(table, frame, world, random)
    order = random.permutation(len(frame))
    frame = frame.iloc[order].drop_duplicates(list(table.identity))
    return pa.Table.from_pandas(_nullable(frame), schema=table.arrow_schema, preserve_index=False)


def _bearers(table: Table, world: _World, random: np.random.Generator) -> Columns:
    """Ids that a row hangs on: each id of the table's own kind at least once, others as they
    come.
    """
    first = table.key[0]
    if "week_start_at" in table.key:
        monday = world.start_us - (world.start_us - 4 * _DAY_US) % (7 * _DAY_US)
        weeks = monday + 7 * _DAY_US * np.arange(world.days // 7)
        subscriptions = np.repeat(np.arange(len(world.subscriptions)), len(weeks))
        starts = np.tile(weeks, len(world.subscriptions))
        kept = (starts >= world.activated_us[subscriptions]) & (random.random(len(starts)) < 0.9)
        return {first: world.subscriptions[subscriptions[kept]], "week_start_at": starts[kept]}
    if "day_start_at" in table.key:
        # A daily table that began later than the weekly one, and covers some lines.
        begun = world.start_us - world.start_us % _DAY_US + max(world.days - 75, 0) * _DAY_US
        days = begun + _DAY_US * np.arange(min(world.days, 75))
        covered = np.flatnonzero(random.random(len(world.subscriptions)) < 0.5)
        subscriptions = np.repeat(covered, len(days))
        starts = np.tile(days, len(covered))
        kept = (starts >= world.activated_us[subscriptions]) & (random.random(len(starts)) < 0.8)
        return {first: world.subscriptions[subscriptions[kept]], "day_start_at": starts[kept]}
    ids = world.ids(first)
    own = table.kind == "state" or _OWN_IDS.get(first) == table.name
    repeats = (
        1 + random.poisson(0.7 if own else 2.0, len(ids)) if own else random.poisson(2.0, len(ids))
    )
    if table.kind == "event" and own and table.key == (first,):
        repeats = np.ones(len(ids), dtype=np.int64)
    return {first: np.repeat(ids, repeats)}


def _moments(
    table: Table, world: _World, random: np.random.Generator, columns: Columns, rows: int
) -> None:
    if "week_start_at" in columns:
        happened = columns["week_start_at"] + 7 * _DAY_US
    elif "day_start_at" in columns:
        happened = columns["day_start_at"] + _DAY_US
    else:
        first = -30 if table.kind == "event" else -200
        happened = world.start_us + _rounded(
            random, random.integers(first * _DAY_US, world.days * _DAY_US, rows)
        )
        if table.name in ("customers", "subscriptions", "plans"):
            # The first row of each is old news; later ones are changes.
            new = ~pd.Series(columns[table.key[0]]).duplicated().to_numpy()
            old = {"customers": 500, "plans": 600}.get(table.name)
            old_us = world.activated_us if old is None else world.start_us - old * _DAY_US
            happened = happened.copy()
            happened[new] = old_us
    delays = random.choice(
        [
            0,
            0,
            1,
            _HOUR_US,
            5 * _HOUR_US,
            _DAY_US,
            3 * _DAY_US,
            7 * _DAY_US,
            9 * _DAY_US,
            45 * _DAY_US,
        ],
        rows,
    )
    columns[HAPPENED], columns[ARRIVED] = happened, happened + delays


def _rounded(random: np.random.Generator, moments_us: Any) -> Any:
    """Some to the day, some to the hour, so that several fall together; some as they are."""
    unit = random.choice(
        [_DAY_US, 6 * _HOUR_US, _HOUR_US, 1], len(moments_us), p=[0.4, 0.2, 0.2, 0.2]
    )
    return moments_us // unit * unit


def _values(
    table: Table, name: str, world: _World, random: np.random.Generator, columns: Columns, rows: int
) -> Any:
    column = table.schema.columns[name]
    type_, limits = column.metadata["arrow"], _limits(column)
    if "allowed_values" in limits:
        values = random.choice(np.array(list(limits["allowed_values"]), dtype=object), rows)
        rare = np.isin(values.astype(str), _RARE.get(f"{table.name}.{name}", ()))
        values[rare & (random.random(rows) < 0.8)] = "active"
    elif pa.types.is_timestamp(type_):
        away = _rounded(random, random.integers(-90 * _DAY_US, 90 * _DAY_US, rows))
        values = columns[HAPPENED] + (-np.abs(away) if name in _BEFORE else away)
    elif pa.types.is_boolean(type_):
        values = random.random(rows) < 0.5
    elif pa.types.is_string(type_):
        values = random.choice(
            np.array(_TEXTS if name == "text" else _WORDS.get(name, world.ids(name)), dtype=object),
            rows,
        )
    else:
        low, high = limits.get("min_value", -20), limits.get("max_value", 0)
        drawn = (
            np.minimum(low + random.gamma(1.0, 20.0, rows), high)
            if high
            else low + random.gamma(1.0, 20.0, rows)
        )
        values = np.where(
            random.random(rows) < 0.2, low, drawn.round(0 if pa.types.is_integer(type_) else 2)
        )
    if column.nullable and rows:
        empty = random.random(rows) < _NULL_SHARE
        empty[random.integers(rows)] = True
        values = np.where(empty, None, np.asarray(values, dtype=object))
    return values


def _limits(column: Any) -> dict[str, Any]:
    if column.metadata["unit"] in ("id", "text"):
        return {}
    return {name: value for check in column.checks for name, value in check.statistics.items()}


def _make_sense(
    table: Table, frame: pd.DataFrame, world: _World, random: np.random.Generator
) -> None:
    """Mend what cannot be drawn column by column."""
    rows = len(frame)
    if table.name == "consents":
        # Else hardly anybody would consent in some channel and withdraw in none.
        agrees = frame["customer_id"].astype(str).str[-1].isin(list("02468"))
        frame.loc[agrees & (frame["purpose"] == "traffic_marketing"), "state"] = "granted"
    if {"subscription_id", "customer_id"} <= set(frame) and table.name != "subscriptions":
        position = random.integers(0, len(world.owner), rows)
        frame["subscription_id"] = np.where(
            frame["subscription_id"].isna(), None, world.subscriptions[position]
        )
        if table.key[0] != "customer_id":
            frame["customer_id"] = world.customers[world.owner[position]]
    if table.name in ("orders", "appointments"):
        # All steps of one are the same customer's.
        of = frame.groupby(table.key[0])
        for name in {"customer_id", "subscription_id"} & set(frame):
            frame[name] = of[name].transform(lambda steps: steps.iloc[0])
    if table.name == "subscriptions":
        position = frame["subscription_id"].astype(int).to_numpy()
        owner = world.customers[world.owner[position]]
        frame["customer_id"] = np.where(random.random(rows) < 0.05, frame["customer_id"], owner)
        frame["product_line"], frame["billing_type"] = (
            world.product_line[position],
            world.billing_type[position],
        )
        frame["activated_at"] = world.activated_us[position]
        frame["status"] = np.where(random.random(rows) < 0.7, "active", frame["status"])
        # Examples ask about the first customer, so something can be said of one of its lines.
        first = position == 0
        frame.loc[first, "customer_id"] = world.customers[0]
        frame.loc[first, "status"] = "active"
        # Hardly any line is a test line, or a draw of the population would be empty.
        for flag in ("is_test", "is_employee", "is_iot"):
            frame[flag] = np.where(random.random(rows) < 0.8, False, frame[flag])
            frame.loc[first, flag] = False
        for name in ("replaced_by", "replacement"):
            frame[name] = np.where(random.random(rows) < 0.9, None, frame[name])
        frame["replaced_by"] = frame["replaced_by"].where(
            frame["replaced_by"].isna(), world.subscriptions[0]
        )
    if table.name in ("port_requests", "notices", "churn_events"):
        # Nor has that line ended, nor is it to end.
        here = frame["subscription_id"] == world.subscriptions[0]
        frame.loc[here, "subscription_id"] = world.subscriptions[-1]
    if table.name == "customers":
        frame.loc[frame["customer_id"] == world.customers[0], "segment"] = "consumer"
        position = frame["customer_id"].astype(int).to_numpy() - 1
        frame["account_id"] = np.where(
            world.accounts[position] == frame["customer_id"], None, world.accounts[position]
        )
    if table.name == "survey_answers":
        invitations = _invited(world)
        frame["customer_id"] = [invitations[name][0] for name in frame["invitation_id"]]
        frame["survey"] = [invitations[name][1] for name in frame["invitation_id"]]
        scales = np.array([_SCALES[instrument] for instrument in frame["instrument"]]).reshape(
            -1, 2
        )
        frame["scale_low"], frame["scale_high"] = scales[:, 0], scales[:, 1]
        frame["score"] = random.integers(scales[:, 0], scales[:, 1], endpoint=True)
    if table.name == "care_contacts":
        sent = frame["arm"] == "treatment"
        for name in ("channel", "delivered"):
            frame[name] = frame[name].where(sent, None)


def _invited(world: _World) -> dict[str, tuple[str, str]]:
    invitations = _draw(TABLES["survey_invitations"], world)
    who = (invitations[name].to_pylist() for name in ("invitation_id", "customer_id", "survey"))
    return {
        invitation: (customer, survey) for invitation, customer, survey in zip(*who, strict=True)
    }


def _corrected(
    table: Table, frame: pd.DataFrame, world: _World, random: np.random.Generator
) -> pd.DataFrame:
    """Add rows that arrive later and say otherwise; nothing is corrected into a different kind of
    thing.
    """
    again = frame[random.random(len(frame)) < _CORRECTED_SHARE].copy()
    again[ARRIVED] = again[ARRIVED] + random.choice(
        [1, _HOUR_US, 2 * _DAY_US, 20 * _DAY_US], len(again)
    )
    free = {
        HAPPENED,
        ARRIVED,
        *table.key,
        *(n for n, c in table.schema.columns.items() if c.metadata["unit"] == "id"),
    }
    changed = [
        name
        for name in table.columns
        if name not in free and pd.api.types.is_numeric_dtype(frame[name].dtype)
    ]
    mixed = [name for name in table.columns if name not in free and name not in changed]
    for name in (*changed, *mixed):
        if table.schema.columns[name].nullable and random.random() < 0.5:
            # Another row's value is as valid as this one's.
            again[name] = (
                frame[name]
                .sample(len(again), replace=True, random_state=int(random.integers(1 << 31)))
                .to_numpy()
            )
    movable = (
        table.kind == "event"
        and HAPPENED not in table.key
        and not {"week_start_at", "day_start_at"} & set(table.key)
    )
    if movable:
        again[HAPPENED] = again[HAPPENED] - random.choice(
            [0, 0, 0, _HOUR_US, 8 * _DAY_US], len(again)
        )
    return pd.concat([frame, again], ignore_index=True)


def _nullable(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype(object).where(frame.notna(), None)
