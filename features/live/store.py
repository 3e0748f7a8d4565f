"""The online store kept up to date by events, between one build and the next."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

import pyarrow as pa

from features.contracts.tables import ARRIVED
from features.erased.erased_ids import NOBODY, ErasedIds
from features.live.batch import KINDS, LIVE_VIEWS, NAMING_VIEWS, Build, LiveBatch
from features.live.event import Event, microseconds, time_of
from features.live.held import Fate, HeldLimits, count_held
from features.live.state import LINKS, STATE_TABLES
from features.packed.store import PackedStore
from holdfast.clock import Clock
from holdfast.errors import InputError, ModelError
from holdfast.logging import progress

_DOCUMENT = "live"
_STATES_PER_TRANSACTION = 20_000
_CLOCK_SKEW = timedelta(minutes=5)
"""How far ahead the clock of whoever sends an event may be."""


@dataclass(frozen=True)
class Applied:
    """What became of events.

    Parameters
    ----------
    written : dict of str to tuple of str
        The entities whose records were written, by view.
    fates : tuple of tuple of {"taken", "held", "dropped", "erased"}
        Of each group, what became of each event, in order: see `features.live.held`.
    """

    written: dict[str, tuple[str, ...]]
    fates: tuple[tuple[Fate, ...], ...]


class LiveStore:
    """Live features in the packed store; any thread of any process may use it.

    Parameters
    ----------
    store : PackedStore
        Where states and records lie.
    clock : Clock
        Events that claim to have arrived later are refused.
    limits : HeldLimits, optional
        How many events of ids that no build knows are held.
    erased : callable, optional
        Gives who was erased; their events are thrown away.
    """

    def __init__(
        self,
        store: PackedStore,
        clock: Clock,
        limits: HeldLimits | None = None,
        erased: Callable[[], ErasedIds] = lambda: NOBODY,
    ) -> None:
        self._store = store
        self._erased = erased
        self._clock = clock
        self._limits = limits or HeldLimits()

    def apply(self, event: Event) -> Applied:
        """Take one event in; as `apply_all`."""
        return self.apply_all([event])

    def apply_all(self, events: Sequence[Event]) -> Applied:
        """Apply events in one transaction: all of them or none, each once.

        An event of an id that no build knows is held until one does: see `features.live.held`.

        A record written is what a build as of the arrival of the entity's last event would
        compute. An event that was applied before changes nothing. Events may come in any order;
        but a contact's record is written once, from what has been applied by then.

        Parameters
        ----------
        events : sequence of Event
            As they arrived. All of them are held in memory; a few thousand make a transaction's
            cost not matter.

        Returns
        -------
        Applied
            The records written, and what became of each event, as one group.

        Raises
        ------
        ModelError
            Features were never materialized.
        InputError
            The last build lacked an event's table: without its past, features would be wrong. Or an
            event claims to have arrived in the future: nothing could replace what it leaves until
            then.
        """
        self.check(events)
        return self.apply_groups([events])

    def check(self, events: Sequence[Event]) -> None:
        """Refuse events that cannot be applied; errors as in `apply_all`."""
        build = self._build()
        now = self._clock()
        latest = microseconds(now + _CLOCK_SKEW)
        for event in events:
            if not build.takes(event.table):
                raise InputError(
                    "table", "must be one that the last build of features had", event.table
                )
            if event.arrived > latest:
                raise InputError(
                    f"{event.table}.{ARRIVED}",
                    f"must not lie in the future; here it is {now.isoformat(timespec='seconds')}",
                    time_of(event.arrived).isoformat(),
                )

    def apply_groups(self, groups: Sequence[Sequence[Event]]) -> Applied:
        """Apply groups of events that were checked, as `apply_all` does one after the other, in
        one transaction: a commit waits for the disk.
        """
        build, now = self._build(), microseconds(self._clock())
        fates: list[tuple[Fate, ...]] = []
        with self._store.updating(LIVE_VIEWS, KINDS, NAMING_VIEWS) as update:
            batch = LiveBatch(update, build, self._limits)
            # Read in the transaction: whoever erases lists people before their records are deleted.
            erased = self._erased()
            for events in groups:
                fates.append(
                    tuple(
                        "erased" if erased.hold_row(event.row) else batch.take(event, now)
                        for event in events
                    )
                )
                batch.end_group()
            return Applied(batch.write(), tuple(fates))

    def held(self) -> int:
        """How many events wait for ids that no build knows."""
        return count_held(self._store)

    def _build(self) -> Build:
        build = _last_build(self._store)
        if build is None:
            raise ModelError(
                "live features",
                "have no states in the online store; build and materialize features first",
            )
        return build


def replace_states(
    store: PackedStore,
    cutoff: datetime,
    tables: Iterable[str],
    documents: Mapping[str, Iterable[pa.RecordBatch]],
    rows: int | None = None,
    limits: HeldLimits | None = None,
) -> int:
    """Replace all states by a build's, and keep what has arrived since its cut-off.

    Records that events have changed since then are written anew. To be called after the build's
    own records were written; killed at any time, the same call completes it. States of an
    older build than the last one are not taken. At the end, events held of ids that are known now
    are applied: see `features.live.held`.

    Parameters
    ----------
    store : PackedStore
        Where states and records lie.
    cutoff : datetime
        The build's, with a time zone.
    tables : iterable of str
        The raw tables it had.
    documents : mapping of str to iterable of pyarrow.RecordBatch
        By kind of state and of link, rows with the columns id and document, as `state_queries`
        and `link_queries` give.
    rows : int, optional
        How many there are, where that is known.
    limits : HeldLimits, optional
        How long events of unknown ids are held.

    Returns
    -------
    int
        How many states were taken.
    """
    build, last = Build(microseconds(cutoff), frozenset(tables)), _last_build(store)
    if last is not None and last.cutoff > build.cutoff:
        return 0
    taken = 0
    with progress("Writing states for live events", rows) as advance:
        for kind in STATE_TABLES:
            states = _pairs(documents[kind])
            while part := list(islice(states, _STATES_PER_TRANSACTION)):
                with store.updating(LIVE_VIEWS, KINDS) as update:
                    batch = LiveBatch(update, build)
                    for entity, document in part:
                        batch.replace(kind, entity, document)
                    batch.write()
                taken += len(part)
                advance(len(part))
    with store.updating(LIVE_VIEWS, KINDS) as update:
        batch = LiveBatch(update, build)
        batch.replace_links({link: dict(_pairs(documents[link])) for link in LINKS})
        batch.write()
    with store.updating(LIVE_VIEWS, KINDS, NAMING_VIEWS) as update:
        batch = LiveBatch(update, build, limits)
        batch.release()
        batch.write()
    store.put_document(_DOCUMENT, {"cutoff": build.cutoff, "tables": sorted(build.tables)})
    return taken


def _last_build(store: PackedStore) -> Build | None:
    document = store.get_document(_DOCUMENT)
    try:
        if document is None:
            return None
        return Build(document["cutoff"], frozenset(document["tables"]))  # type: ignore[index]
    except (KeyError, TypeError) as error:
        raise ModelError(
            "live features", f"were written by another release; materialize again: {error!r}"
        ) from None


def _pairs(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[str, str]]:
    for batch in batches:
        yield from zip(
            batch.column("id").to_pylist(), batch.column("document").to_pylist(), strict=True
        )
