"""Swarm: a feature's contributions as a strip of dots, and the scale that strips share.

`shap.plots.beeswarm` draws all features into one picture, names included. A page needs a strip for
each feature: so that names stand beside it as text, in any script and width, that categories are
not painted as amounts, and that missing values have a colour of their own.
"""

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from features.encoding.encoding import Column
from holdfast.arrays import Floats, Positions
from models.reasons.explain import LEAST_CONTRIBUTION, Explanation
from reports.kit.style import DPI

LOW, MIDDLE, HIGH, CATEGORY, MISSING = "#0072b2", "#b9a9c9", "#d55e00", "#009e73", "#8d949c"
"""Colours of dots: lowest, middle and highest value of a number or date, any category, no value."""

DRIVERS = 12
"""Features that are shown, at most."""

STRIP_WIDTH, STRIP_HEIGHT = 640, 64
"""Size of a strip in CSS pixels; it is drawn twice as fine."""

_DOTS = 1000
_BINS = 240


def strip_figure(
    contributions: Floats, values: Floats, column: Column, bounds: tuple[float, float]
) -> Figure:
    """The dots of one feature and nothing else, on a transparent ground.

    Parameters
    ----------
    contributions : (n,) float64
        Log-odds; an evenly spread thousand of them is drawn.
    values : (n,) float64
        The feature, NaN for missing.
    column : Column
        What the feature is.
    bounds : tuple of two float
        Contributions at the left and right edge, as `contribution_range` gives them.
    """
    figure = Figure(figsize=(STRIP_WIDTH / 100, STRIP_HEIGHT / 100), dpi=DPI)
    figure.patch.set_alpha(0)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    shown = evenly_spread(len(contributions), _DOTS)
    contributions, values = contributions[shown], values[shown]
    # What is missing lies below, so that it hides nothing.
    order = np.argsort(~np.isnan(values), kind="stable")
    heights = 0.42 * _heights(contributions, (bounds[1] - bounds[0]) / _BINS)
    axes.scatter(
        contributions[order],
        heights[order],
        c=_dot_colours(values, column)[order],
        s=5,
        linewidths=0,
        rasterized=True,
    )
    axes.set(xlim=bounds, ylim=(-0.5, 0.5))
    return figure


def strongest_features(explanation: Explanation) -> Positions:
    """Positions of the features with the largest mean absolute contribution, largest first, but for
    those near zero.
    """
    mean = np.abs(explanation.contributions).mean(axis=0)
    order = np.argsort(-mean, kind="stable")[:DRIVERS]
    return order[mean[order] >= LEAST_CONTRIBUTION]


def contribution_range(explanation: Explanation) -> tuple[float, float]:
    """Left and right edge of all strips: all contributions of the strongest features and zero,
    with a small margin.
    """
    shown = explanation.contributions[:, strongest_features(explanation)]
    low, high = float(shown.min(initial=0.0)), float(shown.max(initial=0.0))
    margin = 0.04 * (high - low) or 1.0
    return low - margin, high + margin


def contribution_ticks(bounds: tuple[float, float]) -> list[float]:
    """Round numbers within the edges of the strips, zero among them."""
    ticks = MaxNLocator(nbins=6, steps=[1, 2, 5, 10]).tick_values(*bounds)
    return [float(tick) for tick in ticks if bounds[0] <= tick <= bounds[1]]


def _heights(contributions: Floats, bin_width: float) -> Floats:
    """Heights, -1 to 1, that part dots of about the same contribution; where they are densest they
    fill all of it.
    """
    bins = np.round((contributions - contributions.min()) / bin_width).astype(np.int64)
    heights = np.zeros(len(bins))
    most = int(np.bincount(bins).max())
    for members in (np.flatnonzero(bins == number) for number in np.unique(bins)):
        if len(members) > 1:
            reach = (len(members) - 1) / (most - 1)
            heights[members] = np.linspace(-reach, reach, len(members))
    return heights


def _dot_colours(values: Floats, column: Column) -> Floats:
    missing = np.isnan(values)
    colours = np.tile(to_rgba(CATEGORY), (len(values), 1))
    if column.kind != "category" and not missing.all():
        low, high = np.nanquantile(values, [0.05, 0.95])
        if low == high:
            low, high = np.nanmin(values), np.nanmax(values)
        ramp = LinearSegmentedColormap.from_list("low to high", [LOW, MIDDLE, HIGH])
        colours[~missing] = ramp(np.clip((values[~missing] - low) / ((high - low) or 1.0), 0, 1))
    colours[missing] = to_rgba(MISSING)
    return colours


def evenly_spread(count: int, most: int) -> Positions:
    """At most so many positions out of `count`, first and last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.intp))
