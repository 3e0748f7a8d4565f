"""The distinct cells of a column, and what their evidence says."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.settings import ReadingSettings
from features.tables.column_reading import MOST_EXAMPLES
from holdfast.arrays import Floats

MOST_MARKS = 5
"""Different words for missing that a column may have."""
_LONGEST_MARK = 20
_MOST_SAMPLED = 20_000
_HARDLY_ANY = 0.1


@dataclass(frozen=True)
class Cells:
    """A column's distinct texts, blanks left out.

    Parameters
    ----------
    texts : (d,) pyarrow string array
        Distinct.
    counts : (d,) float64
        How often each occurs.
    """

    texts: pa.Array
    counts: Floats

    @classmethod
    def of(cls, text: pa.ChunkedArray) -> "Cells":
        """Those of a column of text."""
        counted = pc.value_counts(text.drop_null())
        return cls(counted.field("values"), np.array(counted.field("counts"), dtype=np.float64))

    def without(self, words: Sequence[str]) -> "Cells":
        """Those that are none of some words."""
        if not words:
            return self
        kept = pc.invert(pc.is_in(self.texts, value_set=pa.array(words, pa.string())))
        return Cells(self.texts.filter(kept), self.counts[np.array(kept)])

    @property
    def total(self) -> float:
        """How many cells."""
        return float(self.counts.sum())

    def where(self, mask: Any) -> "Cells":
        """Those that a (d,) mask marks."""
        return Cells(self.texts.filter(pa.array(mask)), self.counts[mask])

    def examples(self) -> tuple[str, ...]:
        """The most frequent, at most three."""
        order = np.argsort(-self.counts, kind="stable")[:MOST_EXAMPLES]
        return tuple(self.texts[int(place)].as_py() for place in order)


def sampled_cells(cells: Cells) -> tuple[pa.Array, Floats]:
    """Enough of the distinct cells to find a format, from all over the table."""
    if len(cells.texts) <= _MOST_SAMPLED:
        return cells.texts, cells.counts
    places = np.linspace(0, len(cells.texts) - 1, _MOST_SAMPLED).astype(np.int64)
    return cells.texts.take(pa.array(places)), cells.counts[places]


def hardly_any(read: Any, cells: Cells) -> bool:
    """Whether a format reads so few of the sampled cells that the others need no look."""
    return len(read) < len(cells.texts) and float(read.mean()) < _HARDLY_ANY


def missing_by_evidence(
    unread: Cells, cells: Cells, settings: ReadingSettings
) -> tuple[Cells, tuple[str, ...]]:
    """Words for missing by evidence: short, without digits, recurring, and few."""
    texts = unread.texts.to_pylist()
    marks = tuple(
        text
        for text, count in zip(texts, unread.counts, strict=True)
        if len(text) <= _LONGEST_MARK and not re.search(r"\d", text) and count >= 2
    )
    if not marks or len(marks) > MOST_MARKS:
        return unread, ()
    return unread.without(marks), marks


def unread_question(unread: Cells, share: float, what: str) -> str:
    """A question about cells that do not fit."""
    shown = ", ".join(map(repr, unread.examples()))
    return f"{share:.1%} of its cells are not {what}, such as {shown}; are they missing, or is it a category?"
