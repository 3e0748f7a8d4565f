"""The one long process that works on a ledger: it relays, ends what is too late, and does jobs.

It holds a lease in the ledger. Whoever loses the lease ends, and what it had claimed is taken over.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from care.catalogue import catalogue_of, read_catalogue
from care.delivery.relay import Relay, Round
from care.ledger.work import Held
from features.settings import FeatureSettings
from holdfast.errors import HoldfastError
from holdfast.failpoint import Failpoint, no_failpoint
from pipeline.care.delivery.cancel import cancel_withdrawn
from pipeline.care.delivery.jobs import do_next_job
from pipeline.care.delivery.recheck import Recheck, facts_stamp
from pipeline.care.delivery.relays import Delivery, opened_relays
from pipeline.care.workspace import CareWorkspace
from training.settings import LabelSettings

LEASE = timedelta(seconds=10)
"""How long the lease is held without being renewed."""

_RENEW_SECONDS = 3.0
_IDLE_SECONDS = 1.0
"""How long to wait where nothing is due."""

_LONGEST_PAUSE_SECONDS = 30.0
"""How long to leave a receiver alone that takes nothing, at most."""

_CANCEL_SECONDS = 2.0
"""How long until a withdrawal is seen that came after the handover."""

_EXPIRY_SECONDS = 60.0
_REPORT_SECONDS = 60.0
_GRACE_SECONDS = 3.0
"""How long what is under way may take once the process is to end."""

_log = logging.getLogger(__name__)


class WorkError(HoldfastError):
    """Another process works on the ledger."""


@dataclass(frozen=True, kw_only=True)
class WorkPlan:
    """What a process that works is given.

    Parameters
    ----------
    care : CareWorkspace
        The home's care.
    delivery : Delivery
        Where decisions go.
    features : FeatureSettings
        Memory and threads that reading may take.
    labels : LabelSettings
        What counts as lost, where a job measures.
    holder : str
        Name of the process, for whoever finds the lease taken.
    failpoint : Failpoint
        Called between the steps of relays.
    """

    care: CareWorkspace
    delivery: Delivery
    features: FeatureSettings
    labels: LabelSettings
    holder: str
    failpoint: Failpoint = no_failpoint


async def work(plan: WorkPlan, stop: asyncio.Event, *, wait_seconds: float = 0) -> None:
    """Work until `stop` is set.

    Parameters
    ----------
    plan : WorkPlan
        What to work on.
    stop : asyncio.Event
        Set by whoever wants it to end.
    wait_seconds : float
        How long to wait for another process that works.

    Raises
    ------
    WorkError
        Another process works on the ledger, or has taken the lease over.
    """
    held = await _take_lease(plan, stop, wait_seconds)
    if held is None:
        return
    lease = plan.care.ledger.work_lease
    try:
        plan.care.ledger.outbox.take_over(held.token)
        await _Work(plan, held, stop).run()
    finally:
        lease.give_back(held, plan.delivery.machine_clock())


async def _take_lease(plan: WorkPlan, stop: asyncio.Event, wait_seconds: float) -> Held | None:
    lease = plan.care.ledger.work_lease
    clock = plan.delivery.machine_clock
    until = clock() + timedelta(seconds=wait_seconds)
    waits = False
    while not stop.is_set():
        now = clock()
        held = lease.take(plan.holder, now, LEASE)
        if held.holder == plan.holder:
            return held
        if now >= until:
            raise WorkError(
                f"{held.holder} works on this ledger, with a lease until {held.until:%H:%M:%S} UTC;"
                " end it first, or wait for it with --wait"
            )
        if not waits:
            _log.info("waiting for %s, which works on this ledger", held.holder)
            waits = True
        await _sleep(stop, _IDLE_SECONDS)
    return None


class _Work:
    def __init__(self, plan: WorkPlan, held: Held, stop: asyncio.Event) -> None:
        self._plan, self._held, self._stop = plan, held, stop
        self._catalogue = catalogue_of(plan.care.home.root)
        self._recheck: Recheck | None = None
        self._stamp: object = None
        self._looked_at: datetime | None = None
        self._done: dict[str, Round] = {}

    async def run(self) -> None:
        plan = self._plan
        relays = opened_relays(
            *(plan.care, plan.delivery, self._policy, self._held.token, plan.failpoint)
        )
        async with relays as opened:
            await self._look_again()
            loops = [
                self._repeat(self._renew, _RENEW_SECONDS),
                self._repeat(self._look_again, _IDLE_SECONDS),
                self._repeat(self._cancel, _CANCEL_SECONDS),
                self._repeat(self._expire, _EXPIRY_SECONDS),
                self._repeat(self._report, _REPORT_SECONDS),
                self._repeat(self._do_jobs, _IDLE_SECONDS),
                *map(self._relay, opened),
            ]
            tasks = [asyncio.create_task(one) for one in loops]
            stopping = asyncio.create_task(self._stop.wait())
            try:
                await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
                self._stop.set()
                await asyncio.wait(tasks, timeout=_GRACE_SECONDS)
            finally:
                for task in (*tasks, stopping):
                    task.cancel()
                ends = await asyncio.gather(*tasks, return_exceptions=True)
            await self._report()
        for end in ends:
            if isinstance(end, Exception):
                raise end

    def _policy(self) -> Recheck:
        if self._recheck is None:
            raise AssertionError("facts are read before anything is claimed")
        return self._recheck

    async def _renew(self) -> None:
        lease, now = self._plan.care.ledger.work_lease, self._plan.delivery.machine_clock()
        if not await asyncio.to_thread(lease.renew, self._held, now, LEASE):
            raise WorkError("another process has taken the lease over; this one ends")

    async def _look_again(self) -> None:
        """Read facts anew where a night, an approval or the catalogue has changed what is known."""
        await asyncio.to_thread(self._read_facts)

    def _read_facts(self) -> None:
        plan = self._plan
        waiting = plan.care.ledger.outbox.waiting()
        stamp = (
            facts_stamp(plan.care.home),
            set(waiting),
            _written(self._catalogue),
        )
        if stamp != self._stamp:
            recheck = Recheck(self._care(), plan.features, plan.delivery.clock)
            recheck.read(waiting)
            self._recheck, self._stamp = recheck, stamp

    def _care(self) -> CareWorkspace:
        """Care with the catalogue as it is written now; where that has mistakes, as it was."""
        care = self._plan.care if self._recheck is None else self._recheck.care
        try:
            return replace(care, catalogue=read_catalogue(self._catalogue, care.law))
        except HoldfastError as error:
            _log.warning("the catalogue counts as it was: %s", error)
            return care

    async def _cancel(self) -> None:
        """Cancel what was handed over about customers who have withdrawn since."""
        self._looked_at = await asyncio.to_thread(
            cancel_withdrawn, self._policy().care, self._plan.delivery.clock(), self._looked_at
        )

    async def _expire(self) -> None:
        await asyncio.to_thread(self._plan.care.ledger.outbox.expire, self._plan.delivery.clock())

    async def _do_jobs(self) -> None:
        """Do jobs, one after the other, while others hand over."""
        plan = self._plan
        given = (plan.labels, plan.features, plan.delivery.clock, self._held.token, plan.failpoint)
        while not self._stop.is_set():
            if not await asyncio.to_thread(do_next_job, self._policy().care, *given):
                return

    async def _report(self) -> None:
        for name, did in self._done.items():
            _log.info(
                "%s: %d taken, %d to be tried again, %d given up",
                *(name, did.taken, did.later, did.dead),
            )
        self._done.clear()

    async def _relay(self, relay: Relay) -> None:
        name, pause = relay.receiver.name, _IDLE_SECONDS
        while not self._stop.is_set():
            try:
                did = await relay.paced_round()
            except SQLAlchemyError as error:
                # Its claims end by themselves. The driver's own words may quote values.
                _log.warning("%s: the ledger does not answer (%s)", name, type(error).__name__)
                await _sleep(self._stop, _LONGEST_PAUSE_SECONDS)
                continue
            if did.claimed:
                self._done[name] = self._done.get(name, Round()) + did
            if did.taken:
                pause = _IDLE_SECONDS
            else:
                await _sleep(self._stop, pause)
                pause = min(_LONGEST_PAUSE_SECONDS, 2 * pause) if did.later else _IDLE_SECONDS

    async def _repeat(self, step: Callable[[], Awaitable[None]], seconds: float) -> None:
        while not self._stop.is_set():
            await _sleep(self._stop, seconds)
            try:
                await step()
            except SQLAlchemyError as error:
                _log.warning("the ledger does not answer (%s)", type(error).__name__)


def _written(path: Path) -> object:
    """Changes with a file."""
    try:
        about = path.stat()
    except OSError:
        return None  # it is being replaced
    return about.st_mtime_ns, about.st_size


async def _sleep(stop: asyncio.Event, seconds: float) -> None:
    """Wait, but not for longer than until it is time to stop."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
