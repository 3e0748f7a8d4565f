"""Metrics of several processes on one port, and of the whole application."""

import json
import os
import socket
import subprocess
import sys

import httpx
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from features.online.settings import OnlineSettings
from holdfast.errors import InputError
from holdfast.home import Home
from serving.metrics.exposition import exposing
from serving.metrics.prometheus import PrometheusMetrics
from serving.served.follower import ModelFollower
from serving.settings import ServingSettings
from tests.builders.clocks import clock_at
from tests.builders.night import NIGHT, ONLINE
from tests.builders.served_home import MOMENT, Built, predict, refuse, serving

# In processes of their own: how the client counts is settled when it is imported.
_PARENT = """
import subprocess, sys
from serving.metrics.exposition import exposing, forget_process
from serving.settings import ServingSettings

def start():
    worker = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdin=-1, stdout=-1, text=True)
    worker.stdout.readline()
    return worker

with exposing(ServingSettings(metrics_port=0)):
    sys.stdin.readline()
    workers = [start(), start()]
    print("counted", flush=True)
    sys.stdin.readline()
    workers[0].kill()
    workers[0].wait()
    forget_process(workers[0].pid)
    workers[0] = start()
    print("killed", flush=True)
    sys.stdin.readline()
    for worker in workers:
        worker.kill()
        worker.wait()
print("ended", flush=True)
"""
_WORKER = """
import sys
from types import SimpleNamespace
from serving.metrics.exposition import make_metrics
from serving.served.snapshot import ServedModels
from serving.settings import ServingSettings

metrics = make_metrics(ServingSettings(metrics_port=0))
metrics.serve(ServedModels({"churn": SimpleNamespace(name="churn", number="1", alias="champion")}))
for _ in range(10):
    metrics.count_request("/v1/predictions", 200, 0.002, None)
print("ready", flush=True)
sys.stdin.read()
"""


def values(text: str) -> dict[str, float]:
    """Every sample by its name and labels."""
    return {
        sample.name + json.dumps(sample.labels, sort_keys=True): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_one_port_adds_processes_up_also_those_that_died() -> None:
    served = 'holdfast_serving_workers{"alias": "champion", "model": "churn", "version": "1"}'
    count = 'holdfast_request_duration_seconds_count{"route": "/v1/predictions", "status": "2xx"}'
    command = [sys.executable, "-c", _PARENT, _WORKER]
    with subprocess.Popen(command, stdin=-1, stdout=-1, stderr=-1, text=True) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        assert parent.stderr is not None

        def go_on() -> None:
            assert parent.stdin is not None
            parent.stdin.write("\n")
            parent.stdin.flush()

        address = parent.stderr.readline().removeprefix("holdfast shows metrics on ").strip()
        go_on()
        assert parent.stdout.readline() == "counted\n"
        before = values(httpx.get(address).text)
        go_on()
        assert parent.stdout.readline() == "killed\n"
        after = values(httpx.get(address).text)
        go_on()
        assert parent.stdout.readline() == "ended\n"
        assert parent.wait(60) == 0
    assert (before[count], before[served]) == (20, 2)
    # What a process counted is not lost with it, or rates would fall below zero.
    assert (after[count], after[served]) == (30, 2)


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = ServingSettings(metrics_port=port)
        with pytest.raises(InputError, match=f"METRICS_PORT.*{port}"), exposing(settings):
            pass
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ


def test_a_journey_through_a_table_model_is_counted(built: Built) -> None:
    registry = CollectorRegistry()
    follower = ModelFollower(built.home, OnlineSettings(), clock_at(MOMENT))
    with serving(follower, metrics=PrometheusMetrics(registry)) as caller:
        for _ in range(3):
            predict(caller, {"customer_ids": [*built.ids[:2], "C0000007"], "reasons": 0})
        refuse(caller, {"customer_ids": []})
        caller.get("/v1/customers/C0000007")
        caller.get("/readyz")
    text = generate_latest(registry).decode()
    counted = values(text)
    assert counted['holdfast_answered_entities_total{"source": "computed"}'] == 3
    assert counted['holdfast_answered_entities_total{"source": "kept"}'] == 6
    requests = "holdfast_request_duration_seconds_count"
    assert counted[requests + '{"route": "/v1/predictions", "status": "2xx"}'] == 3
    assert counted[requests + '{"route": "other", "status": "4xx"}'] == 1
    assert counted[requests + '{"route": "/readyz", "status": "2xx"}'] == 1
    assert counted['holdfast_problems_total{"code": "invalid_request"}'] == 1
    bands = {
        key: value for key, value in counted.items() if key.startswith("holdfast_computed_pre")
    }
    assert sum(value for key, value in bands.items() if "_total" in key) == 2
    time = counted['holdfast_newest_feature_timestamp_seconds{"model": "churn"}']
    assert time <= MOMENT.timestamp()
    version = '{"alias": "champion", "model": "churn", "version": "1"}'
    assert counted[f"holdfast_serving_workers{version}"] == 1
    assert "C0000007" not in text
    assert not any(f'"{one}"' in text for one in built.ids)


def test_views_of_customers_are_counted(operator_home: Home) -> None:
    registry = CollectorRegistry()
    follower = ModelFollower(operator_home, ONLINE, clock_at(NIGHT))
    with serving(follower, metrics=PrometheusMetrics(registry)) as caller:
        answer = caller.post("/v1/customers/view", json={"customer_ids": ["000001"]}).json()
    (customer,) = answer["customers"]
    shown = [*customer["predictions"]]
    for subscription in customer["subscriptions"]:
        shown += subscription["predictions"]
    counted = values(generate_latest(registry).decode())
    assert counted['holdfast_answered_entities_total{"source": "computed"}'] == 1
    assert shown
    assert len(shown) == sum(
        value
        for key, value in counted.items()
        if key.startswith("holdfast_computed_predictions_total")
    )
