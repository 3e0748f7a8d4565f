"""What is counted, read back as Prometheus reads it."""

import asyncio
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from starlette.types import Message, Receive, Scope, Send

from serving.contract.predictions import Prediction
from serving.contract.problem import Problem, ProblemMiddleware
from serving.metrics.metrics import NO_METRICS
from serving.metrics.middleware import OTHER, MetricsMiddleware
from serving.metrics.prometheus import PrometheusMetrics
from serving.served.snapshot import ServedModels

Labels = frozenset[tuple[str, str]]


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> PrometheusMetrics:
    return PrometheusMetrics(registry)


def scrape(registry: CollectorRegistry, name: str) -> dict[Labels, float]:
    """Values of the samples with a name, by their labels."""
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {
        frozenset(sample.labels.items()): sample.value
        for family in families
        for sample in family.samples
        if sample.name == name
    }


def labels(**values: str) -> Labels:
    return frozenset(values.items())


def prediction(**changed: Any) -> Prediction:
    known = {
        "model": "churn",
        "horizon_days": 30,
        "band": "high",
        "feature_time": "2026-11-01T00:00:00+00:00",
        "stale": False,
    }
    return cast(Prediction, known | changed)


def ask(
    metrics: PrometheusMetrics, path: str, status: int | None = 200, problem: Problem | None = None
) -> None:
    """One request through the middleware, as the service stacks it."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if problem is not None:
            raise problem
        if status is not None:
            await send({"type": "http.response.start", "status": status, "headers": []})
            await send({"type": "http.response.body", "body": b""})

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        pass

    scope: Scope = {"type": "http", "method": "POST", "path": path, "headers": []}
    counted = MetricsMiddleware(ProblemMiddleware(app), metrics, {"/v1/predictions"})
    asyncio.run(counted(scope, receive, send))


def test_requests_by_route_and_class_of_status(
    registry: CollectorRegistry, metrics: PrometheusMetrics
) -> None:
    ask(metrics, "/v1/predictions")
    ask(metrics, "/v1/predictions")
    for made_up in range(50):
        ask(metrics, f"/v1/customers/C{made_up}", 404)
    ask(metrics, "/v1/predictions", None)
    assert scrape(registry, "holdfast_request_duration_seconds_count") == {
        labels(route="/v1/predictions", status="2xx"): 2,
        labels(route=OTHER, status="4xx"): 50,
        labels(route="/v1/predictions", status="none"): 1,
    }
    buckets = scrape(registry, "holdfast_request_duration_seconds_bucket")
    assert buckets[labels(route=OTHER, status="4xx", le="25.0")] == 50
    assert b"C1" not in generate_latest(registry)


def test_problems_by_code(registry: CollectorRegistry, metrics: PrometheusMetrics) -> None:
    ask(metrics, "/v1/predictions", problem=Problem(429, "one too many"))
    ask(metrics, "/v1/predictions", problem=Problem(400, "twice", code="repeated_key"))
    ask(metrics, "/v1/predictions", 404)  # another's answer, in another shape
    assert scrape(registry, "holdfast_problems_total") == {
        labels(code="too_many_requests"): 1,
        labels(code="repeated_key"): 1,
        labels(code="not_found"): 1,
    }


def test_computed_predictions_by_band_and_the_newest_features(
    registry: CollectorRegistry, metrics: PrometheusMetrics
) -> None:
    metrics.count_predictions(
        [
            prediction(),
            prediction(stale=True),
            prediction(band=None, horizon_days=90),
            prediction(model="csat_low", horizon_days=None, feature_time=None, stale=None),
            prediction(model=None),
        ]
    )
    metrics.count_predictions([prediction(feature_time="2026-10-01T00:00:00+00:00")])
    assert scrape(registry, "holdfast_computed_predictions_total") == {
        labels(model="churn", horizon_days="30", band="high"): 3,
        labels(model="churn", horizon_days="90", band="none"): 1,
        labels(model="csat_low", horizon_days="", band="high"): 1,
    }
    assert scrape(registry, "holdfast_stale_predictions_total") == {
        labels(model="churn"): 1,
        labels(model="csat_low"): 0,
    }
    newest = scrape(registry, "holdfast_newest_feature_timestamp_seconds")
    assert newest == {labels(model="churn"): 1_793_491_200}


def test_entities_and_events(registry: CollectorRegistry, metrics: PrometheusMetrics) -> None:
    metrics.count_entities(kept=3, computed=0)
    metrics.count_entities(kept=1, computed=2)
    metrics.count_events([("tickets", "taken"), ("tickets", "repeated"), ("tickets", "taken")])
    assert scrape(registry, "holdfast_answered_entities_total") == {
        labels(source="kept"): 4,
        labels(source="computed"): 2,
    }
    assert scrape(registry, "holdfast_events_total") == {
        labels(table="tickets", status="taken"): 2,
        labels(table="tickets", status="repeated"): 1,
    }


def test_a_version_that_was_replaced_is_served_no_more(
    registry: CollectorRegistry, metrics: PrometheusMetrics
) -> None:
    class Model:
        def __init__(self, number: str) -> None:
            self.name, self.number, self.alias = "churn", number, "champion"

    for number in ("1", "2"):
        metrics.serve(ServedModels({"churn": cast(Any, Model(number))}))
    assert scrape(registry, "holdfast_serving_workers") == {
        labels(model="churn", version="1", alias="champion"): 0,
        labels(model="churn", version="2", alias="champion"): 1,
    }


def test_without_metrics_nothing_is_counted_and_everything_may_be_called() -> None:
    NO_METRICS.count_request("/v1/predictions", 200, 0.1, None)
    NO_METRICS.count_entities(1, 1)
    NO_METRICS.count_predictions([prediction()])
    NO_METRICS.count_events([("tickets", "taken")])
    NO_METRICS.serve(ServedModels({}))
