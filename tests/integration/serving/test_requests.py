"""Requests that are refused, or that are anything at all."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from starlette.testclient import TestClient

from features.online.settings import OnlineSettings
from serving.contract.predictions import PredictionsAnswer
from serving.served.follower import ModelFollower
from tests.builders.clocks import clock_at
from tests.builders.served_home import (
    MOMENT,
    Built,
    predict,
    problem,
    refuse,
    send,
    serving,
)


@pytest.mark.parametrize(
    ("request_body", "field"),
    [
        ({"customer_ids": [7]}, "customer_ids[0]"),
        ({"customer_ids": []}, "customer_ids"),
        ({"customer_ids": ["a"] * 501}, "customer_ids"),
        ({"customer_ids": ["a"], "rows": [{}]}, "customer_ids, subscription_ids, rows"),
        ({}, "customer_ids, subscription_ids, rows"),
        ([], "body"),
        ({"customer_ids": ["a"], "reasons": True}, "reasons"),
        ({"customer_ids": ["a"], "reasons": 101}, "reasons"),
        ({"customer_ids": ["a"], "why": 1}, "why"),
        ({"rows": [{"Contract": "yearly"}, {"Contract": "yearly", "Foo": 1}]}, "rows[1].Foo"),
        ({"rows": [{"left": "yes"}]}, "rows[0]"),
        ({"rows": [{"fee_y": "much"}], "strict": True}, "rows[0].fee_y"),
        ({"rows": [{"fee_y": [1]}]}, "rows[0].fee_y"),
        ({"rows": [{"Contract": "yearly", "customer": []}]}, "rows[0].customer"),
    ],
)
def test_a_wrong_field_is_named(caller: TestClient, request_body: object, field: str) -> None:
    document = refuse(caller, request_body)
    assert [error["field"] for error in document["errors"]] == [field]
    assert document["detail"].startswith(f"{field}: ")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b'{"customer_ids": ["a"], "reasons": NaN}', b'{"customer_ids": ["\xff"]}', b"a=b"],
)
def test_what_is_not_json_is_another_matter(caller: TestClient, body: bytes) -> None:
    assert "JSON" in problem(send(caller, body), 400)["detail"]


@pytest.mark.parametrize("path", ["/v1/predictions", "/v1/customers/view", "/v1/events"])
@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Content-Type", "text/plain")],
        [("Content-Type", "text/plain; application/json")],
        [("Content-Type", "application/json, text/plain")],
        [("Content-Type", "application/json"), ("Content-Type", "text/plain")],
        [("Content-Type", "text/plain"), ("Content-Type", "application/json")],
        [("Content-Type", "application/json"), ("Content-Encoding", "gzip")],
        [("Content-Type", "application/json"), ("Content-Encoding", "x, identity")],
    ],
)
def test_what_is_not_declared_as_plain_json_is_refused_on_every_route(
    caller: TestClient, path: str, headers: list[tuple[str, str]]
) -> None:
    document = problem(caller.post(path, content=b"{}", headers=headers), 415)
    assert document["code"] == "unsupported_media_type"
    assert ("compressed" in document["detail"]) == any("Encoding" in name for name, _ in headers)


@pytest.mark.parametrize(
    "headers",
    [
        [("Content-Type", "Application/JSON; charset=utf-8")],
        [("Content-Type", "application/json"), ("Content-Encoding", "Identity")],
    ],
)
def test_json_may_be_declared_in_other_words(
    caller: TestClient, headers: list[tuple[str, str]]
) -> None:
    problem(caller.post("/v1/predictions", content=b"{}", headers=headers), 422)


def test_a_million_customers_are_refused_at_once_and_the_next_is_served(
    built: Built, caller: TestClient
) -> None:
    million = json.dumps({"customer_ids": [str(number) for number in range(1_000_000)]}).encode()
    # Seconds that this process worked, with the service in it: others may be busy, too.
    started = time.process_time()
    problem(send(caller, million), 413)
    problem(send(caller, iter([million[:500_000]] * 3)), 413)
    with serving(
        ModelFollower(built.home, OnlineSettings(), clock_at(MOMENT)), max_body_bytes=2**30
    ) as generous:
        assert problem(send(generous, million), 422)["errors"][0]["field"] == "customer_ids"
    assert time.process_time() - started < 20
    predict(caller, {"customer_ids": ["00001"]})


def test_other_paths_and_methods_are_problems_too(caller: TestClient) -> None:
    for path in ("/", "/v1", "/v2/predictions", "/metrics", "/docs"):
        problem(caller.get(path), 404)
    taken = [
        ("GET", "/v1/predictions"),
        ("OPTIONS", "/v1/predictions"),
        ("POST", "/livez"),
        ("DELETE", "/openapi.json"),
    ]
    for method, path in taken:
        assert "allow" in caller.request(method, path).headers
        problem(caller.request(method, path), 405)


def test_no_answer_may_be_kept_by_a_cache(caller: TestClient) -> None:
    for path in ("/v1/models", "/v1/scores", "/v2", "/livez", "/openapi.json"):
        assert caller.get(path).headers.get_list("cache-control") == ["no-store"]
    answer = caller.post("/v1/predictions", json={"customer_ids": ["00001"]})
    assert answer.headers["cache-control"] == "no-store"


def test_a_crash_says_nothing_of_the_inside(
    caller: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*arguments: object) -> None:
        raise RuntimeError("inside")

    monkeypatch.setattr("serving.answers.answering.Answering.answer", crash)
    assert (
        "inside"
        not in problem(caller.post("/v1/predictions", json={"customer_ids": ["00001"]}), 500)[
            "detail"
        ]
    )


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10)
)
COLUMNS = [
    "customer",
    "Contract",
    "contract",
    "dropped calls 📉",
    "套餐",
    "fee_y",
    "since",
    "margin",
    "left",
]
ROW = st.dictionaries(
    st.sampled_from(COLUMNS) | st.text(max_size=5),
    SCALARS | st.lists(SCALARS, max_size=2),
    max_size=4,
)
KNOWN_ROW = st.dictionaries(st.sampled_from(COLUMNS), SCALARS, min_size=1, max_size=4)
REASONS = st.integers(0, 100) | SCALARS
BODIES = (
    SCALARS
    | st.fixed_dictionaries(
        {"customer_ids": st.lists(st.text(max_size=6) | SCALARS, max_size=4)},
        optional={"reasons": REASONS},
    )
    | st.fixed_dictionaries(
        {"rows": st.lists(ROW, max_size=3)}, optional={"reasons": REASONS, "customer_ids": SCALARS}
    )
    | st.fixed_dictionaries({"rows": st.lists(KNOWN_ROW, min_size=1, max_size=3)})
)


@settings(max_examples=200)
@given(BODIES)
def test_any_json_is_answered_or_refused(caller: TestClient, body: object) -> None:
    response = send(caller, json.dumps(body))
    if response.status_code == 200:
        TypeAdapter(PredictionsAnswer).validate_json(response.content, strict=True, extra="forbid")
    else:
        problem(response, 422)


@settings(max_examples=100)
@given(st.binary(max_size=40))
def test_any_bytes_are_answered_or_refused(caller: TestClient, body: bytes) -> None:
    response = send(caller, body)
    assert response.status_code in (400, 422)
    problem(response, response.status_code)
