"""What commands share."""

import shlex
from pathlib import Path

from commands.command import in_same_home


def test_a_command_to_run_next_names_the_home_that_was_given() -> None:
    assert in_same_home("holdfast status", None) == "holdfast status"
    shown = in_same_home("holdfast models promote 3 --shadow", Path("my homes/a"))
    assert shlex.split(shown)[-3:] == ["--shadow", "--home", "my homes/a"]
