import json
from pathlib import Path

from tests.e2e.conftest import Command


def test_help_names_the_commands(holdfast: Command) -> None:
    done = holdfast("--help")
    assert done.returncode == 0
    for command in ("quickstart", "serve", "demo", "settings"):
        assert command in done.stdout


def test_wrong_use_and_wrong_input_exit_with_2_in_one_line(
    holdfast: Command, tmp_path: Path
) -> None:
    assert holdfast("quickstart").returncode == 2
    done = holdfast(
        "quickstart", "nowhere.csv", "--target", "left", "--home", tmp_path / "home", "--json"
    )
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error")]
    assert "nowhere.csv" in line
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "home").exists()
    assert (
        "Traceback" in holdfast("--debug", "quickstart", "nowhere.csv", "--target", "left").stderr
    )


def test_settings_as_json(holdfast: Command) -> None:
    done = holdfast("settings", "--json")
    settings = {setting["variable"]: setting for setting in json.loads(done.stdout)["settings"]}
    assert settings["HOLDFAST_HOME"]["value"] == "var"
