"""`holdfast inspect`, and what commands ask where a column of a table is in doubt."""

import os
import shlex
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from commands.quickstart import quickstart
from commands.tables import inspect
from commands.uplift import uplift

app = typer.Typer()
app.command()(inspect)
app.command()(uplift)
app.command()(quickstart)

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command as if it had been typed in an empty directory."""
    monkeypatch.chdir(tmp_path)

    def go(*arguments: str) -> Result:
        monkeypatch.setattr(sys, "argv", ["holdfast", *arguments])
        return CliRunner().invoke(app, list(arguments))

    return go


@pytest.fixture
def doubtful(tmp_path: Path) -> str:
    """An experiment with dates whose order no cell proves, in a file with a blank in its name."""
    rows = [
        f"{row},{row % 2},{row % 3 % 2},{row % 12 + 1}/{row % 7 + 1}/2020" for row in range(400)
    ]
    (tmp_path / "my trial.csv").write_text("\n".join(["id,arm,stayed,since", *rows]), "utf-8")
    return "my trial.csv"


ROLES = ("--id", "id", "--treatment", "arm", "--outcome", "stayed", "--good", "1", "--control", "0")


def test_a_question_writes_the_plan_and_a_line_that_can_be_pasted(
    run: Run, doubtful: str, tmp_path: Path
) -> None:
    asked = run("uplift", doubtful, *ROLES)
    assert asked.exit_code == 2
    assert "column 'since'" in asked.stderr
    plan = tmp_path / "my trial.columns.toml"
    assert "# QUESTION:" in plan.read_text("utf-8")
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".new"] == []
    line = asked.stderr.strip().splitlines()[-1].strip()
    words = shlex.split(line)
    assert words == ["holdfast", "uplift", doubtful, *ROLES, "--columns", plan.name]
    # Once the answer is given, the line goes on; the table's own fault comes next, if any.
    text = plan.read_text("utf-8")
    plan.write_text(
        text.replace(
            '# answer = { kind = "date", order = "dmy" }',
            'answer = { kind = "date", order = "dmy" }',
        ),
        "utf-8",
    )
    shown = run("inspect", doubtful, "--columns", plan.name, "--out", "again.toml", "--json")
    assert shown.exit_code == 0
    assert '"question"' not in shown.stdout


def test_a_plan_overwrites_nothing_of_another_table(
    run: Run, doubtful: str, tmp_path: Path
) -> None:
    mine = tmp_path / "my trial.columns.toml"
    mine.write_text("# mine\n", "utf-8")
    assert run("inspect", doubtful).exit_code == 0
    assert mine.read_text("utf-8") == "# mine\n"
    assert (tmp_path / "my trial.columns-2.toml").exists()


def test_inspect_ends_in_a_command_that_goes_on(run: Run, doubtful: str, tmp_path: Path) -> None:
    plan = "my trial.columns.toml"
    asked = run("inspect", doubtful)
    words = shlex.split(asked.stdout.strip().splitlines()[-1])
    roles = ["--id", "id", "--treatment", "arm", "--outcome", "stayed"]
    assert words == ["holdfast", "uplift", doubtful, *roles, "--columns", plan]
    # The same question again: the same plan, whichever column is the id.
    assert run(*words[1:]).exit_code == 2
    assert run("quickstart", doubtful, "--target", "stayed", "--id", "id").exit_code == 2
    assert [path.name for path in tmp_path.glob("*.toml")] == [plan]
    # Without a doubt there is nothing to add.
    rows = "\n".join(f"{row},{row % 7},{row % 3 % 2}" for row in range(200))
    (tmp_path / "plain.csv").write_text(f"customerID,age,Churn Label\n{rows}", "utf-8")
    words = shlex.split(run("inspect", "plain.csv").stdout.strip().splitlines()[-1])
    options = ["--id", "customerID", "--target", "Churn Label"]
    assert words == ["holdfast", "quickstart", "plain.csv", *options]


def test_inspect_says_where_no_name_tells_what_a_column_is_for(run: Run, tmp_path: Path) -> None:
    rows = "\n".join(f"{row % 50},{row % 7}" for row in range(200))
    (tmp_path / "plain.csv").write_text(f"days,age\n{rows}", "utf-8")
    said, command = run("inspect", "plain.csv").stdout.strip().splitlines()[-2:]
    assert said == "Next, with a column of yours for COLUMN:"
    assert command.strip() == "holdfast quickstart plain.csv --target COLUMN"


def test_a_directory_that_cannot_be_written_is_said(
    run: Run, doubtful: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, text: str) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("holdfast.files.write_beside", refuse)
    shown = run("inspect", doubtful)
    assert shown.exit_code == 0
    assert "No plan is written" in shown.stdout
    named = run("inspect", doubtful, "--out", "plan.toml")
    assert named.exit_code == 2
    assert "--out: cannot be written (PermissionError)" in named.stderr


def test_a_query_to_a_database_is_a_table(run: Run, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "shop.db") as database:
        database.execute("create table t (id text, since text)")
        rows = [(str(row), f"{row % 12 + 1}/{row % 7 + 1}/2020") for row in range(200)]
        database.executemany("insert into t values (?, ?)", rows)
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    shown = run("inspect", url, "--query", "select id, since from t", "--json")
    assert shown.exit_code == 0
    assert '"rows": 200' in shown.stdout
    assert (tmp_path / "shop.columns.toml").exists()
    refused = run("inspect", url)
    assert refused.exit_code == 2
    assert "say with --query what to select" in refused.stderr


def test_a_user_without_a_home_directory_is_none_to_libraries_either() -> None:
    script = (
        "import pwd\n"
        "def nobody(uid): raise KeyError(uid)\n"
        "pwd.getpwuid = nobody\n"
        "import holdfast\n"
        "from pathlib import Path\n"
        "print(Path.home())\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "HOME"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "/nonexistent"


def test_matplotlib_says_nothing_of_a_cache_that_it_cannot_write() -> None:
    script = (
        "from holdfast.logging import log_to_stderr\n"
        "log_to_stderr(False)\n"
        "import matplotlib\n"
        "print(matplotlib.get_cachedir())\n"
    )
    kept = {name: value for name, value in os.environ.items() if name != "MPLCONFIGDIR"}
    environment = {**kept, "HOME": os.devnull}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert not done.stdout.startswith(os.devnull)
