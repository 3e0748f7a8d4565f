"""Lines that may not be spoken of since the last night: events that exclude, and are no features.

A request to take the number elsewhere, or a notice to leave, excludes its line at once, as the next
night will. Its rows lie apart from all states, where no feature is computed from them: one document for each
subscription, a list of ``[table, id, step, arrived]``, below the kind `EXCLUSIONS`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from features.contracts.vocabulary import PORT_STEPS_OVER
from features.live.event import Event
from features.packed.store import PackedStore
from features.packed.update import PackedUpdate

EXCLUSIONS = "exclusions"
"""The kind of documents that this module reads and writes."""


@dataclass(frozen=True)
class Steps:
    """How events of a table exclude.

    Parameters
    ----------
    key : str
        Column of the id that steps share.
    over : frozenset of str
        Steps after which it excludes no more, whatever arrived before or after.
    """

    key: str
    over: frozenset[str]


EXCLUDING: dict[str, Steps] = {
    "port_requests": Steps("request_id", frozenset(PORT_STEPS_OVER)),
    "notices": Steps("notice_id", frozenset({"withdrawn"})),
}
"""By raw table. A night excludes by the same steps."""


def note_exclusion(update: PackedUpdate, event: Event) -> None:
    """Keep an event of one of `EXCLUDING`, once."""
    steps, line = EXCLUDING[event.table], str(event.row["subscription_id"])
    stored = update.get_state(EXCLUSIONS, line)
    noted = [] if stored is None else json.loads(stored)
    one = [event.table, event.row[steps.key], event.row["status"], event.arrived]
    if one not in noted:
        document = json.dumps(sorted([*noted, one]), ensure_ascii=False, separators=(",", ":"))
        update.put_state(EXCLUSIONS, line, document)


def drop_exclusions(update: PackedUpdate, before: int) -> None:
    """Forget the lines of which nothing has arrived since a time, in microseconds since 1970."""
    for line, document in update.states(EXCLUSIONS):
        if all(arrived < before for _, _, _, arrived in json.loads(document)):
            update.delete_state(EXCLUSIONS, line)


class LiveExclusions:
    """Reads which lines are excluded by events that no night has seen.

    Parameters
    ----------
    store : PackedStore
        That of the operator's repository.
    """

    def __init__(self, store: PackedStore) -> None:
        self._store = store

    def since(self, ids: Sequence[str], night: int) -> dict[str, int]:
        """When the events arrived that exclude lines, in microseconds since 1970.

        Parameters
        ----------
        ids : sequence of str
            Subscriptions.
        night : int
            The cut-off of the last night, in microseconds since 1970: of what arrived before it,
            the night's tables have told.

        Returns
        -------
        dict of str to int
            By subscription, of those excluded alone.
        """
        return {
            line: min(arrived for _, arrived in steps)
            for line, steps in self._open(ids, night).items()
        }

    def tables_since(self, ids: Sequence[str], night: int) -> dict[str, frozenset[str]]:
        """Of which raw tables those events are: ``port_requests``, ``notices``; parameters as of
        `since`.
        """
        return {
            line: frozenset(table for table, _ in steps)
            for line, steps in self._open(ids, night).items()
        }

    def _open(self, ids: Sequence[str], night: int) -> dict[str, list[tuple[str, int]]]:
        """Table and arrival of each step that excludes, by subscription, of those excluded alone."""
        documents = self._store.read_states(EXCLUSIONS, ids)
        found = {
            line: _steps(json.loads(document), night)
            for line, document in zip(ids, documents, strict=True)
            if document is not None
        }
        return {line: steps for line, steps in found.items() if steps}


def _steps(noted: Sequence[tuple[str, str, str, int]], night: int) -> list[tuple[str, int]]:
    over = {(table, id_) for table, id_, step, _ in noted if step in EXCLUDING[table].over}
    return [
        (table, arrived)
        for table, id_, _, arrived in noted
        if arrived > night and (table, id_) not in over
    ]
