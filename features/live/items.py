"""What a state keeps of each raw table: which rows for how long, and which columns.

An item is a row cut down to what live features read: ``[happened, delay, ...]``, both in
microseconds (the delay until it arrived), then the columns in order, flags as 0 and 1, categories
as their position in the contract, times as microseconds.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import Any, Literal

import pyarrow

from features.contracts.tables import HAPPENED, TABLES
from features.live.event import Event, Value

Item = list[Any]
Keep = Literal["window", "in force", "history", "incident"]

DAY = 86_400_000_000
"""Microseconds."""
REACH = 182 * DAY
"""The longest window of a live feature."""
GRACE = 7 * DAY
"""How far back states know the past.

A contact that arrives late is still described as of its close.
"""


_EVER = -(2**63)


@dataclass(frozen=True)
class ItemKind:
    """Items of one raw table.

    Parameters
    ----------
    table : str
        The table.
    owner : str
        The column whose value's state holds the item.
    columns : tuple of str
        Further columns, in the item's order.
    key : tuple of int
        Positions in the item of what, beside the owner, the table's key consists of.
    keep : {"window", "in force", "history", "incident"}
        Which items are kept: versions of events in reach; the row in force; that and the rows in
        reach; or the whole past of what is in reach.
    stronger : int, optional
        Position in the item of a category: of rows in force that happened at the same time, the
        one with the later category counts, whichever arrived last.
    """

    table: str
    owner: str
    columns: tuple[str, ...]
    key: tuple[int, ...]
    keep: Keep
    stronger: int | None = None

    def item(self, event: Event) -> Item:
        """The item of an event."""
        row = event.row
        happened: int = row[HAPPENED]  # type: ignore[assignment]  # read_event has made sure
        return [
            happened,
            event.arrived - happened,
            *(form(row[name]) for name, form in _FORMS[self.table]),
        ]

    def pruned(self, items: list[Item], now: int) -> list[Item]:
        """Leave out what can matter at no cut-off later than `GRACE` before `now`."""
        return _PRUNED[self.keep](self, items, now)

    def identity(self, item: Item) -> tuple[Any, ...]:
        """What no two items share: the key and both times.

        Versions of an event differ in their arrival alone.
        """
        arrived = item[0] + item[1]
        return (
            (self.key_of(item), arrived)
            if self.keep == "window"
            else (self.key_of(item), arrived, *self.rank(item))
        )

    def rank(self, item: Item) -> tuple[Any, ...]:
        """What orders the rows of a key: of those known, the greatest is in force."""
        return (
            (item[0], item[1]) if self.stronger is None else (item[0], item[self.stronger], item[1])
        )

    @cached_property
    def key_of(self) -> Callable[[Item], Any]:
        """Gives what an item is a version, or a change, of."""
        return itemgetter(*self.key) if self.key else lambda item: ()


KINDS: dict[str, ItemKind] = {
    kind.table: kind
    for kind in (
        ItemKind(
            "recharges",
            "subscription_id",
            ("amount", "balance_before", "valid_until_at"),
            (0,),
            "window",
        ),
        ItemKind("subscriptions", "subscription_id", ("plan_id",), (), "history"),
        ItemKind(
            "price_changes",
            "subscription_id",
            ("old_fee", "new_fee", "effective_at"),
            (0,),
            "window",
        ),
        ItemKind(
            "bills",
            "account_id",
            ("bill_id", "amount", "out_of_bundle", "discount_end_at", "disputed"),
            (2,),
            "window",
        ),
        ItemKind("payments", "account_id", ("payment_id", "status", "days_late"), (2,), "window"),
        ItemKind("arrears", "account_id", ("amount", "oldest_due_at"), (), "in force"),
        ItemKind("refunds", "account_id", ("refund_id", "amount"), (2,), "window"),
        ItemKind("customers", "customer_id", ("account_id",), (), "in force"),
        ItemKind(
            "interactions",
            "customer_id",
            ("interaction_id", "issue", "wait_seconds", "transfers", "abandoned", "resolved"),
            (2,),
            "window",
        ),
        ItemKind(
            "tickets", "customer_id", ("ticket_id", "status", "ticket_kind"), (2, 3, 0), "window"
        ),
        ItemKind(
            "survey_answers",
            "customer_id",
            ("invitation_id", "instrument", "dimension", "score", "scale_low", "scale_high"),
            (2, 3, 4),
            "window",
        ),
        ItemKind(
            "consents",
            "customer_id",
            ("purpose", "channel", "state"),
            (2, 3),
            "in force",
            stronger=4,  # a withdrawal, or what is no consent either
        ),
        ItemKind("orders", "customer_id", ("order_id", "status"), (2, 3), "window"),
        ItemKind("appointments", "customer_id", ("appointment_id", "status"), (2, 3, 0), "window"),
        ItemKind("app_events", "customer_id", ("event", "rating"), (2, 0), "window"),
        ItemKind(
            "incidents",
            "incident_id",
            ("incident_id", "level", "area_id", "started_at", "ended_at"),
            (2,),
            "incident",
        ),
    )
}
"""By table."""


def code(table: str, column: str, value: str) -> int:
    """A category as items hold it."""
    return categories(table, column).index(value)


def categories(table: str, column: str) -> list[str]:
    """The categories of a column in the order of their codes; none for other columns."""
    definition = TABLES[table].schema.columns[column]
    if definition.metadata["unit"] != "category":
        return []
    return [value for check in definition.checks for value in check.statistics["allowed_values"]]


def in_force(kind: ItemKind, items: Iterable[Item]) -> dict[Any, Item]:
    """By key the item in force among these: the last to happen, of those the stronger one, and of
    those the last to arrive.
    """
    last: dict[Any, Item] = {}
    for item in items:
        key = kind.key_of(item)
        if key not in last or kind.rank(item) > kind.rank(last[key]):
            last[key] = item
    return last


def versions(kind: ItemKind, items: list[Item]) -> list[Item]:
    """The versions that count among these: of each key the last to arrive."""
    if len(set(map(kind.key_of, items))) == len(items):
        return items
    last: dict[Any, Item] = {}
    for item in items:
        key = kind.key_of(item)
        if key not in last or item[0] + item[1] > last[key][0] + last[key][1]:
            last[key] = item
    return list(last.values())


def _form(table: str, column: str) -> Callable[[Value], Value]:
    positions = {value: position for position, value in enumerate(categories(table, column))}
    if positions:
        return positions.get  # type: ignore[return-value]  # of checked categories; null stays null
    if TABLES[table].schema.columns[column].metadata["arrow"] == pyarrow.bool_():
        return lambda value: None if value is None else int(value)
    return lambda value: value


def _pruned_window(kind: ItemKind, items: list[Item], now: int) -> list[Item]:
    # By arrival, not by when it happened: a correction must outlive what it corrects, or that would
    # count if it arrived again.
    reached = [item for item in items if item[0] + item[1] > now - REACH - GRACE]
    if len(set(map(kind.key_of, reached))) == len(reached):
        return reached
    settled = versions(kind, [item for item in reached if item[0] + item[1] <= now - GRACE])
    last = {kind.key_of(item): item[0] + item[1] for item in settled}
    return [item for item in reached if item[0] + item[1] >= last.get(kind.key_of(item), _EVER)]


def _pruned_in_force(kind: ItemKind, items: list[Item], now: int) -> list[Item]:
    settled = in_force(kind, [item for item in items if item[0] + item[1] <= now - GRACE])
    return [
        item
        for item in items
        if item[0] + item[1] > now - GRACE or item is settled[kind.key_of(item)]
    ]


def _pruned_history(kind: ItemKind, items: list[Item], now: int) -> list[Item]:
    def past(item: Item) -> bool:
        return item[0] <= now - REACH - GRACE and item[0] + item[1] <= now - GRACE

    settled = in_force(kind, filter(past, items))
    return [item for item in items if not past(item) or item is settled[kind.key_of(item)]]


def _pruned_incident(kind: ItemKind, items: list[Item], now: int) -> list[Item]:
    # All of an incident or nothing: a change of it that arrived late must not count once a later
    # one is gone.
    oldest = now - REACH - GRACE
    kept = {key for key, last in in_force(kind, items).items() if last[5] > oldest}
    kept.update(kind.key_of(item) for item in items if item[0] + item[1] > oldest)
    return [item for item in items if kind.key_of(item) in kept]


_FORMS = {
    table: [(name, _form(table, name)) for name in kind.columns] for table, kind in KINDS.items()
}
_PRUNED: dict[Keep, Callable[[ItemKind, list[Item], int], list[Item]]] = {
    "window": _pruned_window,
    "in force": _pruned_in_force,
    "history": _pruned_history,
    "incident": _pruned_incident,
}
