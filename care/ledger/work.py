"""The lease of the one process that works, and the jobs that it is asked to do: in SQL, so that they
hold over machines, too.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from care.ledger import tables as t
from care.ledger.database import reading
from care.ledger.queries import next_number
from care.ledger.rows import microseconds, moment

JobState = Literal["waiting", "running", "done", "failed"]

MOST_BEGUN = 3
"""Times that a job is begun: one that ends its process each time must not do so for ever."""

GIVEN_UP = f"begun {MOST_BEGUN} times, and each time the process that works ended before it"

_SHOWN_JOBS = 100

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


@dataclass(frozen=True, kw_only=True)
class Job:
    """A campaign that somebody asks to have measured.

    Parameters
    ----------
    number : int
        Counted from 1.
    campaign_id : str
        The campaign.
    state : {"waiting", "running", "done", "failed"}
        Where it is.
    asked_by : str
        Name of the key that asked; empty where none was needed.
    asked_at : datetime
        When (UTC).
    ended_at : datetime or None
        When it was done or failed (UTC).
    why : str
        Why it failed; empty otherwise.
    """

    number: int
    campaign_id: str
    state: JobState
    asked_by: str
    asked_at: datetime
    ended_at: datetime | None
    why: str

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "job_id": str(self.number),
            "kind": "measure",
            "campaign_id": self.campaign_id,
            "state": self.state,
            "asked_by": self.asked_by,
            "asked_at": self.asked_at.isoformat(),
            "ended_at": self.ended_at and self.ended_at.isoformat(),
            "why": self.why,
        }


class Jobs:
    """Jobs of a ledger. The process that holds the lease does them one by one; what it was at when it
    was killed, the next one does again.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        The ledger's database, open.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def ask(self, campaign_id: str, by: str, at: datetime) -> Job:
        """Ask to have a campaign measured. Where that waits to be begun already, it is that job."""
        columns = t.JOBS.c
        waiting = sa.select(t.JOBS).where(
            columns.campaign_id == campaign_id, columns.state == "waiting"
        )
        with self._engine.begin() as connection:
            number = next_number(connection, t.JOBS)
            row = connection.execute(waiting).first()
            if row is None:
                new = {
                    "number": number,
                    "campaign_id": campaign_id,
                    "state": "waiting",
                    "asked_by": by,
                    "asked_at": microseconds(at),
                    "begun": 0,
                    "why": "",
                }
                connection.execute(t.JOBS.insert(), new)
                row = connection.execute(waiting).one()
        return _job(row)

    def take(self, worker: int, at: datetime) -> Job | None:
        """The oldest job that waits, or that an earlier worker did not end; None where there is none.

        Parameters
        ----------
        worker : int
            Number of the lease that is held.
        at : datetime
            When (UTC).
        """
        columns = t.JOBS.c
        left = sa.and_(columns.state == "running", columns.worker < worker)
        with self._engine.begin() as connection:
            connection.execute(
                t.JOBS.update()
                .where(left, columns.begun >= MOST_BEGUN)
                .values(state="failed", ended_at=microseconds(at), why=GIVEN_UP)
            )
            row = connection.execute(
                sa.select(t.JOBS)
                .where(sa.or_(columns.state == "waiting", left))
                .order_by(columns.number)
                .limit(1)
                .with_for_update(skip_locked=True)
            ).first()
            if row is None:
                return None
            connection.execute(
                t.JOBS.update()
                .where(columns.number == row.number)
                .values(state="running", worker=worker, begun=columns.begun + 1)
            )
            return _job(
                connection.execute(sa.select(t.JOBS).where(columns.number == row.number)).one()
            )

    def end(self, job: Job, worker: int, at: datetime, failed: str = "") -> bool:
        """A job is done, or has failed; False where another worker has taken it over since.

        Parameters
        ----------
        job : Job
            As it was taken.
        worker : int
            Number of the lease that it was taken with.
        at : datetime
            When (UTC).
        failed : str
            Why it failed; empty where it is done.
        """
        columns = t.JOBS.c
        query = (
            t.JOBS.update()
            .where(
                columns.number == job.number,
                columns.state == "running",
                columns.worker == worker,
            )
            .values(state="failed" if failed else "done", ended_at=microseconds(at), why=failed)
        )
        with self._engine.begin() as connection:
            return bool(connection.execute(query).rowcount)

    def newest(self, number: int | None = None) -> list[Job]:
        """The newest jobs, the last one first; or one by its number."""
        query = sa.select(t.JOBS).order_by(t.JOBS.c.number.desc()).limit(_SHOWN_JOBS)
        if number is not None:
            query = query.where(t.JOBS.c.number == number)
        with reading(self._engine) as connection:
            return [_job(row) for row in connection.execute(query)]


def _job(row: sa.Row[Any]) -> Job:
    return Job(
        number=row.number,
        campaign_id=row.campaign_id,
        state=row.state,
        asked_by=row.asked_by,
        asked_at=moment(row.asked_at),
        ended_at=None if row.ended_at is None else moment(row.ended_at),
        why=row.why,
    )
