"""What is answered about customers and rows: probability, band and reasons."""

import numpy as np
import pytest
from scipy.special import logit
from starlette.testclient import TestClient

from models.scorer import Scorer
from tests.builders.served_home import (
    MARGIN_INTERCEPT,
    MARGIN_SLOPE,
    MOMENT,
    Built,
    predict,
    raw_rows,
)


@pytest.mark.parametrize("by", ["customers", "rows"])
def test_the_service_scores_exactly_as_the_scorer_does(
    built: Built, caller: TestClient, by: str
) -> None:
    request = {"customer_ids": built.ids} if by == "customers" else {"rows": raw_rows(built)}
    answer = predict(caller, request | {"reasons": 0})
    scores = Scorer(built.version, threads=0).score(built.matrix)
    assert answer["model"] == {"name": "churn", "version": "1", "shadow": False}
    assert [entry["customer_id"] for entry in answer["predictions"]] == built.ids
    assert [entry["probability"] for entry in answer["predictions"]] == scores.probability.tolist()
    assert [entry["band"] for entry in answer["predictions"]] == scores.band.tolist()
    assert len(set(scores.band.tolist())) == 3
    assert {entry["error"] for entry in answer["predictions"]} == {None}
    moment = MOMENT.isoformat() if by == "customers" else None
    assert {entry["feature_time"] for entry in answer["predictions"]} == {moment}


def test_one_at_a_time_scores_as_all_together(built: Built, caller: TestClient) -> None:
    together = predict(caller, {"customer_ids": built.ids[:40], "reasons": 5})["predictions"]
    alone = [
        predict(caller, {"customer_ids": [one], "reasons": 5})["predictions"][0]
        for one in built.ids[:40]
    ]
    assert alone == together


@pytest.mark.parametrize("by", ["customers", "rows"])
def test_reasons_are_the_strongest_contributions_with_the_original_values(
    built: Built, caller: TestClient, by: str
) -> None:
    request = {"customer_ids": built.ids} if by == "customers" else {"rows": raw_rows(built)}
    answer = predict(caller, request)["predictions"]
    explanation = Scorer(built.version, threads=0).explain(built.matrix)
    for entry, base, moved, row in zip(
        answer, explanation.base.tolist(), explanation.contributions, raw_rows(built), strict=True
    ):
        assert len(entry["reasons"]) == 3
        assert entry["base"] == base
        assert [reason["contribution"] for reason in entry["reasons"]] == sorted(
            moved, key=abs, reverse=True
        )[:3]
        for reason in entry["reasons"]:
            position = [column.name for column in built.encoding.columns].index(reason["feature"])
            assert reason["contribution"] == moved[position]
            assert reason["value"] == row[reason["feature"]]


def test_base_and_all_contributions_make_up_the_probability(
    built: Built, caller: TestClient
) -> None:
    for entry in predict(caller, {"customer_ids": built.ids[:50], "reasons": 100})["predictions"]:
        assert {reason["feature"] for reason in entry["reasons"]} == {
            column.name for column in built.encoding.columns
        }
        assert entry["base"] is not None
        margin = entry["base"] + sum(reason["contribution"] for reason in entry["reasons"])
        assert MARGIN_SLOPE * margin + MARGIN_INTERCEPT == pytest.approx(
            logit(entry["probability"]), abs=1e-9
        )


def test_an_unknown_customer_fails_alone_and_order_and_repeats_are_kept(
    built: Built, caller: TestClient
) -> None:
    asked = ["00007", "nobody", "00001", "", "00007", "7", "x" * 600]
    answer = predict(caller, {"customer_ids": asked, "reasons": 1})["predictions"]
    assert [entry["customer_id"] for entry in answer] == asked
    assert [entry["error"] is None for entry in answer] == [
        True,
        False,
        True,
        False,
        True,
        False,
        False,
    ]
    assert answer[0] == answer[4] != answer[2]
    assert answer[1] == {
        "customer_id": "nobody",
        "probability": None,
        "band": None,
        "base": None,
        "reasons": [],
        "feature_time": None,
        "stale": [],
        "unseen": [],
        "error": "no such customer in the feature store",
    }


def test_only_unknown_customers_are_an_answer_too(caller: TestClient) -> None:
    answer = predict(caller, {"customer_ids": ["a", "b"], "reasons": 3})["predictions"]
    assert [entry["probability"] for entry in answer] == [None, None]


def test_without_reasons_the_base_is_there_all_the_same(built: Built, caller: TestClient) -> None:
    (entry,) = predict(caller, {"customer_ids": ["00001"], "reasons": 0})["predictions"]
    assert entry["reasons"] == []
    assert entry["base"] == Scorer(built.version, threads=1).base(built.matrix[:1])[0]


def test_a_row_need_not_be_whole(built: Built, caller: TestClient) -> None:
    rows = [{"Contract": "monthly"}, {"套餐": "never seen", "left": "yes", "margin": "any"}]
    answer = predict(caller, {"rows": rows})["predictions"]
    expected = np.full((2, len(built.version.features)), np.nan)
    expected[0, 0] = built.encoding.columns[0].encode_value("monthly")
    assert [entry["probability"] for entry in answer] == Scorer(built.version, threads=1).score(
        expected
    ).probability.tolist()
    assert [entry["customer_id"] for entry in answer] == [None, None]


def test_a_row_of_text_scores_as_the_row_of_numbers(built: Built, caller: TestClient) -> None:
    rows = raw_rows(built)[:30]
    text = [
        {name: None if value is None else str(value) for name, value in row.items()} for row in rows
    ]
    assert predict(caller, {"rows": text}) == predict(caller, {"rows": rows})
