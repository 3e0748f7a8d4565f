"""What is answered about customers and rows of a team's own table."""

from datetime import timedelta

import numpy as np
import pytest
from starlette.testclient import TestClient

from features.online.settings import OnlineSettings
from models.reasons.coded import strongest_reasons
from models.scorer import Scorer
from serving.served.follower import ModelFollower
from tests.builders.clocks import clock_at
from tests.builders.served_home import MOMENT, Built, predict, raw_rows, refuse, serving


@pytest.mark.parametrize("by", ["customers", "rows"])
def test_the_service_scores_exactly_as_the_scorer_does(
    built: Built, caller: TestClient, by: str
) -> None:
    request = {"customer_ids": built.ids} if by == "customers" else {"rows": raw_rows(built)}
    answer = predict(caller, request | {"reasons": 0})["predictions"]
    scores = Scorer(built.version, threads=0).score(built.matrix)
    assert [entry["customer_id"] for entry in answer] == built.ids
    assert [entry["probability"] for entry in answer] == scores.probability.tolist()
    assert [entry["band"] for entry in answer] == scores.band.tolist()
    assert len(set(scores.band.tolist())) == 3
    moment = MOMENT.isoformat() if by == "customers" else None
    for entry in answer:
        assert (
            entry
            | {
                "subscription_id": None,
                "model": "churn",
                "version": "1",
                "horizon_days": None,
                "reasons": [],
                "feature_time": moment,
                "scored_at": MOMENT.isoformat(),
                "stale": False if by == "customers" else None,
                "marks": [],
                "warnings": [],
                "error": None,
            }
            == entry
        )


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
    explanation = Scorer(built.version, threads=0).explain_told(built.matrix)
    from serving.served.model import _meanings

    strongest = strongest_reasons(explanation, _meanings(built.version, built.encoding), 3)
    names = [column.name for column in built.encoding.columns]
    for entry, features, contributions, row in zip(
        answer, strongest.features, strongest.contributions, raw_rows(built), strict=True
    ):
        shown = [reason["feature"] for reason in entry["reasons"]]
        assert shown == [names[position] for position in features if position >= 0]
        for reason, contribution in zip(entry["reasons"], contributions.tolist(), strict=False):
            value = row[reason["feature"]]
            assert reason["contribution"] == pytest.approx(contribution, abs=1e-9)
            assert reason["value"] == value
            assert reason["text"].startswith(f"{reason['feature']}: ")
            assert (reason["driver"], reason["unit"], reason["actionable"]) == ("table", "", False)


def test_an_unknown_customer_fails_alone_and_order_and_repeats_are_kept(
    built: Built, caller: TestClient
) -> None:
    asked = ["00007", "nobody", "00001", "", "00007", "7", "x" * 600]
    answer = predict(caller, {"customer_ids": asked, "reasons": 1})["predictions"]
    assert [entry["customer_id"] for entry in answer] == asked
    is_known = [entry["error"] is None for entry in answer]
    assert is_known == [True, False, True, False, True, False, False]
    assert answer[0] == answer[4] != answer[2]
    error = {
        "code": "unknown_customer",
        "detail": "no such customer in the features that the model reads",
    }
    assert answer[1]["error"] == error
    assert {answer[1][key] for key in ("probability", "model", "band", "stale")} == {None}  # type: ignore[literal-required]


def test_only_unknown_customers_are_an_answer_too(caller: TestClient) -> None:
    answer = predict(caller, {"customer_ids": ["a", "b"], "reasons": 3})["predictions"]
    assert [entry["probability"] for entry in answer] == [None, None]


def test_a_row_need_not_be_whole(built: Built, caller: TestClient) -> None:
    rows = [{"Contract": "monthly"}, {"套餐": "never seen", "left": "yes", "margin": "any"}]
    answer = predict(caller, {"rows": rows})["predictions"]
    expected = np.full((2, len(built.version.features)), np.nan)
    expected[0, 0] = built.encoding.columns[0].encode_value("monthly")
    assert [entry["probability"] for entry in answer] == Scorer(built.version, threads=1).score(
        expected
    ).probability.tolist()
    assert [entry["customer_id"] for entry in answer] == [None, None]
    assert answer[0]["warnings"] == []
    assert answer[1]["warnings"] == [
        '"套餐": "never seen" was not seen in training, and counts as missing'
    ]


def test_doubtful_values_are_warned_of_or_refused_in_strict(caller: TestClient) -> None:
    rows = [{"Contract": "yearly"}, {"Contract": "Yearly", "fee_y": "much", "customer": 7}]
    _, entry = predict(caller, {"rows": rows})["predictions"]
    assert entry["customer_id"] == "7"
    assert entry["warnings"] == [
        '"Contract": "Yearly" was not seen in training; did you mean "yearly"? It is read as that',
        '"fee_y": "much" is no number, and counts as missing',
    ]
    document = refuse(caller, {"rows": rows, "strict": True})
    assert [error["field"] for error in document["errors"]] == ["rows[1].Contract", "rows[1].fee_y"]
    assert 'did you mean "yearly"?' in document["detail"]


def test_a_row_of_text_scores_as_the_row_of_numbers(built: Built, caller: TestClient) -> None:
    rows = raw_rows(built)[:30]
    text = [
        {name: None if value is None else str(value) for name, value in row.items()} for row in rows
    ]
    assert predict(caller, {"rows": text}) == predict(caller, {"rows": rows})


@pytest.mark.parametrize(
    ("days", "stale", "withheld"), [(2.9, False, False), (3.1, True, False), (40.2, True, True)]
)
def test_old_features_are_said_to_be_stale_and_withheld_when_too_old(
    built: Built, days: float, stale: bool, withheld: bool
) -> None:
    clock = clock_at(MOMENT + timedelta(days=days))
    with serving(ModelFollower(built.home, OnlineSettings(), clock)) as caller:
        answer = predict(caller, {"customer_ids": ["00001"]})
    (entry,) = answer["predictions"]
    assert answer["limits"] == {"stale_after_days": 3, "withheld_after_days": 35}
    assert entry["stale"] is stale
    assert (entry["probability"] is None) is (entry["scored_at"] is None) is withheld
    warning = f"the features are {days} days old; the limit is 3 days"
    assert entry["warnings"] == ([warning] if stale else [])
    assert (entry["error"] is not None) is withheld
    if entry["error"] is not None:
        assert entry["error"]["code"] == "features_too_old"
        assert "40.2 days old, and beyond 35 days" in entry["error"]["detail"]


def test_what_is_not_served_is_refused_with_what_there_is(caller: TestClient) -> None:
    cases = [
        ({"customer_ids": ["a"], "models": ["churm"]}, "models[0]", "(churn)"),
        ({"customer_ids": ["a"], "horizons_days": [30]}, "horizons_days[0]", "churn: none"),
        ({"subscription_ids": ["a"]}, "subscription_ids", "needs customer_ids"),
        ({"customer_ids": ["a"], "language": "fr"}, "language", "en, zh-Hans, zh-Hant"),
    ]
    for request, field, words in cases:
        document = refuse(caller, request)
        assert document["errors"][0]["field"] == field
        assert words in document["detail"]


def test_values_outside_what_was_seen_are_used_with_a_warning(
    built: Built, caller: TestClient
) -> None:
    (model,) = caller.get("/v1/models").json()["models"]
    column = next(column for column in model["columns"] if column["kind"] == "number")
    seen = built.table[column["name"]].to_numpy()
    assert (column["minimum"], column["maximum"]) == (np.nanmin(seen), np.nanmax(seen))
    rows = [{column["name"]: column["maximum"]}, {column["name"]: column["maximum"] + 1}]
    inside, outside = predict(caller, {"rows": rows})["predictions"]
    assert inside["warnings"] == []
    (warning,) = outside["warnings"]
    assert warning.startswith(f'"{column["name"]}": ')
    assert f"what was seen in training, {column['minimum']} to {column['maximum']}" in warning
    assert outside["probability"] == inside["probability"]


def test_a_date_is_shown_as_a_date(caller: TestClient) -> None:
    (entry,) = predict(caller, {"rows": [{"since": "1950-01-01"}]})["predictions"]
    (warning,) = entry["warnings"]
    assert '"since": "1950-01-01" is outside what was seen in training, 20' in warning
