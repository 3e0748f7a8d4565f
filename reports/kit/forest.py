"""Forest: figures with their intervals, as dots and lines in rows of a page.

Places are in per cent of a row's width, so that it fits any screen. Labels are text of the page, in
any script.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from matplotlib.ticker import MaxNLocator

from reports.kit.numbers import typeset
from training.evaluation.assessment import Estimate

Kind = Literal["better", "worse", "unclear", "ours", "baseline"]
"""Meaning of a row's colour: clearly better, clearly worse, neither; or whose figure it is."""

Range = tuple[float, float]

_MARGIN = 0.06


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One figure to show.

    Parameters
    ----------
    label, note : str
        What the figure is of, and a note about it.
    estimate : Estimate or None
        The figure; None where it is not known.
    text : str
        The figure in words.
    kind : Kind
        Meaning of its colour.
    before : float or None
        Another value, shown as a hollow dot.
    """

    label: str
    estimate: Estimate | None
    text: str
    kind: Kind
    note: str = ""
    before: float | None = None


@dataclass(frozen=True)
class Row:
    """An entry, and the places of its dot, its line's ends and its hollow dot, in per cent; None
    where there is none.
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
        Marks of the scale: place in per cent, and text.
    reference : float or None
        Place of a line through all rows.
    zone : tuple of (float, float) or None
        Start and width of a shaded zone behind all rows.
    left, right : str
        Meaning of the ends of the scale.
    """

    groups: tuple[Group, ...]
    ticks: tuple[tuple[float, str], ...]
    reference: float | None
    zone: tuple[float, float] | None
    left: str
    right: str

    @property
    def size(self) -> int:
        """Number of rows."""
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
    """Place entries on one scale.

    Parameters
    ----------
    groups : iterable of (str, sequence of Entry)
        Entries, under their headings.
    factor, unit, sign
        What marks multiply values by, the unit after them, and whether they have signs.
    reference : float, optional
        Value with a line through all rows.
    zone : tuple of two float, optional
        Values between which all rows are shaded.
    least, most : tuple of two float, optional
        Range that the scale shows at least, and at most: values beyond it are drawn at the edge.
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
        estimate = entry.estimate
        if estimate is None:
            return Row(entry, None, 0.0, 0.0, None)
        return Row(
            entry,
            place(estimate.value),
            place(estimate.low),
            place(estimate.high),
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
    return typeset(f"{value:{'+' if sign else ''}.{digits}f}") + unit


def scaled(estimate: Estimate | None, factor: float) -> Estimate | None:
    """An estimate times a factor; a negative one exchanges the ends of its interval."""
    if estimate is None:
        return None
    low, high = sorted((factor * estimate.low, factor * estimate.high))
    return replace(estimate, value=factor * estimate.value, low=low, high=high)


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
    # Values that are practically equal are drawn in the middle of a scale.
    margin = _MARGIN * (high - low) if high - low > 1e-9 * size else 0.5 * size
    low, high = low - margin, high + margin
    return (max(low, most[0]), min(high, most[1])) if most else (low, high)
