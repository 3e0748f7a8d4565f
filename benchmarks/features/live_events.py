"""Live events into the online store: how many per second, one by one and many per transaction.

``python -m benchmarks.features.live_events`` applies 20,000 events of all tables, for 10,000 customers, to a
store that holds half a year of each. Checking, states and records are included. Every transaction
is on disk before the next one begins.
"""

import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa

from benchmarks.report import show
from features.live.batch import KINDS
from features.live.event import LIVE_TABLES, Event, microseconds, read_event
from features.live.state import STATE_TABLES, State, apply_event, entity_of
from features.live.store import LiveStore, replace_states
from features.packed.store import PackedStore
from holdfast.clock import system_clock

CUSTOMERS, EVENTS, ALONE, PER_TRANSACTION = 10_000, 20_000, 200, 2_000
HISTORY = 25 * CUSTOMERS
CELLS, REGIONS = 2_000, 20
CUTOFF = datetime(2026, 1, 5, tzinfo=UTC)


def main() -> None:
    """Measure and print."""
    random = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as directory:
        packed = PackedStore(Path(directory), create=True)
        live = LiveStore(packed, system_clock)
        states = _states(random)
        sizes = [
            len(document)
            for kind in ("customer", "account", "subscription", "app")
            for document in states[kind].values()
        ]
        _name_ids(packed)
        started = time.perf_counter()
        taken = replace_states(
            packed, CUTOFF, LIVE_TABLES, {kind: _batches(states.get(kind, {})) for kind in KINDS}
        )
        replace_s = time.perf_counter() - started
        moments = [CUTOFF + timedelta(seconds=second) for second in range(EVENTS)]
        rows = list(_rows(random, moments))
        started = time.perf_counter()
        events = [read_event(*row) for row in rows]
        check_s = time.perf_counter() - started
        started = time.perf_counter()
        for event in events[:ALONE]:
            live.apply(event)
        alone_s = time.perf_counter() - started
        started = time.perf_counter()
        for position in range(ALONE, EVENTS, PER_TRANSACTION):
            live.apply_all(events[position : position + PER_TRANSACTION])
        together_s = time.perf_counter() - started
        nation = read_event("incidents", _incident("nation", None, CUTOFF + timedelta(days=1)))
        started = time.perf_counter()
        live.apply(nation)
        nation_ms = (time.perf_counter() - started) * 1000
    show(
        f"Live events, {CUSTOMERS:,} customers; size of a state {median(sizes):,.0f} bytes (median)",
        [
            {"what": "states of a build written, per second", "value": taken / replace_s},
            {"what": "events checked, per second", "value": EVENTS / check_s},
            {"what": "events applied one by one, per second", "value": ALONE / alone_s},
            {
                "what": f"events applied, {PER_TRANSACTION:,} per transaction, per second",
                "value": (EVENTS - ALONE) / together_s,
            },
            {"what": f"one nationwide incident, {CELLS:,} cells, ms", "value": nation_ms},
        ],
    )


def _name_ids(packed: PackedStore) -> None:
    """Let the store know everybody, as a night does; accounts are known by their states."""
    ids = [f"{who:08d}" for who in range(CUSTOMERS)]
    times = np.full(CUSTOMERS, CUTOFF.replace(tzinfo=None), "datetime64[us]")
    for view, column in (
        ("subscription_links", "linked_customer"),
        ("customer_links", "linked_account"),
    ):
        packed.write_texts(view, [column], ids, times, [[one] for one in ids])


def _states(random: np.random.Generator) -> dict[str, dict[str, str]]:
    """States after half a year of events, and the cells of each region."""
    states: dict[str, dict[str, State]] = {kind: {} for kind in STATE_TABLES}
    for table, row in _rows(
        random, [CUTOFF - timedelta(days=182) * (1 - number / HISTORY) for number in range(HISTORY)]
    ):
        if table != "incidents":
            _apply(states, read_event(table, row))
    documents = {
        kind: {id_: state.to_json() for id_, state in by_id.items()}
        for kind, by_id in states.items()
    }
    cells = [f"cell-{number:05d}" for number in range(CELLS)]
    quoted = {
        f"region-{region:02d}": ",".join(f'"{cell}"' for cell in cells[region::REGIONS])
        for region in range(REGIONS)
    }
    documents["region_cells"] = {region: f"[{listed}]" for region, listed in quoted.items()}
    documents["nation_cells"] = {"nation": f"[{','.join(quoted.values())}]"}
    documents["cell_region"] = {
        cell: f'"region-{number % REGIONS:02d}"' for number, cell in enumerate(cells)
    }
    return documents


def _apply(states: dict[str, dict[str, State]], event: Event) -> None:
    kind, entity = entity_of(event)
    states[kind][entity] = apply_event(states[kind].get(entity, State(0, {})), event)


def _batches(documents: dict[str, str]) -> Iterator[pa.RecordBatch]:
    rising = sorted(documents.items())
    yield pa.record_batch(
        {
            "id": pa.array([id_ for id_, _ in rising], pa.string()),
            "document": pa.array([text for _, text in rising], pa.string()),
        }
    )


def _rows(
    random: np.random.Generator, moments: list[datetime]
) -> Iterator[tuple[str, dict[str, object]]]:
    """Rows of all tables, as frequent as such events are."""
    tables = random.choice(list(_SHARES), len(moments), p=list(_SHARES.values())).tolist()
    who, amounts = (
        random.integers(CUSTOMERS, size=len(moments)).tolist(),
        random.gamma(2, 10, len(moments)).round(2).tolist(),
    )
    for table, customer, amount, at in zip(tables, who, amounts, moments, strict=True):
        yield table, _row(table, customer, amount, at)


def _row(table: str, who: int, amount: float, at: datetime) -> dict[str, object]:
    customer, number = f"{who:08d}", str(microseconds(at))
    times = {"happened_at": at, "arrived_at": at}
    issue = {
        "channel": "phone",
        "issue": "network",
        "agent_id": "a",
        "wait_seconds": amount,
        "transfers": 1,
    }
    ticket = {"ticket_class": "quality", "ticket_kind": "fault", "status": "opened"}
    answer = {"survey": "relationship", "instrument": "csat", "dimension": "overall"}
    scale = {"score": 4.0, "scale_low": 1.0, "scale_high": 5.0}
    rows: dict[str, dict[str, object]] = {
        "recharges": {
            "subscription_id": customer,
            "amount": amount,
            "balance_before": 0.5,
            "valid_until_at": at,
        },
        "bills": {
            "bill_id": number,
            "account_id": customer,
            "amount": amount,
            "out_of_bundle": 0.0,
            "disputed": False,
        },
        "payments": {
            "payment_id": number,
            "account_id": customer,
            "amount": amount,
            "status": "paid",
            "days_late": 0.0,
        },
        "arrears": {"account_id": customer, "amount": amount, "oldest_due_at": at},
        "refunds": {"refund_id": number, "account_id": customer, "amount": amount},
        "interactions": {
            "interaction_id": number,
            "customer_id": customer,
            "abandoned": False,
            "resolved": True,
            **issue,
        },
        "tickets": {"ticket_id": number, "customer_id": customer, **ticket},
        "survey_answers": {"invitation_id": number, "customer_id": customer, **answer, **scale},
        "consents": {
            "customer_id": customer,
            "purpose": "offers",
            "channel": "sms",
            "state": "granted",
        },
        "orders": {
            "order_id": number,
            "customer_id": customer,
            "order": "repair",
            "status": "placed",
        },
        "appointments": {
            "appointment_id": number,
            "customer_id": customer,
            "status": "missed",
        },
        "app_events": {"customer_id": customer, "event": "login"},
        "price_changes": {
            "subscription_id": customer,
            "effective_at": at,
            "old_fee": amount,
            "new_fee": amount + 1,
        },
        "incidents": _incident("cell", f"cell-{who % CELLS:05d}", at),
    }
    return rows[table] | times


def _incident(level: str, area: str | None, at: datetime) -> dict[str, object]:
    lasting = {"started_at": at, "happened_at": at, "arrived_at": at}
    return {
        "incident_id": f"{level}-{microseconds(at)}",
        "level": level,
        "area_id": area,
        "severity": "major",
        **lasting,
    }


_SHARES = {
    "recharges": 0.2,
    "bills": 0.1,
    "payments": 0.1,
    "app_events": 0.2,
    "orders": 0.03,
    "appointments": 0.01,
    "price_changes": 0.01,
    "arrears": 0.03,
    "refunds": 0.02,
    "interactions": 0.15,
    "tickets": 0.06,
    "survey_answers": 0.04,
    "consents": 0.04,
    "incidents": 0.01,
}

if __name__ == "__main__":
    main()
