"""Curves: shares that grow from day to day, as lines in a chart that fits any screen.

Places are in per cent of the chart. Lines stretch with it, and texts keep their size.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.ticker import MaxNLocator

from reports.kit.numbers import PERCENT, share, typeset

_RIGHT = 86.0
"""Where the last day is; beside it stand the last values."""


@dataclass(frozen=True)
class Curve:
    """A line.

    Parameters
    ----------
    name, value : str
        Whose it is, and its last value in words.
    points : str
        Its points, as SVG has them.
    end : float
        Place of its last value from the top.
    text : float
        Place of the texts beside it, apart from those of other curves.
    """

    name: str
    value: str
    points: str
    end: float
    text: float


@dataclass(frozen=True)
class Curves:
    """Curves on one scale.

    Parameters
    ----------
    curves : tuple of Curve
        The curves.
    band : str
        Points of an area around one of them.
    across : tuple of (float, str)
        Horizontal marks: place from the top, and text.
    days : tuple of (float, str)
        Vertical marks: place from the left, and text.
    right : float
        Place of the last day.
    """

    curves: tuple[Curve, ...]
    band: str
    across: tuple[tuple[float, str], ...]
    days: tuple[tuple[float, str], ...]
    right: float


def curves(
    names: Sequence[str],
    shares: Sequence[Sequence[float]],
    band: Sequence[tuple[float, float]],
    least_apart: float = 7.0,
) -> Curves:
    """Place curves of shares.

    Parameters
    ----------
    names : sequence of str, k
        Whose they are.
    shares : sequence of k sequences of float, n
        Share by day, from day 0.
    band : sequence of (float, float), n
        Low and high end of an area, by day.
    least_apart : float
        Per cent of the height by which the texts of two curves are apart at least.
    """
    days = len(band)
    most = max([0.001, *(max(curve) for curve in shares), *(high for _, high in band)])
    top = 1.06 * most

    def x(day: int) -> float:
        return _RIGHT * day / max(days - 1, 1)

    def y(value: float) -> float:
        return 100 * (1 - min(max(value, 0.0), top) / top)

    def points(values: Sequence[float]) -> str:
        return " ".join(f"{x(day):.2f},{y(value):.2f}" for day, value in enumerate(values))

    ends = [y(curve[-1]) for curve in shares]
    texts = list(ends)
    if len(ends) == 2 and abs(ends[0] - ends[1]) < least_apart:
        middle, half = sum(ends) / 2, least_apart / 2
        upper = min(max(middle, half), 100 - half)
        order = (1, -1) if ends[0] >= ends[1] else (-1, 1)
        texts = [upper + sign * half for sign in order]
    lows = [f"{x(day):.2f},{y(low):.2f}" for day, (low, _) in enumerate(band)]
    marks = list(MaxNLocator(nbins=4, steps=[1, 2, 5, 10]).tick_values(0, most))
    digits = 0 if all(abs(100 * tick - round(100 * tick)) < 1e-6 for tick in marks) else 1
    return Curves(
        curves=tuple(
            Curve(name, share(curve[-1]), points(curve), end, text)
            for name, curve, end, text in zip(names, shares, ends, texts, strict=True)
        ),
        band=" ".join([points([high for _, high in band]), *reversed(lows)]),
        across=tuple(
            (y(tick), typeset(f"{100 * tick:.{digits}f}") + PERCENT)
            for tick in marks
            if 0 < tick <= top
        ),
        days=tuple((x(day), str(day)) for day in range(0, days, 30)),
        right=_RIGHT,
    )
