"""Drivers: the features that change predictions most, each with its dots, and with words about its
direction, for a page.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr

from features.encoding.encoding import Column
from holdfast.arrays import Floats
from models.reasons.explain import Explanation
from reports.kit import swarm
from reports.kit.numbers import share, signed, typeset
from reports.kit.page import png_base64, shorten
from reports.words.texts import ENGLISH, Texts, to_translate

_LONGEST_CATEGORY = 48
# Categories shown that go with higher risk, and as many with lower.
_EFFECTS = 2
# Least rank correlation for which risk rises or falls with a number.
_CLEAR_DIRECTION = 0.5


@dataclass(frozen=True)
class Effect:
    """Some values of a feature, and the mean contribution of the rows that have them."""

    values: str
    contribution: float


@dataclass(frozen=True)
class Driver:
    """One of the strongest features.

    Parameters
    ----------
    name, note, description : str
        What it is called, a note about it, and its description in English; the last two may be
        empty.
    mean : float
        Mean absolute contribution, log-odds.
    direction : str
        Whether risk rises or falls with it, in words; empty for a category.
    effects : tuple of Effect
        Mean contributions of its lowest and highest values, or of some categories.
    low, high : float
        Lowest and highest contribution.
    strip : str
        Its dots as PNG, in base 64.
    """

    name: str
    note: str
    description: str
    mean: float
    direction: str
    effects: tuple[Effect, ...]
    low: float
    high: float
    strip: str


@dataclass(frozen=True)
class Drivers:
    """The strongest features, strongest first.

    Parameters
    ----------
    shown : tuple of Driver
        At most `swarm.DRIVERS`.
    ticks : tuple of (float, str)
        Marks of the strips' scale: place in per cent of its width, and text.
    others : int
        Features that are not shown.
    others_mean : float
        Sum of their mean absolute contributions.
    """

    shown: tuple[Driver, ...]
    ticks: tuple[tuple[float, str], ...]
    others: int
    others_mean: float


def drivers(
    columns: Sequence[Column],
    sample: Floats,
    explanation: Explanation,
    *,
    notes: Sequence[str] | None = None,
    descriptions: Sequence[str] | None = None,
    digits: int = 6,
    texts: Texts = ENGLISH,
) -> Drivers:
    """Describe the features that change predictions most.

    Parameters
    ----------
    columns : sequence of k Column
        What the features are.
    sample : (m, k) float64
        Features of some rows, NaN for missing; m at least 1.
    explanation : Explanation
        Of the same rows.
    notes : sequence of k str, optional
        A note about each.
    descriptions : sequence of k str, optional
        A description of each, in English.
    digits : int
        Significant digits of amounts that are not whole.
    texts : Texts
        In which language they are described.
    """
    bounds = swarm.contribution_range(explanation)
    shown = []
    for position in swarm.strongest_features(explanation):
        column = columns[position]
        values, contributions = sample[:, position], explanation.contributions[:, position]
        direction, effects = (
            _by_category(column, values, contributions)
            if column.kind == "category"
            else _by_amount(column, values, contributions, digits, texts)
        )
        shown.append(
            Driver(
                name=column.name,
                note=notes[position] if notes else "",
                description=descriptions[position] if descriptions else "",
                mean=float(np.abs(contributions).mean()),
                direction=direction,
                effects=(*effects, *_of_missing(values, contributions, texts)),
                low=float(contributions.min()),
                high=float(contributions.max()),
                strip=png_base64(swarm.strip_figure(contributions, values, column, bounds)),
            )
        )
    means = np.abs(explanation.contributions).mean(axis=0)
    return Drivers(
        shown=tuple(shown),
        ticks=tuple(_ticks(bounds)),
        others=len(means) - len(shown),
        others_mean=float(means.sum()) - sum(driver.mean for driver in shown),
    )


def _ticks(bounds: tuple[float, float]) -> Iterator[tuple[float, str]]:
    low, high = bounds
    ticks = swarm.contribution_ticks(bounds)
    step = round(min(np.diff(ticks), default=1.0), 9)
    places = max(0, -math.floor(math.log10(step)))
    for tick in ticks:
        yield (
            100 * (tick - low) / (high - low),
            signed(tick, places) if abs(tick) > step / 2 else "0",
        )


def _by_category(
    column: Column, values: Floats, contributions: Floats
) -> tuple[str, tuple[Effect, ...]]:
    """The categories that go with the highest and the lowest risk, without rare ones."""
    codes, counts = np.unique(values[~np.isnan(values)], return_counts=True)
    means = {
        str(column.decode(code)): float(contributions[values == code].mean())
        for code in codes[counts >= _fewest(values)]
    }
    ordered = sorted(means.items(), key=lambda item: -item[1])
    chosen = [item for item in ordered if item[1] > 0][:_EFFECTS] + [
        item for item in ordered if item[1] <= 0
    ][-_EFFECTS:]
    return "", tuple(
        Effect(shorten(category, _LONGEST_CATEGORY), mean) for category, mean in chosen
    )


def _by_amount(
    column: Column, values: Floats, contributions: Floats, digits: int, texts: Texts
) -> tuple[str, tuple[Effect, ...]]:
    """Whether risk rises or falls with a number or date, and the mean contribution of its lowest and
    highest quarter.
    """
    present = ~np.isnan(values)
    known, moved = values[present], contributions[present]
    if not len(known) or known.min() == known.max():
        return (
            (
                texts.gettext("All rows of the sample have this value."),
                (Effect(_amount(column, known[0], digits), float(moved.mean())),),
            )
            if len(known)
            else ("", ())
        )
    low, high = np.quantile(known, [0.25, 0.75], method="inverted_cdf")
    if low == high:
        low, high = known.min(), known.max()
    lowest, highest = _amount(column, low, digits), _amount(column, high, digits)
    if low != known.min():
        lowest = texts.gettext("up to {value}").format(value=lowest)
    if high != known.max() and column.kind == "number":
        highest = texts.gettext("{value} and more").format(value=highest)
    elif high != known.max():
        highest = texts.gettext("{value} and later").format(value=highest)
    effects = (
        Effect(lowest, float(moved[known <= low].mean())),
        Effect(highest, float(moved[known >= high].mean())),
    )
    return texts.gettext(_direction(column, known, moved)), effects


def _direction(column: Column, values: Floats, contributions: Floats) -> str:
    is_number = column.kind == "number"
    agreement = (
        0.0 if np.ptp(contributions) == 0 else float(spearmanr(values, contributions).statistic)
    )
    if agreement >= _CLEAR_DIRECTION:
        return (
            to_translate("Higher values go with higher risk.")
            if is_number
            else to_translate("Later values go with higher risk.")
        )
    if agreement <= -_CLEAR_DIRECTION:
        return (
            to_translate("Higher values go with lower risk.")
            if is_number
            else to_translate("Later values go with lower risk.")
        )
    return to_translate("Risk neither rises nor falls throughout with the value.")


def _of_missing(values: Floats, contributions: Floats, texts: Texts) -> tuple[Effect, ...]:
    missing = np.isnan(values)
    if missing.all():
        return (Effect(texts.gettext("missing in the whole sample"), float(contributions.mean())),)
    if missing.sum() < _fewest(values):
        return ()
    return (
        Effect(
            texts.gettext("missing ({share})").format(share=share(float(missing.mean()))),
            float(contributions[missing].mean()),
        ),
    )


def _fewest(values: Floats) -> int:
    return max(1, len(values) // 100)


def _amount(column: Column, code: float, digits: int) -> str:
    if column.kind == "date":
        return str(column.decode(code))
    return typeset(
        f"{round(code):.15g}"
        if code == round(code) or abs(code) >= 10 ** (digits - 1)
        else f"{code:.{digits}g}"
    )
