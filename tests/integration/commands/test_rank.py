"""`holdfast rank`: whom an action helps most, of a team's own table and of an operator's home; and when
nobody is ranked.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner, Result

from commands.operation.rank import rank
from commands.uplift import uplift
from features.operator.newest import NewestReader
from features.operator.repository import OperatorRepository
from holdfast.home import Home
from models.uplift import UpliftGroup, UpliftModel, load_uplift
from tests.builders.clocks import clock_at
from tests.builders.experiments import experiment
from training.release.tracking import RunRecord, Tracking
from training.uplift.contacts import SERVICE

app = typer.Typer()
app.command()(uplift)
app.command()(rank)

Run = Callable[..., Result]
ROLES = ("--id", "customer", "--treatment", "arm", "--outcome", "stayed", "--good", "yes")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("HOLDFAST_UPLIFT_FOLDS", "3")
    monkeypatch.setenv("HOLDFAST_UPLIFT_REPEATS", "1")
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


def _write(folder: Path, spread: float, effect: float = 0.0) -> Path:
    drawn = experiment(rows=2_400, effect=effect, spread=spread)
    columns = {
        "customer": [f"C{row:04}" for row in range(2_400)],
        **{f"f{place}": drawn.matrix[:, place].round(3) for place in range(3)},
        "arm": np.array(["control", "call"])[drawn.arm],
        "stayed": np.where(drawn.outcome > 0, "yes", "no"),
    }
    pa_csv.write_csv(pa.table(columns), folder / "trial.csv")
    return folder / "trial.csv"


def test_customers_of_a_new_table_are_ranked_by_the_model_of_the_experiment(
    run: Run, tmp_path: Path
) -> None:
    trial, result = _write(tmp_path, spread=0.2), tmp_path / "result"
    done = run("uplift", trial, *ROLES, "--randomised", "--out", result)
    said = " ".join(done.stdout.split())
    assert "call: not enough data yet, targetable" in said or "call: works, targetable" in said
    assert f"holdfast rank call TABLE --experiment {result}" in said

    new = pa_csv.read_csv(trial).slice(0, 500).drop_columns(["arm", "stayed"])
    new = new.append_column("other", pa.array([1] * 500))
    pa_csv.write_csv(new, tmp_path / "new.csv")
    asked = ("rank", "call", tmp_path / "new.csv", "--experiment", result)
    done = run(*asked, "--out", tmp_path / "ranking.parquet", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["ranked"], told["model"], told["version"]) == (500, "uplift_call", None)
    assert told["label_of_predictions"] == "estimated"
    assert told["ignored"] == ["other"]
    ranking = pq.read_table(tmp_path / "ranking.parquet")
    assert ranking["rank"].to_pylist() == list(range(1, 501))
    assert sorted(ranking["id"].to_pylist()) == new["customer"].to_pylist()
    stored = json.loads((result / "uplift.json").read_text("utf-8"))["models"]
    model = load_uplift(result / "uplift_call", stored[0]["sha256"])
    matrix = np.column_stack([new[name].to_numpy() for name in model.features])
    expected = dict(zip(new["customer"].to_pylist(), model.predict(matrix).effect, strict=True))
    effects = ranking["predicted_effect"].to_numpy()
    assert effects.tolist() == [expected[one] for one in ranking["id"].to_pylist()]
    assert (np.diff(effects) <= 0).all()
    assert set(ranking["group"].to_pylist()) == set(range(1, 6))
    assert (np.diff(ranking["group"].to_numpy()) >= 0).all()

    done = run(*asked, "--out", tmp_path / "ranking.csv")
    said = " ".join(done.stdout.split())
    assert "500 ranked by uplift_call" in said
    assert "Consent, contact policy and the holdout were not asked" in said
    assert pa_csv.read_csv(tmp_path / "ranking.csv").num_rows == 500

    (result / "uplift_call" / "booster.txt").write_text("tree", encoding="utf-8")
    done = run(*asked, "--out", tmp_path / "again.csv")
    assert done.exit_code == 2
    assert not (tmp_path / "again.csv").exists()


def test_nobody_is_ranked_where_the_experiment_does_not_show_whom_it_helps_more(
    run: Run, tmp_path: Path
) -> None:
    trial, result = _write(tmp_path, spread=0.0, effect=0.12), tmp_path / "result"
    asked = ("rank", "call", trial, "--experiment", result, "--out", tmp_path / "ranking.csv")
    assert "must be the directory of a result" in run(*asked).stderr
    done = run("uplift", trial, *ROLES, "--out", result)
    assert "holdfast rank" not in done.stdout
    assert "ACTION: has no model: its evidence is observational" in run(*asked).stderr
    run("uplift", trial, *ROLES, "--randomised", "--out", result)
    refused = run(*asked)
    assert refused.exit_code == 2
    assert "ranks nobody" in refused.stderr
    assert "(verdict works, targetable: not shown)" in refused.stderr
    assert "Choose by cost, consent and value" in refused.stderr
    assert "ACTION: must be one of call" in run("rank", "gift", *asked[2:]).stderr
    assert not (tmp_path / "ranking.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ((), "--out: must name a file"),
        (("--out", "ranking.txt"), "--out: must end in .csv or .parquet"),
        (("t.csv", "--out", "r.csv"), "--experiment: must be given too"),
        (("--experiment", "e", "--out", "r.csv"), "TABLE: must be given too"),
        (("--query", "q", "--out", "r.csv"), "--query: must come with a TABLE"),
        (
            ("t.csv", "--experiment", "e", "--version", "2", "--out", "r.csv"),
            "--version: must come without a TABLE",
        ),
    ],
)
def test_what_is_wrong_is_named(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], rule: str
) -> None:
    done = run("rank", "call", *arguments, "--home", tmp_path / "home")
    assert done.exit_code == 2
    assert rule in done.stderr


def test_the_lines_of_an_operator_are_ranked_at_the_newest_snapshot(
    run: Run, simulated_operator: Path, tmp_path: Path
) -> None:
    home = Home(Path(shutil.copytree(simulated_operator / "home", tmp_path / "home")))
    repository = OperatorRepository(home)
    with NewestReader(repository, SERVICE, memory_gb=1.0, threads=1) as reader:
        lines = reader.main.ids()
        matrix, _ = reader.read(lines)
        # Without the first feature, as where arms differ in it.
        features = reader.features[1:]
    with NewestReader(repository, "consent_v1", memory_gb=1.0, threads=1) as reader:
        customers = np.array(reader.main.ids())
        place = reader.features.index("profiling_objection")
        objecting = set(customers[reader.read(list(customers))[0][:, place] == 1])
    model = _model(matrix[:, 1:], features)
    tracking = Tracking(home, clock_at())
    tracking.register(model, RunRecord(parameters={}, metrics={}))
    asked = ("rank", "our call", "--home", home.root, "--out", tmp_path / "ranking.parquet")
    done = run(*asked, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["model"], told["version"]) == ("uplift_our_call", "1")
    assert told["harmed_groups"] == [2]
    ranking = pq.read_table(tmp_path / "ranking.parquet")
    ranked = ranking["subscription_id"].to_pylist()
    assert 0 < told["ranked"] == len(set(ranked))
    assert told["ranked"] + sum(told["left_out"].values()) == len(lines)
    assert objecting
    assert not objecting & set(ranking["customer_id"].to_pylist())
    predicted = dict(zip(lines, model.predict(matrix[:, 1:]).effect, strict=True))
    effects = ranking["predicted_effect"].to_numpy()
    assert effects.tolist() == [predicted[line] for line in ranked]
    assert (np.diff(effects) <= 0).all()
    said = " ".join(run(*asked).stdout.split())
    assert "ranked by uplift_our_call 1, at the snapshot of" in said
    assert "contact harms group 2: do not treat its members" in said

    tracking.register(
        replace(model, targetable=False, documents={"uplift.json": {"why_not": "looked_before"}}),
        RunRecord(parameters={}, metrics={}),
    )
    refused = run(*asked)
    assert refused.exit_code == 2
    assert "uplift_our_call version 2: ranks nobody" in refused.stderr
    assert "because of looked_before" in refused.stderr
    assert run(*asked, "--version", "1").exit_code == 0
    assert "must be of the action" in run("rank", "Our Call", *asked[2:], "--version", "1").stderr
    assert "must be one that was registered" in run("rank", "gift", *asked[2:]).stderr


def _model(matrix: np.ndarray, features: tuple[str, ...]) -> UpliftModel:
    """A model whose experiment was good."""
    label = np.random.default_rng(1).normal(0.02, 0.1, len(matrix))
    options = {"verbosity": -1, "num_threads": 1, "num_leaves": 5}
    data = lgb.Dataset(matrix, label, feature_name=list(features))
    return UpliftModel(
        name="uplift_our_call",
        action="our call",
        service=SERVICE,
        features=features,
        booster=lgb.train(options, data, 10),
        average=0.02,
        low=0.01,
        high=0.03,
        centre=0.02,
        slope=0.5,
        works=True,
        targetable=True,
        groups=(UpliftGroup(0.02, 0.04, 0.01, 0.07), UpliftGroup(-1.0, -0.04, -0.07, -0.01)),
    )
