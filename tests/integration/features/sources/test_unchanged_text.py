"""Text files that have not changed since they were taken in are not read, however they are written."""

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from features.sources.files import stored_file
from features.sources.files.text_form import TextForms
from holdfast.home import Home
from pipeline.features import take_in
from tests.builders.clocks import NOW

LONG_AGO = 1_700_000_000

CUSTOMERS = "customer_id,household_id,region,segment,happened_at,arrived_at\n" + "".join(
    f"C{number},H{number},{region},consumer,2025-01-01T00:00:00Z,2025-01-01T01:00:00Z\n"
    for number, region in enumerate(("Zürich", "Genève", "Thurgau") * 20)
)
SUBSCRIPTIONS = (
    "subscription_id;customer_id;product_line;billing_type;status;activated_at;happened_at;arrived_at\n"
    + "".join(
        f"S{number};C{number};mobile;prepaid;active;2024-01-01T00:00:00Z;2025-01-01T00:00:00Z;2025-01-01T01:00:00Z\n"
        for number in range(60)
    )
)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each text file was opened."""
    counts: Counter[str] = Counter()
    real = stored_file.open_unpacked

    def counting(path: Path) -> Any:
        counts[path.name] += 1
        return real(path)

    monkeypatch.setattr(stored_file, "open_unpacked", counting)
    return counts


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    write(folder / "customers.csv", CUSTOMERS)
    write(folder / "subscriptions.csv", SUBSCRIPTIONS)
    return folder


def write(path: Path, text: str, encoding: str = "utf-8") -> None:
    path.write_bytes(text.encode(encoding))
    os.utime(path, (LONG_AGO, LONG_AGO))


def settle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every file count as having changed long before it is read: its entry in the file system has
    a time that no test can set.
    """
    monkeypatch.setattr("features.sources.content.LOCAL_LEEWAY_NS", -(10**18))


def test_a_second_night_opens_no_file_and_reads_the_same(
    source: Path, tmp_path: Path, opened: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(monkeypatch)
    home = Home(tmp_path / "home")
    first = take_in(home, str(source), now=NOW)
    assert opened["customers.csv"] >= 2
    opened.clear()
    second = take_in(home, str(source), now=NOW)
    assert opened == {}
    assert [(one.read, one.accepted, one.reused) for one in second.tables] == [
        (one.read, one.accepted, one.read) for one in first.tables
    ]
    assert second.tables[0].to_json()["reading"] == first.tables[0].to_json()["reading"]
    # One that has changed is read, and the other still is not.
    write(source / "customers.csv", CUSTOMERS.replace("Thurgau", "Schwyz"), "utf-16")
    opened.clear()
    third = take_in(home, str(source), now=NOW)
    assert opened.keys() == {"customers.csv"}
    assert third.tables[0].accepted == 60
    assert third.tables[0].notes == ("customers.csv: encoding utf-16, by its byte order mark",)


def test_another_encoding_that_is_named_is_another_question(
    source: Path, tmp_path: Path, opened: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(monkeypatch)
    home = Home(tmp_path / "home")
    take_in(home, str(source), now=NOW)
    opened.clear()
    named = take_in(home, str(source), now=NOW, encoding="utf-8")
    assert opened.keys() == {"customers.csv", "subscriptions.csv"}
    assert named.tables[0].notes == ("customers.csv: encoding utf-8, as --encoding says",)


def test_files_that_may_have_changed_since_are_read_again(
    source: Path, tmp_path: Path, opened: Counter[str]
) -> None:
    home = Home(tmp_path / "home")
    take_in(home, str(source), now=NOW)
    assert TextForms.read(home.raw).get("any", None) is None
    opened.clear()
    take_in(home, str(source), now=NOW)
    assert opened.keys() == {"customers.csv", "subscriptions.csv"}


def test_forms_of_another_release_or_damaged_ones_are_not_used(tmp_path: Path) -> None:
    for text in (
        "{",
        "[]",
        '{"version": 0, "forms": {}}',
        '{"version": 1, "forms": {"m": {"": {}}}}',
    ):
        (tmp_path / "_text_forms.json").write_text(text)
        assert TextForms.read(tmp_path).get("m", None) is None
