"""Processes that only score import LightGBM without scikit-learn."""

import subprocess
import sys

_IMPORT = """
import sys
import commands.main, commands.serve
import serving.process.entry
import models.reasons.explain, serving.server, serving.service
print({"sklearn", "scipy.stats", "shap"} & sys.modules.keys(), "lightgbm" in sys.modules)
"""


def test_a_worker_loads_neither_scikit_learn_nor_shap() -> None:
    """Their imports take seconds."""
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set() True"
