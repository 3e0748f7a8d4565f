"""The catalogue: what may stand in it, and that every mistake is told by its line."""

from datetime import date
from pathlib import Path

import jinja2
import pytest

from care.catalogue import DEFAULT_CATALOGUE, CatalogueError, read_catalogue
from care.jurisdiction import jurisdiction, jurisdictions
from care.model import LANGUAGES
from care.texts import render, template_faults
from holdfast.errors import InputError

STRICT = jurisdiction("strict")


def faults(tmp_path: Path, *replaced: tuple[str, str]) -> list[str]:
    text = DEFAULT_CATALOGUE.read_text(encoding="utf-8")
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new, 1)
    path = tmp_path / "catalogue.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CatalogueError) as refused:
        read_catalogue(path, STRICT)
    for fault in refused.value.faults:
        number = int(fault.field.split(":")[1].split()[0])
        assert text.splitlines()[number - 1].strip()
    return [str(fault) for fault in refused.value.faults]


@pytest.mark.parametrize("code", jurisdictions())
def test_the_default_catalogue_is_lawful_everywhere(code: str) -> None:
    catalogue = read_catalogue(DEFAULT_CATALOGUE, jurisdiction(code))
    assert (len(catalogue.actions), len(catalogue.triggers)) == (8, 8)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("cost = 2.0", "cost = -2.0", "plan_fit_offer.cost: must be 0 or more (got -2.0)"),
        ("{{ opt_out }}", "", "texts.en: must show the field 'opt_out' under no condition"),
        ("{{ sender }}: ", "{% if sender %}x{% endif %}", "must show the field 'sender'"),
        ('source = "survey"', 'source = "port"', "low_answer.source: must be one of behaviour"),
        ('actions = ["recharge_reminder"]', 'actions = ["gift"]', "must be among bill_explanation"),
        (
            "{{ last_bill | money }}",
            "{{ last_bill.id }}",
            "may use fields, filters and `if` only, not getattr",
        ),
        (
            "{{ last_bill | money }}",
            "{{ secret }}",
            "only the fields that the action declares, not 'secret'",
        ),
        ("| whole }}", "| tojson }}", "only the filters money, whole, share, day, not 'tojson'"),
        ("{{ sender }}", "{{ sender }", "must be a template"),
        ('sender = "Example Telecom"', 'sender = ""', "operator.sender: must name the operator"),
        ('currency = "EUR"', 'currency = "euro"', "operator.currency: must be a code such as EUR"),
        ('en = "No more offers: reply STOP."', "", "operator.opt_out.en: must be a text"),
        ('["phone", "app", "email"]', '["fax"]', "channels: must be among sms, email"),
        ("cool_down_days = 60", "cool_down = 60", "cool_down: must be one of action_class"),
        ("cool_down_days = 60", 'cool_down_days = "60"', "cool_down_days: "),
        (", at_most = 2.0", "", "low_answer.when: must have at_least, at_most or both"),
        ("at_most = 40.0", "at_most = 4.0", "when: must not have at_most below at_least"),
        ("valid_days = 3", "valid_days = 0", "valid_days: must be at least 1 (got 0)"),
        ("low = -0.01", "low = 0.01", "must be -1 <= low <= value <= high <= 1"),
        ("withholdable = false", "withholdable = true", "must be false of what is owed"),
    ],
)
def test_a_mistake_is_told(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert any(told in fault for fault in faults(tmp_path, (old, new)))


def test_all_mistakes_are_told_at_once_by_line(tmp_path: Path) -> None:
    told = faults(tmp_path, ("cost = 2.0", "cost = -2.0"), ("valid_days = 3", "valid_days = 0"))
    lines = DEFAULT_CATALOGUE.read_text(encoding="utf-8").splitlines()
    assert told[0].startswith(f"catalogue.toml:{lines.index('cost = 2.0') + 1} ")
    assert told[1].startswith(f"catalogue.toml:{lines.index('valid_days = 3') + 1} ")
    assert len(told) == 2


def test_what_is_no_catalogue_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.toml"
    with pytest.raises(InputError, match="must be a readable text file"):
        read_catalogue(path, STRICT)
    path.write_text("actions = [", encoding="utf-8")
    with pytest.raises(InputError, match="must be TOML"):
        read_catalogue(path, STRICT)
    path.write_text("", encoding="utf-8")
    with pytest.raises(CatalogueError, match="actions: must be a table"):
        read_catalogue(path, STRICT)


def test_an_unknown_jurisdiction_is_refused() -> None:
    with pytest.raises(InputError, match="must be one of strict, EU, UK, US, CN"):
        jurisdiction("FR")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_can_be_filled(language: str) -> None:
    catalogue = read_catalogue(DEFAULT_CATALOGUE, STRICT)
    for action in catalogue.actions.values():
        known = dict.fromkeys(action.fields, 12.0) | catalogue.operator.values(language)
        message = render(action.texts[language], known, language, "CNY")
        assert "{" not in message
        assert message.strip() == message


def test_amounts_are_written_as_the_language_does() -> None:
    text = "{{ fee | money }}, {{ day | day }}, {{ part | share }}, {{ n | whole }}"
    values = {"fee": 1234.5, "day": date(2026, 3, 1), "part": 0.25, "n": 12345.4}
    assert render(text, values, "en", "EUR") == "€1,234.50, Mar 1, 2026, 25%, 12,345"
    assert render(text, values, "zh-Hans", "CNY") == "¥1,234.50, 2026年3月1日, 25%, 12,345"


def test_a_field_that_is_missing_is_an_error_only_where_it_would_be_shown() -> None:
    assert render("a{% if fee %} {{ fee }}{% endif %}", {}, "en", "EUR") == "a"
    for text in ("{{ fee }}", "{{ fee | money }}"):
        with pytest.raises(jinja2.UndefinedError):
            render(text, {}, "en", "EUR")


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__ }}",
        "{{ x() }}",
        "{% for a in x %}{% endfor %}",
        "{% include 'x' %}",
        "{% set x = 1 %}",
        "{{ x[0] }}",
        "{% macro m() %}{% endmacro %}",
        "{{ x|attr('y') }}",
        "{{ 1 + 1 }}",
        "{% import 'x' as x %}",
    ],
)
def test_a_template_can_do_nothing_else(text: str) -> None:
    assert template_faults(text, ["x"])
