"""What parts of the ledger share: reading decisions, and moving them from state to state."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from care.ledger import tables as t
from care.ledger.rows import DecisionRow, microseconds, moment
from care.model import DecisionState

_IDS_AT_ONCE = 500
"""SQL statements have a limit on the values that they may hold."""


def in_parts(ids: Sequence[str]) -> list[Sequence[str]]:
    """Ids, so many at a time as a statement holds."""
    return [ids[k : k + _IDS_AT_ONCE] for k in range(0, len(ids), _IDS_AT_ONCE)]


def insert_missing(
    connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, object]]
) -> None:
    """Add rows but those whose key is there already."""
    of = sqlite if connection.dialect.name == "sqlite" else postgresql
    connection.execute(of.insert(table).on_conflict_do_nothing(), rows)


def is_halted(connection: sa.Connection) -> bool:
    """Whether a person has halted care."""
    newest = sa.select(t.HALTS.c.is_halted).order_by(t.HALTS.c.number.desc()).limit(1)
    return bool(connection.execute(newest).scalar())


def decision_query() -> sa.Select[tuple[object, ...]]:
    """Decisions with the fields of their messages."""
    fields = t.MESSAGE_FIELDS
    return sa.select(t.DECISIONS, fields.c.fields).join(
        fields, fields.c.decision_id == t.DECISIONS.c.decision_id, isouter=True
    )


def move(
    connection: sa.Connection,
    ids: Sequence[str],
    state: DecisionState,
    at: datetime,
    why: str,
) -> None:
    """Add a transition to each of some decisions."""
    columns = t.TRANSITIONS.c
    for part in in_parts(ids):
        numbers = connection.execute(
            sa.select(columns.decision_id, sa.func.max(columns.number))
            .where(columns.decision_id.in_(part))
            .group_by(columns.decision_id)
        ).all()
        connection.execute(
            t.TRANSITIONS.insert(),
            [
                {
                    "decision_id": decision,
                    "number": number + 1,
                    "state": state,
                    "at": microseconds(at),
                    "why": why,
                }
                for decision, number in numbers
            ],
        )


def decision_row(row: sa.RowMapping) -> DecisionRow:
    """A row of `decision_query` as a value."""
    names = DecisionRow.__dataclass_fields__
    times = {
        name: None if row[name] is None else moment(row[name])
        for name in ("send_after", "send_before")
    }
    # Erased fields leave the decision.
    fields = {} if row["fields"] is None else row["fields"]
    return DecisionRow(**{**{name: row[name] for name in names}, **times, "fields": fields})
