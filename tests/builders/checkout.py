"""What lies in the checkout."""

import os
from pathlib import Path

CACHES = {
    *(".git", ".venv", "__pycache__", ".pytest_cache", ".hypothesis"),
    *(".mypy_cache", ".ruff_cache", ".import_linter_cache"),
}
"""Folders that tools write, whoever runs them."""

HOMES = "var"
"""Folder of homes that `make demo` and people make, maybe while tests run."""


def paths(root: Path) -> set[str]:
    """Files and folders of a checkout, relative to it, without what is in caches and homes."""
    there = set()
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in CACHES]
        relative = Path(folder).relative_to(root)
        there |= {(relative / name).as_posix() for name in (*folders, *files)}
        if relative == Path():
            folders[:] = [name for name in folders if name != HOMES]
    return there
