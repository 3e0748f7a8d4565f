"""Raw tables as data frames, and which of their rows were known at a moment."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa

from features.contracts.tables import ARRIVED, HAPPENED, TABLES, Table
from features.views.declaration import View

Tables = dict[str, pd.DataFrame]
Columns = dict[str, Any]

SUPERSEDED = "superseded_at"
DAY = pd.Timedelta(days=1)
ARRIVAL = {"usage_weeks": DAY, "usage_days": DAY, "network_weeks": DAY}
"""Weekly rows are given a day to arrive: windows over them end that much before the cut-off."""


def prepare(tables: Mapping[str, pa.Table]) -> Tables:
    """Make data frames of raw tables.

    Parameters
    ----------
    tables : mapping of str to pyarrow.Table
        Raw tables by name, as in `features.contracts.tables`; optional tables and nullable columns
        may be absent.

    Returns
    -------
    dict of str to DataFrame
        Numbers and flags as float64 (NaN for null), times in UTC, texts as objects. Event tables
        have a further column ``superseded_at``: when a correction of the row arrived. State tables
        are in the order in which their rows hold.
    """
    return {
        name: _prepare(contract, tables[name])
        for name, contract in TABLES.items()
        if name in tables
    }


def _prepare(contract: Table, table: pa.Table) -> pd.DataFrame:
    schema = contract.arrow_schema
    columns = [
        table[field.name].cast(field.type)
        if field.name in table.column_names
        else pa.nulls(len(table), field.type)
        for field in schema
    ]
    frame = pa.table(columns, schema=schema).to_pandas()
    numbers = [
        field.name
        for field in schema
        if pa.types.is_boolean(field.type) or pa.types.is_integer(field.type)
    ]
    frame[numbers] = frame[numbers].astype("float64")
    if contract.kind == "state":
        return frame.sort_values([HAPPENED, ARRIVED], ignore_index=True)
    frame = frame.sort_values(ARRIVED, ignore_index=True)
    frame[SUPERSEDED] = frame.groupby(list(contract.key))[ARRIVED].shift(-1)
    return frame


class Asked(Protocol):
    """Who is asked about, each at a cut-off."""

    ids: pd.Index

    def known(self, table: str, by: str, days: int | None = None) -> pd.DataFrame:
        """Rows of a table that were known at the cut-off and happened in the days before it.

        Parameters
        ----------
        table : str
            Raw table.
        by : str
            Its column that says whose row it is.
        days : int, optional
            Window; everything known without.

        Returns
        -------
        DataFrame
            The table's columns, ``asked`` (whose row), ``cutoff`` and ``age`` (time from its
            happening to the cut-off).
        """
        ...


class Moment:
    """What was known at one cut-off.

    Parameters
    ----------
    tables : dict of str to DataFrame
        As `prepare` gives them.
    cutoff : Timestamp
        With a time zone.
    zone : str
        The operator's, whose days and weeks rows of use and network lie in.
    """

    def __init__(self, tables: Tables, cutoff: pd.Timestamp, zone: str = "UTC") -> None:
        self.tables = tables
        self.cutoff = cutoff.tz_convert("UTC")
        self.zone = zone

    def rows(self, table: str, days: int | None = None) -> pd.DataFrame:
        """Known rows of a table that happened in the days before the cut-off."""
        frame = table_of(self.tables, table)
        wanted = (frame[ARRIVED] <= self.cutoff) & (frame[HAPPENED] <= self.cutoff)
        if SUPERSEDED in frame:
            wanted &= ~(frame[SUPERSEDED] <= self.cutoff)
        rows = frame[wanted]
        end, happened = self.cutoff, rows[HAPPENED]
        if table in ARRIVAL:
            # By the clock on the wall, on which every day is as long.
            end = end.tz_convert(self.zone).tz_localize(None) - ARRIVAL[table]
            happened = happened.dt.tz_convert(self.zone).dt.tz_localize(None)
        rows = rows.assign(cutoff=self.cutoff, age=end - happened)
        wanted = rows["age"] >= 0 * DAY
        if days is not None:
            wanted &= rows["age"] < days * DAY
        return rows[wanted]

    def state(self, table: str) -> pd.DataFrame:
        """The state of each key of a state table."""
        return self.rows(table).drop_duplicates(list(TABLES[table].key), keep="last")

    @cached_property
    def customers(self) -> pd.DataFrame:
        """State of all customers, by customer."""
        return self.state("customers").set_index("customer_id")

    @cached_property
    def subscriptions(self) -> pd.DataFrame:
        """State of all subscriptions, by subscription."""
        return self.state("subscriptions").set_index("subscription_id")

    @cached_property
    def lines(self) -> pd.DataFrame:
        """Subscriptions in service, with segment, region, first subscription and household of their
        customers, who pays for each (``account_id``) and for its customer (``payer``).
        """
        in_service = self.subscriptions[self.subscriptions["status"] != "ended"]
        columns = ["segment", "region", "first_seen_at", "household_id", "account_id"]
        customers = self.customers[columns].rename(columns={"account_id": "named"})
        lines = in_service.join(customers, on="customer_id").astype(
            dict.fromkeys(("account_id", "named", "customer_id"), "object")
        )
        named, billed = lines["named"], lines.dropna(subset="account_id")
        counts = billed.groupby(["customer_id", "account_id"]).size().rename("lines").reset_index()
        most = counts.sort_values(["lines", "account_id"], ascending=[False, True])
        most = most.drop_duplicates("customer_id").set_index("customer_id")["account_id"]
        return lines.assign(
            account_id=lines["account_id"].fillna(named).fillna(lines["customer_id"]),
            payer=named.fillna(lines["customer_id"].map(most)).fillna(lines["customer_id"]),
        )

    @cached_property
    def monday(self) -> "Moment":
        """The newest Monday 00:00 up to the cut-off."""
        wall = self.cutoff.tz_convert(self.zone).tz_localize(None)
        monday = (wall.normalize() - wall.weekday() * DAY).tz_localize(self.zone)
        return self if monday == self.cutoff else Moment(self.tables, monday, self.zone)

    def everyone(self, entity: str) -> "Everyone":
        """All subscriptions, customers, accounts or cells in service at the cut-off."""
        lines = self.lines
        ids = {
            "subscription": lines.index,
            "customer": lines["customer_id"],
            "account": pd.concat([lines["account_id"], lines["payer"]]),
            "cell": lines["home_cell_id"].dropna(),
        }[entity]
        return Everyone(self, pd.Index(ids).unique())


class Everyone:
    """Ids that are all asked about at the same moment."""

    def __init__(self, moment: Moment, ids: pd.Index) -> None:
        self.moment = moment
        self.ids = ids

    def known(self, table: str, by: str, days: int | None = None) -> pd.DataFrame:
        """As `Asked.known`."""
        return self.moment.rows(table, days).rename(columns={by: "asked"})


class Each:
    """Ids that are asked about at a cut-off of their own.

    Parameters
    ----------
    tables : dict of str to DataFrame
        As `prepare` gives them.
    asked : DataFrame
        Columns ``asked`` (ids, each once), ``cutoff``, and the columns that rows are known by, such
        as ``customer_id``.
    """

    def __init__(self, tables: Tables, asked: pd.DataFrame) -> None:
        self.tables = tables
        self.asked = asked
        self.ids = pd.Index(asked["asked"])

    def known(self, table: str, by: str, days: int | None = None) -> pd.DataFrame:
        """As `Asked.known`."""
        rows = self.asked[["asked", "cutoff", by]].merge(table_of(self.tables, table), on=by)
        rows["age"] = rows["cutoff"] - rows[HAPPENED]
        wanted = (rows[ARRIVED] <= rows["cutoff"]) & (rows[HAPPENED] <= rows["cutoff"])
        if SUPERSEDED in rows:
            wanted &= ~(rows[SUPERSEDED] <= rows["cutoff"])
        if days is not None:
            wanted &= rows["age"] < days * DAY
        return rows[wanted].drop(columns=by)


def table_of(tables: Tables, name: str) -> pd.DataFrame:
    """A table's frame; one without rows where it is absent."""
    return (
        tables[name]
        if name in tables
        else _prepare(TABLES[name], TABLES[name].arrow_schema.empty_table())
    )


def within(rows: pd.DataFrame, days: int) -> pd.DataFrame:
    """Rows that happened in the days before the cut-off."""
    return rows[rows["age"] < days * DAY]


def count(rows: pd.DataFrame, ids: pd.Index) -> pd.Series:
    """Rows of each id; 0 without."""
    return rows.groupby("asked").size().reindex(ids, fill_value=0)


def total(rows: pd.DataFrame, column: str, ids: pd.Index) -> pd.Series:
    """Sum of a column for each id; 0 without."""
    return rows.groupby("asked")[column].sum().reindex(ids, fill_value=0.0)


def last(rows: pd.DataFrame, *order: str) -> pd.DataFrame:
    """The last row of each id in an order, by id."""
    return rows.sort_values(list(order)).drop_duplicates("asked", keep="last").set_index("asked")


def first(rows: pd.DataFrame, *order: str) -> pd.DataFrame:
    """The first row of each id in an order, by id."""
    return rows.sort_values(list(order)).drop_duplicates("asked").set_index("asked")


def days(span: Any) -> Any:
    """A span of time in days."""
    return span / DAY


def codes(values: pd.Series, names: tuple[str, ...]) -> pd.Series:
    """Positions of values among names."""
    return values.map({name: float(code) for code, name in enumerate(names)})


def ratio(above: pd.Series, below: pd.Series) -> pd.Series:
    """A quotient; null where the divisor is 0 or null."""
    return above / below.where(below != 0)


def stored(view: View, ids: pd.Index, columns: Columns, present: Tables) -> pd.DataFrame:
    """A view's values as they are stored: in order, rounded, null where a table they need is
    absent.
    """
    frame = pd.DataFrame(
        {name: columns[name].reindex(ids) for name in view.columns}, index=ids, dtype="float64"
    )
    for feature in view.features:
        if any(
            table not in present and not (table == "usage_weeks" and "usage_days" in present)
            for table in feature.tables
        ):
            frame[feature.name] = np.nan
    return frame.apply(rounded).rename_axis(view.join_key).sort_index()


def rounded(values: pd.Series) -> pd.Series:
    """Round to 9, then to 4 decimals, half away from zero, and make infinite values null."""
    finite = values.where(np.isfinite(values))
    for decimals in (9, 4):
        shifted = finite * 10.0**decimals
        finite = np.trunc(shifted + np.copysign(0.5, shifted)) / 10.0**decimals
    return finite
