from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import Field, SecretStr, ValidationError

from holdfast.errors import InputError
from holdfast.settings import BaseSection, Section


class Tea(Section):
    prefix = "HOLDFAST_TEA_"

    minutes: int = Field(default=3, ge=1, description="How long it draws.")
    key: SecretStr | None = Field(default=None, description="Of the cupboard.")
    kinds: ClassVar[tuple[str, ...]] = ("green", "black")


def test_making_a_section_reads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_TEA_MINUTES", "7")
    assert Tea().minutes == 3
    assert Tea.read().minutes == 7


def test_the_environment_may_write_names_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("holdfast_tea_Minutes", "7")
    assert Tea.read() == Tea(minutes=7)


def test_what_is_empty_or_of_another_prefix_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_TEA_MINUTES", "")
    monkeypatch.setenv("MINUTES", "8")
    monkeypatch.setenv("HOLDFAST_MINUTES", "9")
    assert Tea.read() == Tea()


def test_a_wrong_variable_is_named_with_its_rule_and_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOLDFAST_TEA_MINUTES", "0")
    with pytest.raises(InputError, match=r"HOLDFAST_TEA_MINUTES: .*greater.* 1 \(got '0'\)"):
        Tea.read()


def test_sections_are_frozen_and_take_no_other_fields() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Tea().minutes = 4  # type: ignore[misc]
    with pytest.raises(ValidationError, match="minuets"):
        Tea(minuets=4)  # type: ignore[call-arg]


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_TEA_KEY", "s3cret")
    read = Tea.read()
    assert read.key is not None
    assert read.key.get_secret_value() == "s3cret"
    assert "s3cret" not in f"{read} {read!r}"


def test_the_home_is_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_HOME", "elsewhere")
    assert BaseSection.read().home == Path("elsewhere")
