"""Live events sent to a service while things happen to it, and what must have become of them."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from features.fields import VIEWS
from features.live.batch import KINDS
from features.live.event import LIVE_TABLES, read_event
from features.live.held import read_held
from features.live.store import LiveStore, replace_states
from features.online.service import online_directory
from features.operator.repository import OperatorRepository
from features.packed.store import PackedStore
from holdfast.home import Home
from tests.builders.clocks import clock_at
from tests.builders.known_ids import name_ids

BUILT_AT = datetime(2026, 3, 2, tzinfo=UTC)
LINES = [f"line-{number}" for number in range(12)]
UNKNOWN = 2
"""How many of the lines no build knows."""

_EVENTS, _CALLERS, _PAUSE_SECONDS = 5, 3, 0.02


@dataclass
class SentEvents:
    """Events that were answered, each as often as its connection ended without an answer.

    Parameters
    ----------
    store : PackedStore
        The served one.
    documents : list of dict
        The events, each once.
    again : int
        How many requests were sent again.
    wrong : list of str
        Answers other than that each event is taken or held.
    """

    store: PackedStore
    documents: list[dict[str, Any]] = field(default_factory=list)
    again: int = 0
    wrong: list[str] = field(default_factory=list)

    def check(self, folder: Path) -> None:
        """Assert that the store says what one says that took each event once."""
        assert self.wrong == []
        alone = make_store(folder / "alone")
        rows = [read_event(one["table"], one["row"]) for one in self.documents]
        LiveStore(alone, clock_at(BUILT_AT + timedelta(days=300))).apply_all(rows)
        columns = VIEWS["subscription_live"].columns
        (served, at), (right, then) = (
            one.read("subscription_live", columns, LINES) for one in (self.store, alone)
        )
        assert (served.tobytes(), at.tobytes()) == (right.tobytes(), then.tobytes())
        assert np.isnat(at).tolist() == [False] * (len(LINES) - UNKNOWN) + [True] * UNKNOWN
        held, wanted = (
            {one.id: one.tables for one in read_held(one).ids} for one in (self.store, alone)
        )
        assert held == wanted
        assert len(held) == UNKNOWN


def make_store(directory: Path) -> PackedStore:
    """An online store with states of some lines."""
    store = PackedStore(directory, create=True)
    name_ids(store, subscriptions=LINES[:-UNKNOWN])
    replace_states(store, BUILT_AT, LIVE_TABLES, dict.fromkeys(KINDS, ()))
    return store


@contextmanager
def sending_events(home: Home, port: int) -> Iterator[SentEvents]:
    """Send events to a service, without pause, while the context lasts."""
    sent = SentEvents(make_store(online_directory(OperatorRepository(home).directory)))
    numbers, stop, random = count(), threading.Event(), Random(5)

    def send() -> None:
        while not stop.is_set():
            events = [_recharge(random.choice(LINES), next(numbers)) for _ in range(_EVENTS)]
            _send_until_answered(port, events, sent)
            sent.documents.extend(events)
            stop.wait(_PAUSE_SECONDS)

    callers = [threading.Thread(target=send) for _ in range(_CALLERS)]
    for one in callers:
        one.start()
    try:
        yield sent
    finally:
        stop.set()
        for one in callers:
            one.join()


def _recharge(line: str, number: int) -> dict[str, Any]:
    at = (BUILT_AT + timedelta(minutes=number)).isoformat()
    row = {"subscription_id": line, "amount": 1.0 + number % 7}
    times = {"happened_at": at, "arrived_at": at}
    return {"event_id": f"e-{number}", "table": "recharges", "row": row | times}


def _send_until_answered(port: int, events: list[dict[str, Any]], sent: SentEvents) -> None:
    body, repeated = json.dumps({"events": events}), False
    while True:
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        with closing(connection), suppress(OSError, HTTPException):
            connection.request("POST", "/v1/events", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read().decode()
            break
        sent.again += 1
        repeated = True
    if answer.status != 200:
        sent.wrong.append(text)
        return
    for event, told in zip(events, json.loads(text)["events"], strict=True):
        is_known = event["row"]["subscription_id"] in LINES[:-UNKNOWN]
        right = (
            {"taken", "repeated"} if is_known and repeated else {"taken" if is_known else "held"}
        )
        if told["status"] not in right:
            sent.wrong.append(str(told))
