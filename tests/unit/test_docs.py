import ast
import json
import re
from pathlib import Path

import pytest

from commands.reference import references
from commands.sections import effective_settings, sections
from holdfast.errors import InputError

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "name", ["commands.md", "settings.md", "data_dictionary.md", "openapi.json", "errors.md"]
)
def test_references_say_what_the_code_does(name: str) -> None:
    assert (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8") == references()[name], (
        "run `make docs`"
    )


def test_every_setting_is_described_and_has_its_own_variable() -> None:
    variables = [section.variable(name) for section in sections() for name in section.model_fields]
    assert len(variables) == len(set(variables))
    assert all(variable.startswith("HOLDFAST_") for variable in variables)
    assert all(
        field.description for section in sections() for field in section.model_fields.values()
    )


def test_settings_tell_where_they_come_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_TRAINING_FOLDS", "7")
    monkeypatch.setenv("HOLDFAST_SERVING_API_KEY", "hunter2")
    by_variable = {setting.variable: setting for setting in effective_settings()}
    assert (
        by_variable["HOLDFAST_TRAINING_FOLDS"].value,
        by_variable["HOLDFAST_TRAINING_FOLDS"].origin,
    ) == (
        "7",
        "environment",
    )
    assert by_variable["HOLDFAST_TRAINING_REPEATS"].origin == "default"
    assert "hunter2" not in str(by_variable)


@pytest.mark.parametrize(
    "value, rule", [("many", "valid integer"), ("1", "greater than or equal to 2")]
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, value: str, rule: str) -> None:
    monkeypatch.setenv("HOLDFAST_TRAINING_FOLDS", value)
    with pytest.raises(InputError, match=f"HOLDFAST_TRAINING_FOLDS.*{rule}.*{value}"):
        effective_settings()


def test_links_between_pages_lead_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    for page in pages:
        links = re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", page.read_text(encoding="utf-8"))
        for target, section in links:
            if target.startswith(("http:", "https:", "mailto:")):
                continue
            named = f"{page.relative_to(ROOT)} links to {target}#{section}"
            led_to = page.parent / target if target else page
            assert led_to.exists(), named
            if section and led_to.suffix == ".md":
                assert section in _sections(led_to), named


def _sections(page: Path) -> set[str]:
    """Names by which links lead to headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    words = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {name.replace(" ", "-") for name in words}


def test_the_glossary_defines_each_term_once() -> None:
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    words = re.findall(r"^\| (.+?) \| .+ \|$", glossary, re.MULTILINE)
    terms = [
        term.strip("` ").lower()
        for word in words
        if word not in ("word", "---")
        for term in word.split(",")
    ]
    assert len(terms) > 50
    assert sorted({term for term in terms if terms.count(term) > 1}) == []


@pytest.mark.parametrize(
    "notebook", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda p: p.stem
)
def test_names_that_a_notebook_imports_exist(notebook: Path) -> None:
    for module, name in own_imports(notebook):
        assert name in names_in(module), f"from {module} import {name}"


def own_imports(notebook: Path) -> list[tuple[str, str]]:
    """Modules of ours and the names that a notebook imports from them."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    lines = [line for cell in code for line in cell.splitlines() if line.startswith("from ")]
    return [
        (node.module, alias.name)
        for node in ast.parse("\n".join(lines)).body
        if isinstance(node, ast.ImportFrom) and node.module
        if (ROOT / node.module.split(".")[0]).is_dir()
        for alias in node.names
    ]


def names_in(module: str) -> set[str]:
    """Names that a module defines or imports, or that are modules in a package, without importing
    it: that would take seconds.
    """
    place = ROOT.joinpath(*module.split("."))
    if place.is_dir():
        return {path.stem for path in place.iterdir()}
    names: set[str] = set()
    for node in ast.parse(place.with_suffix(".py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
    return names


def test_every_place_of_rows_of_people_is_in_the_guide() -> None:
    from pipeline.privacy.places import PLACES

    guide = (ROOT / "docs" / "guides" / "privacy.md").read_text()
    assert [code for code in PLACES if f"| `{code}` |" not in guide] == []
