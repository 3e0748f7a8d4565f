"""What is answered about an operator's customers and subscriptions, by all its models."""

import json
import re
from typing import Any

import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

from features.online.owned import OwnedSubscriptions
from features.online.service import OPERATOR_DIRECTORY, open_service
from holdfast.home import Home
from models.words.catalogue import LANGUAGES
from serving.contract.predictions import Prediction
from tests.builders.guides import ROOT
from tests.builders.night import CHAMPIONS, ONLINE
from tests.builders.served_home import predict, problem, refuse


@pytest.fixture(scope="module")
def scored(operator_home: Home) -> dict[str, set[str]]:
    """Who was scored in the night, by model."""
    (folder,) = operator_home.score_sets.glob("at=*")
    ids = {"churn": "subscription_id", "csat_low": "customer_id"}
    return {
        model: set(pq.read_table(folder / f"{model}.parquet")[column].to_pylist())
        for model, column in ids.items()
    }


@pytest.fixture(scope="module")
def owned(operator_home: Home) -> dict[str, tuple[str, ...]]:
    """The subscriptions of every customer, from the table of links."""
    tables = operator_home.features / OPERATOR_DIRECTORY / "tables"
    links = pq.read_table(tables / "subscription_links" / "newest.parquet")
    pairs = zip(
        links["linked_customer"].to_pylist(), links["subscription_id"].to_pylist(), strict=True
    )
    owned: dict[str, tuple[str, ...]] = {}
    for customer, subscription in sorted(pairs):
        owned[customer] = (*owned.get(customer, ()), subscription)
    return owned


def keys(predictions: list[Prediction]) -> list[tuple[str | None, ...]]:
    """Whom and what each prediction is about."""
    return [
        (one["customer_id"], one["subscription_id"], one["model"], str(one["horizon_days"]))
        for one in predictions
    ]


def test_a_customers_subscriptions_are_those_that_link_to_it(
    operator_home: Home, owned: dict[str, tuple[str, ...]]
) -> None:
    store = OwnedSubscriptions.open(operator_home.features / OPERATOR_DIRECTORY, ONLINE)
    assert store is not None
    assert max(map(len, owned.values())) > 1
    assert store.subscriptions_of([*owned, "nobody"]) == [*owned.values(), ()]
    reader = open_service(operator_home, "churn_v1", ONLINE).reader
    assert reader.owners("customer_id", [owned["000001"][0], "nobody"]) == ["000001", None]


def test_customers_and_subscriptions_are_answered_by_every_model_that_speaks_of_them(
    operator: TestClient, owned: dict[str, tuple[str, ...]]
) -> None:
    several = next(customer for customer, of in owned.items() if len(of) > 1)
    other = next(of[0] for customer, of in owned.items() if customer != several)
    request = {"customer_ids": [several], "subscription_ids": [other], "reasons": 0}
    answer = predict(operator, request)["predictions"]
    owner = next(customer for customer, of in owned.items() if other in of)
    horizons = ("30", "60", "90")
    assert keys(answer) == [
        *[(several, one, "churn", days) for one in owned[several] for days in horizons],
        (several, None, "csat_low", "90"),
        *[(owner, other, "churn", days) for days in horizons],
    ]


def test_models_and_horizons_can_be_chosen(
    operator: TestClient, owned: dict[str, tuple[str, ...]]
) -> None:
    customer, subscriptions = next(iter(owned.items()))
    request = {"customer_ids": [customer], "models": ["churn"], "horizons_days": [90, 30]}
    assert keys(predict(operator, request)["predictions"]) == [
        (customer, one, "churn", days) for one in subscriptions for days in ("30", "90")
    ]
    # A model that nobody named, and that has none of the horizons, does not answer.
    answer = predict(operator, {"customer_ids": [customer], "horizons_days": [30]})
    assert {one["model"] for one in answer["predictions"]} == {"churn"}


def test_whom_the_night_left_out_gets_no_number(
    operator: TestClient, owned: dict[str, tuple[str, ...]], scored: dict[str, set[str]]
) -> None:
    everybody = [one for of in owned.values() for one in of]
    request = {"subscription_ids": everybody, "models": ["churn"], "reasons": 0}
    answer = predict(operator, request | {"horizons_days": [30]})["predictions"]
    assert {one["subscription_id"] for one in answer if one["error"] is None} == scored["churn"]
    withheld = [one for one in answer if one["error"] is not None]
    assert len(withheld) > 100
    for one in withheld:
        assert (one["probability"], one["band"], one["scored_at"]) == (None, None, None)
        assert one["error"] is not None
        assert one["error"]["code"] == "not_predicted"
    request = {"customer_ids": list(owned), "models": ["csat_low"], "reasons": 0}
    answer = predict(operator, request)["predictions"]
    assert {one["customer_id"] for one in answer if one["error"] is None} == scored["csat_low"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_reasons_are_sentences_in_the_language_asked(
    operator: TestClient, scored: dict[str, set[str]], language: str
) -> None:
    request = {"customer_ids": sorted(scored["csat_low"])[:20], "models": ["csat_low"]}
    by_header = predict(operator, request, **{"Accept-Language": f"fr, {language};q=0.5"})
    by_field = predict(operator, request | {"language": language}, **{"Accept-Language": "en"})
    assert by_header == by_field
    assert by_field["language"] == language
    reasons = [reason for one in by_field["predictions"] for reason in one["reasons"]]
    assert reasons
    for reason in reasons:
        is_chinese = any("一" <= letter <= "鿿" for letter in reason["text"])
        assert is_chinese == (language != "en")
        assert abs(reason["contribution"]) >= 0.005
        assert reason["driver"] in (
            *("network", "price", "service", "contract", "usage", "relationship"),
        )


def test_models_are_listed_with_the_columns_of_their_rows(operator: TestClient) -> None:
    document = operator.get("/v1/models").json()
    models = {model["name"]: model for model in document["models"]}
    assert tuple(models) == CHAMPIONS
    assert document["problems"] == {}
    churn = models["churn"]
    assert (churn["entity"], churn["horizons_days"]) == ("subscription", [30, 60, 90])
    assert (churn["version"], churn["shadow"], churn["id_column"]) == (
        "1",
        False,
        "subscription_id",
    )
    columns = {column["name"]: column for column in churn["columns"]}
    assert columns["billing_type_code"]["categories"] == ["postpaid", "prepaid", "fixed"]
    assert columns["tenure_days"]["unit"] == "days"
    assert models["contact_csat_low"]["entity"] == "contact"


def test_rows_are_scored_by_the_one_model_named_in_readable_values(operator: TestClient) -> None:
    row: dict[str, Any] = {
        "subscription_id": "new",
        "billing_type_code": "prepaid",
        "tenure_days": 100,
    }
    request = {"rows": [row], "models": ["churn"], "horizons_days": [60]}
    (one,) = predict(operator, request)["predictions"]
    assert (one["subscription_id"], one["horizon_days"], one["warnings"]) == ("new", 60, [])
    assert one["probability"] is not None
    document = refuse(operator, {"rows": [row]})
    assert "churn, csat_low, contact_csat_low" in document["detail"]
    row["billing_type_code"] = 1  # the code that `holdfast features show` prints
    assert predict(operator, request)["predictions"][0]["probability"] == one["probability"]
    row["billing_type_code"] = 7
    (one,) = predict(operator, request)["predictions"]
    (warning,) = one["warnings"]
    assert warning == (
        '"billing_type_code": 7 was not seen in training, and counts as missing;'
        ' known are "postpaid" or 0, "prepaid" or 1, "fixed" or 2'
    )


def test_the_what_if_of_the_readme_gives_no_warning(operator: TestClient) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (request,) = re.findall(r"""-d '(\{"models".*"rows".*})'""", readme)
    for one in predict(operator, json.loads(request))["predictions"]:
        assert (one["warnings"], one["error"]) == ([], None)


def test_models_are_asked_about_whom_they_speak_of(operator: TestClient) -> None:
    request = {"subscription_ids": ["a"], "models": ["csat_low"]}
    assert "needs customer_ids" in refuse(operator, request)["detail"]
    request = {"customer_ids": ["a"], "models": ["contact_csat_low"]}
    assert "speaks of contacts: it needs rows" in refuse(operator, request)["detail"]
    request = {"customer_ids": ["a"], "models": ["churn", "csat_low"], "horizons_days": [30]}
    assert "model csat_low has none of them; it has 90" in refuse(operator, request)["detail"]


def test_who_is_not_known_is_told_once_or_by_each_model_named(operator: TestClient) -> None:
    answer = predict(operator, {"customer_ids": ["nobody"], "subscription_ids": ["nothing"]})
    assert keys(answer["predictions"]) == [
        ("nobody", None, None, "None"),
        (None, "nothing", None, "None"),
    ]
    codes = [one["error"] and one["error"]["code"] for one in answer["predictions"]]
    assert codes == ["unknown_customer", "unknown_subscription"]
    answer = predict(operator, {"subscription_ids": ["nothing"], "models": ["churn"]})
    assert [one["horizon_days"] for one in answer["predictions"]] == [30, 60, 90]


def test_manners_of_http(operator: TestClient) -> None:
    body = {"customer_ids": ["000001"], "reasons": 0}
    answer = operator.post("/v1/predictions", json=body, headers={"Request-Id": "crm-7"})
    assert answer.headers["request-id"] == "crm-7"
    assert answer.headers["content-language"] == "en"
    made = problem(operator.post("/v1/predictions", data=body), 415)
    assert made["code"] == "unsupported_media_type"
    strange = operator.get("/v1/nothing", headers={"Request-Id": "a b" * 99})
    assert len(strange.headers["request-id"]) == 32
    for method, path in (("POST", "/v1/predictions/"), ("GET", "/v1/models/"), ("GET", "/livez/")):
        problem(operator.request(method, path, json=body, follow_redirects=False), 404)
    repeated = operator.post(
        "/v1/predictions",
        content=b'{"customer_ids": ["a"], "customer_ids": ["b"]}',
        headers={"Content-Type": "application/json; charset=utf-8"},
    )
    assert problem(repeated, 400)["code"] == "repeated_key"


def test_every_type_of_problem_is_on_the_page_that_it_names(operator: TestClient) -> None:
    document = refuse(operator, {})
    path, _, code = document["type"].partition("#")
    page = operator.get(path)
    assert page.status_code == 200
    assert f'<a id="{code}"></a>' in page.text
