"""Feast is imported for what it does, not for the checks of its own arguments."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
from pathlib import Path
from features.online.feast_store import open_feast

assert "feast" not in sys.modules
try:
    open_feast(Path(sys.argv[1]))
except Exception as error:
    assert "feature_store.yaml" in str(error), error
from feast import FeatureView
from typeguard import TypeCheckError, typechecked

assert "check_argument_types_internal" not in FeatureView.__init__.__code__.co_names

@typechecked
def twice(number: int) -> int:
    return 2 * number

try:
    twice("2")
except TypeCheckError:
    print("others are still checked")
"""


def test_feast_s_classes_are_not_rewritten_and_others_are_still_checked(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, program, tmp_path], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "others are still checked"), done.stderr
