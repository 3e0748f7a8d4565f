"""The list of who was erased."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.erased.erased_ids import ErasedIds
from holdfast.errors import HomeError

IDS = st.sets(st.text(min_size=1, max_size=12), max_size=8)


@given(erased=IDS, others=IDS)
def test_holds_exactly_whom_it_was_given(erased: set[str], others: set[str]) -> None:
    listed = ErasedIds("salt", ()).with_people(
        {one: {"customer_id": [one]} for one in sorted(erased)}, "2026-01-01"
    )
    asked = sorted(erased | others)
    assert listed.hold("customer_id", asked).tolist() == [one in erased for one in asked]
    assert not listed.hold("subscription_id", asked).any()
    assert not listed.without(erased).hold("customer_id", asked).any()


def test_missing_ids_are_not_on_it() -> None:
    listed = ErasedIds("salt", ()).with_people({"": {"customer_id": [""]}}, "2026-01-01")
    assert listed.hold("customer_id", pa.array([None, "", "a"])).tolist() == [False, True, False]


def test_hashes_stay_the_same_from_release_to_release() -> None:
    hashes = ErasedIds("salt", ()).hashes("customer_id", ["c-1", "客户"])
    assert [f"{one:016x}" for one in hashes.tolist()] == ["070372008e744ddb", "8d2586314b346c1a"]


def test_is_written_without_ids_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "erased.json"
    listed = ErasedIds.nobody().with_people(
        {"c-1": {"customer_id": ["c-1"], "subscription_id": ["s-1", "s-2"]}}, "2026-01-01"
    )
    listed.write(path)
    assert ErasedIds.read(path) == listed
    assert not {"c-1", "s-1", "s-2"} & set(json.dumps(json.loads(path.read_text())).split('"'))
    assert path.stat().st_mode & 0o077 == 0
    again = listed.with_people({"c-1": {"subscription_id": ["s-3"]}}, "2026-02-01")
    assert len(again.people) == 1
    assert again.hold("subscription_id", ["s-1", "s-3", "s-4"]).tolist() == [True, True, False]


def test_a_damaged_list_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "erased.json"
    path.write_text('{"salt": 3}')
    with pytest.raises(HomeError, match="must be the list of who was erased"):
        ErasedIds.read(path)
