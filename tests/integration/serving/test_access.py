"""Who is answered, and that nobody waits for another."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from features.online.settings import OnlineSettings
from serving.champion import Champion
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

    def long_work(*arguments: object) -> dict[str, object]:
        begun.set()
        finished.append(done.wait(10))
        return {}

    monkeypatch.setattr("serving.routes.predictions.predict", long_work)
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(caller.post, "/v1/predictions", json={"customer_ids": built.ids})
        assert begun.wait(10)
        assert caller.get("/livez").status_code == 200
        done.set()
        assert answer.result().status_code == 200
    assert finished == [True]


def test_with_a_key_every_request_brings_it(built: Built) -> None:
    with serving(
        Champion(built.home, OnlineSettings(), clock_at()),
        api_key=SecretStr("s3cret"),
        client="10.1.2.3",
    ) as caller:
        assert problem(caller.post("/v1/predictions", json={}), 401)["detail"]
        assert caller.post("/v1/predictions", json={}).headers["www-authenticate"] == "Bearer"
        problem(
            caller.post("/v1/predictions", json={}, headers={"Authorization": "Bearer other"}), 401
        )
        problem(caller.get("/schema.json"), 401)
        predict(
            caller, {"customer_ids": ["00001"]}, Authorization="Bearer s3cret", Host="churn.example"
        )
        for path in ("/livez", "/readyz", "/openapi.json"):
            assert caller.get(path).status_code == 200


def test_without_a_key_no_other_machine_and_no_other_name(built: Built, caller: TestClient) -> None:
    with serving(Champion(built.home, OnlineSettings(), clock_at()), client="10.1.2.3") as other:
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
    assert list(document["paths"]) == ["/v1/predictions"]
    assert (
        document["components"]["schemas"]["PredictionsRequest"]["properties"]["rows"]["maxItems"]
        == 500
    )
