"""The lease of the one process that works: in SQL, so that it holds over machines, too."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from care.ledger import tables as t
from care.ledger.rows import microseconds, moment

_WORK = "work"


@dataclass(frozen=True, kw_only=True)
class Held:
    """Who holds the lease.

    Parameters
    ----------
    holder : str
        Its name.
    token : int
        Number of the lease: a holder with an older one has lost it.
    until : datetime
        When it ends unless it is renewed (UTC).
    """

    holder: str
    token: int
    until: datetime


class WorkLease:
    """The lease of the one process that works on a ledger.

    Times are the machine's, whatever time it is for the operator: a lease is about processes.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        The ledger's database, open.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def take(self, holder: str, now: datetime, lease: timedelta) -> Held:
        """Take the lease where nobody holds it.

        Returns
        -------
        Held
            The lease that is held now: the caller's, or with another holder and token that of
            whoever has it.
        """
        columns, at = t.LEASES.c, microseconds(now)
        with self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                # There may be no row yet that could be locked.
                connection.execute(sa.text("LOCK TABLE leases IN EXCLUSIVE MODE"))
            row = connection.execute(sa.select(t.LEASES).where(columns.name == _WORK)).first()
            if row is not None and row.until > at:
                return Held(holder=row.holder, token=row.token, until=moment(row.until))
            token = 1 if row is None else row.token + 1
            connection.execute(t.LEASES.delete().where(columns.name == _WORK))
            connection.execute(
                t.LEASES.insert(),
                {
                    "name": _WORK,
                    "holder": holder,
                    "token": token,
                    "until": microseconds(now + lease),
                },
            )
        return Held(holder=holder, token=token, until=now + lease)

    def renew(self, held: Held, now: datetime, lease: timedelta) -> bool:
        """Keep a lease for longer; False where another process has it by now."""
        return self._extend(held, now + lease)

    def give_back(self, held: Held, now: datetime) -> None:
        """Let the next process take it at once."""
        self._extend(held, now)

    def _extend(self, held: Held, until: datetime) -> bool:
        columns = t.LEASES.c
        query = (
            t.LEASES.update()
            .where(columns.name == _WORK, columns.token == held.token)
            .values(until=microseconds(until))
        )
        with self._engine.begin() as connection:
            return bool(connection.execute(query).rowcount)
