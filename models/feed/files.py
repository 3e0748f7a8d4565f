"""Where feeds lie: ``NUMBER.parquet`` with the scores, and ``NUMBER.json`` with what they are about.

A feed never changes. The next one is written beside it and counts once its JSON is in place, so that
a reader meets whole feeds only. The one before stays, for readers in the middle of it.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from holdfast.documents import read_document
from holdfast.errors import InputError, ModelError
from holdfast.files import write_beside
from models.feed.facts import FeedFacts

_KEPT = 2
_PART = ".part"


class FeedFiles:
    """The feeds in a folder.

    Parameters
    ----------
    folder : Path
        The folder; it need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def numbers(self) -> list[int]:
        """Numbers of the feeds that are there, ascending."""
        return sorted(int(path.stem) for path in self._folder.glob("[0-9]*.json"))

    def rows(self, number: int) -> Path:
        """The file with the scores of a feed."""
        return self._folder / f"{number:06d}.parquet"

    def facts(self, number: int) -> FeedFacts | None:
        """What a feed is about; None where it is not there.

        Raises
        ------
        ModelError
            It is there, and damaged.
        """
        path = self._folder / f"{number:06d}.json"
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        try:
            return read_document(FeedFacts, json.loads(text), path.name)
        except (ValueError, InputError) as error:
            raise ModelError(str(path), f"must be the facts of a score feed: {error}") from None

    def newest(self) -> FeedFacts | None:
        """What the newest feed is about; None where there is none.

        Raises
        ------
        ModelError
            It is damaged, or its scores are.
        """
        numbers = self.numbers()
        facts = self.facts(numbers[-1]) if numbers else None
        if facts is not None:
            read_rows_metadata(self.rows(facts.number))
        return facts

    @contextmanager
    def writing(self, number: int) -> Iterator[tuple[Path, Path]]:
        """A place for the scores of the next feed, and a folder for what does not fit in memory;
        what a run that was killed left there is removed.
        """
        part, spill = self.rows(number).with_suffix(_PART), self._folder / ".spill"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._clear(part, spill)
        try:
            yield part, spill
        finally:
            self._clear(part, spill)

    def publish(self, part: Path, facts: FeedFacts) -> None:
        """Put a feed in place of the newest, and remove those before."""
        part.replace(self.rows(facts.number))
        text = json.dumps(facts.to_json(), ensure_ascii=False) + "\n"
        write_beside(self._folder / f"{facts.number:06d}.json", text)
        kept = {f"{number:06d}" for number in self.numbers()[-_KEPT:]}
        # The facts first: without them a reader does not look for the scores.
        for ending in ("*.json", "*.parquet"):
            for path in self._folder.glob(ending):
                if path.stem not in kept:
                    path.unlink()

    def remove(self, number: int) -> None:
        """Remove a feed; the facts first, since without them a reader does not look for the scores."""
        (self._folder / f"{number:06d}.json").unlink(missing_ok=True)
        self.rows(number).unlink(missing_ok=True)

    @staticmethod
    def _clear(part: Path, spill: Path) -> None:
        part.unlink(missing_ok=True)
        shutil.rmtree(spill, ignore_errors=True)


def read_rows_metadata(path: Path) -> pq.FileMetaData:
    """What a feed's file of scores says about itself.

    Raises
    ------
    ModelError
        It is not there, or damaged.
    """
    try:
        return pq.read_metadata(path)
    except (OSError, pa.ArrowException) as error:
        raise ModelError(str(path), f"must hold the scores of a feed: {error}") from None
