"""Two versions side by side, on the rows that both were tested on."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from holdfast.errors import ModelError
from holdfast.home import Home
from pipeline.promote import show_model
from tests.builders.model_versions import (
    make_version,
)
from tests.builders.registry import RECORD, compare_models, promote_model, registered
from training.evaluation.assessment import ASSESSMENT
from training.evaluation.predictions import TEST_PREDICTIONS, TestPredictions
from training.release.tracking import Tracking


def _predictions(seed: int, noise: float, rows: int, cutoff: str = "2025-06-02") -> pa.Table:
    random = np.random.default_rng(1)
    risk = random.random(rows) * 0.4
    label = (random.random(rows) < risk).astype(float)
    label[:5] = np.nan
    dataset = SimpleNamespace(
        ids=np.array([f"s{number:05d}" for number in range(rows)]),
        customers=np.array([f"c{number // 2:05d}" for number in range(rows)]),
        cutoffs=np.full(rows, np.datetime64(cutoff, "us")),
        labels={30: label, 90: label},
        weight=np.ones(rows),
        care_weight={},
    )
    blurred = np.clip(
        risk + np.random.default_rng(seed).normal(scale=noise, size=rows), 0.001, 0.999
    )
    return TestPredictions.of(dataset, np.arange(rows), {"30": blurred, "90": blurred}).to_table()


def test_two_versions_are_compared_on_the_rows_both_were_tested_on(
    home: Home, tracking: Tracking, name: str
) -> None:
    # The same 1,500 rows, of which the second version was tested on the first 1,200 only.
    good = _predictions(1, 0.01, 1500)
    bad = _predictions(2, 0.3, 1500).slice(0, 1200)
    elsewhere = _predictions(1, 0.01, 1200, cutoff="2025-07-28")
    for table in (good, bad, elsewhere, None):
        tables = {} if table is None else {TEST_PREDICTIONS: table}
        registered(tracking, name, record=replace(RECORD, tables=tables))
    comparison = compare_models(home, name, "1", "2")
    assert comparison.rows == {"30": 1195, "90": 1195}
    figures = {(figure.horizon, figure.metric): figure for figure in comparison.figures}
    auc = figures["90", "auc"]
    assert auc.difference is not None
    assert auc.difference.low > 0.02
    assert auc.difference.value == pytest.approx(auc.one.value - auc.other.value)
    swapped = compare_models(home, name, "2", "1")
    assert (
        next(figure for figure in swapped.figures if figure.metric == "auc").difference.high < -0.02
    )
    apart = compare_models(home, name, "1", "3")
    assert (apart.rows, apart.figures[0].difference) == ({}, None)
    assert "too few rows are in both" in apart.note
    assert apart.figures[0].one.value == 0.74
    assert "were not kept" in compare_models(home, name, "1", "4").note


def test_versions_without_an_assessment_cannot_be_compared(
    home: Home, tracking: Tracking, name: str
) -> None:
    for _ in range(2):
        tracking.register(replace(make_version(name), documents={}), RECORD)
    with pytest.raises(ModelError, match=f"version 1: holds no {ASSESSMENT}"):
        compare_models(home, name, "1", "2")
    verdict = promote_model(home, name).verdict
    assert [reason.message for reason in verdict.reasons] == [
        "training.json is missing: the version was not made by `holdfast train`"
    ]
    assert "Not recorded" in show_model(home, name, "1").card
