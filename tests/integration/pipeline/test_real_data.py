"""The main job on real tables: good enough, honest about leaks, and what the reference figures say
is possible.
"""

import csv
import gzip
from pathlib import Path

import pytest

from features.flat.customers import Roles
from holdfast.home import Home
from pipeline.quickstart import quickstart
from tests.builders.clocks import clock_at
from training.settings import TrainingConfig, TrainingSettings

pytestmark = pytest.mark.real_data

LEAKS = {"single_column", "missingness", "too_good"}
DISSATISFIED = tuple("123456")
COARSE = TrainingConfig(fitting=TrainingSettings(repeats=1, folds=3, inner_folds=2))
"""Every row is predicted once out of fold, in a sixth of the time: nothing here is about repeats, and
models of fewer rows must be good enough, too.
"""


def _summary(table: Path, home: Path, **roles: object) -> dict[str, object]:
    return quickstart(
        table,
        Roles(**roles),  # type: ignore[arg-type]
        Home(home),
        COARSE,
        clock=clock_at(),
    ).to_json()


def _kinds(summary: dict[str, object]) -> set[str]:
    flags = summary["flags"]
    assert isinstance(flags, list)
    return {flag["kind"] for flag in flags}


def test_ibm_telco(real_data: Path, tmp_path: Path) -> None:
    results = _summary(
        real_data / "ibm_telco" / "telco_customer_churn.csv",
        tmp_path,
        id="customerID",
        target="Churn",
    )
    assert results["rows"] == 7043
    assert 0.843 <= results["auc"] <= 0.87  # type: ignore[operator]
    assert results["ece"] <= 0.02  # type: ignore[operator]
    assert not _kinds(results) & LEAKS


def test_mlc_churn(real_data: Path, tmp_path: Path) -> None:
    results = _summary(real_data / "mlc_churn" / "mlc_churn.csv", tmp_path, target="churn")
    assert 0.92 <= results["auc"] <= 0.94  # type: ignore[operator]
    assert not _kinds(results) & LEAKS


def test_beijing_ratings_are_flagged_and_can_be_left_out(real_data: Path, tmp_path: Path) -> None:
    table = real_data / "beijing_satisfaction" / "voice.csv.gz"
    with gzip.open(table, "rt", encoding="utf-8-sig", newline="") as stream:
        names = next(csv.reader(stream))
    survey, operator = (
        names[: names.index("用户描述.1") + 1],
        names[names.index("用户描述.1") + 1 :],
    )
    roles = {"id": names[0], "target": names[1], "positive": DISSATISFIED}
    leaky = _summary(table, tmp_path / "leaky", drop=tuple(survey[5:]), **roles)
    assert {flag["column"] for flag in leaky["flags"] if flag["kind"] == "single_column"} == set(
        survey[2:5]
    )  # type: ignore[attr-defined]
    assert "too_good" in _kinds(leaky)
    honest = _summary(table, tmp_path / "honest", available=frozenset(operator), **roles)
    assert honest["left_out"] == survey[2:]
    assert 0.66 <= honest["auc"] <= 0.72  # type: ignore[operator]
    assert not _kinds(honest) & LEAKS
