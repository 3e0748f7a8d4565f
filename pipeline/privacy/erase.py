"""One person erased everywhere in a home.

An erasure is a row of places, each emptied by its owner. It is noted in a journal: killed at any
moment, the next erasure or the next night carries it on. First of all the person is put on the list
of who was erased, so that nothing comes in any more.
"""

import json
import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from care.settings import CareSettings
from features.erased.erased_ids import ErasedIds
from features.erased.people import PERSON_KINDS, People, find_people
from holdfast.errors import InputError
from holdfast.failpoint import Failpoint, no_failpoint
from holdfast.files import write_beside
from holdfast.home import Home, locked
from holdfast.logging import progress
from pipeline.privacy.journal import Journal, sums_rows
from pipeline.privacy.pending import finish_pending_removal
from pipeline.privacy.places import PLACES, Places
from pipeline.privacy.search import Finding, search_home

_log = logging.getLogger(__name__)

_OWN_LEDGER = CareSettings()

REMAINS = (
    "model versions that learned from the person: they hold no rows; train and promote a new one",
    "files outside the home: tables that were taken in, exports, scores others fetched, backups",
    "messages of care that others were handed",
)
"""What an erasure cannot reach, in words."""


@dataclass(frozen=True, kw_only=True)
class Erasure:
    """What an erasure did, or would do.

    Parameters
    ----------
    people : int
        How many were erased.
    already : int
        How many of those asked for had been erased before.
    rows : dict of str to int
        Rows removed by place (see `pipeline.privacy.places.PLACES`).
    shared : tuple of str
        What stays because others have it, too.
    remains : tuple of str
        What else stays, in words.
    findings : tuple of Finding
        Where ids of theirs still stand in the home; None where nobody searched.
    dry_run : bool
        Whether nothing was removed.
    """

    people: int
    already: int
    rows: dict[str, int]
    shared: tuple[str, ...]
    remains: tuple[str, ...]
    findings: tuple[Finding, ...] | None
    dry_run: bool

    def to_json(self) -> dict[str, object]:
        """As one JSON object."""
        findings = self.findings
        return {
            "people": self.people,
            "already": self.already,
            "rows": self.rows,
            "shared": list(self.shared),
            "remains": list(self.remains),
            "findings": None if findings is None else [vars(finding) for finding in findings],
            "dry_run": self.dry_run,
        }


def erase_people(
    home: Home,
    customers: Sequence[str],
    *,
    now: datetime,
    by: str | None = None,
    care: CareSettings = _OWN_LEDGER,
    dry_run: bool = False,
    confirm: Callable[[People], None] = lambda people: None,
    failpoint: Failpoint = no_failpoint,
) -> Erasure:
    """Erase customers with their subscriptions and accounts.

    Parameters
    ----------
    home : Home
        The home.
    customers : sequence of str
        Their ids.
    now : datetime
        What time it is in the home, with a time zone.
    by : str, optional
        Who asks for it.
    care : CareSettings
        Where the ledger lies. Default: in the home.
    dry_run : bool
        Whether to count only.
    confirm : callable, optional
        Called before anything is changed; raises where it is not to be done.
    failpoint : Failpoint, optional
        For tests.

    Raises
    ------
    InputError
        The home knows nothing of one of them. Nothing was changed.
    HomeError
        Another process writes in the home.
    """
    with locked(home):
        if not dry_run:
            finish_pending_removal(home)
            finish_erasure(home, care, failpoint=failpoint)
        people, already = _people(home, customers, care)
        if not people.customers:
            return Erasure(
                people=0,
                already=already,
                rows={},
                shared=(),
                remains=REMAINS,
                findings=None,
                dry_run=dry_run,
            )
        if dry_run:
            places = Places(home, people, {}, "", care, dry_run=True)
            return Erasure(
                people=len(people.customers),
                already=already,
                rows={name: places.forget(name) for name in PLACES},
                shared=_shared(people),
                remains=REMAINS,
                findings=None,
                dry_run=True,
            )
        confirm(people)
        _begin(home, people, now, by).write(home.erasing)
        failpoint("journal written")
        rows = finish_erasure(home, care, failpoint=failpoint)
        with progress("Searching the home"):
            ids = {kind: people.ids[kind] for kind in PERSON_KINDS if kind in people.ids}
            findings = tuple(search_home(home, ids))
        return Erasure(
            people=len(people.customers),
            already=already,
            rows=rows,
            shared=_shared(people),
            remains=REMAINS,
            findings=findings,
            dry_run=False,
        )


def finish_erasure(
    home: Home, care: CareSettings = _OWN_LEDGER, *, failpoint: Failpoint = no_failpoint
) -> dict[str, int]:
    """Carry an erasure on that has begun; rows removed by place, none where there is nothing to do.

    `care` says where the ledger lies; default: in the home.

    The caller holds the home's lock.
    """
    journal = Journal.read(home.erasing)
    if journal is None:
        return {}
    people = journal.to_people()
    ErasedIds.read(home.erased).with_people(people.refused, journal.at).write(home.erased)
    failpoint("listed")
    places = Places(home, people, journal.removed_sums(), journal.erasure, care)
    with progress("Erasing", len(PLACES)) as advance:
        for name in PLACES:
            if name not in journal.done:
                journal = journal.with_done(name, places.forget(name))
                failpoint(f"{name}: done")
                journal.write(home.erasing)
            advance(1)
    _note(home, journal)
    home.erasing.unlink()
    failpoint("ended")
    return journal.done


def lift_erasure(
    home: Home,
    customers: Sequence[str],
    *,
    now: datetime,
    by: str | None = None,
    care: CareSettings = _OWN_LEDGER,
    failpoint: Failpoint = no_failpoint,
) -> int:
    """Take customers off the list of who was erased, so that their rows are taken in again.

    What the next night reads of them comes in as of anybody: all raw files are read again. Killed,
    it is completed by a second call, since they leave the list last of all.

    Returns
    -------
    int
        How many were on the list.

    Raises
    ------
    InputError
        One of them is not on the list. Nothing was changed.
    """
    from features.intake.store import read_all_again

    with locked(home):
        finish_pending_removal(home)
        finish_erasure(home, care)
        erased = ErasedIds.read(home.erased)
        for customer in customers:
            if not erased.hold("customer_id", [customer])[0]:
                raise InputError("CUSTOMER", "must be the id of somebody who was erased", customer)
        read_all_again(home.raw)
        failpoint("files read again")
        hashes = [f"{one:016x}" for one in erased.hashes("customer_id", customers).tolist()]
        _append(home, {"at": now.isoformat(), "by": by, "lifted": hashes})
        failpoint("noted")
        erased.without(customers).write(home.erased)
    return len(customers)


def _people(home: Home, customers: Sequence[str], care: CareSettings) -> tuple[People, int]:
    """Who is to be erased, with their ids, and how many had been erased before."""
    erased = ErasedIds.read(home.erased)
    others = [*home.score_sets.glob("at=*/*.parquet"), *home.score_feed.glob("*.parquet")]
    people = find_people(customers, home.raw, others)
    chosen, already = {}, 0
    for customer, ids in people.by_customer.items():
        is_known = bool(ids.keys() - {"customer_id", "account_id"})
        if not is_known:
            alone = Places(home, People({customer: ids}, {}), {}, "", care, dry_run=True)
            is_known = any(alone.forget(name) for name in PLACES)
        if is_known:
            chosen[customer] = ids
        elif erased.hold("customer_id", [customer])[0]:
            already += 1
        else:
            raise InputError("CUSTOMER", "must be somebody of whom the home holds a row", customer)
    return People(chosen, people.shared), already


def _begin(home: Home, people: People, now: datetime, by: str | None) -> Journal:
    from features.compute.forget import removed_sums
    from features.operator.repository import OperatorRepository

    return Journal(
        erasure=secrets.token_hex(8),
        at=now.isoformat(),
        by=by,
        people={
            customer: {kind: tuple(sorted(some)) for kind, some in ids.items()}
            for customer, ids in people.by_customer.items()
        },
        shared=dict(people.shared),
        sums=sums_rows(removed_sums(home.raw, people, OperatorRepository(home).directory)),
        done={},
    )


def _shared(people: People) -> tuple[str, ...]:
    return tuple(dict.fromkeys(about for some in people.shared.values() for about in some))


def _note(home: Home, journal: Journal) -> None:
    """The line for an audit: when, who asked, how many, and rows by place; no id, no value."""
    erased = ErasedIds.read(home.erased)
    hashes = [f"{one:016x}" for one in erased.hashes("customer_id", list(journal.people)).tolist()]
    _append(home, {"at": journal.at, "by": journal.by, "erased": hashes, "rows": journal.done})
    _log.info("erased %d people", len(journal.people))


def _append(home: Home, line: dict[str, object]) -> None:
    path = home.root / "erasures.jsonl"
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    write_beside(path, before + json.dumps(line) + "\n")
