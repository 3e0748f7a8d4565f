"""Forest: figures with their intervals as dots and lines in rows, for a page.

Places are per cent of a row's width, so that it fits any screen; labels are the page's own text, in
whatever script they are.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from matplotlib.ticker import MaxNLocator

from training.evaluation.assessment import Estimate

Kind = Literal["better", "worse", "unclear", "ours", "rival"]
"""What a row's colour says: clearly better or worse, neither; or merely whose figure it is."""

Range = tuple[float, float]

_ROOM = 0.06


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One figure to show.

    Parameters
    ----------
    label, note : str
        What it is the figure of, and what else to say of that.
    estimate : Estimate or None
        The figure; None where it is not known.
    text : str
        The figure in words.
    kind : Kind
        Says the colour.
    before : float or None
        Another value of the same, shown hollow.
    """

    label: str
    estimate: Estimate | None
    text: str
    kind: Kind
    note: str = ""
    before: float | None = None


@dataclass(frozen=True)
class Row:
    """An entry and where its dot, its line's ends and its hollow dot lie, in per cent; None where
    it has none.
    """

    entry: Entry
    dot: float | None
    low: float
    high: float
    before: float | None


@dataclass(frozen=True)
class Group:
    """Rows under a heading, which may be empty."""

    heading: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Forest:
    """Rows on one scale.

    Parameters
    ----------
    groups : tuple of Group
        The rows.
    ticks : tuple of (float, str)
        Where the scale's marks lie, in per cent, and what they say.
    reference : float or None
        Where a line through all rows lies.
    zone : tuple of (float, float) or None
        Where a shaded zone behind all rows begins, and how wide it is.
    left, right : str
        What the ends of the scale mean.
    """

    groups: tuple[Group, ...]
    ticks: tuple[tuple[float, str], ...]
    reference: float | None
    zone: tuple[float, float] | None
    left: str
    right: str

    @property
    def size(self) -> int:
        """How many rows there are."""
        return sum(len(group.rows) for group in self.groups)


def forest(
    groups: Iterable[tuple[str, Sequence[Entry]]],
    *,
    factor: float = 1.0,
    unit: str = "",
    sign: bool = False,
    reference: float | None = None,
    zone: Range | None = None,
    least: Range | None = None,
    most: Range | None = None,
    left: str = "",
    right: str = "",
) -> Forest:
    """Lay entries out on a scale that all of them fit.

    Parameters
    ----------
    groups : iterable of (str, sequence of Entry)
        Entries, under their headings.
    factor, unit, sign
        What the marks of the scale show values times, what follows them, and whether they have
        signs.
    reference : float, optional
        Value with a line through all rows.
    zone : tuple of two float, optional
        Values between which all rows are shaded.
    least, most : tuple of two float, optional
        Range that the scale shows at least, and at most: what lies beyond is cut off at the edge.
    """
    groups = [(heading, list(entries)) for heading, entries in groups]
    low, high = _range(
        [entry for _, entries in groups for entry in entries],
        [reference, *(zone or ()), *(least or ())],
        most,
    )

    def place(value: float) -> float:
        return 100 * (min(max(value, low), high) - low) / (high - low)

    def row(entry: Entry) -> Row:
        found = entry.estimate
        if found is None:
            return Row(entry, None, 0.0, 0.0, None)
        return Row(
            entry,
            place(found.value),
            place(found.low),
            place(found.high),
            None if entry.before is None else place(entry.before),
        )

    ticks = [
        float(tick) for tick in MaxNLocator(nbins=5, steps=[1, 2, 5, 10]).tick_values(low, high)
    ]
    step = abs(factor) * round(min(np.diff(ticks), default=1.0), 12)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    marks = tuple(
        (place(tick), _mark(factor * tick, digits, unit, sign))
        for tick in ticks
        if low <= tick <= high
    )
    return Forest(
        groups=tuple(Group(heading, tuple(map(row, entries))) for heading, entries in groups),
        ticks=marks,
        reference=None if reference is None else place(reference),
        zone=None if zone is None else (place(zone[0]), place(zone[1]) - place(zone[0])),
        left=left,
        right=right,
    )


def _mark(value: float, digits: int, unit: str, sign: bool) -> str:
    text = f"{value:{'+' if sign else ''}.{digits}f}".replace("-", "\N{MINUS SIGN}")
    return (text.lstrip("+\N{MINUS SIGN}") if float(f"{value:.{digits}f}") == 0 else text) + unit


def scaled(found: Estimate | None, factor: float) -> Estimate | None:
    """An estimate times a factor; a negative one turns its interval round."""
    if found is None:
        return None
    low, high = sorted((factor * found.low, factor * found.high))
    return replace(found, value=factor * found.value, low=low, high=high)


def _range(entries: Sequence[Entry], others: Sequence[float | None], most: Range | None) -> Range:
    known = [
        value
        for entry in entries
        if entry.estimate
        for value in (entry.estimate.low, entry.estimate.high)
    ]
    known += [entry.before for entry in entries if entry.before is not None]
    known += [value for value in others if value is not None]
    known = [value for value in known if math.isfinite(value)] or [0.0, 1.0]
    low, high = float(np.min(known)), float(np.max(known))
    size = max(1.0, abs(low), abs(high))
    # What differs by less than anybody can see stands in the middle of a scale of its own.
    room = _ROOM * (high - low) if high - low > 1e-9 * size else 0.5 * size
    low, high = low - room, high + room
    return (max(low, most[0]), min(high, most[1])) if most else (low, high)
