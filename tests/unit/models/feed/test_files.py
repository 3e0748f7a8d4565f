"""What lies in the folder of feeds, and who may read it meanwhile."""

from pathlib import Path

import pytest

from holdfast.errors import ModelError
from models.feed.files import FeedFiles
from models.feed.reading import FeedReader
from tests.builders.score_sets import FeedNights, Scored

NIGHT = {"csat_low": {"C1": Scored(0.4)}}


@pytest.fixture
def nights(tmp_path: Path) -> FeedNights:
    return FeedNights(tmp_path)


def names(nights: FeedNights) -> set[str]:
    return {path.name for path in nights.files.rows(1).parent.iterdir()}


def test_the_newest_feed_and_the_one_before_are_kept(nights: FeedNights) -> None:
    for _ in range(4):
        nights.add(NIGHT)
    kept = {"000003.json", "000003.parquet", "000004.json", "000004.parquet"}
    assert names(nights) == kept
    newest = nights.files.newest()
    assert newest is not None
    assert newest.number == 4


def test_what_a_run_that_was_killed_left_is_removed(nights: FeedNights) -> None:
    nights.add(NIGHT)
    folder = nights.files.rows(1).parent
    (folder / "000002.part").write_text("half a feed")
    (folder / ".spill").mkdir()
    (folder / ".spill" / "x").write_text("spilled")
    # Killed after its rows were in place: they count for nothing without the facts.
    (folder / "000002.parquet").write_text("whole")
    assert nights.files.numbers() == [1]
    nights.add(NIGHT)
    assert names(nights) == {"000001.json", "000001.parquet", "000002.json", "000002.parquet"}


def test_a_feed_that_is_gone_is_none_and_one_that_is_damaged_an_error(nights: FeedNights) -> None:
    assert FeedReader.open(nights.files, 1) is None
    assert nights.files.newest() is None
    nights.add(NIGHT)
    reader = FeedReader.open(nights.files, 1)
    assert reader is not None
    nights.files.rows(1).write_bytes(b"PAR1")
    with pytest.raises(ModelError, match="must hold the scores of a feed"):
        nights.files.newest()
    with pytest.raises(ModelError, match="must hold the scores of a feed"):
        FeedReader.open(nights.files, 1)
    with pytest.raises(ModelError, match="must hold the scores of a feed"):
        reader.page(0, 10, None, scored_only=True)
    nights.files.rows(1).unlink()
    with pytest.raises(FileNotFoundError):
        reader.page(0, 10, None, scored_only=True)


def test_a_folder_that_is_not_there_holds_no_feed(tmp_path: Path) -> None:
    assert FeedFiles(tmp_path / "nowhere").numbers() == []
    assert not (tmp_path / "nowhere").exists()
