"""Plots: how good a model is, and what goes with its predictions.

Every function draws a figure of its own with matplotlib's objects, never through pyplot and its
shared state. Text stands in the default font, which knows no Chinese: figures name features as the
feature store does, in plain ASCII. Colours keep apart for colour-blind readers (Okabe and Ito
2008).
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from scipy.stats import binomtest

from features.encoding.encoding import Column, Encoding
from holdfast.arrays import Floats, Positions
from models.reasons.explain import Explanation
from training.evaluation.assessment import CONFIDENCE
from training.flat.evaluation import Evaluation

INK = "#1c2430"
MUTED = "#68727e"
GRID = "#dfe3e8"
MODEL = "#0072b2"
PALE = "#8fc1e0"
RISK = "#d55e00"

LOW, MIDDLE, HIGH, CATEGORY, MISSING = "#0072b2", "#b9a9c9", "#d55e00", "#009e73", "#8d949c"
"""Colours of bee-swarm dots: lowest, middling and highest value of a number or date, any category,
no value.
"""

DRIVERS = 12
"""Features that a bee-swarm shows, at most."""

STRIP_WIDTH, STRIP_HEIGHT = 640, 64
"""Size of a bee-swarm strip in CSS pixels; it is drawn twice as fine."""

# Log-odds: half a per cent of the odds.
_LEAST_CONTRIBUTION = 0.005
_DOTS = 1000
_SWARM_BINS = 240
_CURVE_POINTS = 300
_DPI = 200
_PERCENT = "\N{NO-BREAK SPACE}%"


def plots(evaluation: Evaluation) -> dict[str, Figure]:
    """All plots of how good the predictions are, by file name."""
    return {
        "lift.png": lift_figure(evaluation),
        "gain.png": gain_figure(evaluation),
        "roc.png": roc_figure(evaluation),
        "reliability.png": reliability_figure(evaluation),
    }


def roc_figure(evaluation: Evaluation) -> Figure:
    """The ROC curve, pooled over the folds, with the point that picking the riskiest tenth stands
    for.
    """
    figure, axes = _axes("stayers picked by mistake", "leavers found")
    false_positive, true_positive = evaluation.roc
    # A curve of a million customers has as many corners; a few hundred look the same.
    shown = _spread(len(false_positive), _CURVE_POINTS)
    spread = "" if evaluation.auc_sd is None else f" ± {evaluation.auc_sd:.3f}"
    axes.plot(
        false_positive[shown],
        true_positive[shown],
        color=MODEL,
        linewidth=1.8,
        label=f"model, AUC {evaluation.auc:.3f}{spread}",
    )
    axes.plot(*_riskiest_tenth(evaluation), "o", color=RISK, markersize=6, label="riskiest tenth")
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle="--", label="chance")
    _percent_axes(axes, 1.0)
    _legend(axes)
    return figure


def lift_figure(evaluation: Evaluation) -> Figure:
    """Lift of every tenth of the customers, riskiest first, with its 95 % interval."""
    figure, axes = _axes("tenth of customers, riskiest first", "times as many leavers as average")
    deciles = evaluation.deciles
    tenths = np.arange(1, len(deciles) + 1)
    highest = max(decile.lift_high for decile in deciles)
    axes.bar(
        tenths,
        [decile.lift for decile in deciles],
        color=[MODEL, *[PALE] * (len(deciles) - 1)],
        width=0.72,
    )
    axes.vlines(
        tenths,
        [d.lift_low for d in deciles],
        [d.lift_high for d in deciles],
        color=INK,
        linewidth=1.2,
    )
    for tenth, decile in zip(tenths, deciles, strict=True):
        axes.text(
            float(tenth),
            decile.lift_high + 0.02 * highest,
            f"{decile.lift:.2f}",
            ha="center",
            va="bottom",
            color=INK,
            fontsize=8,
        )
    axes.axhline(1, color=MUTED, linewidth=1, linestyle="--")
    axes.set(xticks=tenths, xlim=(0.4, len(deciles) + 0.6), ylim=(0, 1.12 * highest))
    axes.grid(visible=False, axis="x")
    return figure


def gain_figure(evaluation: Evaluation) -> Figure:
    """Share of all leavers found against the share of customers picked, riskiest first, with its 95
    % interval.
    """
    figure, axes = _axes("customers picked, riskiest first", "leavers found")
    picked, gain, low, high = gain_curve(evaluation)
    axes.fill_between(picked, low, high, color=MODEL, alpha=0.25, linewidth=0)
    axes.plot(picked, gain, "o-", color=MODEL, linewidth=1.8, markersize=3.5, label="model")
    best = [0, evaluation.positive_rate, 1]
    axes.plot(best, [0, 1, 1], color=INK, linewidth=1, linestyle=":", label="best possible")
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle="--", label="chance")
    _percent_axes(axes, 1.0)
    _legend(axes)
    return figure


def reliability_figure(evaluation: Evaluation) -> Figure:
    """Share that left against predicted probability, by tenths of the customers, with its 95 %
    interval.
    """
    figure, axes = _axes("predicted probability", "share that left")
    bins = evaluation.reliability
    predicted = [group.predicted for group in bins]
    end = min(1.0, 1.05 * max(*predicted, *(group.high for group in bins)))
    axes.vlines(
        predicted,
        [group.low for group in bins],
        [group.high for group in bins],
        color=MODEL,
        linewidth=1.4,
    )
    axes.plot(
        predicted,
        [group.observed for group in bins],
        "o",
        color=MODEL,
        markersize=4.5,
        label="tenth of customers",
    )
    axes.plot(
        [0, end], [0, end], color=MUTED, linewidth=1, linestyle="--", label="as predicted", zorder=1
    )
    _percent_axes(axes, end)
    _legend(axes)
    return figure


def beeswarm_figure(explanation: Explanation, matrix: Floats, encoding: Encoding) -> Figure:
    """Contributions of the strongest features, one dot a row and feature, coloured by the feature's
    value.

    Parameters
    ----------
    explanation : Explanation
        Of n sampled rows; an evenly spread thousand of them is drawn.
    matrix : (n, k) float64
        The rows' features, NaN for missing.
    encoding : Encoding
        What the k features are.
    """
    shown, bounds = strongest_features(explanation), contribution_range(explanation)
    figure = Figure(figsize=(7.2, 0.9 + 0.42 * len(shown)), dpi=_DPI, layout="constrained")
    axes = figure.add_subplot()
    for row, position in enumerate(shown):
        _swarm(
            axes,
            -row,
            explanation.contributions[:, position],
            matrix[:, position],
            encoding.columns[position],
            bounds,
        )
    axes.set_xlim(*bounds)
    axes.set_yticks(
        [-row for row in range(len(shown))], [encoding.features[position] for position in shown]
    )
    axes.set_xlabel(
        "SHAP value: what goes with lower risk (left) and higher risk (right), log-odds", color=INK
    )
    axes.axvline(0, color=MUTED, linewidth=1, zorder=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    keys = (
        ("lowest", LOW),
        ("middling", MIDDLE),
        ("highest value", HIGH),
        ("any category", CATEGORY),
        ("missing", MISSING),
    )
    for label, colour in keys:
        axes.plot([], [], "o", color=colour, markersize=4, label=label)
    figure.legend(
        loc="outside upper right",
        ncols=len(keys),
        frameon=False,
        fontsize=8,
        handletextpad=0.1,
        columnspacing=1.2,
    )
    return figure


def beeswarm_strip(
    contributions: Floats, values: Floats, column: Column, bounds: tuple[float, float]
) -> Figure:
    """One feature's bee-swarm and nothing else, on a transparent ground.

    shap's own plot writes all names into one picture, through pyplot, in a font without Chinese,
    and paints categories as if their codes were amounts. A strip a feature lets a page write the
    name beside it, in whatever font the reader has.

    Parameters
    ----------
    contributions : (n,) float64
        Log-odds.
    values : (n,) float64
        The feature, NaN for missing.
    column : Column
        What the feature is.
    bounds : tuple of two float
        Contributions at the left and right edge, as `contribution_range` gives them.
    """
    figure = Figure(figsize=(STRIP_WIDTH / 100, STRIP_HEIGHT / 100), dpi=_DPI)
    figure.patch.set_alpha(0)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    _swarm(axes, 0, contributions, values, column, bounds)
    axes.set(xlim=bounds, ylim=(-0.5, 0.5))
    return figure


def strongest_features(explanation: Explanation) -> Positions:
    """Positions of the features with the largest mean absolute contribution, largest first, but for
    those near zero.
    """
    mean = np.abs(explanation.contributions).mean(axis=0)
    order = np.argsort(-mean, kind="stable")[:DRIVERS]
    return order[mean[order] >= _LEAST_CONTRIBUTION]


def contribution_range(explanation: Explanation) -> tuple[float, float]:
    """Left and right edge of a bee-swarm: all contributions of the strongest features and zero,
    with a little room.
    """
    shown = explanation.contributions[:, strongest_features(explanation)]
    low, high = float(shown.min(initial=0.0)), float(shown.max(initial=0.0))
    room = 0.04 * (high - low) or 1.0
    return low - room, high + room


def contribution_ticks(bounds: tuple[float, float]) -> list[float]:
    """Round numbers within the edges of a bee-swarm, zero among them."""
    ticks = MaxNLocator(nbins=6, steps=[1, 2, 5, 10]).tick_values(*bounds)
    return [float(tick) for tick in ticks if bounds[0] <= tick <= bounds[1]]


def gain_curve(evaluation: Evaluation) -> tuple[Floats, Floats, Floats, Floats]:
    """Share of customers picked, share of leavers found, and the latter's 95 % Wilson interval.

    Returns
    -------
    four (m + 1,) float64
        From picking nobody to picking everybody, m deciles.
    """
    picked = np.cumsum([0, *(decile.rows for decile in evaluation.deciles)])
    found = np.cumsum([0, *(decile.positives for decile in evaluation.deciles)])
    intervals = [
        binomtest(round(count), round(found[-1])).proportion_ci(CONFIDENCE, method="wilson")
        for count in found[1:-1]
    ]
    # Picking nobody finds nobody, and picking everybody everybody, with certainty.
    low = np.array([0.0, *(interval.low for interval in intervals), 1.0])
    high = np.array([0.0, *(interval.high for interval in intervals), 1.0])
    return picked / picked[-1], found / found[-1], low, high


def _riskiest_tenth(evaluation: Evaluation) -> tuple[list[float], list[float]]:
    top = evaluation.deciles[0]
    stayers = sum(decile.rows - decile.positives for decile in evaluation.deciles)
    return [(top.rows - top.positives) / stayers], [top.gain]


def _axes(x_label: str, y_label: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(4.2, 3.3), dpi=_DPI, layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel(x_label, color=INK)
    axes.set_ylabel(y_label, color=INK)
    axes.tick_params(colors=MUTED, labelsize=9, length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(MUTED)
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    return figure, axes


def _percent_axes(axes: Axes, end: float) -> None:
    axes.set(xlim=(-0.01 * end, 1.01 * end), ylim=(-0.01 * end, 1.03 * end))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=5))
        axis.set_major_formatter(PercentFormatter(1.0, symbol=_PERCENT))


def _legend(axes: Axes) -> None:
    # Curves of any use leave the corner below the diagonal free.
    axes.legend(loc="lower right", frameon=False, fontsize=9, labelcolor=INK, handlelength=1.6)


def _swarm(
    axes: Axes,
    centre: float,
    contributions: Floats,
    values: Floats,
    column: Column,
    bounds: tuple[float, float],
) -> None:
    shown = _spread(len(contributions), _DOTS)
    contributions, values = contributions[shown], values[shown]
    colours = _dot_colours(values, column)
    # What is missing lies below, so that it hides nothing.
    order = np.argsort(~np.isnan(values), kind="stable")
    height = centre + 0.42 * _swarm_heights(contributions, (bounds[1] - bounds[0]) / _SWARM_BINS)
    axes.scatter(
        contributions[order], height[order], c=colours[order], s=5, linewidths=0, rasterized=True
    )


def _swarm_heights(contributions: Floats, bin_width: float) -> Floats:
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


def _spread(count: int, most: int) -> Positions:
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.intp))
