"""Unit tests need no infrastructure: what they import loads no Feast, MLflow or BentoML.

The source is read, since in a process that has also run other tests the libraries are loaded. What
functions of our packages import when they are called is not seen.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INFRASTRUCTURE = {"feast", "mlflow", "bentoml"}


@cache
def module_path(name: str) -> Path | None:
    """The file of a module of ours."""
    folder = ROOT / name.replace(".", "/")
    paths = (folder / "__init__.py", folder.with_suffix(".py"))
    return next((path for path in paths if path.is_file()), None)


def imported_names(node: ast.AST, *, in_functions: bool) -> Iterator[str]:
    """What the statements in a node import: modules, the packages that hold them, and what may be
    either a module or a name in one.
    """
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            holder = f"{child.module}." if isinstance(child, ast.ImportFrom) else ""
            for alias in child.names:
                parts = f"{holder}{alias.name}".split(".")
                yield from (".".join(parts[:end]) for end in range(1, len(parts) + 1))
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        elif in_functions or not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from imported_names(child, in_functions=in_functions)


@cache
def imports_of(path: Path, *, in_functions: bool = False) -> frozenset[str]:
    """What a module imports when it is loaded, or also when its functions are called."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(imported_names(tree, in_functions=in_functions))


def loaded_by(test: Path) -> dict[str, str]:
    """Libraries and modules that a test loads, each with the module that imports it."""
    loaded = dict.fromkeys(imports_of(test, in_functions=True), test.relative_to(ROOT).as_posix())
    waiting = list(loaded)
    while waiting:
        module = module_path(waiting.pop())
        if module is None:
            continue
        for name in imports_of(module) - loaded.keys():
            loaded[name] = module.relative_to(ROOT).as_posix()
            waiting.append(name)
    return loaded


def infrastructure_of(path: Path) -> set[tuple[str, str]]:
    """Infrastructure that a test loads, and the module that imports it."""
    return {(name, by) for name, by in loaded_by(path).items() if name in INFRASTRUCTURE}


def test_unit_tests_load_no_infrastructure() -> None:
    tests = (ROOT / "tests" / "unit").rglob("test_*.py")
    loading = {path.name: infrastructure_of(path) for path in tests}
    assert {name: loads for name, loads in loading.items() if loads} == {}


@pytest.mark.parametrize(
    "test, importer",
    [
        ("pipeline/test_registered.py", ("mlflow", "tests/builders/registry.py")),
        ("serving/test_access.py", ("bentoml", "serving/service.py")),
        (
            "features/flat/test_repository.py",
            ("feast", "tests/integration/features/flat/test_repository.py"),
        ),
    ],
)
def test_infrastructure_is_seen_through_what_a_test_imports(
    test: str, importer: tuple[str, str]
) -> None:
    assert importer in infrastructure_of(ROOT / "tests" / "integration" / test)
