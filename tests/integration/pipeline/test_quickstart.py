import csv
import json
import pickletools
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from filelock import FileLock

from commands.quickstart import print_quickstart
from features.flat.customers import Roles
from features.online import service as online
from features.online.settings import OnlineSettings
from holdfast.errors import HoldfastError, HomeError, InputError, ModelError
from holdfast.home import Home
from models.churn import TABLE_CHURN
from models.registry import find_champion, load_champion
from models.scorer import Scorer
from pipeline.quickstart import Quickstart, quickstart
from tests.builders.clocks import clock_at
from tests.builders.registry import registry_client
from training.settings import TrainingConfig, TrainingSettings

ROLES = Roles(target="left", id="customer")
STAYS = "Version 1, from an earlier run, stays champion, with its scores and its care list."
Run = Callable[..., Quickstart]
QUICK = TrainingConfig(fitting=TrainingSettings(max_rounds=30, folds=3, inner_folds=2))
"""Few rounds: these tests are about what a run leaves behind, not how good it is."""


@pytest.fixture(scope="module")
def table(customer_table: Callable[..., pa.Table]) -> pa.Table:
    return customer_table(400)


def run(table: pa.Table, home: Path, roles: Roles = ROLES, language: str = "en") -> Quickstart:
    path = home.parent / f"{home.name}.csv"
    pa_csv.write_csv(table, path)
    return quickstart(path, roles, Home(home), QUICK, clock=clock_at(), language=language)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, table: pa.Table) -> Quickstart:
    return run(table, tmp_path_factory.mktemp("runs") / "home")


def noise(rows: int = 1_200, seed: int = 1) -> pa.Table:
    """Customers who leave whatever their columns say."""
    random = np.random.default_rng(seed)
    return pa.table(
        {
            "customer": [f"{number:06}" for number in range(rows)],
            "months": random.integers(1, 60, rows),
            "plan": random.choice(["basic", "plus"], rows),
            "left": random.choice(["yes", "no"], rows, p=[0.3, 0.7]),
        }
    )


def test_of_a_table_that_predicts_nothing_there_is_a_report_and_no_champion(
    tmp_path: Path, table: pa.Table
) -> None:
    found = run(noise(), tmp_path / "home")
    result = found.to_json()
    assert (result["verdict"], result["model_version"]) == ("nothing_found", None)
    assert result["champion"] is None
    (kept,) = registry_client(found.home).search_runs(["1"])
    assert kept.data.tags["holdfast.verdict"] == "nothing_found"
    assert kept.data.params["table_sha256"] == found.customers.sha256
    assert isinstance(result["log_loss"], float)
    home = found.home
    assert not home.care_list.exists()
    assert not home.scores.exists()
    with pytest.raises(ModelError):
        load_champion(home, TABLE_CHURN)
    page = home.report.read_text(encoding="utf-8")
    assert "who leave" in page
    assert "no model, no band and no care list" in page
    assert "What to try" in page
    # The home is free for another table.
    assert run(table, tmp_path / "home").version == "1"


def test_an_earlier_champion_stays_where_a_later_table_predicts_nothing(
    tmp_path: Path, table: pa.Table, capsys: pytest.CaptureFixture[str]
) -> None:
    first = run(table, tmp_path / "home")
    before = first.home.scores.read_bytes(), first.home.care_list.read_bytes()
    random = np.random.default_rng(3)
    shuffled = table.set_column(
        table.column_names.index("left"), "left", table["left"].take(random.permutation(len(table)))
    )
    second = run(shuffled, tmp_path / "home")
    assert (second.version, second.champion) == (None, "1")
    assert (second.to_json()["model_version"], second.to_json()["champion"]) == (None, "1")
    assert first.to_json()["champion"] == first.version == "1"
    assert (first.home.scores.read_bytes(), first.home.care_list.read_bytes()) == before
    assert find_champion(first.home, TABLE_CHURN).number == "1"
    page = first.home.report.read_text(encoding="utf-8")
    assert STAYS in page
    capsys.readouterr()
    print_quickstart(second)
    printed = " ".join(capsys.readouterr().out.split())
    assert f"this run made no bands and no care list. {STAYS}" in printed


def scores(home: Home) -> dict[str, list[object]]:
    return pq.read_table(home.scores).to_pydict()


def care(home: Home) -> list[dict[str, str]]:
    with home.care_list.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def everything(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


def test_everyone_is_scored_and_the_known_also_out_of_fold(
    done: Quickstart, table: pa.Table
) -> None:
    stored_scores = scores(done.home)
    assert list(stored_scores) == [
        "customer_id",
        "probability",
        "band",
        "probability_oof",
        "band_oof",
    ]
    assert stored_scores["customer_id"] == table["customer"].to_pylist()
    known = [target != "" for target in table["left"].to_pylist()]
    assert [value is not None for value in stored_scores["probability_oof"]] == known
    assert [band is not None for band in stored_scores["band_oof"]] == known
    assert set(stored_scores["band"]) == {"high", "medium", "low"}
    assert stored_scores["probability"] != stored_scores["probability_oof"]
    metadata = pq.read_schema(done.home.scores).metadata
    assert (metadata[b"model_name"], metadata[b"model_version"]) == (TABLE_CHURN.encode(), b"1")
    assert metadata[b"table_sha256"].decode() == done.customers.sha256


def test_what_is_served_is_what_was_scored(done: Quickstart) -> None:
    champion = load_champion(done.home, TABLE_CHURN)
    service = online.open_service(done.home, champion.model.service, OnlineSettings())
    assert service.features == champion.model.features
    stored_scores = scores(done.home)
    matrix, times = online.read(service, stored_scores["customer_id"])
    assert not np.isnat(times).any()
    alone = [Scorer(champion.model, threads=1).score(row[None]) for row in matrix]
    assert [score.probability[0] for score in alone] == stored_scores["probability"]
    assert [score.band[0] for score in alone] == stored_scores["band"]


def test_the_care_list_is_for_those_still_here_by_the_honest_probability(
    done: Quickstart, table: pa.Table
) -> None:
    listed = care(done.home)
    target = dict(zip(table["customer"].to_pylist(), table["left"].to_pylist(), strict=True))
    assert {row["customer_id"] for row in listed} == {
        entity for entity, left in target.items() if left != "yes"
    }
    stored_scores = scores(done.home)
    honest = {
        entity: probability if out_of_fold is None else out_of_fold
        for entity, probability, out_of_fold in zip(
            stored_scores["customer_id"],
            stored_scores["probability"],
            stored_scores["probability_oof"],
            strict=True,
        )
    }
    assert [row["probability"] for row in listed] == [
        f"{honest[row['customer_id']]:.4f}" for row in listed
    ]
    ordered = [honest[row["customer_id"]] for row in listed]
    assert ordered == sorted(ordered, reverse=True)
    assert listed[0]["reason_1"].split(": ")[0] in table.column_names


def test_the_summary_has_what_a_machine_needs(done: Quickstart) -> None:
    summary = json.loads(json.dumps(done.to_json(), allow_nan=False))
    assert summary["rows"] == 400
    assert summary["labelled_rows"] == 390
    assert summary["features"] == 7
    assert summary["model_version"] == "1"
    figures = {"auc", "auc_sd", "average_precision", "lift_top_decile", "brier", "ece"}
    assert figures <= summary.keys()
    assert 0.6 < summary["auc"] < 0.9
    assert summary.keys() >= {"positive_rate", "flags", "left_out", "model_name", "home", "seconds"}


def test_the_pooled_figures_are_those_of_the_scores(done: Quickstart, table: pa.Table) -> None:
    stored_scores = scores(done.home)
    rows = [
        (probability, target == "yes")
        for probability, target in zip(
            stored_scores["probability_oof"], table["left"].to_pylist(), strict=True
        )
        if probability is not None
    ]
    probability, label = np.array(rows, dtype=float).T
    assert done.to_json()["brier"] == pytest.approx(np.mean((probability - label) ** 2))


def test_the_run_is_on_record(done: Quickstart) -> None:
    client = registry_client(done.home)
    version = client.get_model_version_by_alias(TABLE_CHURN, "champion")
    assert (str(version.version), version.tags["ungated"]) == ("1", "true")
    data = client.get_run(version.run_id).data
    assert data.metrics["auc"] == pytest.approx(done.to_json()["auc"])
    assert data.params["feature_service"] == "customer_table_v1"
    assert len(data.params["table_sha256"]) == 64
    names = {artifact.path for artifact in client.list_artifacts(version.run_id)}
    assert names >= {
        "model",
        "roc.svg",
        "lift.svg",
        "gain.svg",
        "reliability.svg",
        "flags.json",
    }


def test_nothing_in_the_home_is_a_pickle(done: Quickstart) -> None:
    suffixes = {path.suffix for path in done.home.artifacts.rglob("*") if path.is_file()}
    assert suffixes <= {".txt", ".json", ".svg"}
    for path in done.home.root.rglob("*"):
        if path.is_file() and path.read_bytes()[:1] == b"\x80":
            with pytest.raises(ValueError):  # noqa: PT011
                pickletools.dis(path.read_bytes(), out=open("/dev/null", "w"))  # noqa: SIM115, PTH123


def test_the_report_is_whole(done: Quickstart) -> None:
    report = done.home.report.read_text(encoding="utf-8")
    assert report.rstrip().endswith("</html>")
    assert "套餐" in report


def test_same_data_same_settings_same_bytes(
    done: Quickstart, table: pa.Table, tmp_path: Path
) -> None:
    again = run(table, tmp_path / "again")
    assert again.home.scores.read_bytes() == done.home.scores.read_bytes()
    assert again.home.care_list.read_bytes() == done.home.care_list.read_bytes()
    one, other = (
        find_champion(home, TABLE_CHURN).directory / "booster.txt"
        for home in (done.home, again.home)
    )
    assert one.read_bytes() == other.read_bytes()


def test_the_next_run_makes_the_next_version_with_old_codes_kept(
    table: pa.Table, tmp_path: Path
) -> None:
    first = run(table, tmp_path / "home")
    before = load_champion(first.home, TABLE_CHURN)
    plans = ["新" if row % 10 == 0 else plan for row, plan in enumerate(table["套餐"].to_pylist())]
    changed = table.set_column(table.column_names.index("套餐"), "套餐", pa.array(plans)).select(
        table.column_names[::-1]
    )
    second = run(changed, tmp_path / "home")
    assert (first.version, second.version) == ("1", "2")
    champion = load_champion(second.home, TABLE_CHURN)
    assert champion.number == "2"
    old, new = (
        {
            column["name"]: column["categories"]
            for column in version.model.documents["encoding.json"]
        }
        for version in (before, champion)
    )
    assert new["套餐"] == [*old["套餐"], "新"]
    assert before.model.features == champion.model.features


def test_other_columns_target_or_positives_are_refused_and_change_nothing(
    done: Quickstart, table: pa.Table
) -> None:
    before = everything(done.home.root)
    with pytest.raises(HomeError, match="without margin"):
        run(table.drop_columns(["margin"]), done.home.root)
    with pytest.raises(HomeError, match="id 'customer', not None"):
        run(table.drop_columns(["customer"]), done.home.root, Roles(target="left"))
    with pytest.raises(HomeError, match=r"positive \['yes'\], not \['no'\]"):
        run(table, done.home.root, Roles(target="left", id="customer", positive=("no",)))
    position = table.column_names.index("dropped calls 📉")
    words = table.set_column(position, "dropped calls 📉", pa.array(["many"] * 400))
    with pytest.raises(
        InputError, match=r"dropped calls 📉: is a category now .* and was a number in this home"
    ):
        run(words, done.home.root)
    assert everything(done.home.root) == before


def test_a_home_in_use_is_refused(done: Quickstart, table: pa.Table) -> None:
    before = everything(done.home.root)
    with FileLock(done.home.lock), pytest.raises(HomeError, match="another process"):
        run(table, done.home.root)
    assert everything(done.home.root) == before


def test_a_home_that_is_a_file_is_refused(table: pa.Table, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("mine")
    with pytest.raises(HomeError, match="must be a directory that can be written"):
        run(table, tmp_path / "home")
    assert (tmp_path / "home").read_text() == "mine"


def test_a_wrong_table_makes_no_home(table: pa.Table, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        run(table, tmp_path / "home", Roles(target="Left"))
    with pytest.raises(InputError, match="--group"):
        run(
            table.append_column("half", pa.array([0, 1] * 200)),
            tmp_path / "home",
            Roles(target="left", id="customer", group="half"),
        )
    assert not (tmp_path / "home").exists()


def test_a_home_of_nobody_is_named() -> None:
    with pytest.raises(HomeError, match="--home"):
        Home(Path("~nobody-of-that-name/x"))


def test_a_damaged_manifest_is_named(table: pa.Table, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "home.json").write_text("{")
    with pytest.raises(HomeError, match=r"home\.json"):
        run(table, tmp_path / "home")


def test_under_time_early_rows_are_scored_but_not_evaluated(
    table: pa.Table, tmp_path: Path
) -> None:
    days = [f"2025-{1 + row // 40:02d}-01" for row in range(400)]
    result = run(
        table.append_column("day", pa.array(days)),
        tmp_path / "home",
        Roles(target="left", id="customer", time="day"),
    )
    stored_scores = scores(result.home)
    evaluated = [probability is not None for probability in stored_scores["probability_oof"]]
    first = evaluated.index(True)
    assert 0 < first < 200
    assert not any(evaluated[:first])
    assert all(
        one or target == ""
        for one, target in zip(evaluated[first:], table["left"].to_pylist()[first:], strict=True)
    )
    not_evaluated = [row for row in care(result.home) if row["probability"] == ""]
    assert len(not_evaluated) == sum(target == "no" for target in table["left"].to_pylist()[:first])
    assert "time window" in result.home.report.read_text(encoding="utf-8")
    _, times = online.read(
        online.open_service(result.home, "customer_table_v1", OnlineSettings()), ["00000", "00399"]
    )
    assert [str(time)[:10] for time in online.oldest(times)] == ["2025-01-01", "2025-10-01"]


def test_hostile_names_and_values_come_out_as_text(table: pa.Table, tmp_path: Path) -> None:
    names = {"customer": "=cmd()", "Contract": "<script>alert(1)</script>"}
    renamed = table.rename_columns([names.get(name, name) for name in table.column_names])
    ids = [f"=1+{row}" for row in range(400)]
    hostile = renamed.set_column(0, "=cmd()", pa.array(ids))
    result = run(hostile, tmp_path / "home", Roles(target="left", id="=cmd()", value="margin"))
    assert all(row["customer_id"].startswith("'=1+") for row in care(result.home))
    assert "<script>alert" not in result.home.report.read_text(encoding="utf-8")
    at_stake = [float(row["value_at_stake"]) for row in care(result.home)]
    assert at_stake == sorted(at_stake, reverse=True)


def test_an_earlier_table_replaces_a_later_one(table: pa.Table, tmp_path: Path) -> None:
    run(table, tmp_path / "home")
    days = [f"2025-{1 + row // 40:02d}-01" for row in range(300)]
    fewer = table.slice(0, 300).append_column("day", pa.array(days))
    fewer = fewer.set_column(
        fewer.column_names.index("margin"), "margin", pa.array(np.arange(300.0))
    )
    second = run(fewer, tmp_path / "home", Roles(target="left", id="customer", time="day"))
    champion = load_champion(second.home, TABLE_CHURN)
    service = online.open_service(second.home, champion.model.service, OnlineSettings())
    stored_scores = scores(second.home)
    matrix, times = online.read(service, [*stored_scores["customer_id"], "00399"])
    assert str(times[0, 0])[:10] == "2025-01-01"
    assert np.isnat(times[-1]).all()
    assert (
        Scorer(champion.model, threads=1).score(matrix[:-1]).probability.tolist()
        == stored_scores["probability"]
    )


def test_names_that_the_parts_use_themselves(table: pa.Table, tmp_path: Path) -> None:
    names = [
        "customer",
        "rn",
        "entity_row_id",
        "customer_id",
        "event_timestamp",
        "label",
        "RN",
        "a_y",
        "left",
    ]
    result = run(table.rename_columns(names), tmp_path / "home")
    assert result.to_json()["features"] == 7
    service = online.open_service(result.home, "customer_table_v1", OnlineSettings())
    assert len(set(service.features)) == 7
    assert not {"rn", "entity_row_id", "customer_id", "event_timestamp", "label", "a_y"} & set(
        service.features
    )
    stored_scores = scores(result.home)
    matrix, _ = online.read(service, stored_scores["customer_id"])
    assert (
        Scorer(load_champion(result.home, TABLE_CHURN).model, threads=1)
        .score(matrix)
        .probability.tolist()
        == stored_scores["probability"]
    )


def test_few_groups_and_columns_empty_where_it_counts(table: pa.Table, tmp_path: Path) -> None:
    known = [target != "" for target in table["left"].to_pylist()]
    odd = table.append_column("region", pa.array([row % 5 for row in range(400)]))
    odd = odd.append_column("only unknown", pa.array([None if k else 1.0 for k in known]))
    odd = odd.append_column("not finite", pa.array(["nan", "inf"] * 200))
    roles = Roles(target="left", id="customer", group="region")
    result = run(odd, tmp_path / "home", roles, language="zh-TW")
    assert result.to_json()["left_out"] == ["not finite"]
    report = result.home.report.read_text(encoding="utf-8")
    assert '<html lang="zh-Hant">' in report
    assert "region相同的紀錄不分開" in report
    assert list(care(result.home)[0])[:3] == ["排名", "客戶編號", "機率"]


def test_files_of_somebody_else_are_not_overwritten(table: pa.Table, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "report.html").write_text("mine")
    with pytest.raises(HomeError, match=r"somebody else's.*report.html"):
        run(table, tmp_path / "home")
    assert everything(tmp_path / "home") == {"report.html": b"mine"}


def test_a_path_the_registry_cannot_hold_is_refused(table: pa.Table, tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="must be a path without"):
        run(table, tmp_path / "what?")


def test_a_home_may_move(table: pa.Table, tmp_path: Path) -> None:
    run(table, tmp_path / "here")
    (tmp_path / "here").rename(tmp_path / "there")
    assert load_champion(Home(tmp_path / "there"), TABLE_CHURN).number == "1"
    assert run(table, tmp_path / "there").version == "2"
    assert load_champion(Home(tmp_path / "there"), TABLE_CHURN).number == "2"
    assert run(table, tmp_path / "there").version == "3"
    assert load_champion(Home(tmp_path / "there"), TABLE_CHURN).number == "3"
    assert not (tmp_path / "here").exists()


def test_a_home_removed_under_the_process_is_told(table: pa.Table, tmp_path: Path) -> None:
    run(table, tmp_path / "home")
    shutil.rmtree(tmp_path / "home")
    with pytest.raises(HoldfastError, match="run again in a new process"):
        run(table, tmp_path / "home")


def test_no_registry_a_damaged_one_and_one_without_a_champion(
    done: Quickstart, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="no model registry"):
        load_champion(Home(tmp_path), TABLE_CHURN)
    assert not list(tmp_path.iterdir())
    (tmp_path / "mlflow.db").write_bytes(b"no database" * 1000)
    with pytest.raises(ModelError, match="no readable champion"):
        load_champion(Home(tmp_path), TABLE_CHURN)
    with pytest.raises(ModelError, match="no readable champion of model 'other'"):
        load_champion(done.home, "other")
