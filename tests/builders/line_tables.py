"""Small raw tables written by hand: every row says only what matters to the test, day by day from a
cut-off.
"""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from features.contracts.tables import ARRIVED, HAPPENED, TABLES
from features.contracts.vocabulary import HORIZON_DAYS, VOLUNTARY_CHURN
from tests.builders.clocks import NOW
from training.labelling.history import RawHistory
from training.labelling.labels import LineOutcomes
from training.settings import LabelSettings

CUTOFF = datetime(2025, 3, 3, tzinfo=UTC)
"""A Monday: day 0."""

Outcome = tuple[float | None, ...] | str
"""A line's labels by horizon; or that it was lost within the gap."""

NONE, UNKNOWN, GAP = (0.0, 0.0, 0.0), (None, None, None), "gap"


def day(number: float) -> datetime:
    """The moment that many days after the cut-off."""
    return CUTOFF + timedelta(days=number)


class LineTables:
    """Raw tables in the making. Rows arrive as they happen unless `arrived` says otherwise."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def add(self, table: str, happened: float, arrived: float | None = None, **values: Any) -> None:
        """Add a row; what is not given is null."""
        times = {HAPPENED: day(happened), ARRIVED: day(happened if arrived is None else arrived)}
        self.rows[table].append({**values, **times})

    def customer(
        self, name: str = "c1", happened: float = -400, arrived: float | None = None, **values: Any
    ) -> None:
        """Add a state of a customer."""
        self.add(
            "customers", happened, arrived, **{"customer_id": name, "segment": "consumer", **values}
        )

    def line(
        self, name: str = "s1", happened: float = -400, arrived: float | None = None, **values: Any
    ) -> None:
        """Add a state of a line; postpaid, active and of customer c1 unless something else is
        said.
        """
        given = {
            "customer_id": "c1",
            "billing_type": "postpaid",
            "status": "active",
            "activated_at": day(-400),
            **values,
        }
        line = "broadband" if given["billing_type"] == "fixed" else "mobile"
        self.add(
            "subscriptions",
            happened,
            arrived,
            **{"subscription_id": name, "product_line": line, **given},
        )

    def loss(
        self,
        name: str,
        churn: str,
        happened: float,
        notice: float | None = None,
        arrived: float | None = None,
        **values: Any,
    ) -> None:
        """Add a loss, and the end of service with it."""
        at = None if notice is None else day(notice)
        self.add(
            "churn_events",
            happened,
            arrived,
            subscription_id=name,
            churn=churn,
            notice_at=at,
            ended_at=day(happened),
        )
        reason = (
            churn
            if churn not in ("cancellation", "port_out", "product_drop")
            else "customer_request"
        )
        self.line(name, happened, arrived, **{"status": "ended", "status_reason": reason, **values})

    def used(self, name: str, last: float, arrived: float | None = None) -> None:
        """Add the week that holds a last use on some day."""
        week = last // 7 * 7
        start = day(week)
        self.add(
            "usage_weeks",
            week + 7,
            arrived,
            subscription_id=name,
            week_start_at=start,
            last_used_at=day(last),
            zero_use_days=3,
        )

    def used_on(self, name: str, last: float) -> None:
        """Add the day that holds a last use."""
        start = last // 1
        self.add(
            "usage_days",
            start + 1,
            subscription_id=name,
            day_start_at=day(start),
            last_used_at=day(last),
            is_used=True,
        )

    def care(
        self,
        number: int,
        happened: float,
        arm: str,
        propensity: float | None = 0.5,
        arrived: float | None = None,
        **values: Any,
    ) -> None:
        """Add a care decision, about line s1 of customer c1 unless something else is said."""
        given = {
            "customer_id": "c1",
            "subscription_id": "s1",
            "campaign_id": "campaign",
            "action": "call",
            **values,
        }
        self.add(
            "care_contacts",
            happened,
            arrived,
            contact_id=f"k{number}",
            arm=arm,
            propensity=propensity,
            **given,
        )

    def reach(self, last: float) -> None:
        """Let the data reach to a day, use among it."""
        self.add("app_events", last, customer_id="c1", event="login")
        self.used("somebody else's", last - 7)

    def write(self, folder: Path) -> Path:
        """Write the tables; those that labels need are there though they be empty."""
        for name in {*self.rows, "customers", "subscriptions", "churn_events"}:
            (folder / name).mkdir(parents=True, exist_ok=True)
            schema = TABLES[name].arrow_schema
            pq.write_table(
                pa.Table.from_pylist(self.rows[name], schema), folder / name / "part.parquet"
            )
        return folder

    def history(self, folder: Path, until: datetime | None = None) -> RawHistory:
        """Write the tables, and look at them."""
        return RawHistory(self.write(folder), until or NOW)


def two_lines() -> LineTables:
    """A postpaid line ``s1`` and a prepaid line ``pre`` that was used, seen for 300 days."""
    tables = LineTables()
    tables.customer()
    tables.line("s1")
    tables.line("pre", billing_type="prepaid")
    tables.used("pre", -1)
    tables.reach(300)
    return tables


def outcome_of(
    tables: LineTables,
    folder: Path,
    line: str = "s1",
    positive: tuple[str, ...] = VOLUNTARY_CHURN,
    inactivity_days: int = 30,
) -> Outcome:
    """What is known of a line after the cut-off and a gap of 7 days; it must be at risk."""
    outcomes = LineOutcomes.of(
        tables.history(folder), LabelSettings(inactivity_days=inactivity_days)
    )
    assert line not in outcomes.already_lost(CUTOFF)["subscription_id"], "not at risk"
    asked = pl.DataFrame({"subscription_id": [line]})
    (row,) = outcomes.label(asked, CUTOFF, 7, positive).to_dicts()
    return GAP if row["in_gap"] else tuple(row[f"label_{days}"] for days in HORIZON_DAYS)
