import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from features.live.event import EVENT_TABLES
from holdfast.errors import InputError
from serving.contract.language import TAG_PATTERN, choose_language
from serving.contract.openapi import openapi
from serving.contract.predictions import (
    PredictionsAnswer,
    RepeatedKeyError,
    check_request,
    parse_json,
)
from serving.served.description import describe_operator_models
from serving.settings import ServingSettings

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
)


@given(JSON)
def test_json_is_read_as_it_was_written(document: object) -> None:
    assert parse_json(json.dumps(document).encode()) == document


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"a": NaN}',
        b"[Infinity]",
        b"[-Infinity]",
        b'"\xff"',
        b"[1] 2",
        b"'a'",
        b"[01]",
        b'"\\ud800"',
        b"[" * 10_000,
    ],
)
def test_what_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="line 1 column"):
        parse_json(body)


@pytest.mark.parametrize(
    "document",
    [
        {"customer_ids": ["007"]},
        {"customer_ids": ["", "a", "a"], "reasons": 0},
        {"rows": [{"Tenure": 1, "Plan": None}], "reasons": 100},
        {"rows": [{}]},
    ],
)
def test_a_good_request_passes_unchanged(document: dict[str, Any]) -> None:
    assert check_request(document, max_items=3) == {"reasons": 3, "strict": False} | document


@pytest.mark.parametrize(
    ("document", "field", "rule"),
    [
        ([], "body", "an object"),
        (None, "body", "an object"),
        ({}, "customer_ids, subscription_ids, rows", "one of them must be given"),
        ({"reasons": 3}, "customer_ids, subscription_ids, rows", "one of them must be given"),
        (
            {"customer_ids": ["a"], "rows": [{"a": 1}]},
            "customer_ids, subscription_ids, rows",
            "not both",
        ),
        (
            {"customer_ids": ["a", "b"], "subscription_ids": ["c", "d"]},
            "customer_ids, subscription_ids",
            "1 to 3 items",
        ),
        (
            {"customer_ids": ["a"], "subscription_ids": []},
            "customer_ids, subscription_ids",
            "1 to 3 items",
        ),
        ({"customer_ids": ["a"], "models": []}, "models", "at least 1 item"),
        ({"customer_ids": ["a"], "models": [1]}, "models[0]", "valid string"),
        ({"customer_ids": ["a"], "horizons_days": ["30"]}, "horizons_days[0]", "valid integer"),
        ({"customer_ids": ["a"], "language": 1}, "language", "valid string"),
        ({"customer_ids": ["a"], "strict": 1}, "strict", "valid boolean"),
        ({"customer_ids": []}, "customer_ids", "1 to 3 items"),
        ({"rows": []}, "rows", "1 to 3 items"),
        ({"customer_ids": ["a", "b", "c", "d"]}, "customer_ids", "1 to 3 items"),
        ({"rows": [{}, {}, {}, {}]}, "rows", "1 to 3 items"),
        ({"customer_ids": None}, "customer_ids", "valid list"),
        ({"customer_ids": "a"}, "customer_ids", "valid list"),
        ({"customer_ids": {"a": 1}}, "customer_ids", "valid list"),
        ({"customer_ids": ["a", 7]}, "customer_ids[1]", "valid string"),
        ({"customer_ids": [None]}, "customer_ids[0]", "valid string"),
        ({"rows": {}}, "rows", "valid list"),
        ({"rows": ["a"]}, "rows[0]", "valid dictionary"),
        ({"customer_ids": ["a"], "reasons": True}, "reasons", "valid integer"),
        ({"customer_ids": ["a"], "reasons": 3.5}, "reasons", "valid integer"),
        ({"customer_ids": ["a"], "models": ["m"] * 101}, "models", "at most 100"),
        ({"customer_ids": ["a"], "horizons_days": [30] * 101}, "horizons_days", "at most 100"),
        ({"customer_ids": ["a"], "reasons": "3"}, "reasons", "valid integer"),
        ({"customer_ids": ["a"], "reasons": None}, "reasons", "valid integer"),
        ({"customer_ids": ["a"], "reasons": -1}, "reasons", "greater than or equal to 0"),
        ({"customer_ids": ["a"], "reasons": 101}, "reasons", "less than or equal to 100"),
        ({"customer_ids": ["a"], "model": "churn"}, "model", "not a field"),
    ],
)
def test_a_bad_request_is_refused_by_name(document: object, field: str, rule: str) -> None:
    with pytest.raises(InputError) as refused:
        check_request(document, max_items=3)
    assert refused.value.field == field
    assert rule in refused.value.rule


@given(JSON | st.fixed_dictionaries({"customer_ids": JSON}, optional={"reasons": JSON}))
def test_any_document_is_a_request_or_refused(document: object) -> None:
    try:
        request = check_request(document, max_items=3)
    except InputError:
        return
    assert isinstance(document, dict)
    assert request == {"reasons": 3, "strict": False} | document
    by_id = "customer_ids" in request or "subscription_ids" in request
    assert by_id != ("rows" in request)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    settings = ServingSettings(max_items=7, max_body_bytes=999)
    return openapi(settings, describe_operator_models())


def test_openapi_refers_only_to_what_it_holds(document: dict[str, Any]) -> None:
    def references(node: object) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return own + [reference for child in node.values() for reference in references(child)]
        return (
            [reference for child in node for reference in references(child)]
            if isinstance(node, list)
            else []
        )

    own = references(document)
    held = {
        f"#/components/{kind}/{name}"
        for kind in ("schemas", "headers")
        for name in document["components"][kind]
    }
    assert held == set(own)


def test_openapi_names_every_answer_and_the_limits(document: dict[str, Any]) -> None:
    post = document["paths"]["/v1/predictions"]["post"]
    assert set(post["responses"]) == {
        *("200", "400", "401", "403", "413", "415", "422", "429", "503", "default")
    }
    assert "7 items and 999 bytes" in post["description"]
    request = document["components"]["schemas"]["PredictionsRequest"]
    assert request["additionalProperties"] is False
    assert (
        request["properties"]["customer_ids"]["maxItems"]
        == request["properties"]["rows"]["maxItems"]
        == 7
    )
    assert (
        request["properties"]["reasons"] | {"minimum": 0, "maximum": 100, "default": 3}
        == request["properties"]["reasons"]
    )
    for status in ("400", "401", "413", "415", "422", "429", "503"):
        (media_type,) = post["responses"][status]["content"]
        assert media_type == "application/problem+json"
    assert set(document["components"]["schemas"]["ProblemDocument"]["required"]) == {
        "type",
        "code",
        "title",
        "status",
        "detail",
    }
    assert "required" not in request


def test_integers_are_those_of_json_schema() -> None:
    asked = check_request({"customer_ids": ["a"], "reasons": 5.0, "horizons_days": [30.0]}, 7)
    assert (asked["reasons"], asked["horizons_days"]) == (5, [30])
    assert all(type(one) is int for one in (asked["reasons"], *asked["horizons_days"]))


def test_openapi_has_the_languages_tables_models_and_horizons_that_there_are(
    document: dict[str, Any],
) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["EventDocument"]["properties"]["table"]["enum"] == sorted(EVENT_TABLES)
    request = schemas["PredictionsRequest"]["properties"]
    assert request["horizons_days"]["items"]["enum"] == [7, 30, 60, 90]
    by_name = {one["name"]: one for one in document["paths"]["/v1/scores"]["get"]["parameters"]}
    assert "churn" in by_name["models"]["schema"]["items"]["enum"]
    assert "contact_csat_low" not in by_name["models"]["schema"]["items"]["enum"]
    for schema in (
        *(request["language"], schemas["CustomersRequest"]["properties"]["language"]),
        by_name["language"]["schema"],
    ):
        assert schema["pattern"] == TAG_PATTERN


@given(
    st.sampled_from(["en", "EN-gb", "zh", "zH_tw", "zho", "eng", "de", ""]) | st.text(max_size=4)
)
def test_the_pattern_of_languages_takes_those_that_there_are_words_for(tag: str) -> None:
    try:
        choose_language(tag, None)
        there = True
    except InputError:
        there = False
    assert bool(re.search(TAG_PATTERN, tag)) == there


def test_a_key_that_stands_twice_is_refused() -> None:
    assert parse_json(b'[{"a": 1}, {"a": 2}]') == [{"a": 1}, {"a": 2}]
    with pytest.raises(RepeatedKeyError, match="'a' stands twice"):
        parse_json(b'{"rows": [{"a": 1, "a": 1}]}')


def test_the_examples_in_openapi_obey_the_contract(document: dict[str, Any]) -> None:
    post = document["paths"]["/v1/predictions"]["post"]
    for example in post["requestBody"]["content"]["application/json"]["examples"].values():
        assert check_request(example["value"], max_items=7)
    answer = post["responses"]["200"]["content"]["application/json"]["example"]
    assert (
        TypeAdapter(PredictionsAnswer).validate_python(answer, strict=True, extra="forbid")
        == answer
    )
