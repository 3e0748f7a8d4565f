"""What parts of the ledger share: reading decisions, moving them from state to state, and counting
what holds them up.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from care.ledger import tables as t
from care.ledger.rows import DecisionRow, HeldUp, microseconds, moment
from care.model import DecisionState

_IDS_AT_ONCE = 500
"""SQL statements have a limit on the values that they may hold."""


def in_parts(ids: Sequence[str]) -> list[Sequence[str]]:
    """Ids, so many at a time as a statement holds."""
    return [ids[k : k + _IDS_AT_ONCE] for k in range(0, len(ids), _IDS_AT_ONCE)]


def among(
    connection: sa.Connection, column: sa.Column[Any], ids: Sequence[str]
) -> sa.ColumnElement[bool]:
    """Where a column has one of some ids.

    PostgreSQL is given one array in place of a value for each: the statement's text is the same for
    any number, so that it is prepared once.
    """
    if connection.dialect.name == "postgresql":
        return column == sa.any_(sa.literal(list(ids), postgresql.ARRAY(sa.Text)))
    return column.in_(ids)


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
    """Add a transition to each of some decisions, in one statement for many."""
    columns = t.TRANSITIONS.c
    for part in in_parts(ids):
        connection.execute(
            t.TRANSITIONS.insert().from_select(
                ["decision_id", "number", "state", "at", "why"],
                sa.select(
                    columns.decision_id,
                    sa.func.max(columns.number) + 1,
                    sa.literal(state),
                    sa.literal(microseconds(at), sa.BigInteger),
                    sa.literal(why, sa.Text),
                )
                .where(among(connection, columns.decision_id, part))
                .group_by(columns.decision_id),
            )
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


def next_number(connection: sa.Connection, table: sa.Table) -> int:
    """The number of a new row of a table whose rows are counted from 1, for this transaction alone.

    Another transaction that asks for it waits until this one has ended: else both would have the same
    number, and the second could not write. (On SQLite every transaction that writes waits anyway.)
    """
    if connection.dialect.name == "postgresql":
        name = connection.dialect.identifier_preparer.format_table(table)
        connection.exec_driver_sql(f"LOCK TABLE {name} IN SHARE ROW EXCLUSIVE MODE")
    return (connection.execute(sa.select(sa.func.max(table.c.number))).scalar() or 0) + 1


def held_up(connection: sa.Connection) -> list[HeldUp]:
    """What waits or was given up, by its reason; what is claimed is on its way."""
    out, moves = t.OUTBOX.c, t.TRANSITIONS.c
    last = (
        sa.select(moves.decision_id, sa.func.max(moves.number).label("number"))
        .where(moves.decision_id.in_(sa.select(out.decision_id)))
        .group_by(moves.decision_id)
        .subquery()
    )
    is_dead = out.state == "dead"
    held = (
        sa.select(
            is_dead.label("is_dead"),
            (out.attempts > 0).label("has_failed"),
            # Before an attempt, the last transition says who approved.
            sa.case((sa.or_(is_dead, out.attempts > 0), moves.why), else_="").label("why"),
            out.next_at,
        )
        .join(last, last.c.decision_id == out.decision_id)
        .join(
            t.TRANSITIONS,
            sa.and_(moves.decision_id == last.c.decision_id, moves.number == last.c.number),
        )
        .where(sa.or_(is_dead, sa.and_(out.kind == "send", out.state == "approved")))
        .subquery()
    )
    same = (held.c.is_dead, held.c.has_failed, held.c.why)
    counted = sa.select(*same, sa.func.count(), sa.func.min(held.c.next_at))
    return [
        HeldUp(
            count=count,
            how="given_up" if dead else "tried_again" if failed else "waits",
            why=why,
            next_at=None if dead else moment(next_at),
        )
        for dead, failed, why, count, next_at in connection.execute(
            counted.group_by(*same).order_by(*same)
        )
    ]
