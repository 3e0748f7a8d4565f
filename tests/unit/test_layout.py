"""The layout that the README draws is the layout that is there, and stays small enough to read."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "commands",
    "pipeline",
    "serving",
    "reports",
    "training",
    "simulator",
    "care",
    "features",
    "models",
    "holdfast",
)
MOST_MODULES, MOST_LINES = 16, 500
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]


def folders() -> list[Path]:
    """All packages and the packages in them."""
    return sorted(
        path.parent
        for name in (*PACKAGES, "benchmarks")
        for path in (ROOT / name).rglob("__init__.py")
    )


def tree() -> set[str]:
    """Folders and modules that the README's tree names, as paths."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    drawn = re.search(r"## The file tree.*?```\n(.*?)```", text, re.DOTALL)
    assert drawn
    paths, parent = set(), ""
    for line in drawn[1].splitlines():
        named = re.match(r"( *)([\w./]+)  ", line)
        if named is None:
            continue
        if not named[1]:
            parent = named[2]
        paths.add((parent if named[1] else "") + named[2])
    return paths


def test_the_readme_draws_every_package() -> None:
    there = {f"{folder.relative_to(ROOT).as_posix()}/" for folder in folders()}
    drawn = {
        path
        for path in tree()
        if path.endswith("/") and path.split("/")[0] in (*PACKAGES, "benchmarks")
    }
    assert drawn == there


def test_what_the_readme_draws_is_there() -> None:
    assert [path for path in tree() if path != "var/" and not (ROOT / path).exists()] == []


@pytest.mark.parametrize("folder", folders(), ids=lambda path: str(path.relative_to(ROOT)))
def test_packages_and_modules_are_small(folder: Path) -> None:
    modules = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
    assert len(modules) <= MOST_MODULES
    lines = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in modules}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_that_a_page_names_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    roots = "|".join((*PACKAGES, "benchmarks", "tests"))
    for path in re.findall(rf"(?<![\w/.])((?:{roots})(?:/\w+)+\.py)", text):
        assert (ROOT / path).is_file(), path
    for module in re.findall(rf"(?:python -m|from|import) ((?:{roots})(?:\.\w+)*)", text):
        assert importlib.util.find_spec(module) is not None, module


def test_modules_of_tests_are_small() -> None:
    modules = (ROOT / "tests").rglob("*.py")
    lines = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in modules
    }
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}
