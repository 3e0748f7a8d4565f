"""The metrics of the service in Prometheus's client."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache

import prometheus_client as client

from serving.contract.predictions import Prediction
from serving.metrics.metrics import Metrics
from serving.served.snapshot import ServedModels

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25)
_LEFT = "none"


class PrometheusMetrics(Metrics):
    """Counts in one process.

    Over several processes, the client counts in files that a scrape adds up: see
    `serving.metrics.exposition`. Label sets are bounded: by routes, codes, tables, and models with
    their horizons, bands and versions.

    Parameters
    ----------
    registry : CollectorRegistry
        Where they are registered.
    """

    def __init__(self, registry: client.CollectorRegistry) -> None:
        self._requests = client.Histogram(
            "holdfast_request_duration_seconds",
            "Time to the end of the answer, by route and class of the HTTP status.",
            ["route", "status"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._problems = client.Counter(
            "holdfast_problems",
            "Problems that requests were answered with, by code.",
            ["code"],
            registry=registry,
        )
        entities = client.Counter(
            "holdfast_answered_entities",
            "Customers and subscriptions answered about, from what is kept or computed.",
            ["source"],
            registry=registry,
        )
        self._kept, self._computed = entities.labels("kept"), entities.labels("computed")
        self._predictions = client.Counter(
            "holdfast_computed_predictions",
            "Predictions computed for customers and subscriptions, by risk band.",
            ["model", "horizon_days", "band"],
            registry=registry,
        )
        self._stale = client.Counter(
            "holdfast_stale_predictions",
            "Those of them from stale features.",
            ["model"],
            registry=registry,
        )
        self._newest = client.Gauge(
            "holdfast_newest_feature_timestamp_seconds",
            "When the newest features were true that a prediction was computed from.",
            ["model"],
            multiprocess_mode="max",
            registry=registry,
        )
        self._events = client.Counter(
            "holdfast_events",
            "Events by table: taken; repeated and without effect; held because no build knows their"
            " id; or dropped because as many are held as may be.",
            ["table", "status"],
            registry=registry,
        )
        self._held = client.Gauge(
            "holdfast_held_events",
            "Events that wait for ids that no build knows, when events were last sent.",
            multiprocess_mode="mostrecent",
            registry=registry,
        )
        self._serving = client.Gauge(
            "holdfast_serving_workers",
            "Processes that serve this version of a model.",
            ["model", "version", "alias"],
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._versions: set[tuple[str, str, str]] = set()
        self._newest_seconds: dict[str, float] = {}
        # Looking a label set up in the client takes as long as counting.
        self._request = lru_cache(512)(self._requests.labels)

    def count_request(self, route: str, status: int, seconds: float, problem: str | None) -> None:
        """As in `Metrics`."""
        self._request(route, f"{status // 100}xx" if status else _LEFT).observe(seconds)
        if problem is not None:
            self._problems.labels(problem).inc()

    def count_entities(self, kept: int, computed: int) -> None:
        """As in `Metrics`."""
        if kept:
            self._kept.inc(kept)
        if computed:
            self._computed.inc(computed)

    def count_predictions(self, predictions: Iterable[Prediction]) -> None:
        """As in `Metrics`."""
        bands: Counter[tuple[str, str, str]] = Counter()
        stale: Counter[str] = Counter()
        newest: dict[str, str] = {}
        for one in predictions:
            model, time = one["model"], one["feature_time"]
            if model is None:
                continue
            bands[model, str(one["horizon_days"] or ""), one["band"] or _LEFT] += 1
            stale[model] += bool(one["stale"])
            # All times have the same form, so that they compare as texts.
            if time is not None and time > newest.get(model, ""):
                newest[model] = time
        for labels, count in bands.items():
            self._predictions.labels(*labels).inc(count)
        for model, count in stale.items():
            self._stale.labels(model).inc(count)
        for model, time in newest.items():
            self._note_newest(model, datetime.fromisoformat(time).timestamp())

    def count_events(self, events: Iterable[tuple[str, str]]) -> None:
        """As in `Metrics`."""
        for labels, count in Counter(events).items():
            self._events.labels(*labels).inc(count)

    def note_held(self, count: int) -> None:
        """As in `Metrics`."""
        self._held.set(count)

    def serve(self, served: ServedModels) -> None:
        """As in `Metrics`."""
        versions = {(one.name, one.number, one.alias) for one in served.models.values()}
        # The client cannot remove a label set that several processes count in.
        for gone in self._versions - versions:
            self._serving.labels(*gone).set(0)
        for version in versions:
            self._serving.labels(*version).set(1)
        self._versions = versions

    def _note_newest(self, model: str, seconds: float) -> None:
        if seconds > self._newest_seconds.get(model, 0):
            self._newest_seconds[model] = seconds
            self._newest.labels(model).set(seconds)
