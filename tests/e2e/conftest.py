"""The command as users run it, and homes that it has left behind."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest
from typer.testing import CliRunner, Result

from holdfast.home import Home
from tests.builders.clocks import clock_at
from tests.builders.shared import SIMULATED, built_once

HOLDFAST = Path(sys.executable).with_name("holdfast")
Command = Callable[..., "subprocess.CompletedProcess[str]"]
Invoke = Callable[..., Result]


@pytest.fixture(scope="session")
def holdfast() -> Command:
    """Run `holdfast` with arguments, as a process, and give what came of it."""

    def run(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [HOLDFAST, *arguments], capture_output=True, text=True, timeout=240, check=False
        )

    return run


@pytest.fixture(scope="session")
def invoke() -> Invoke:
    """The same in this process, which saves the imports: for what is printed, not for how a
    process behaves.
    """

    def run(*arguments: str | Path) -> Result:
        from commands.main import app

        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return run


@pytest.fixture(scope="session")
def table_path(
    tmp_path_factory: pytest.TempPathFactory, customer_table: Callable[..., pa.Table]
) -> Path:
    """A small customer table as a file."""
    path = tmp_path_factory.mktemp("e2e") / "customers.csv"
    pa_csv.write_csv(customer_table(400), path)
    return path


def make_shadow(home: Home, name: str, number: str) -> None:
    """Make a version shadow, whatever the gate said."""
    from training.release.tracking import Tracking

    clock = clock_at()
    Tracking(home, clock).promotions.make_shadow(name, number, clock())


@pytest.fixture(scope="session")
def demo_folder(
    simulated_operator: Path, shared_folder: Path, invoke: Invoke, is_proof: bool
) -> Path:
    """Folder with ``home``, left by `holdfast demo`, and ``demo.json``, what it printed. To be
    read, or copied.

    Under ``--prove`` it is the demo as users run it. Else its operator is the one that tests
    share, whose features are there already, and its model one of a few rounds. Nothing as small
    passes the gate: ``refused.json`` is what the demo printed then. A person makes the version
    shadow, and the demo runs again.
    """
    small = {"CUSTOMERS": SIMULATED[0], "MONTHS": SIMULATED[1], "SEED": SIMULATED[2]}

    def build(folder: Path) -> None:
        from pipeline import demo

        with pytest.MonkeyPatch.context() as patch:
            if not is_proof:
                shutil.copytree(simulated_operator / "home", folder / "home")
                shutil.copytree(simulated_operator / "operator", folder / "home" / "operator")
                patch.setenv("HOLDFAST_TRAINING_MAX_ROUNDS", "40")
                patch.setenv("HOLDFAST_TRAINING_FOLDS", "3")
                patch.setenv("HOLDFAST_TRAINING_REPEATS", "1")
                patch.setenv("HOLDFAST_TRAINING_INNER_FOLDS", "2")
                patch.setenv("HOLDFAST_ASSESS_DRAWS", "50")
                for name, value in small.items():
                    patch.setattr(demo, name, value)
                refused = invoke("demo", "--home", folder / "home", "--json")
                assert refused.exit_code == 0, refused.output
                (folder / "refused.json").write_text(refused.stdout, encoding="utf-8")
                make_shadow(Home(folder / "home"), "churn", "1")
            done = invoke("demo", "--home", folder / "home", "--json")
        assert done.exit_code == 0, done.output
        (folder / "demo.json").write_text(done.stdout, encoding="utf-8")

    return built_once(shared_folder / "demo", build)
