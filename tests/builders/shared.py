"""What takes long to make is made once in a test session, whichever worker asks first."""

import shutil
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

SIMULATED = 2_000, 17, 4
"""Customers, months and seed of the operator that tests share: a month more than a churn model
needs.
"""


def built_once(folder: Path, build: Callable[[Path], None]) -> Path:
    """A folder that the first worker to ask for it fills, while others who ask wait."""
    done = folder.with_name(f"{folder.name}.done")
    with FileLock(f"{folder}.lock"):
        if not done.exists():
            # What a failed attempt has left.
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            build(folder)
            done.touch()
    return folder
