import re
from pathlib import Path

import pytest

from commands.reference import references
from commands.sections import effective_settings, sections
from holdfast.errors import InputError

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "name", ["commands.md", "settings.md", "data_dictionary.md", "openapi.json"]
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
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if not target.startswith(("http:", "https:", "mailto:")):
                assert (page.parent / target).exists(), (
                    f"{page.relative_to(ROOT)} links to {target}"
                )


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
