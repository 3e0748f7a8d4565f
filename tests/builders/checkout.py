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


SOURCES = {".py", ".md", ".toml", ".ipynb"}
"""What people write, maybe while tests run, and no library leaves behind."""


def paths(root: Path) -> set[str]:
    """Files and folders of a checkout without sources, caches and homes, relative to it."""
    there = set()
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in CACHES]
        relative = Path(folder).relative_to(root)
        left = [name for name in files if Path(name).suffix not in SOURCES]
        there |= {(relative / name).as_posix() for name in (*folders, *left)}
        if relative == Path():
            folders[:] = [name for name in folders if name != HOMES]
    return there
