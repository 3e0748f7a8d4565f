"""Customers as an agent sees them: over HTTP and on the command line."""

import json
import re
from typing import Any

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from commands.main import app
from features.fields import VIEWS
from holdfast.home import Home
from models.words.catalogue import LANGUAGES, words
from serving.answers.customers import view_customers
from serving.answers.freshness import Freshness
from serving.contract.customers import check_customers
from serving.served.follower import ModelFollower
from tests.builders.clocks import clock_at
from tests.builders.night import NIGHT, ONLINE
from tests.builders.served_home import problem

CATALOGUED = {
    feature.name: (feature.driver, feature.unit)
    for view in VIEWS.values()
    for feature in view.features
}
"""Driver and unit of every feature."""

DATA_CLASS = {
    feature.name: feature.data_class for view in VIEWS.values() for feature in view.features
}


@pytest.fixture(scope="module")
def several(operator: TestClient) -> str:
    """A customer with more than one subscription."""
    ids = [f"{number:06}" for number in range(1, 60)]
    answer = operator.post("/v1/customers/view", json={"customer_ids": ids, "reasons": 0}).json()
    return next(one["customer_id"] for one in answer["customers"] if len(one["subscriptions"]) > 1)


def view(operator: TestClient, customer: str, **asked: Any) -> dict[str, Any]:
    """The view of one customer."""
    response = operator.post("/v1/customers/view", json={"customer_ids": [customer], **asked})
    assert response.status_code == 200, response.text
    (one,) = response.json()["customers"]
    return dict(one)


def test_a_view_has_the_predictions_of_a_customer_and_its_subscriptions(
    operator: TestClient, several: str
) -> None:
    one = view(operator, several)
    asked = {"customer_ids": [several]}
    expected = operator.post("/v1/predictions", json=asked).json()["predictions"]
    told = [*one["predictions"]]
    for subscription in one["subscriptions"]:
        told += subscription["predictions"]
    key = ("subscription_id", "model", "horizon_days", "probability", "reasons")
    assert sorted(str([p[k] for k in key]) for p in told) == sorted(
        str([p[k] for k in key]) for p in expected
    )
    assert one["error"] is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_facts_are_told_by_driver_with_unit_and_time_in_the_language_asked(
    operator: TestClient, several: str, language: str
) -> None:
    one = view(operator, several, language=language)
    facts = [fact for of in (one, *one["subscriptions"]) for fact in of["facts"]]
    assert facts
    for fact in facts:
        assert fact["time"].endswith("+00:00")
        assert fact["text"]
        assert isinstance(fact["value"], float)
        assert (fact["driver"], fact["unit"]) == CATALOGUED[fact["feature"]]
        is_ascii = fact["text"].replace("\N{MINUS SIGN}", "-").isascii()
        assert (language == "en") == is_ascii, fact["text"]
    for of in one["subscriptions"]:
        drivers = [fact["driver"] for fact in of["facts"]]
        assert [d for d, e in zip(drivers, [None, *drivers], strict=False) if d != e] == list(
            dict.fromkeys(drivers)
        )
        assert len({fact["text"] for fact in of["facts"]}) == len(of["facts"])


def test_marketing_is_told_nothing_from_traffic_and_nothing_of_who_objects(
    operator: TestClient, operator_home: Home
) -> None:
    follower = ModelFollower(operator_home, ONLINE, clock_at(NIGHT))
    follower.refresh()
    served = follower.current()
    ids = [f"{number:06}" for number in range(1, 60)]
    asked = check_customers({"customer_ids": ids, "reasons": 0}, len(ids))
    fresh = Freshness(NIGHT, 3, 35)
    classes, silent = {}, served.people.objecting(ids)
    assert silent
    for purpose in ("service", "marketing"):
        views = view_customers(served, asked, "en", fresh, purpose)["customers"]
        facts = {
            one["customer_id"]: [
                fact for of in (one, *one["subscriptions"]) for fact in of["facts"]
            ]
            for one in views
        }
        classes[purpose] = {DATA_CLASS[fact["feature"]] for of in facts.values() for fact in of}
        assert any(facts[customer] for customer in silent) == (purpose == "service")
    assert classes["service"] >= {"none", "traffic"}
    assert classes["marketing"] == {"none"}


def test_an_unknown_customer_fails_alone(operator: TestClient, several: str) -> None:
    asked = {"customer_ids": ["nobody", several]}
    unknown, known = operator.post("/v1/customers/view", json=asked).json()["customers"]
    assert unknown["error"]["code"] == "unknown_customer"
    assert (unknown["facts"], unknown["subscriptions"]) == ([], [])
    assert known["error"] is None


def test_a_wrong_request_names_its_field(operator: TestClient) -> None:
    for body, field in (
        ({"customer_ids": []}, "customer_ids"),
        ({"customer_ids": [7]}, "customer_ids[0]"),
        ({"customer_ids": ["1"], "reason": 1}, "reason"),
        ({"customer_ids": ["1"], "language": "fr"}, "language"),
    ):
        answer = problem(operator.post("/v1/customers/view", json=body), 422)
        assert answer["errors"][0]["field"] == field


def test_show_tells_the_same_of_a_customer_and_of_its_subscription(
    operator: TestClient, operator_home: Home, several: str
) -> None:
    line = view(operator, several)["subscriptions"][0]["subscription_id"]
    shown = []
    for who in (several, line):
        command = ["show", who, "--json", "--home", str(operator_home.root)]
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 0, result.stderr
        (one,) = json.loads(result.stdout)["customers"]
        shown.append(one)
    assert shown[0]["customer_id"] == shown[1]["customer_id"] == several
    text = CliRunner().invoke(app, ["show", several, "--home", str(operator_home.root)])
    assert several in text.stdout
    assert line in text.stdout
    assert " INFO " not in text.stderr
    command = ["show", several, "--language", "zh-Hans", "--home", str(operator_home.root)]
    chinese = CliRunner().invoke(app, command).stdout
    for driver, name in words("zh-Hans").drivers.items():
        assert f" {driver}\n" not in chinese
        assert (f" {name}\n" in chinese) == (f" {words('en').drivers[driver]}\n" in text.stdout)
    left = set(re.findall(r"[A-Za-z][A-Za-z]+", chinese)) - {"App", "CSAT", "GB", "MB", "Mbps"}
    assert not left
    missing = CliRunner().invoke(app, ["show", "nobody", "--home", str(operator_home.root)])
    assert missing.exit_code == 2
    assert "nobody" in missing.stderr
