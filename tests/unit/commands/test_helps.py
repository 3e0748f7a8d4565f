"""Helps of options say what their own command does."""

from typing import Any

import typer

from commands.main import app
from commands.operation.nightly import _never_begun
from commands.reference import references
from training.release.gate import SHADOW_RULES


def command(*names: str) -> Any:
    found: Any = typer.main.get_command(app)
    for name in names:
        found = found.commands[name]
    return found


def option(name: str, *names: str) -> str:
    (one,) = (param for param in command(*names).params if param.name == name)
    return str(one.help)


def test_by_of_erase_says_what_is_kept_of_it() -> None:
    assert "--accept" not in option("by", "erase")
    assert "erasures.jsonl" in option("by", "erase")
    assert "--accept" in option("by", "nightly")


def test_shadow_names_all_that_a_shadow_may_lack() -> None:
    assert all(rule in option("shadow", "models", "promote") for rule in SHADOW_RULES)


def test_exit_code_3_is_said_by_each_command_that_ends_with_it() -> None:
    page = references()["commands.md"]
    assert "3 done, with something to look at (each command says what)" in page
    ending = (("data", "check"), ("erase",), ("features", "build"), ("models", "promote"))
    for names in (*ending, ("nightly",)):
        help_ = " ".join(str(command(*names).help).split())
        assert "xit code 3" in help_ or "3 done with doubts" in help_, names


def test_a_night_that_never_began_has_what_every_night_has() -> None:
    told = _never_begun("no home")
    assert set(told) == {"verdict", "tables", "steps", "doubts", "care_may_run", "error"}
    assert told["doubts"] == []
