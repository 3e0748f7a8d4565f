"""Who is answered, and that nobody waits for another."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.routing import Route
from starlette.testclient import TestClient

from features.online.settings import OnlineSettings
from holdfast.clock import system_clock
from serving.access.guard import OPEN_PATHS
from serving.access.key_store import KeyStore
from serving.access.secret import make_secret
from serving.routes.app import make_app
from serving.served.follower import ModelFollower
from serving.settings import ServingSettings
from tests.builders.api_keys import known_access
from tests.builders.clocks import clock_at
from tests.builders.served_home import (
    Built,
    predict,
    problem,
    serving,
)


def test_long_work_holds_up_nobody(
    built: Built, caller: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, done = threading.Event(), threading.Event()
    finished: list[bool] = []

    def long_work(*arguments: object) -> bytes:
        begun.set()
        finished.append(done.wait(60))
        return b"{}"

    monkeypatch.setattr("serving.answers.answering.Answering.answer", long_work)
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(caller.post, "/v1/predictions", json={"customer_ids": built.ids})
        assert begun.wait(60)
        assert caller.get("/livez").status_code == 200
        done.set()
        assert answer.result().status_code == 200
    assert finished == [True]


def test_with_a_key_every_request_brings_one(copied: Built) -> None:
    store = KeyStore(copied.home, system_clock)
    issued = store.create("crm", ["predictions:service"])
    body = {"customer_ids": ["00001"]}
    with serving(
        ModelFollower(copied.home, OnlineSettings(), clock_at()), client="10.1.2.3"
    ) as caller:
        assert problem(caller.post("/v1/predictions", json={}), 401)["detail"]
        assert caller.post("/v1/predictions", json={}).headers["www-authenticate"] == "Bearer"
        other = {"Authorization": f"Bearer {make_secret().text}"}
        problem(caller.post("/v1/predictions", json={}, headers=other), 401)
        problem(caller.get("/schema.json"), 401)
        predict(caller, body, Authorization=f"Bearer {issued.secret}", Host="churn.example")
        for path in OPEN_PATHS:
            assert caller.get(path).status_code == 200


def test_every_route_is_open_or_says_which_scope_it_needs(built: Built) -> None:
    follower = ModelFollower(built.home, OnlineSettings(), clock_at())
    app = make_app(follower, known_access(keyed=False), ServingSettings())
    routes = [route for route in app.routes if isinstance(route, Route)]
    assert len(routes) > 4
    for route in routes:
        assert route.path in OPEN_PATHS or hasattr(route.endpoint, "__wrapped__"), route.path


def test_without_a_key_no_other_machine_and_no_other_name(built: Built, caller: TestClient) -> None:
    with serving(
        ModelFollower(built.home, OnlineSettings(), clock_at()), client="10.1.2.3"
    ) as other:
        problem(other.post("/v1/predictions", json={"customer_ids": ["00001"]}), 403)
    problem(
        caller.post(
            "/v1/predictions",
            json={"customer_ids": ["00001"]},
            headers={"Host": "evil.example:3000"},
        ),
        421,
    )
    predict(caller, {"customer_ids": ["00001"]}, Host="localhost:3000")


def test_the_published_contract_is_served(caller: TestClient) -> None:
    document = caller.get("/openapi.json").json()
    assert set(document["paths"]) == {
        "/v1/predictions",
        "/v1/customers/view",
        "/v1/scores",
        "/v1/models",
        "/v1/events",
        "/v1/consents",
        "/v1/outcomes",
        "/v1/campaigns",
        "/v1/campaigns/approve",
        "/v1/campaigns/measure",
        "/v1/jobs",
        "/v1/decisions/check",
    }
    assert (
        document["components"]["schemas"]["PredictionsRequest"]["properties"]["rows"]["maxItems"]
        == 500
    )
