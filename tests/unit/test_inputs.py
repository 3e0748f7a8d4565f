"""Nothing below the edges reads settings, the environment or the machine's clock, and only the demo
makes HTTP requests: what a function depends on, it is given.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PACKAGES = (
    *("holdfast", "features", "models", "care", "simulator", "training"),
    *("reports", "serving", "pipeline"),
)
"""All but `commands`, which is an edge as a whole."""

ALLOWED = {
    # The edges beside `commands`.
    ("serving/server.py", "CareSettings.read"),
    ("serving/server.py", "OnlineSettings.read"),
    ("serving/server.py", "ServingSettings.read"),
    # What `bentoml serve` imports.
    ("serving/bento.py", "BaseSection.read"),
    ("serving/bento.py", "CareSettings.read"),
    ("serving/bento.py", "OnlineSettings.read"),
    ("serving/bento.py", "ServingSettings.read"),
    # Which socket systemd holds, and where to tell it.
    ("serving/server.py", "os.environ"),
    # Feast makes this class itself, from a file that must not hold the password.
    ("features/online/redis_store.py", "OnlineSettings.read"),
    # What the edges call.
    ("holdfast/clock.py", "datetime.datetime.now"),
    ("holdfast/settings.py", "pydantic_settings"),
    # What libraries find when they load.
    ("holdfast/__init__.py", "os.environ"),
    ("serving/metrics/exposition.py", "os.environ"),
    # The demo asks its own service on loopback, and reads why it stopped.
    ("pipeline/demo.py", "urllib.request"),
    ("pipeline/demo.py", "process.stderr.read"),
    # Files that the caller named.
    ("features/table_files/source.py", ".read"),
    ("features/table_files/text_file.py", ".read"),
}
"""Where an input is read, and which."""

INPUTS = (
    *("os.environ", "os.environb", "os.getenv", "os.getenvb", "pydantic_settings"),
    *("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today"),
    *("datetime.date.today", "time.time", "time.time_ns", "time.localtime", "time.gmtime"),
    *("pandas.Timestamp.now", "pandas.Timestamp.today", "mlflow.utils.time"),
    "urllib.request",
)
"""Names that are, or lead to, an input that nobody handed over."""


def inputs_of(source: str) -> Iterator[str]:
    """What a module reads that it was not given: full names, and whatever is read by `.read()`."""
    tree = ast.parse(source)
    yield from _sections(tree)
    imported = dict(_imported(tree))
    for name in imported.values():
        yield from _known(name)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name):
            first, _, rest = _dotted(node).partition(".")
            yield from _known(".".join(filter(None, (imported.get(first, ""), rest))))


def _sections(tree: ast.Module) -> Iterator[str]:
    """Methods `read` that are called without arguments, as those of settings are, or are handed on.

    A classmethod `read` may put several sections together for the edges.
    """
    composed = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef) and function.name == "read"
        for node in ast.walk(function)
    }
    called = {
        id(node.func)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and not (node.args or node.keywords)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "read" and id(node) not in composed:
            owner = _dotted(node.value)
            if id(node) in called or owner.endswith(("Settings", "Section", "Config")):
                yield f"{owner}.read"


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Names that imports bind, with what they stand for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                bound = alias.asname or alias.name.partition(".")[0]
                yield bound, alias.name if alias.asname else bound
                if not alias.asname:
                    yield f"{alias.name} ", alias.name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _known(name: str) -> Iterator[str]:
    for known in INPUTS:
        if name == known or name.startswith(f"{known}."):
            yield known


def test_inputs_are_handed_over() -> None:
    read = {
        (path.relative_to(ROOT).as_posix(), name)
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for name in inputs_of(path.read_text(encoding="utf-8"))
    }
    assert read == ALLOWED


@pytest.mark.parametrize(
    "source, name",
    [
        ("x = LabelSettings.read()", "LabelSettings.read"),
        ("x = settings or TrainingConfig.read()", "TrainingConfig.read"),
        ("Field(default_factory=OnlineSettings.read)", "OnlineSettings.read"),
        ("[section.read() for section in SECTIONS]", "section.read"),
        ("import os\nx = os.environ['HOLDFAST_HOME']", "os.environ"),
        ("import os as o\nx = o.getenv('HOLDFAST_HOME')", "os.getenv"),
        ("from os import environ\nx = environ.get('HOLDFAST_HOME')", "os.environ"),
        ("from datetime import UTC, datetime\nx = datetime.now(UTC)", "datetime.datetime.now"),
        ("import datetime as dt\nx = dt.date.today()", "datetime.date.today"),
        ("def f():\n    from datetime import date\n    date.today()", "datetime.date.today"),
        ("from time import time\nx = time()", "time.time"),
        ("import time\nclock = time.time", "time.time"),
        ("from urllib.request import urlopen", "urllib.request"),
        ("import urllib.request", "urllib.request"),
        ("from pydantic_settings import BaseSettings", "pydantic_settings"),
    ],
)
def test_an_input_that_is_not_handed_over_is_found(source: str, name: str) -> None:
    assert name in set(inputs_of(source))


@pytest.mark.parametrize(
    "source",
    [
        "import time\nstarted = time.monotonic()",
        "import time\nstarted = time.perf_counter()",
        "from datetime import datetime\nx = datetime(2026, 1, 1)",
        "matrix, times = read(service, ids)",
        "matrix, times = service.reader.read(ids)",
        "class Config:\n    @classmethod\n    def read(cls):\n        return cls(LabelSettings.read())",
    ],
)
def test_durations_and_what_is_handed_over_are_no_hidden_inputs(source: str) -> None:
    assert set(inputs_of(source)) == set()


def test_every_command_asks_the_home_what_time_it_is() -> None:
    # The demo makes its home first, and asks it then.
    for path in {*(ROOT / "commands").rglob("*.py")} - {ROOT / "commands" / "demo.py"}:
        text = path.read_text(encoding="utf-8")
        # Signatures and leases of processes are by the machine's clock.
        assert "clock=system_clock" not in text.replace("machine_clock=", ""), path
        assert "system_clock()" not in text, path
