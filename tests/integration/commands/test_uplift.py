"""`holdfast uplift TABLE`: what it prints, what it writes, and what it refuses before anything is
written.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest
import typer
from typer.testing import CliRunner, Result

from commands.uplift import uplift
from models.stored import dump
from models.uplift import load_uplift
from tests.builders.experiments import experiment
from tests.builders.measured_tables import experiment_differences, measure_experiment
from tests.builders.table_answers import EXPERIMENTS, TABLES

app = typer.Typer()
app.command()(uplift)

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("HOLDFAST_UPLIFT_FOLDS", "3")
    monkeypatch.setenv("HOLDFAST_UPLIFT_REPEATS", "1")
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def table(tmp_path: Path) -> Path:
    drawn = experiment(rows=2_400, effect=0.12, cluster=2)
    random = np.random.default_rng(1)
    columns = {f"f{place}": drawn.matrix[:, place].round(3) for place in range(3)}
    columns |= {
        "套餐": random.choice(["基础", "高级"], 2_400),
        "arm": np.array(["control", "call"])[drawn.arm],
        "churned": np.where(drawn.outcome > 0, "no", "yes"),
        "p": drawn.propensity,
        "home": drawn.cluster.astype(str),
        "after": np.where(drawn.arm == 1, 1.0, 0.0) + random.normal(size=2_400).round(3),
    }
    pa_csv.write_csv(pa.table(columns), tmp_path / "trial.csv")
    return tmp_path / "trial.csv"


PLAIN = (
    "--treatment",
    "arm",
    "--outcome",
    "churned",
    "--good",
    "no",
    "--group",
    "home",
    "--drop",
    "after",
    "--randomised",
)


def test_a_table_of_ones_own(run: Run, table: Path, tmp_path: Path) -> None:
    done = run(table, *PLAIN, "--propensity", "p", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    printed = " ".join(done.stdout.split())
    assert "call: works" in printed
    assert "randomised" in printed
    assert "good means churned = no, as given" in printed
    assert "propensities are as stored" in printed
    assert "1,200 customers or households" in printed
    assert "suspicious" not in printed
    assert (
        (tmp_path / "out" / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    )
    result = json.loads((tmp_path / "out" / "uplift.json").read_text(encoding="utf-8"))
    (evaluated,) = result["experiments"]
    assert (result["evidence"], evaluated["evidence"]) == ("randomised", "randomised")
    assert (evaluated["drawn_at_random"], evaluated["propensity"], evaluated["rows"]) == (
        "caller",
        "stored",
        2_400,
    )
    (action,) = evaluated["actions"]
    assert action["verdict"] == "works"
    assert result["actions"] == [
        {
            "experiment": "trial.csv",
            "action": "call",
            "evidence": "randomised",
            "verdict": "works",
            "why_not": None,
            "targetable": action["targetable"],
        }
    ]
    assert action["average"]["low"] > 0
    digest = _sha256(tmp_path / "out" / "uplift_call" / "model.json")
    model = load_uplift(tmp_path / "out" / "uplift_call", digest)
    assert model.features == ("f0", "f1", "f2", "c3")
    assert "adjusted by f0, f1, f2, 套餐; --drop any that the action may have changed" in printed
    assert evaluated["adjusted_by"] == ["f0", "f1", "f2", "套餐"]
    assert [column["name"] for column in model.documents["encoding.json"]] == [
        "f0",
        "f1",
        "f2",
        "套餐",
    ]


def test_one_json_object_and_nothing_else(run: Run, table: Path, tmp_path: Path) -> None:
    done = run(table, *PLAIN, "--home", tmp_path / "home", "--json")
    result = json.loads(done.stdout)
    assert Path(result["directory"]) == tmp_path / "home" / "uplift" / "trial"
    assert result["experiments"][0]["propensity"] == "shares"
    stored = json.loads(
        (tmp_path / "home" / "uplift" / "trial" / "uplift.json").read_text(encoding="utf-8")
    )
    assert stored == result
    assert dump(result)


@pytest.mark.parametrize(
    ("looks", "verdict", "why", "sentence"),
    [
        ("1200", "works", None, "call: works"),
        ("1000", "not_enough_data", "beyond_last_look", "has grown beyond its last planned look"),
        ("600,2400", "not_enough_data", "not_a_planned_look", "is none of those that were planned"),
    ],
)
def test_words_are_given_at_planned_looks_alone(
    run: Run, table: Path, tmp_path: Path, looks: str, verdict: str, why: str, sentence: str
) -> None:
    done = run(table, *PLAIN, "--looks", looks, "--out", tmp_path / "out")
    assert sentence in " ".join(done.stdout.split())
    result = json.loads((tmp_path / "out" / "uplift.json").read_text(encoding="utf-8"))
    (action,) = result["actions"]
    assert (action["verdict"], action["why_not"]) == (verdict, why)
    (note,) = (note for note in result["experiments"][0]["notes"] if "planned looks" in note)
    assert ("this look at 1,200 is none of them: no verdict is given" in note) is (why is not None)


@pytest.fixture
def growing(table: Path, tmp_path: Path) -> Callable[[int], Path]:
    """The table as it is with its first rows only, under the name that it always has."""
    (tmp_path / "growing").mkdir()

    def grow(rows: int) -> Path:
        path = tmp_path / "growing" / "trial.csv"
        pa_csv.write_csv(pa_csv.read_csv(table).slice(0, rows), path)
        return path

    return grow


def _found(done: Result) -> tuple[str, str | None]:
    (action,) = json.loads(done.stdout)["actions"]
    return action["verdict"], action["why_not"]


def test_a_table_that_grew_is_not_looked_at_once_a_second_time(
    run: Run, growing: Callable[[int], Path], tmp_path: Path
) -> None:
    at_home = ("--home", tmp_path / "home", "--json")
    looks = tmp_path / "home" / "uplift" / "trial" / "looks.json"
    first = run(growing(1_200), *PLAIN, *at_home)
    assert _found(first) == ("works", None)
    kept = looks.read_bytes()
    # The same data again, though with other features: nothing has changed.
    again = run(growing(1_200), *PLAIN, "--drop", "f2", *at_home)
    assert _found(again) == ("works", None)
    assert json.loads(again.stdout)["experiments"][0]["earlier_looks"] == []
    assert looks.read_bytes() == kept

    grown = run(growing(2_400), *PLAIN, *at_home)
    assert _found(grown) == ("not_enough_data", "looked_before")
    (experiment,) = json.loads(grown.stdout)["experiments"]
    (action,) = experiment["actions"]
    assert not any(group["harmed"] for group in action["groups"])
    assert action["targetable"] is False
    (before,) = experiment["earlier_looks"]
    assert (before["clusters"], before["looks"], before["verdict"]) == (600, "once", "works")
    assert action["earlier_look"] == before
    assert [look["clusters"] for look in json.loads(looks.read_text("utf-8"))["looks"]] == [
        600,
        1_200,
    ]
    printed = " ".join(run(growing(2_400), *PLAIN, *at_home[:2]).stdout.split())
    assert "call: not enough data yet" in printed
    assert "looked at before, on 20" in printed
    assert "at 600 customers or households with --looks once (works)" in printed
    assert "Use --looks any from now on" in printed
    assert "For another experiment, give another directory with --out" in printed
    page = (looks.parent / "report.html").read_text(encoding="utf-8")
    assert "this experiment was looked at before" in page

    assert _found(run(growing(2_400), *PLAIN, *at_home, "--looks", "1200"))[1] == "looked_before"
    assert _found(run(growing(2_400), *PLAIN, *at_home, "--looks", "any"))[1] is None
    other = ("--out", tmp_path / "other")
    assert _found(run(growing(2_400), *PLAIN, *at_home, *other)) == ("works", None)


def test_a_plan_that_was_made_before_the_first_look_is_followed(
    run: Run, growing: Callable[[int], Path], tmp_path: Path
) -> None:
    planned = ("--out", tmp_path / "out", "--json", "--looks", "600,1200")
    assert _found(run(growing(1_200), *PLAIN, *planned))[1] is None
    assert _found(run(growing(2_400), *PLAIN, *planned)) == ("works", None)
    prolonged = (*planned[:-1], "600,1200,1300")
    done = run(growing(2_400), *PLAIN, *prolonged)
    assert _found(done) == ("not_enough_data", "looked_before")
    assert "Go on with that plan" in " ".join(
        run(growing(2_400), *PLAIN, *prolonged[:2]).stdout.split()
    )


def test_a_file_with_another_name_is_perhaps_a_further_look(
    run: Run, growing: Callable[[int], Path], tmp_path: Path
) -> None:
    at_home = ("--home", tmp_path / "home", "--json")
    folder = tmp_path / "home" / "uplift"
    (folder / "broken").mkdir(parents=True)
    (folder / "broken" / "looks.json").write_text("{", encoding="utf-8")

    def notes(done: Result) -> list[str]:
        told: list[str] = json.loads(done.stdout)["experiments"][0]["notes"]
        return [note for note in told if "was looked at in" in note]

    assert notes(run(growing(1_200), *PLAIN, *at_home)) == []
    june = growing(2_400).rename(tmp_path / "june.csv")
    (note,) = notes(run(june, *PLAIN, *at_home))
    assert "was looked at in trial: if this is that one grown" in note
    assert note.endswith(f"give --out {folder / 'trial'}")
    done = run(june, *PLAIN, *at_home, "--out", folder / "trial")
    assert _found(done) == ("not_enough_data", "looked_before")


def test_looks_that_cannot_be_read_are_not_forgotten(run: Run, table: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "looks.json").write_text("{", encoding="utf-8")
    done = run(table, *PLAIN, "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "must hold the looks taken so far" in done.stderr
    assert not (tmp_path / "out" / "uplift.json").exists()


def test_of_three_shops_nothing_is_claimed(run: Run, table: Path, tmp_path: Path) -> None:
    drawn = pa_csv.read_csv(table)
    shop = np.repeat(np.arange(60), 40)
    columns = {
        "arm": np.where(shop < 3, "call", "control"),
        "churned": drawn["churned"],
        "shop": shop.astype(str),
    }
    pa_csv.write_csv(pa.table(columns), tmp_path / "shops.csv")
    roles = ("--treatment", "arm", "--outcome", "churned", "--good", "no", "--group", "shop")
    done = run(tmp_path / "shops.csv", *roles, "--randomised", "--out", tmp_path / "out")
    printed = " ".join(done.stdout.split())
    assert "No verdict is given: call has 3 customers or groups" in printed
    result = json.loads((tmp_path / "out" / "uplift.json").read_text(encoding="utf-8"))
    assert result["actions"][0]["why_not"] == "too_few_clusters"
    action = result["experiments"][0]["actions"][0]
    assert (action["treatment"]["clusters"], action["control"]["clusters"]) == (3, 57)


def test_a_column_from_after_the_treatment_is_named(run: Run, table: Path, tmp_path: Path) -> None:
    done = run(table, *PLAIN[:-3], "--randomised", "--out", tmp_path / "out")
    printed = " ".join(done.stdout.split())
    assert printed.index("after differs between call and control") < printed.index("points")
    assert "no verdict: observational" in printed
    assert "works" not in printed
    assert "after differs between" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        (("--treatment", "arm", "--outcome", "churned"), "names a loss"),
        (("--treatment", "arm"), "--outcome: must name a column"),
        (("--outcome", "churned"), "--treatment: must name a column"),
        (("--treatment", "armm", "--outcome", "churned"), "did you mean 'arm'"),
        ((*PLAIN, "--control", "nobody"), "--control: must occur"),
        ((*PLAIN, "--action", "call"), "--action: must come without a TABLE"),
        ((*PLAIN, "--break-even", "-1"), "--break-even: must be a number above 0"),
        ((*PLAIN, "--cost", "3"), "--value: must be given too"),
        ((*PLAIN, "--cost", "3", "--value", "90", "--break-even", "1"), "not be given with --cost"),
        ((*PLAIN, "--looks", "8000,4000"), "--looks: must be once, any, or numbers"),
    ],
)
def test_what_is_wrong_is_named_in_one_line_and_nothing_is_written(
    run: Run, table: Path, tmp_path: Path, arguments: tuple[str, ...], rule: str
) -> None:
    done = run(table, *arguments, "--home", tmp_path / "home")
    assert done.exit_code == 2
    assert rule in done.stderr
    assert done.stdout == ""
    assert not (tmp_path / "home").exists()


def test_options_about_a_table_need_one(run: Run, tmp_path: Path) -> None:
    assert (
        "--treatment: must come with a TABLE"
        in run("--treatment", "arm", "--home", tmp_path / "home").stderr
    )
    done = run("--home", tmp_path / "home")
    assert done.exit_code == 2
    assert "TABLE: must be given, or --home hold an operator's raw tables" in done.stderr
    assert not (tmp_path / "home").exists()


def test_customers_who_chose_their_arm_get_no_verdict(run: Run, tmp_path: Path) -> None:
    """Whoever meant to stay took the offer: the arms differ by ten points, and nothing was done."""
    random = np.random.default_rng(5)
    means_to_stay = random.random(3_000) < 0.5
    took = random.random(3_000) < np.where(means_to_stay, 0.7, 0.3)
    stayed = random.random(3_000) < np.where(means_to_stay, 0.9, 0.65)
    columns = {
        "arm": np.where(took, "offer", "control"),
        "stayed": np.where(stayed, "yes", "no"),
        "age": random.integers(18, 80, 3_000),
    }
    pa_csv.write_csv(pa.table(columns), tmp_path / "chosen.csv")
    roles = ("--treatment", "arm", "--outcome", "stayed", "--out", tmp_path / "out")
    done = run(tmp_path / "chosen.csv", *roles, "--break-even", "1")
    printed = " ".join(done.stdout.split())
    assert printed.index("observational") < printed.index("Nobody says") < printed.index("points")
    result = json.loads((tmp_path / "out" / "uplift.json").read_text(encoding="utf-8"))
    assert result["evidence"] == "observational"
    assert (result["actions"][0]["verdict"], result["actions"][0]["targetable"]) == (None, None)
    action = result["experiments"][0]["actions"][0]
    assert action["average"]["low"] > 0.05
    assert (action["groups"], action["policies"], action["curve"]) == ([], [], [])
    assert (action["qini"], action["autoc"], action["slope"]) == (None, None, None)
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Qini" not in page
    assert "AUTOC" not in page
    assert not list((tmp_path / "out").glob("uplift_*"))


def test_a_table_may_say_itself_that_its_arms_were_drawn(
    run: Run, table: Path, tmp_path: Path
) -> None:
    drawn = pa_csv.read_csv(table)
    says = np.array(["yes"] * 2_300 + ["no"] * 100)
    pa_csv.write_csv(drawn.append_column("Randomised", pa.array(says)), tmp_path / "says.csv")
    done = run(tmp_path / "says.csv", *PLAIN[:-1], "--out", tmp_path / "out", "--json")
    result = json.loads(done.stdout)
    (evaluated,) = result["experiments"]
    assert (result["evidence"], evaluated["drawn_at_random"]) == ("randomised", "table")
    assert evaluated["left_out"] == {"not drawn at random, as the table says": 100}
    assert "Randomised" not in evaluated["adjusted_by"]


def test_a_column_that_is_the_outcome_is_told_and_not_used(
    run: Run, table: Path, tmp_path: Path
) -> None:
    known = pa_csv.read_csv(table)
    lost = known["churned"].to_numpy(zero_copy_only=False) == "yes"
    reason = np.where(lost, np.random.default_rng(2).choice(["price", "moved"], len(lost)), "")
    pa_csv.write_csv(known.append_column("reason", pa.array(reason)), tmp_path / "told.csv")
    done = run(tmp_path / "told.csv", *PLAIN, "--out", tmp_path / "out")
    assert "reason alone nearly tells the outcome" in " ".join(done.stdout.split())
    result = json.loads((tmp_path / "out" / "uplift.json").read_text(encoding="utf-8"))
    assert [one["feature"] for one in result["experiments"][0]["outcome_like"]] == ["reason"]
    assert "reason" not in result["experiments"][0]["adjusted_by"]
    assert result["actions"][0]["verdict"] == "works"


@pytest.mark.parametrize("name", list(EXPERIMENTS))
def test_experiments_as_people_have_them_are_evaluated_as_is_right(
    name: str, tmp_path: Path
) -> None:
    measured = measure_experiment(name, EXPERIMENTS[name], tmp_path)
    assert experiment_differences(EXPERIMENTS[name], measured) == [], measured


def test_a_table_of_arms_and_outcomes_alone_says_the_difference_and_no_ranking(
    run: Run, tmp_path: Path
) -> None:
    plain = ("--treatment", "arm", "--outcome", "stayed", "--good", "yes", "--id", "id")
    drawn = ("--randomised", "--out", tmp_path / "out")
    done = run(TABLES / "uplift_plain_ab.csv", *plain, *drawn)
    said = " ".join(done.stdout.split())
    assert "new: works new 74.73 %" in said
    assert "no feature tells customers apart" in said
    assert "unadjusted difference +4.06" in said
    assert "Qini" not in said
    assert "a model for each action" not in said
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "unadjusted difference" in page
    assert "Who should be treated" not in page
    (experiment,) = json.loads((tmp_path / "out" / "uplift.json").read_text("utf-8"))["experiments"]
    assert experiment["actions"][0]["unadjusted"]["value"] == pytest.approx(0.04064, abs=1e-5)


def _sha256(path: Path) -> str:
    from hashlib import sha256

    return sha256(path.read_bytes()).hexdigest()
