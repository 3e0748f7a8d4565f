"""What the service says while an operator's home changes: broken models, newer features, consents."""

import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

from features.fields import VIEWS
from features.live.event import read_event
from features.live.store import LiveStore
from features.online.owned import OWNED_VIEW
from features.online.service import OPERATOR_DIRECTORY, online_directory
from features.packed.store import PackedStore
from holdfast.clock import system_clock
from holdfast.home import Home
from models.registry import find_champion, load_champion
from models.score_set import facts_document
from serving.access.key_store import KeyStore
from serving.served.follower import ModelFollower
from tests.builders.clocks import clock_at
from tests.builders.night import NIGHT, ONLINE, register_champion
from tests.builders.served_home import predict, problem, serving

NOT_CHECKED = "whether the model may speak of it was not checked"


@pytest.fixture
def home(operator_home: Home, tmp_path: Path) -> Home:
    """The scored operator's home again, to be changed."""
    return Home(Path(shutil.copytree(operator_home.root, tmp_path / "home")))


@pytest.fixture
def follower(home: Home) -> ModelFollower:
    return ModelFollower(home, ONLINE, clock_at(NIGHT))


@pytest.fixture
def store(home: Home) -> PackedStore:
    return PackedStore(online_directory(home.features / OPERATOR_DIRECTORY))


@pytest.fixture(scope="module")
def someone(operator_home: Home) -> tuple[str, str]:
    """A subscription that was scored without a mark, and its customer."""
    (path,) = operator_home.score_sets.glob("at=*/churn.parquet")
    row = next(row for row in pq.read_table(path).to_pylist() if not row["marks"])
    return row["subscription_id"], row["customer_id"]


def churn_of(caller: TestClient, subscription: str, **headers: str) -> dict[str, object]:
    request = {"subscription_ids": [subscription], "models": ["churn"], "horizons_days": [30]}
    (one,) = predict(caller, request, **headers)["predictions"]
    return dict(one)


def test_a_model_that_cannot_be_loaded_leaves_the_others(
    home: Home, follower: ModelFollower, someone: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    booster = find_champion(home, "csat_low").directory / "booster_90.txt"
    booster.write_text(booster.read_text()[:-500])
    with serving(follower) as caller:
        assert "csat_low" in caplog.text
        assert "is damaged" in caplog.text
        report = caller.get("/readyz")
        assert report.status_code == 200
        assert report.json() == {
            "models": {"churn": "1", "contact_csat_low": "1"},
            "cannot_be_loaded": ["csat_low"],
        }
        problems = caller.get("/v1/models").json()["problems"]
        assert problems["csat_low"].startswith("booster_90.txt: is damaged")
        assert str(booster) in caplog.text
        answer = predict(caller, {"customer_ids": [someone[1]], "reasons": 0})
        assert answer["unavailable"] == ["csat_low"]
        assert {one["model"] for one in answer["predictions"]} == {"churn"}
        named = {"customer_ids": [someone[1]], "models": ["csat_low"]}
        document = problem(caller.post("/v1/predictions", json=named), 503)
        assert document["code"] == "model_unavailable"


def test_the_old_version_of_a_broken_model_stays(
    home: Home, follower: ModelFollower, caplog: pytest.LogCaptureFixture
) -> None:
    follower.refresh()
    before = follower.current()
    version = load_champion(home, "csat_low").model
    broken = {name: of for name, of in version.documents.items() if name != "encoding.json"}
    register_champion(home, replace(version, documents=broken))
    register_champion(home, load_champion(home, "churn").model)
    assert follower.refresh()
    served = follower.current()
    assert {name: model.number for name, model in served.models.items()} == {
        "churn": "2",
        "csat_low": "1",
        "contact_csat_low": "1",
    }
    assert served.models["csat_low"] is before.models["csat_low"]
    assert served.unavailable == []
    assert "encoding.json" in served.problems["csat_low"]
    caplog.clear()
    assert not follower.refresh()
    assert caplog.text == ""


def test_an_objection_counts_at_once_and_withholds_for_marketing(
    home: Home, follower: ModelFollower, store: PackedStore, someone: tuple[str, str]
) -> None:
    subscription, customer = someone
    columns = VIEWS["consent_live"].columns
    values, _ = store.read("consent_live", columns, [customer])
    values[0, columns.index("profiling_objection")] = 1
    keys = KeyStore(home, system_clock)
    secrets = {
        purpose: keys.create(purpose, [f"predictions:{purpose}"]).secret
        for purpose in ("service", "marketing")
    }
    headers = {name: f"Bearer {secret}" for name, secret in secrets.items()}
    with serving(follower) as caller:
        before = churn_of(caller, subscription, Authorization=headers["marketing"])
        assert (before["marks"], before["error"]) == ([], None)
        now = np.array([NIGHT.replace(tzinfo=None)], "datetime64[us]")
        store.write("consent_live", columns, [customer], now, values)
        for_service = churn_of(caller, subscription, Authorization=headers["service"])
        for_marketing = churn_of(caller, subscription, Authorization=headers["marketing"])
        row = {"subscription_id": subscription, "tenure_days": 100}
        asked = {"rows": [row, {"tenure_days": 100}], "models": ["churn"], "horizons_days": [30]}
        rows = predict(caller, asked, Authorization=headers["marketing"])["predictions"]
    assert [one["probability"] is None for one in rows] == [True, False]
    assert rows[0]["error"] == for_marketing["error"]
    assert for_service == before | {"marks": ["profiling_objection"]}
    assert for_marketing == for_service | {
        "probability": None,
        "band": None,
        "reasons": [],
        "scored_at": None,
        "error": {
            "code": "profiling_objection",
            "detail": "the customer objects to profiling: for service care only",
        },
    }


def test_a_request_to_port_out_leaves_a_line_out_at_once(
    follower: ModelFollower, store: PackedStore, someone: tuple[str, str]
) -> None:
    subscription, customer = someone

    def send(status: str, arrived: datetime) -> None:
        row = {"request_id": "p", "subscription_id": subscription, "status": status}
        times = {"happened_at": arrived, "arrived_at": arrived}
        LiveStore(store, clock_at(arrived)).apply(read_event("port_requests", row | times))

    with serving(follower) as caller:

        def scores() -> list[dict[str, Any]]:
            asked = {"models": "churn", "limit": 1_000}
            answer = caller.get("/v1/scores", params=asked).json()["scores"]
            return [one for one in answer if one["subscription_id"] == subscription]

        before, stored = churn_of(caller, subscription), scores()
        assert before["error"] is None
        assert {one["error"] for one in stored} == {None}
        # Of what arrived before it, the night has told.
        send("requested", NIGHT - timedelta(days=10))
        assert churn_of(caller, subscription) == before
        send("requested", NIGHT + timedelta(hours=1))
        asked = churn_of(caller, subscription)
        (of_view,) = [
            one
            for line in caller.post("/v1/customers/view", json={"customer_ids": [customer]}).json()[
                "customers"
            ][0]["subscriptions"]
            if line["subscription_id"] == subscription
            for one in line["predictions"]
            if (one["model"], one["horizon_days"]) == ("churn", 30)
        ]
        left_out = scores()
        send("withdrawn", NIGHT + timedelta(hours=2))
        assert churn_of(caller, subscription) == before
        assert scores() == stored
    assert left_out
    for one in (asked, of_view, *left_out):
        assert (one["probability"], one["band"], one["reasons"]) == (None, None, [])
        error = one["error"]
        assert isinstance(error, dict)
        assert error["code"] == "not_predicted"
        assert "port" not in error["detail"]
    assert {**asked, "feature_time": None} == {
        **before,
        "probability": None,
        "band": None,
        "reasons": [],
        "scored_at": None,
        "error": asked["error"],
        "feature_time": None,
    }


def test_what_no_night_has_checked_is_said(
    follower: ModelFollower, store: PackedStore, someone: tuple[str, str]
) -> None:
    subscription, _ = someone
    with serving(follower) as caller:
        assert churn_of(caller, subscription)["warnings"] == []
        columns = VIEWS["contract"].columns
        values, times = store.read("contract", columns, [subscription])
        later = times + np.timedelta64(6, "h")
        store.write("contract", columns, [subscription], later, values)
        newer = churn_of(caller, subscription)
        assert newer["warnings"] == [f"{NOT_CHECKED}: its features are newer than the last night's"]
        assert newer["probability"] is not None
        store.put_document(facts_document("churn"), None)
        assert churn_of(caller, subscription)["warnings"] == [
            "whether the model may speak of it was not checked: the online store has no record of a night"
        ]


def test_expired_groups_of_features_are_named(home: Home, someone: tuple[str, str]) -> None:
    home.clock.unlink()
    later = ModelFollower(home, ONLINE, clock_at(NIGHT + timedelta(days=20)))
    with serving(later) as caller:
        one = churn_of(caller, someone[0])
    assert (one["stale"], one["error"]) == (True, None)
    warnings = one["warnings"]
    assert isinstance(warnings, list)
    assert warnings[0] == "the features are 21.0 days old; the limit is 3 days"
    assert warnings[1].startswith("features of these groups are older than they stay true: ")
    assert "usage" in warnings[1]


def test_a_store_that_does_not_know_whose_is_what_says_so(
    follower: ModelFollower, store: PackedStore, someone: tuple[str, str]
) -> None:
    store.drop(OWNED_VIEW)
    with serving(follower) as caller:
        answer = predict(caller, {"customer_ids": [someone[1]], "reasons": 0})["predictions"]
    codes = {one["model"]: one["error"] and one["error"]["code"] for one in answer}
    assert codes == {"churn": "subscriptions_unknown", "csat_low": None}
