"""The outbox: approved decisions on their way, claimed by one worker at a time.

Every method is one transaction; where none of those looked at may be claimed, a claim goes on to
the next in another one. Times are given, never asked of the machine.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from care.ledger import tables as t
from care.ledger.database import reading
from care.ledger.queries import (
    among,
    decision_query,
    decision_row,
    held_up,
    in_parts,
    is_halted,
    move,
)
from care.ledger.rows import (
    Claim,
    DecisionRow,
    HeldUp,
    MessageKind,
    Settlement,
    Verdicts,
    microseconds,
    moment,
    require_name,
)
from care.model import DecisionState
from holdfast.failpoint import Failpoint, no_failpoint

Judges = Callable[[Sequence[DecisionRow]], Verdicts]
"""Says which decisions may not be sent now."""

FILES = "files"
"""Receiver of what is handed over as a file."""

RECEIVER_TOLD = "the receiver has been told"
"""Why of the transition with which a receiver knows that a decision was cancelled."""

TOO_LATE = "too late to be sent"

HALTED = "care was halted after the claim"
"""Why of what is given back because a person halted care before it was sent."""

LEASE = timedelta(minutes=5)
"""How long nobody else may claim what was claimed."""


@dataclass(frozen=True, kw_only=True)
class Route:
    """Which decisions go to whom.

    Parameters
    ----------
    receiver : str
        Name of the receiver.
    channels : collection of str or None
        Decisions through these channels are its; None for all.
    worker : int or None
        Number of the lease of the process that works, if it is the one that claims.
    """

    receiver: str = FILES
    channels: Collection[str] | None = None
    worker: int | None = None


EVERYTHING_AS_FILES = Route()


class Outbox:
    """What is on its way.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        The ledger's database, open.
    failpoint : Failpoint, optional
        Called within transactions, before they end.
    """

    def __init__(self, engine: sa.Engine, failpoint: Failpoint = no_failpoint) -> None:
        self._engine = engine
        self._failpoint = failpoint

    def claim(
        self, now: datetime, most: int, judges: Judges, route: Route = EVERYTHING_AS_FILES
    ) -> list[Claim]:
        """Claim decisions for delivery; the attempt is recorded before anything is sent.

        Parameters
        ----------
        now : datetime
            What time it is (UTC).
        most : int
            Decisions at most.
        judges : callable
            Asked within the transaction; whoever it refuses is not sent anything.
        route : Route
            For whom.

        Returns
        -------
        list of Claim
            None while care is halted, or where nothing that is due may be sent. Those that are too
            late have expired.
        """
        last = None
        while True:
            with self._engine.begin() as connection:
                if is_halted(connection):
                    return []
                at = microseconds(now)
                due = _due(connection, at, most, "send", _of_channels(route), last)
                claims = self._claims_of(connection, due, now, judges, route)
                self._failpoint("in_claim")
            if claims or not due:
                return claims
            # Whoever was postponed may be due still: go on after them, so that this comes to an end.
            last = due[-1]

    def _claims_of(
        self,
        connection: sa.Connection,
        due: Sequence[Any],
        now: datetime,
        judges: Judges,
        route: Route,
    ) -> list[Claim]:
        """Claims of those due that may be sent; what becomes of the others is kept."""
        at = microseconds(now)
        late = [row.decision_id for row in due if row.send_before <= at]
        _end(connection, late, "expired", now, TOO_LATE)
        rows = {row.decision_id: row for row in due if row.send_before > at}
        decisions = _decisions(connection, list(rows))
        verdicts = judges([decision for _, decision in decisions])
        for decision_id, why in verdicts.refused.items():
            _end(connection, [decision_id], "refused", now, why)
        if route.receiver != FILES:
            tried = [rows[one] for one in verdicts.refused if rows[one].token]
            _recall(connection, tried, route.receiver, at)
        _try_at(connection, verdicts.postponed)
        kept = [
            (campaign, decision)
            for campaign, decision in decisions
            if decision.decision_id not in verdicts.refused.keys() | verdicts.postponed.keys()
        ]
        revisions = verdicts.consent_revisions
        claims = _claimed(connection, kept, rows, now, route, revisions)
        move(connection, _ids(claims), "claimed", now, "")
        return claims

    def claim_cancels(self, now: datetime, most: int, route: Route) -> list[Claim]:
        """Claim what a receiver is to be told that it must not send any more; arguments as of
        `claim`. A halt does not hold these up.
        """
        at = microseconds(now)
        while True:
            with self._engine.begin() as connection:
                due = _due(connection, at, most, "cancel", t.OUTBOX.c.receiver == route.receiver)
                # After its time nothing may be sent anyway.
                _remove(connection, [row.decision_id for row in due if row.send_before <= at])
                rows = {row.decision_id: row for row in due if row.send_before > at}
                decisions = _decisions(connection, list(rows))
                claims = _claimed(connection, decisions, rows, now, route, {})
            if claims or not due:
                return claims

    def settle(self, settlements: Sequence[Settlement], at: datetime) -> int:
        """What became of claims. Those that another worker has taken over since do not count.

        Returns
        -------
        int
            How many counted.
        """
        with self._engine.begin() as connection:
            held = _still_held(connection, [one.claim for one in settlements])
            counted = [one for one in settlements if one.claim.decision.decision_id in held]
            again = {_id(one): one.next_at or at for one in counted if one.state == "approved"}
            _try_at(connection, again)
            _remove(connection, [_id(one) for one in counted if one.state == "handed_over"])
            _put_aside(connection, [_id(one) for one in counted if one.state == "dead"])
            for (state, why), ids in _moves(counted).items():
                move(connection, ids, state, at, why)
            self._failpoint("in_settlement")
            return len(counted)

    def handed_over(self, claims: Sequence[Claim], at: datetime) -> int:
        """The receiver took all of them; returns how many counted, as of `settle`."""
        return self.settle([Settlement(claim=claim, state="handed_over") for claim in claims], at)

    def expire(self, now: datetime) -> int:
        """End what is too late to be sent, also where nobody claims it; returns how many."""
        columns, at = t.OUTBOX.c, microseconds(now)
        query = (
            sa.select(columns.decision_id)
            .where(
                columns.kind == "send",
                columns.send_before <= at,
                sa.or_(
                    columns.state == "approved",
                    sa.and_(columns.state == "claimed", columns.lease_until <= at),
                ),
            )
            .with_for_update(skip_locked=True)
        )
        with self._engine.begin() as connection:
            late = [row[0] for row in connection.execute(query)]
            _end(connection, late, "expired", now, TOO_LATE)
            return len(late)

    def is_halted(self) -> bool:
        """Whether a person has halted care: nothing that was claimed may leave then."""
        with reading(self._engine) as connection:
            return is_halted(connection)

    def waiting(self) -> list[tuple[str, datetime]]:
        """Actions of what is on its way, and when each of them was decided."""
        query = (
            sa.select(t.DECISIONS.c.action, t.DECISIONS.c.decided_at)
            .join(t.OUTBOX, t.OUTBOX.c.decision_id == t.DECISIONS.c.decision_id)
            .where(t.OUTBOX.c.kind == "send", t.OUTBOX.c.state != "dead")
            .distinct()
        )
        with reading(self._engine) as connection:
            return [(row.action, moment(row.decided_at)) for row in connection.execute(query)]

    def held_up(self) -> list[HeldUp]:
        """What has not left though it is approved, by its reason."""
        with reading(self._engine) as connection:
            return held_up(connection)

    def take_over(self, worker: int) -> int:
        """Let be claimed at once what a worker that lost its lease has claimed.

        Parameters
        ----------
        worker : int
            Number of the lease that holds now.
        """
        columns = t.OUTBOX.c
        query = (
            t.OUTBOX.update()
            .where(columns.state == "claimed", columns.worker < worker)
            .values(lease_until=0)
        )
        with self._engine.begin() as connection:
            return connection.execute(query).rowcount

    def replay(self, by: str, at: datetime, campaign_id: str | None = None) -> int:
        """Try again what was given up.

        Parameters
        ----------
        by : str
            Name of who asks for it.
        at : datetime
            When (UTC).
        campaign_id : str or None
            Of a campaign only.

        Returns
        -------
        int
            Decisions that may be claimed again.

        Raises
        ------
        InputError
            `by` is no name.
        """
        require_name(by)
        query = sa.select(t.OUTBOX.c.decision_id, t.OUTBOX.c.kind).where(t.OUTBOX.c.state == "dead")
        if campaign_id is not None:
            query = query.join(
                t.DECISIONS, t.DECISIONS.c.decision_id == t.OUTBOX.c.decision_id
            ).where(t.DECISIONS.c.campaign_id == campaign_id)
        with self._engine.begin() as connection:
            kinds = {row.decision_id: row.kind for row in connection.execute(query)}
            dead = list(kinds)
            for part in in_parts(dead):
                connection.execute(
                    t.OUTBOX.update().where(among(connection, t.OUTBOX.c.decision_id, part)),
                    {"state": "approved", "next_at": microseconds(at), "attempts": 0},
                )
            # A decision that was cancelled stays so while its receiver is told.
            sends = [one for one in dead if kinds[one] == "send"]
            move(connection, sends, "approved", at, f"tried again by {by}")
            return len(dead)


def _of_channels(route: Route) -> sa.ColumnElement[bool]:
    if route.channels is None:
        return sa.true()
    return t.OUTBOX.c.channel.in_(sorted(route.channels))


def _due(
    connection: sa.Connection,
    at: int,
    most: int,
    kind: MessageKind,
    whose: sa.ColumnElement[bool],
    after: Any = None,
) -> Sequence[sa.Row[tuple[object, ...]]]:
    """Rows that are due, in their order, after one of them where it is given."""
    columns = t.OUTBOX.c
    query = (
        sa.select(t.OUTBOX)
        .where(
            columns.kind == kind,
            whose,
            sa.or_(
                sa.and_(columns.state == "approved", columns.next_at <= at),
                # Its worker has not reported in time.
                sa.and_(columns.state == "claimed", columns.lease_until <= at),
            ),
        )
        .order_by(columns.next_at, columns.decision_id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    if after is not None:
        place = sa.tuple_(columns.next_at, columns.decision_id)
        query = query.where(place > sa.tuple_(after.next_at, after.decision_id))
    return connection.execute(query).all()


def _decisions(connection: sa.Connection, ids: Sequence[str]) -> list[tuple[str, DecisionRow]]:
    found = [
        (row["campaign_id"], decision_row(row))
        for part in in_parts(ids)
        for row in connection.execute(
            decision_query().where(among(connection, t.DECISIONS.c.decision_id, part))
        ).mappings()
    ]
    places = {decision_id: place for place, decision_id in enumerate(ids)}
    return sorted(found, key=lambda pair: places[pair[1].decision_id])


def _claimed(
    connection: sa.Connection,
    decisions: Sequence[tuple[str, DecisionRow]],
    rows: Mapping[str, Any],
    now: datetime,
    route: Route,
    revisions: Mapping[str, int],
) -> list[Claim]:
    """Claims of decisions, with their attempts recorded."""
    claims = [
        Claim(
            decision=decision,
            campaign_id=campaign,
            kind=rows[decision.decision_id].kind,
            token=rows[decision.decision_id].token + 1,
            attempt=rows[decision.decision_id].attempts + 1,
            consent_revision=revisions.get(decision.decision_id),
        )
        for campaign, decision in decisions
    ]
    if claims:
        # One statement for all, as each counts one more claim and one more attempt.
        these = among(connection, t.OUTBOX.c.decision_id, _ids(claims))
        connection.execute(
            t.OUTBOX.update()
            .where(these)
            .values(
                state="claimed",
                lease_until=microseconds(now + LEASE),
                worker=route.worker,
                token=t.OUTBOX.c.token + 1,
                attempts=t.OUTBOX.c.attempts + 1,
            )
        )
        connection.execute(
            t.ATTEMPTS.insert().from_select(
                ["decision_id", "attempt", "kind", "receiver", "attempted_at"],
                sa.select(
                    t.OUTBOX.c.decision_id,
                    t.OUTBOX.c.token,
                    t.OUTBOX.c.kind,
                    sa.literal(route.receiver),
                    sa.literal(microseconds(now), sa.BigInteger),
                ).where(these),
            )
        )
    return claims


def _recall(connection: sa.Connection, rows: Sequence[Any], receiver: str, at: int) -> None:
    """Cancel what is refused now but was tried before: the receiver may have it, and its answer was
    lost.
    """
    if rows:
        connection.execute(
            t.OUTBOX.insert(),
            [
                {
                    "decision_id": row.decision_id,
                    "kind": "cancel",
                    "channel": row.channel,
                    "receiver": receiver,
                    "state": "approved",
                    "next_at": at,
                    "send_before": row.send_before,
                    "lease_until": 0,
                    "token": row.token,
                    "attempts": 0,
                }
                for row in rows
            ],
        )


def _still_held(connection: sa.Connection, claims: Sequence[Claim]) -> set[str]:
    tokens = {claim.decision.decision_id: claim.token for claim in claims}
    return {
        row.decision_id
        for part in in_parts(list(tokens))
        for row in connection.execute(
            sa.select(t.OUTBOX.c.decision_id, t.OUTBOX.c.token)
            .where(among(connection, t.OUTBOX.c.decision_id, part), t.OUTBOX.c.state == "claimed")
            .with_for_update()
        )
        if row.token == tokens[row.decision_id]
    }


def _try_at(connection: sa.Connection, times: Mapping[str, datetime]) -> None:
    """Let them be claimed again, each at its time."""
    if times:
        connection.execute(
            t.OUTBOX.update().where(t.OUTBOX.c.decision_id == sa.bindparam("which")),
            [
                {
                    "which": decision_id,
                    "state": "approved",
                    "next_at": microseconds(at),
                    "lease_until": 0,
                }
                for decision_id, at in times.items()
            ],
        )


def _put_aside(connection: sa.Connection, ids: Sequence[str]) -> None:
    for part in in_parts(ids):
        connection.execute(
            t.OUTBOX.update().where(among(connection, t.OUTBOX.c.decision_id, part)),
            {"state": "dead"},
        )


def _remove(connection: sa.Connection, ids: Sequence[str]) -> None:
    for part in in_parts(ids):
        connection.execute(t.OUTBOX.delete().where(among(connection, t.OUTBOX.c.decision_id, part)))


def _end(
    connection: sa.Connection,
    ids: Sequence[str],
    state: DecisionState,
    at: datetime,
    why: str,
) -> None:
    _remove(connection, ids)
    move(connection, ids, state, at, why)


def _moves(settlements: Sequence[Settlement]) -> dict[tuple[DecisionState, str], list[str]]:
    """Transitions of decisions, by what they say. A decision that was cancelled stays so, whatever
    becomes of telling the receiver.
    """
    moves: dict[tuple[DecisionState, str], list[str]] = {}
    for one in settlements:
        if one.claim.kind == "send":
            moves.setdefault((one.state, one.why), []).append(_id(one))
        elif one.state == "handed_over":
            moves.setdefault(("cancelled", RECEIVER_TOLD), []).append(_id(one))
        elif one.state == "dead":
            moves.setdefault(("cancelled", f"not told: {one.why}"), []).append(_id(one))
    return moves


def _id(settlement: Settlement) -> str:
    return settlement.claim.decision.decision_id


def _ids(claims: Sequence[Claim]) -> list[str]:
    return [claim.decision.decision_id for claim in claims]
