"""An event in, and a fresh score out: a call of a customer, and the churn model's answer
right after it.
"""

import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.serving.load import Call, Exchange, Reply
from benchmarks.serving.measure import TOLERANCE, Measurement, Questions, measure
from benchmarks.serving.servers import holdfast_server
from features.online import service as online
from features.online.owned import OwnedSubscriptions
from features.online.settings import OnlineSettings
from features.operator.repository import OperatorRepository
from features.packed.store import PackedStore
from holdfast.clock import write_clock
from holdfast.home import Home
from models.registry import load_champion
from models.scorer import Scorer
from models.targets import TARGETS
from pipeline.features import build_features, materialize_features
from tests.builders.night import (
    FEATURES,
    NIGHT,
    make_operator_version,
    raw_by,
    register_champion,
)

MOST_P99_MS = 20
Scores = dict[tuple[str, int | None], float]
"""Probabilities by subscription and horizon, in days."""

_MODEL = "churn"
_CUSTOMERS, _REASONS = 1_000, 3
_TREES = 100
_PARAMETERS = {
    "objective": "binary",
    "num_leaves": 15,
    "min_data_in_leaf": 5,
    "num_threads": 1,
    "verbosity": -1,
}


def measure_events(pool: ProcessPoolExecutor, folder: Path) -> list[Measurement]:
    """Measure pairs of an event and a question about its customer.

    Each load sends one event for every customer, and then each answer is compared with the model's
    score of the features that are stored.

    Parameters
    ----------
    pool : ProcessPoolExecutor
        Where loads run.
    folder : Path
        Gets ``raw``, ``operator`` and what the server prints.

    Raises
    ------
    RuntimeError
        An answer is not that of the stored features, or events change no score.
    """
    home, owners = _make_operator(folder)
    subscriptions, customers = list(owners), sorted(set(owners.values()))
    scorer = Scorer(load_champion(home, _MODEL).model, threads=1)
    service = online.open_service(home, scorer.version.service, OnlineSettings())

    def stored_scores() -> Scores:
        matrix, _ = online.read(service, subscriptions)
        return {
            (subscription, days): probability
            for days, scores in zip(scorer.version.horizons, scorer.score_all(matrix), strict=True)
            for subscription, probability in zip(
                subscriptions, scores.probability.tolist(), strict=True
            )
        }

    def questions(place: int) -> Questions:
        exchanges: list[Exchange] = [
            (_event(customer, place), _question(customer)) for customer in customers
        ]
        before = stored_scores()

        def check(replies: Sequence[Reply]) -> None:
            after = stored_scores()
            _require_fresh(replies, after)
            if before == after:
                raise RuntimeError("the events changed no score")

        return Questions(exchanges, check)

    warm_up = [(_question(customer),) for customer in customers[:100]]
    with holdfast_server(home, folder, {}) as server:
        return measure(pool, server, warm_up, questions)


def _make_operator(folder: Path) -> tuple[Home, dict[str, str]]:
    """A home with an operator's features and a champion, and the customer of each subscription in it."""
    home, raw = Home(folder / "operator"), raw_by(folder / "raw", NIGHT, _CUSTOMERS)
    build_features(home, FEATURES, now=NIGHT, source=str(raw))
    materialize_features(home)
    # Its labels are drawn at random too: only what it costs counts here.
    version = make_operator_version(home, TARGETS[_MODEL], parameters=_PARAMETERS, trees=_TREES)
    register_champion(home, version)
    # Time stands still in a home of drawn tables: on the day on which the events arrive.
    write_clock(home.clock, NIGHT + timedelta(days=1))
    table = pq.read_table(raw / "customers", columns=["customer_id"])
    customers = sorted(set(table["customer_id"].to_pylist()))
    store = PackedStore(online.online_directory(OperatorRepository(home).directory))
    owned = OwnedSubscriptions(store).subscriptions_of(customers) or []
    return home, {one: who for who, of in zip(customers, owned, strict=True) for one in of}


def _require_fresh(replies: Sequence[Reply], stored: Scores) -> None:
    """Require that replies hold the scores of what is stored now."""
    for reply in replies:
        predictions = json.loads(reply.body)["predictions"]
        if not predictions:
            raise RuntimeError("an answer about a customer holds no score")
        for one in predictions:
            right = stored[one["subscription_id"], one["horizon_days"]]
            if one["probability"] is None or abs(one["probability"] - right) > TOLERANCE:
                raise RuntimeError(f"the answer {one} is not fresh; right is {right}")


def _event(customer: str, place: int) -> Call:
    """A call of a customer, some hours after the features were built; each is longer than before."""
    time = (NIGHT + timedelta(hours=place + 1)).isoformat()
    number = f"{customer}-{place}"
    row = {
        "interaction_id": number,
        "customer_id": customer,
        "channel": "phone",
        "issue": "network",
        "agent_id": "a",
        "wait_seconds": 300.0 * (place + 1),
        "transfers": 5 * (place + 1),
        "abandoned": False,
        "resolved": False,
        "happened_at": time,
        "arrived_at": time,
    }
    event = {"event_id": number, "table": "interactions", "row": row}
    return Call("/v1/events", json.dumps({"events": [event]}).encode())


def _question(customer: str) -> Call:
    document = {"customer_ids": [customer], "models": [_MODEL], "reasons": _REASONS}
    return Call("/v1/predictions", json.dumps(document).encode())
