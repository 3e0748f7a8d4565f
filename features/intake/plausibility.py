"""Doubts about raw tables: nothing that a contract forbids, but what a wrong mapping looks like."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from features.contracts.tables import TABLES
from features.intake.report import Doubt, TableReport
from features.sources.whole_table import WholeTables
from features.tables.placeholders import find_placeholder, is_written_for_none

STALE_DAYS = 35
"""A table of events is stale when its newest row is that much older than the newest of all."""

IN_WAVES = ("price_changes", "incidents", "care_contacts", "care_outcomes")
"""Events that may well not happen for months."""

RARELY_FOUND = 0.5
"""Ids are doubtful when a smaller share of them is in the table they should be in."""

OFTEN_UNLISTED = 0.2
"""Categories are doubtful when a larger share of them is in no list."""

_PAYERS = (
    ("customers", "account_id"),
    ("customers", "customer_id"),
    ("subscriptions", "account_id"),
    ("accounts", "account_id"),
)
_LINKS = {
    ("bills", "account_id"): _PAYERS,
    ("payments", "account_id"): _PAYERS,
    ("arrears", "account_id"): _PAYERS,
    ("refunds", "account_id"): _PAYERS,
    ("subscriptions", "account_id"): (("accounts", "account_id"),),
    ("interactions", "ticket_id"): (("tickets", "ticket_id"),),
    ("appointments", "order_id"): (("orders", "order_id"),),
    ("survey_invitations", "interaction_id"): (("interactions", "interaction_id"),),
}
"""Ids that should be in one of some columns, though rows whose id is in none do no harm."""

Files = Callable[[str], Sequence[Path]]


def doubts(
    reports: Mapping[str, TableReport],
    files: Files,
    whole: WholeTables,
    now: datetime,
) -> Iterator[Doubt]:
    """What looks wrong about tables.

    Parameters
    ----------
    reports : mapping of str to TableReport
        Tables by name.
    files : callable
        Gives a table's accepted files.
    whole : WholeTables
        To ask about them.
    now : datetime
        With a time zone: rows should not arrive later than this.
    """
    yield from _empty(reports)
    yield from _untimely(reports, now)
    yield from _unlinked(reports, files, whole)
    yield from _placeholders(reports, files)
    yield from _unlisted(reports)


def _empty(reports: Mapping[str, TableReport]) -> Iterator[Doubt]:
    for name, report in reports.items():
        if not report.accepted:
            yield Doubt("no_rows", name, "has no rows")
        elif report.empty_columns:
            yield Doubt(
                "empty_columns", name, f"never a value in {', '.join(report.empty_columns)}"
            )


def _untimely(reports: Mapping[str, TableReport], now: datetime) -> Iterator[Doubt]:
    newest = max(
        (report.span.last_happened for report in reports.values() if report.span.last_happened),
        default=None,
    )
    for name, report in reports.items():
        span = report.span
        if span.last_arrived is not None and span.last_arrived > now:
            yield Doubt(
                "future", name, f"rows arrive in the future, up to {span.last_arrived:%Y-%m-%d}"
            )
        if (
            TABLES[name].kind != "event"
            or name in IN_WAVES
            or span.last_happened is None
            or newest is None
        ):
            continue
        if newest - span.last_happened > timedelta(days=STALE_DAYS):
            days = (newest - span.last_happened).days
            yield Doubt(
                "stale",
                name,
                f"ends on {span.last_happened:%Y-%m-%d}, {days} days before the newest table",
            )


def _placeholders(reports: Mapping[str, TableReport], files: Files) -> Iterator[Doubt]:
    """Values that may stand for missing; a column is read only where an end of it looks like one."""
    for name in reports:
        ends: dict[str, list[object]] = {}
        for path in files(name):
            metadata = pq.read_metadata(path)
            for group in map(metadata.row_group, range(metadata.num_row_groups)):
                for column in map(group.column, range(group.num_columns)):
                    known = column.statistics
                    if known is not None and known.has_min_max:
                        ends.setdefault(column.path_in_schema, []).extend((known.min, known.max))
        for column_name, values in ends.items():
            if isinstance(values[0], str | bytes | bool) or not (
                is_written_for_none(min(values), False) or is_written_for_none(max(values), True)  # type: ignore[type-var]
            ):
                continue
            table = pa.concat_tables(
                pq.read_table(path, columns=[column_name]) for path in files(name)
            )
            if (none := find_placeholder(table[column_name])) is not None:
                yield Doubt(
                    "placeholder",
                    name,
                    f"{column_name}: {none.about} It is taken as it stands; leave it empty where"
                    " there is none",
                )


def _unlisted(reports: Mapping[str, TableReport]) -> Iterator[Doubt]:
    """Categories in no list: where they are many, and where they are somebody's decision."""
    for name, report in reports.items():
        rows: dict[str, int] = {}
        for one in report.replaced:
            if one.rule != "orphan":
                rows[one.column] = rows.get(one.column, 0) + one.rows
        for column, count in rows.items():
            if name == "consents":
                yield Doubt(
                    "unlisted",
                    name,
                    f"{column}: {count:,} rows have values that are in no list; they grant nothing"
                    " and withdraw nothing, so write each as the value it means",
                )
            elif count > OFTEN_UNLISTED * report.read:
                yield Doubt(
                    "unlisted",
                    name,
                    f"{column}: {count / report.read:.0%} of rows have values that are in no list",
                )


def _unlinked(
    reports: Mapping[str, TableReport], files: Files, whole: WholeTables
) -> Iterator[Doubt]:
    for name in reports:
        for column, definition in TABLES[name].schema.columns.items():
            other = definition.metadata["references"]
            if other is not None and other not in reports:
                yield Doubt(
                    "not_checked",
                    name,
                    f"{column} could not be looked up: there is no table {other}",
                )
        for (table, column), places in _LINKS.items():
            known = [(other, key) for other, key in places if other in reports]
            if table != name or not known:
                continue
            where = [(files(other), key) for other, key in known]
            share = whole.found_share(files(name), column, where)
            if share is not None and share < RARELY_FOUND:
                named = " or ".join(f"{other}.{key}" for other, key in known)
                about = f"only {share:.0%} of {column} are found in {named}"
                yield Doubt("rarely_found", name, about)
