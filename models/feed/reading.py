"""Reading a feed: scores in the order of their reports, a few at a time."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from holdfast.errors import ModelError
from models.feed.facts import FeedFacts
from models.feed.files import FeedFiles, read_rows_metadata


@dataclass(frozen=True)
class Page:
    """Scores of a feed, one after another.

    Parameters
    ----------
    rows : list of dict
        By column, in the order of their reports.
    last : int
        Number up to which all reports are read.
    more : bool
        Whether there are others after them.
    """

    rows: list[dict[str, Any]]
    last: int
    more: bool


class FeedReader:
    """Reads one feed, from any thread.

    Parameters
    ----------
    facts : FeedFacts
        What it is about.
    path : Path
        The file with its scores.
    """

    def __init__(self, facts: FeedFacts, path: Path) -> None:
        self.facts = facts
        self._path = path
        self._metadata = metadata = read_rows_metadata(path)
        groups = range(metadata.num_row_groups)
        places = {
            metadata.schema.column(place).path: place for place in range(metadata.num_columns)
        }
        reports = [metadata.row_group(one).column(places["report"]).statistics for one in groups]
        models = [metadata.row_group(one).column(places["model"]).statistics for one in groups]
        self._last = np.array([one.max for one in reports], dtype=np.int64)
        self._models = [(one.min, one.max) for one in models]

    @classmethod
    def open(cls, files: FeedFiles, number: int) -> Self | None:
        """Open a feed; None where it is not there (any more).

        Raises
        ------
        ModelError
            It is damaged.
        """
        facts = files.facts(number)
        try:
            return None if facts is None else cls(facts, files.rows(number))
        except ModelError:
            # It was removed between the two.
            if files.facts(number) is None:
                return None
            raise

    def page(
        self, after: int, count: int, models: Collection[str] | None, *, scored_only: bool
    ) -> Page:
        """The scores that were reported after a number.

        Parameters
        ----------
        after : int
            The number.
        count : int
            Most scores, at least 1.
        models : collection of str or None
            Of these models; None for all.
        scored_only : bool
            Whether to leave out who is excluded.

        Raises
        ------
        FileNotFoundError
            The feed is not there any more.
        ModelError
            It is damaged.
        """
        try:
            return self._page(after, count, models, scored_only=scored_only)
        except FileNotFoundError:
            raise
        except (OSError, pa.ArrowException) as error:
            raise ModelError(str(self._path), f"must hold the scores of a feed: {error}") from None

    def _page(
        self, after: int, count: int, models: Collection[str] | None, *, scored_only: bool
    ) -> Page:
        first = int(np.searchsorted(self._last, after, side="right"))
        parts, found = [], 0
        with pq.ParquetFile(self._path, metadata=self._metadata) as file:
            for group in range(first, len(self._last)):
                if found > count:
                    break
                if models is not None and not self._may_hold(group, models):
                    continue
                rows = file.read_row_group(group)
                keep = pc.greater(rows["report"], after)
                if models is not None:
                    keep = pc.and_(keep, pc.is_in(rows["model"], pa.array(sorted(models))))
                if scored_only:
                    keep = pc.and_(keep, pc.is_null(rows["excluded_at"]))
                parts.append(rows.filter(keep).slice(0, count + 1 - found))
                found += len(parts[-1])
        if not found:
            return Page([], max(after, self.facts.last_report), more=False)
        rows = pa.concat_tables(parts).slice(0, count).to_pylist()
        more = found > count
        return Page(rows, rows[-1]["report"] if more else self.facts.last_report, more)

    def _may_hold(self, group: int, models: Collection[str]) -> bool:
        low, high = self._models[group]
        return any(low <= model <= high for model in models)
