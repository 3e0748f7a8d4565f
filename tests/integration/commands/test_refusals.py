"""Mistyped arguments are refused before the libraries that take seconds to import."""

import json
import subprocess
import sys
from pathlib import Path

from holdfast.home import Home
from tests.builders.registry_tables import write_registry_tables
from tests.builders.stored_history import write_history

SLOW_TO_IMPORT = (
    *("bentoml", "duckdb", "feast", "lightgbm", "matplotlib", "mlflow", "optuna", "pandas"),
    *("pandera", "polars", "scipy", "shap", "sklearn", "sqlalchemy"),
)

# One process for all: what one of them imports, the ones after it have imported too.
SCRIPT = """
import json, sys
from typer.testing import CliRunner
from commands.main import app

slow, refused = json.loads(sys.argv[1]), []
for arguments in json.loads(sys.argv[2]):
    done = CliRunner().invoke(app, arguments)
    imported = [name for name in slow if name in sys.modules]
    refused.append([done.exit_code, done.stderr.splitlines(), imported])
print(json.dumps(refused))
"""


def test_they_name_what_is_wrong_and_import_nothing_slow(tmp_path: Path) -> None:
    registry = tmp_path / "home"
    write_registry_tables(Home(registry))
    table, nowhere, empty = tmp_path / "table.csv", tmp_path / "nowhere", str(tmp_path / "empty")
    stored = tmp_path / "built"
    write_history(Home(stored), "2025-01-06", "2025-06-02")
    table.write_text("id,Churn\n1,yes\n2,no\n", encoding="utf-8")
    named = tmp_path / "named.csv"
    columns = ",".join(f"figure_{number}" for number in range(20))
    named.write_text(
        f"{columns},left_days,left\n" + f"{'1,' * 20}7,0\n{'2,' * 20}8,1\n{'3,' * 20}9,\n"
    )
    version = "must be a version of model churn (1, champion) (got '99')"
    missing = "TABLE: must be an existing file"
    raw_tables = "hold an operator's raw tables; `holdfast features build` takes them in"
    features = "holds no features yet; run `holdfast features build` first"
    no_registry = "no model registry there; `holdfast quickstart` or `holdfast train` makes one"
    cases = {
        ("train", "churm"): "TARGET: must be one of churn,",
        ("train", "churn", "--home", empty): raw_tables,
        ("train", "churn", "--test-from", "2031-01-01", "--home", str(stored)): (
            "must lie after 2025-01-06 and not after 2025-06-02, between the first and the last"
            " Monday with stored features (got '2031-01-01')"
        ),
        ("train", "churn", "--trials", "many"): (
            "error --trials: must be a whole number (got 'many')"
        ),
        ("train", "churn", "--seconds", "1h"): "error --seconds: must be a number (got '1h')",
        ("train", "churn", "--trials", "0"): "error --trials: must be at least 1 (got '0')",
        ("serve", "--port", "99999"): "error --port: must be at most 65535 (got '99999')",
        ("quickstart", str(table), "--target", "Churn", "--as-of", "tomorrow"): (
            "error --as-of: must be a day that exists, such as 2025-06-30 (got 'tomorrow')"
        ),
        ("quickstart", str(table), "--target", "Churn", "--language", "de"): (
            "error --language: must be one of en, zh-Hans, zh-Hant (got 'de')"
        ),
        ("status", "--home", empty): "no home there; `holdfast nightly` or `holdfast train` makes",
        ("simulate", "--out", str(nowhere), "--customers", "0"): (
            "--customers: must be a whole number from 1 to 20000000 (got 0)"
        ),
        ("simulate", "--out", str(tmp_path)): "must be a new folder or one that holds a simulation",
        ("quickstart", str(nowhere), "--target", "Churn"): missing,
        ("uplift", str(nowhere), "--treatment", "arm", "--outcome", "left"): missing,
        ("uplift", "--home", empty): raw_tables,
        ("data", "check", str(nowhere)): "must be an existing folder or a database URL",
        ("features", "build", "--home", empty): "must be given the first time",
        ("features", "build", str(nowhere)): "must be an existing folder or a database URL",
        ("features", "materialize", "--home", empty): features,
        ("score", "--home", empty): features,
        ("score", "--model", "chrun", "--home", empty): "--model: must be one of churn,",
        ("score", str(table), "--home", empty): "--out: must name a file",
        ("score", str(table), "--out", "scores.csv", "--home", empty): no_registry,
        ("nightly", "--home", empty): "must be given the first time",
        (
            "nightly",
            str(nowhere),
            "--home",
            empty,
        ): "must be an existing folder, a database URL, or a mapping file",
        ("nightly", "--from", "scores"): "--from: must be one of take_in,",
        ("nightly", str(tmp_path), "--by", "Ada"): "--by: must come with --accept",
        ("features", "show", "S1", "--home", empty): "holds no readable online store",
        ("models", "list", "--home", empty): no_registry,
        ("models", "show", "99", "--home", str(registry)): version,
        ("models", "promote", "99", "--home", str(registry)): version,
        ("models", "compare", "1", "99", "--home", str(registry)): version,
        ("models", "show", "--model", "chrun", "--home", str(registry)): "(churn) (got 'chrun')",
        ("models", "promote", "--model", "chrun", "--home", str(registry)): (
            "error --model: must be one that was registered (churn) (got 'chrun')"
        ),
        ("models", "rollback", "--home", empty): no_registry,
        ("models", "rollback", "--home", str(registry)): "that was champion before the present one",
        ("serve", "--home", empty): no_registry,
        ("quickstart", str(table), "--target", "Chrun"): "did you mean 'Churn'?",
        ("quickstart", str(named), "--target", "churn"): "did you mean 'left'?",
    }
    command = [sys.executable, "-c", SCRIPT, json.dumps(SLOW_TO_IMPORT), json.dumps(list(cases))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    for (arguments, rule), (code, lines, imported) in zip(
        cases.items(), json.loads(done.stdout), strict=True
    ):
        named = " ".join(arguments)
        assert (named, code, imported) == (named, 2, [])
        assert rule in lines[-1], named
        assert len(lines) == 1, named
    assert not Path(empty).exists()
