import json
from dataclasses import replace
from typing import Any

import pytest

from holdfast.errors import InputError
from training.documents import inspect_document, read_document
from training.evaluation.assessment import Assessment, Estimate
from training.evaluation.leaks import Flag
from training.release.facts import ChampionComparison, TrainingFacts

FACTS = TrainingFacts(
    target="churn",
    service="churn_v1",
    features=("tenure_days", "billing_type_code"),
    dataset_sha256="a" * 64,
    rows={"fit": 900, "tune": 300, "calibrate": 300, "test": 500},
    cutoffs={"fit": ("2025-01-06", "2025-02-03"), "test": ("2025-09-01",)},
    gap_days=14,
    horizons_days=(30, 60, 90),
    excluded={"enterprise": 12},
    weights="",
    strata=("postpaid", "prepaid"),
    slices=("segment",),
    parameters={"num_leaves": 16, "learning_rate": 0.05},
    rounds={"30": 100, "60": 120, "90": 140, "90/prepaid": 80},
    flags=(Flag("tenure_days", "missingness", 0.7),),
    champion=ChampionComparison(number=None, comparable=False, why=""),
    explanation_cost={"30": 1600, "60": 1900, "90": 2200},
    additivity_error={"30": 1e-12, "60": 1e-12, "90": 2e-12},
    seed=7,
    git_commit="unknown",
    environment_sha256="b" * 64,
    made_at="2026-01-01T00:00:00+00:00",
    choices={"monotone": {"with": 0.7, "without": None}},
)


def test_facts_come_back_as_they_were() -> None:
    assert TrainingFacts.from_json(json.loads(json.dumps(FACTS.to_json()))) == FACTS


def test_horizons_are_named_by_their_days() -> None:
    assert FACTS.horizons == ("30", "60", "90")
    assert replace(FACTS, horizons_days=()).horizons == ("",)


@pytest.mark.parametrize("key", FACTS.to_json())
def test_no_fact_may_be_missing(key: str) -> None:
    document = FACTS.to_json()
    del document[key]
    with pytest.raises(InputError, match=rf"training\.json/{key}: is missing"):
        TrainingFacts.from_json(document)


@pytest.mark.parametrize(
    "path, value, rule",
    [
        (("features",), "tenure_days", "features: must be a list"),
        (("features", 0), 3, "features/0: must be a text"),
        (("rows",), [1], "rows: must be an object"),
        (("rows", "fit"), True, "rows/fit: must be a whole number"),
        (("rows", "fit"), 1.5, "rows/fit: must be a whole number"),
        (("seed",), None, r"seed: must be a whole number \(got 'null'\)"),
        (("champion",), None, "champion: must be an object"),
        (("champion", "comparable"), 1, "champion/comparable: must be true or false"),
        (("champion", "number"), 3, "champion/number: must be a text"),
        (("flags", 0, "kind"), "guess", "flags/0/kind: must be one of single_column"),
        (("flags", 0, "figure"), "0.7", "flags/0/figure: must be a finite number"),
        (("additivity_error", "90"), float("nan"), "additivity_error/90: must be a finite number"),
        (("additivity_error", "90"), float("inf"), "additivity_error/90: must be a finite number"),
    ],
)
def test_a_value_of_another_kind_is_named(path: tuple[Any, ...], value: object, rule: str) -> None:
    document = json.loads(json.dumps(FACTS.to_json()))
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(InputError, match=rule):
        TrainingFacts.from_json(document)


@pytest.mark.parametrize("document", [None, [], "facts", 3])
def test_what_is_no_object_is_refused(document: object) -> None:
    with pytest.raises(InputError, match=r"training\.json: must be an object"):
        TrainingFacts.from_json(document)


def test_whole_numbers_are_numbers_and_unknown_keys_are_passed_over() -> None:
    assert read_document(Estimate, {"value": 1, "low": 0, "high": 2, "more": "x"}, "x") == Estimate(
        1.0, 0.0, 2.0
    )


def test_all_that_is_wrong_is_told() -> None:
    value, problems = inspect_document(
        Assessment, {"rows": "x", "metrics": {"auc": {"value": 1, "low": None}}}, "a"
    )
    assert value is None
    told = [problem.field for problem in problems]
    assert {
        "a/horizon_days",
        "a/rows",
        "a/metrics/auc/low",
        "a/metrics/auc/high",
        "a/slices",
    } <= set(told)
