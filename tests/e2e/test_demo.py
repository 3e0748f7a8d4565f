"""The demo, on a smaller operator."""

from pathlib import Path

import pytest

from features.online.settings import OnlineSettings
from features.settings import FeatureSettings
from holdfast.errors import HomeError
from holdfast.home import Home
from pipeline import demo
from tests.builders.clocks import clock_at
from training.settings import TrainingConfig, TrainingSettings


def run(folder: Path) -> demo.Demo:
    return demo.demo(
        Home(folder),
        TrainingConfig(fitting=TrainingSettings(max_rounds=40)),
        features=FeatureSettings(),
        online=OnlineSettings(),
        clock=clock_at(),
    )


def test_it_overwrites_nobodys_table(tmp_path: Path) -> None:
    (tmp_path / "subscriptions.csv").write_text("mine")
    with pytest.raises(HomeError, match=r"subscriptions\.csv"):
        run(tmp_path)
    assert (tmp_path / "subscriptions.csv").read_text() == "mine"


def test_it_leaves_an_operators_own_raw_tables_alone(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    with pytest.raises(HomeError, match="not simulated"):
        run(tmp_path)
    assert not (tmp_path / "operator").exists()


def test_it_trains_serves_asks_and_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "CUSTOMERS", 1_000)
    found = run(tmp_path / "demo")
    assert 0.6 < found.quickstart.training.evaluation.auc < 0.95
    assert found.operator.features.quarantined == 0
    assert {flag.kind for flag in found.quickstart.training.flags} <= {
        "missingness"
    }  # no commitment means something
    predictions = found.answer["predictions"]
    assert len(predictions) == demo.ASKED
    assert all(
        prediction["error"] is None and len(prediction["reasons"]) == 3
        for prediction in predictions
    )
    care_list = (tmp_path / "demo" / "care_list.csv").read_text(encoding="utf-8-sig").splitlines()
    assert [line.split(",")[1] for line in care_list[1:4]] == [
        prediction["customer_id"] for prediction in predictions
    ]
