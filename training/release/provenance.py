"""Provenance: the data, code and packages that a model was made with."""

import hashlib
import subprocess
from functools import cache
from importlib.metadata import distributions
from pathlib import Path

import numpy as np

from training.labelling.dataset import Dataset

UNKNOWN = "unknown"

_BLOCK_ROWS = 50_000


def dataset_sha256(dataset: Dataset) -> str:
    """SHA-256 of labelled rows with everything they hold: the same rows in the same order give the
    same digest.
    """
    digest = hashlib.sha256(
        "\n".join([dataset.target, dataset.service, *dataset.features]).encode()
    )
    for texts in (dataset.ids, dataset.customers):
        digest.update("\n".join(texts.tolist()).encode())
    for values in (
        dataset.cutoffs.astype("datetime64[us]").astype(np.int64),
        dataset.weight,
        dataset.holdout,
    ):
        digest.update(np.ascontiguousarray(values).tobytes())
    for days, label in sorted(dataset.labels.items()):
        digest.update(f"label {days}".encode() + np.ascontiguousarray(label).tobytes())
    for days, weight in sorted(dataset.care_weight.items()):
        digest.update(f"care weight {days}".encode() + np.ascontiguousarray(weight).tobytes())
    for start in range(0, len(dataset.ids), _BLOCK_ROWS):
        digest.update(np.ascontiguousarray(dataset.matrix[start : start + _BLOCK_ROWS]).tobytes())
    return digest.hexdigest()


@cache
def environment() -> str:
    """Installed packages and their versions, a line each, by name; as they were when first
    asked.
    """
    # Each distribution parses its metadata anew whenever one of its properties is read.
    installed = {
        (metadata["Name"].lower(), metadata["Version"])
        for metadata in (package.metadata for package in distributions())
        if metadata["Name"]
    }
    return "".join(f"{name}=={version}\n" for name, version in sorted(installed))


def environment_sha256() -> str:
    """SHA-256 of `environment`."""
    return hashlib.sha256(environment().encode()).hexdigest()


@cache
def git_commit() -> str:
    """Commit of the code that runs, with ``-dirty`` where tracked files differ from it; ``unknown``
    outside a checkout.
    """
    folder = Path(__file__).parents[2]

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(folder), *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=10, check=True
        ).stdout.strip()

    try:
        # Code installed somewhere below another project's checkout is not that project's.
        if Path(git("rev-parse", "--show-toplevel")) != folder:
            return UNKNOWN
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "HEAD") + ("-dirty" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return UNKNOWN
