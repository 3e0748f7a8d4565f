"""Laws of reading scores page by page, over random nights."""

import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.errors import InputError
from models.score_set import PROFILING_OBJECTION
from serving.answers.walk import NoScoresError, Walk, walk
from serving.contract.cursor import Cursor, ExpiredCursorError
from serving.served.feeds import Feeds
from tests.builders.score_sets import STEP, FeedNights, Night, Scored

EVERYBODY = {
    "churn": tuple(f"S{number}" for number in range(12)),
    "csat_low": tuple(f"C{number}" for number in range(6)),
}


def night_after(random: Random, before: Night) -> Night:
    """Another night: of most customers a small move, of which some make a step together; some are
    left out, or scored for the first time, or change otherwise.
    """
    after: dict[str, dict[str, Scored]] = {}
    for model, entities in EVERYBODY.items():
        for entity in entities:
            scored = before.get(model, {}).get(entity)
            if random.random() < 0.1:
                scored = None
            elif scored is None or random.random() < 0.1:
                marks = (PROFILING_OBJECTION,) if random.random() < 0.3 else ()
                scored = Scored(random.random(), random.choice(["C1", "C2"]), marks)
            else:
                moved = scored.probability + random.choice([-0.04, -0.02, 0, 0.02, 0.04])
                scored = replace(scored, probability=min(max(moved, 0.0), 1.0))
            if scored is not None:
                after.setdefault(model, {})[entity] = scored
    return {} if random.random() < 0.05 else after


# Drawn number by number, nights would be simpler than real ones, and hardly anything would move.
RANDOMS = st.integers(0, 2**32).map(Random)
NIGHTS = RANDOMS.map(lambda random: night_after(random, {}))


class Crm:
    """A caller that keeps what it reads: of each key the newest row, and nothing of who is excluded."""

    def __init__(self, feeds: Feeds) -> None:
        self._feeds = feeds
        self._cursor: Cursor | None = None
        self.kept: dict[tuple[Any, ...], dict[str, Any]] = {}

    def page(self, nights: FeedNights, count: int) -> Walk:
        read = walk(self._feeds, self._cursor, None, count, nights.now)
        # A cursor survives the way through a URL.
        self._cursor = Cursor.decode(read.next.encode())
        for row in read.rows:
            key = key_of(row)
            if row["excluded_at"] is None:
                self.kept[key] = row
            else:
                self.kept.pop(key, None)
        return read

    def everything(self, nights: FeedNights, count: int) -> list[dict[str, Any]]:
        rows = []
        while True:
            read = self.page(nights, count)
            rows += read.rows
            if not read.more:
                return rows


def key_of(row: dict[str, Any]) -> tuple[Any, ...]:
    entity = row["customer_id"] if row["subscription_id"] is None else row["subscription_id"]
    return row["model"], entity, row["horizon_days"]


def export(feeds: Feeds, nights: FeedNights, count: int) -> dict[tuple[Any, ...], dict[str, Any]]:
    crm = Crm(feeds)
    read = crm.page(nights, count)
    expected = sum(model.scores for model in read.facts.models.values())
    while read.more:
        read = crm.page(nights, count)
    assert len(crm.kept) == expected
    return crm.kept


@settings(max_examples=15, deadline=None)
@given(RANDOMS, st.data())
def test_changes_since_any_night_add_up_to_the_last_nights_export(
    random: Random, data: st.DataObject
) -> None:
    counts = st.integers(3, 15)
    with tempfile.TemporaryDirectory() as folder:
        nights, scored = FeedNights(Path(folder)), night_after(random, {})
        feeds = Feeds(nights.files)
        callers: list[Crm] = []
        for _ in range(data.draw(st.integers(3, 7))):
            nights.add(scored, version=data.draw(st.sampled_from("12")))
            for crm in callers:
                for _ in range(data.draw(st.integers(0, 2))):
                    crm.page(nights, data.draw(counts))
            # Another caller begins after each night.
            callers.append(Crm(feeds))
            callers[-1].everything(nights, data.draw(counts))
            scored = night_after(random, scored)
        newest = export(feeds, nights, data.draw(counts))
        for crm in callers:
            crm.everything(nights, data.draw(counts))
            assert crm.everything(nights, data.draw(counts)) == []
            assert set(crm.kept) == set(newest)
            for key, row in newest.items():
                kept = crm.kept[key]
                assert abs(kept["probability"] - row["probability"]) < STEP
                for name in ("band", "customer_id", "marks"):
                    assert kept[name] == row[name]


@settings(max_examples=10, deadline=None)
@given(NIGHTS, NIGHTS, st.integers(1, 40), st.integers(1, 40))
def test_pages_of_any_size_hold_the_same_rows_and_each_once(
    first: Night, second: Night, one: int, other: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        nights = FeedNights(Path(folder))
        feeds = Feeds(nights.files)
        nights.add(first)
        readers = [(Crm(feeds), one), (Crm(feeds), other)]
        exports = [crm.everything(nights, count) for crm, count in readers]
        nights.add(second)
        changes = [crm.everything(nights, count) for crm, count in readers]
        for same, again in (exports, changes):
            assert same == again
            assert len({key_of(row) for row in same}) == len(same)


@pytest.fixture
def nights(tmp_path: Path) -> FeedNights:
    nights = FeedNights(tmp_path)
    nights.add(night(0.1))
    return nights


def night(probability: float) -> Night:
    lines = {f"S{number}": Scored(probability) for number in range(3)}
    return {"churn": lines, "csat_low": {"C1": Scored(probability)}}


def test_an_export_is_of_one_night_though_another_comes(nights: FeedNights) -> None:
    feeds = Feeds(nights.files)
    crm = Crm(feeds)
    first = crm.page(nights, 3)
    nights.add(night(0.9))
    rest = crm.page(nights, 100)
    assert (len(first.rows), len(rest.rows), rest.more) == (3, 4, False)
    assert rest.facts == first.facts
    assert {row["probability"] for row in first.rows + rest.rows} <= {0.1, 0.1 + 1 / 64}
    assert {row["change"] for row in crm.everything(nights, 100)} == {"band"}


def test_an_export_that_two_nights_came_over_begins_again(nights: FeedNights) -> None:
    crm = Crm(Feeds(nights.files))
    crm.page(nights, 3)
    nights.add(night(0.2))
    nights.add(night(0.3))
    with pytest.raises(ExpiredCursorError):
        crm.page(nights, 3)


def test_a_cursor_lives_thirty_days_from_when_its_reader_had_everything(
    nights: FeedNights,
) -> None:
    feeds = Feeds(nights.files)
    done = walk(feeds, None, None, 100, nights.now).next
    later = nights.now + timedelta(days=30)
    renewed = walk(feeds, done, None, 100, later).next
    with pytest.raises(ExpiredCursorError, match="30 days"):
        walk(feeds, done, None, 100, later + timedelta(seconds=1))
    walk(feeds, renewed, None, 100, later + timedelta(days=30))
    # Reading a part of what has changed does not make it younger.
    nights.add(night(0.9))
    part = walk(feeds, done, None, 1, later).next
    with pytest.raises(ExpiredCursorError):
        walk(feeds, part, None, 1, later + timedelta(seconds=1))


def test_a_cursor_of_another_feed_or_of_the_future_is_not_read(
    nights: FeedNights, tmp_path: Path
) -> None:
    feeds = Feeds(nights.files)
    done = walk(feeds, None, None, 100, nights.now).next
    other = FeedNights(tmp_path / "other")
    with pytest.raises(NoScoresError):
        walk(Feeds(other.files), None, None, 1, nights.now)
    with pytest.raises(ExpiredCursorError):
        walk(Feeds(other.files), done, None, 1, nights.now)
    other.add(night(0.5), days=2)
    with pytest.raises(ExpiredCursorError):
        walk(Feeds(other.files), done, None, 1, nights.now)
    ahead = Cursor(done.feed, done.after + 1, done.complete_at, None, None)
    with pytest.raises(ExpiredCursorError):
        walk(feeds, ahead, None, 1, nights.now)


def test_models_are_chosen_once_and_remembered(nights: FeedNights) -> None:
    feeds = Feeds(nights.files)
    read = walk(feeds, None, ["csat_low", "csat_low"], 100, nights.now)
    assert {row["model"] for row in read.rows} == {"csat_low"}
    nights.add(night(0.9))
    changed = walk(feeds, read.next, None, 100, nights.now)
    assert {row["model"] for row in changed.rows} == {"csat_low"}
    walk(feeds, read.next, ["csat_low"], 100, nights.now)
    with pytest.raises(InputError, match="models: must be those of the cursor"):
        walk(feeds, read.next, ["churn", "csat_low"], 100, nights.now)
    with pytest.raises(InputError, match=r"models\[1\]: must be one that the night scores"):
        walk(feeds, None, ["churn", "chrun"], 100, nights.now)
