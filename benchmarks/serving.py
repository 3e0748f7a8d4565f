"""Latency of a running service, beside the same work (read, score, explain) in this process.

``python -m benchmarks.serving`` first makes the home of a small simulated operator. It connects to
loopback only.
"""

import http.client
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from benchmarks.report import show
from features.online import service as online
from features.online.settings import OnlineSettings
from holdfast.clock import system_clock
from holdfast.home import Home
from models.churn import TABLE_CHURN
from models.registry import load_champion
from models.scorer import Scorer
from pipeline.demo import serving
from pipeline.quickstart import quickstart
from pipeline.simulated_operator import ROLES, simulated_operator
from training.settings import TrainingConfig

REQUESTS = 2_000
WARM_UP = 200


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as directory:
        home = Home(Path(directory) / "home")
        config = TrainingConfig.read()
        operator = simulated_operator(home, 3_000, months=11, seed=1, labels=config.labels)
        run = quickstart(operator.table, ROLES, home, config, clock=system_clock)
        ids = run.customers.ids
        scorer = Scorer(load_champion(home, TABLE_CHURN).model, threads=1)
        service = online.open_service(home, scorer.version.service, OnlineSettings())

        def direct(asked: list[str], reasons: int) -> None:
            matrix, _ = online.read(service, asked)
            scorer.score(matrix)
            if reasons:
                scorer.explain(matrix).strongest(reasons)

        with serving(home) as address:
            connection = http.client.HTTPConnection(urlsplit(address).netloc)

            def ask(asked: list[str], reasons: int) -> None:
                connection.request(
                    "POST",
                    "/v1/predictions",
                    json.dumps({"subscription_ids": asked, "reasons": reasons}),
                    {"Content-Type": "application/json"},
                )
                response = connection.getresponse()
                response.read()
                if response.status != 200:
                    raise RuntimeError(f"the service answered {response.status}")

            rows = []
            for count, reasons in ((1, 0), (1, 3), (100, 0), (100, 3)):
                requests = REQUESTS // (10 if count > 1 else 1)
                served, bare = (
                    _milliseconds(ask, ids, count, reasons, requests),
                    _milliseconds(direct, ids, count, reasons, requests),
                )
                rows.append(
                    {
                        "customers": count,
                        "reasons": reasons,
                        "service p50_ms": served[0],
                        "service p99_ms": served[1],
                        "in process p50_ms": bare[0],
                        "ratio p50": served[0] / bare[0],
                    }
                )
    show("Latency of POST /v1/predictions, one connection", rows)


def _milliseconds(
    call: Callable[[list[str], int], None], ids: list[str], count: int, reasons: int, requests: int
) -> tuple[float, float]:
    random = np.random.default_rng(1)
    times = []
    for number in range(WARM_UP // count + requests):
        asked = [ids[position] for position in random.integers(0, len(ids), count)]
        started = time.perf_counter()
        call(asked, reasons)
        if number >= WARM_UP // count:
            times.append(1000 * (time.perf_counter() - started))
    p50, p99 = np.percentile(times, [50, 99])
    return float(p50), float(p99)


if __name__ == "__main__":
    main()
