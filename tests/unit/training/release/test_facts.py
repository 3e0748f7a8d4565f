import json
from dataclasses import replace

import pytest

from holdfast.documents import read_document, to_document
from holdfast.errors import InputError
from training.evaluation.leaks import Flag
from training.release.facts import TRAINING, ChampionComparison, TrainingFacts

FACTS = TrainingFacts(
    target="churn",
    service="churn_v1",
    features=("tenure_days", "billing_type_code"),
    dataset_sha256="a" * 64,
    rows={"fit": 1200, "tune": 300, "test": 500},
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


def read(document: object) -> TrainingFacts:
    return read_document(TrainingFacts, document, TRAINING)


def test_facts_come_back_as_they_were() -> None:
    assert read(json.loads(json.dumps(to_document(FACTS)))) == FACTS


def test_horizons_are_named_by_their_days() -> None:
    assert FACTS.horizons == ("30", "60", "90")
    assert replace(FACTS, horizons_days=()).horizons == ("",)


@pytest.mark.parametrize("key", sorted(to_document(FACTS).keys() - {"fitted"}))
def test_no_fact_may_be_missing(key: str) -> None:
    document = to_document(FACTS)
    del document[key]
    with pytest.raises(InputError, match=rf"training\.json: {key}: is missing"):
        read(document)
