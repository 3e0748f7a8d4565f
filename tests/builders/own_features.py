"""The example of the guide to a home's own features, and homes that have it."""

from pathlib import Path

from holdfast.home import Home
from tests.builders.guides import ROOT, examples

GUIDE = ROOT / "docs" / "guides" / "features.md"
FEATURE = "own_store_recharge_share_56d"
VIEW = "own_recharge_place"


def example_sql() -> str:
    """The SQL of the guide's example."""
    (example,) = examples(GUIDE, "sql")
    return example.text


def example_toml() -> str:
    """The declarations of the guide's example."""
    (example,) = (one for one in examples(GUIDE, "toml") if one.text.startswith("entity"))
    return example.text


def write_example(
    home: Home, *, name: str = "recharge_place", toml: str | None = None, sql: str | None = None
) -> Path:
    """Put the guide's example, or another one, into a home; the folder of its own features."""
    folder = home.features / "own"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.toml").write_text(example_toml() if toml is None else toml, encoding="utf-8")
    (folder / f"{name}.sql").write_text(example_sql() if sql is None else sql, encoding="utf-8")
    return folder
