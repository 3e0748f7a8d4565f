"""The command as users run it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest

HOLDFAST = Path(sys.executable).with_name("holdfast")
Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def holdfast() -> Command:
    """Run `holdfast` with arguments and give what came of it."""

    def run(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [HOLDFAST, *arguments], capture_output=True, text=True, timeout=240, check=False
        )

    return run


@pytest.fixture(scope="session")
def table_path(
    tmp_path_factory: pytest.TempPathFactory, customer_table: Callable[..., pa.Table]
) -> Path:
    """A small customer table as a file."""
    path = tmp_path_factory.mktemp("e2e") / "customers.csv"
    pa_csv.write_csv(customer_table(400), path)
    return path
