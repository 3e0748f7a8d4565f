"""Plots of how good a table's model is."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from holdfast.arrays import Floats
from reports.kit.numbers import PERCENT
from reports.kit.style import INK, MODEL, MUTED, PALE, RISK, figure_with_axes, legend
from reports.kit.swarm import evenly_spread
from reports.words.texts import ENGLISH, Texts
from training.flat.evaluation import Evaluation

_WIDTH, _HEIGHT = 4.2, 3.3
_CURVE_POINTS = 300


def evaluation_figures(evaluation: Evaluation, texts: Texts = ENGLISH) -> dict[str, Figure]:
    """All plots of how good the predictions are, by name."""
    return {
        "lift": lift_figure(evaluation, texts),
        "gain": gain_figure(evaluation, texts),
        "roc": roc_figure(evaluation, texts),
        "reliability": reliability_figure(evaluation, texts),
    }


def roc_figure(evaluation: Evaluation, texts: Texts = ENGLISH) -> Figure:
    """The ROC curve, pooled over the folds, with the point that picking the riskiest tenth stands
    for.
    """
    figure, axes = figure_with_axes(
        _WIDTH,
        _HEIGHT,
        texts.gettext("share of stayers picked"),
        texts.gettext("share of leavers found"),
    )
    false_positive, true_positive = evaluation.roc
    # A curve of a million customers has as many corners; a few hundred look the same.
    shown = evenly_spread(len(false_positive), _CURVE_POINTS)
    spread = "" if evaluation.auc_sd is None else f" ± {evaluation.auc_sd:.3f}"
    axes.plot(
        false_positive[shown],
        true_positive[shown],
        color=MODEL,
        linewidth=1.8,
        label=texts.gettext("model, AUC {auc}").format(auc=f"{evaluation.auc:.3f}{spread}"),
    )
    axes.plot(
        *_riskiest_tenth(evaluation),
        "o",
        color=RISK,
        markersize=6,
        label=texts.gettext("riskiest tenth"),
    )
    axes.plot(
        [0, 1],
        [0, 1],
        color=MUTED,
        linewidth=1,
        linestyle="--",
        label=texts.gettext("random order"),
    )
    _percent_axes(axes, 1.0)
    legend(axes, "lower right")  # which useful curves leave free
    return figure


def lift_figure(evaluation: Evaluation, texts: Texts = ENGLISH) -> Figure:
    """Lift of every tenth of the customers, riskiest first, with its 95 % interval."""
    figure, axes = figure_with_axes(
        _WIDTH,
        _HEIGHT,
        texts.gettext("tenth of customers, riskiest first"),
        texts.gettext("leavers, times the average"),
    )
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


def gain_figure(evaluation: Evaluation, texts: Texts = ENGLISH) -> Figure:
    """Share of all leavers found against the share of customers picked, riskiest first, with its 95
    % interval.
    """
    figure, axes = figure_with_axes(
        _WIDTH,
        _HEIGHT,
        texts.gettext("share of customers picked, riskiest first"),
        texts.gettext("share of leavers found"),
    )
    picked, gain, low, high = gain_curve(evaluation)
    axes.fill_between(picked, low, high, color=MODEL, alpha=0.25, linewidth=0)
    axes.plot(
        picked, gain, "o-", color=MODEL, linewidth=1.8, markersize=3.5, label=texts.gettext("model")
    )
    best = [0, evaluation.positive_rate, 1]
    axes.plot(
        best, [0, 1, 1], color=INK, linewidth=1, linestyle=":", label=texts.gettext("best possible")
    )
    axes.plot(
        [0, 1],
        [0, 1],
        color=MUTED,
        linewidth=1,
        linestyle="--",
        label=texts.gettext("random order"),
    )
    _percent_axes(axes, 1.0)
    legend(axes, "lower right")  # which useful curves leave free
    return figure


def reliability_figure(evaluation: Evaluation, texts: Texts = ENGLISH) -> Figure:
    """Share that left against predicted probability, by tenths of the customers, with its 95 %
    interval.
    """
    figure, axes = figure_with_axes(
        _WIDTH, _HEIGHT, texts.gettext("predicted probability"), texts.gettext("share that left")
    )
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
        label=texts.gettext("tenth of customers"),
    )
    axes.plot(
        [0, end],
        [0, end],
        color=MUTED,
        linewidth=1,
        linestyle="--",
        label=texts.gettext("as predicted"),
        zorder=1,
    )
    _percent_axes(axes, end)
    legend(axes, "lower right")  # which useful curves leave free
    return figure


def gain_curve(evaluation: Evaluation) -> tuple[Floats, Floats, Floats, Floats]:
    """Share of customers picked, share of leavers found, and the latter's 95 % Wilson interval.

    Returns
    -------
    four (m + 1,) float64
        From picking nobody to picking everybody, m deciles.
    """
    picked = np.cumsum([0, *(decile.rows for decile in evaluation.deciles)])
    leavers = np.cumsum([0, *(decile.positives for decile in evaluation.deciles)])
    inner = evaluation.deciles[:-1]
    # Picking nobody finds nobody, and picking everybody everybody, with certainty.
    low = np.array([0.0, *(decile.gain_low for decile in inner), 1.0])
    high = np.array([0.0, *(decile.gain_high for decile in inner), 1.0])
    return picked / picked[-1], leavers / leavers[-1], low, high


def _riskiest_tenth(evaluation: Evaluation) -> tuple[list[float], list[float]]:
    top = evaluation.deciles[0]
    stayers = sum(decile.rows - decile.positives for decile in evaluation.deciles)
    return [(top.rows - top.positives) / stayers], [top.gain]


def _percent_axes(axes: Axes, end: float) -> None:
    axes.set(xlim=(-0.01 * end, 1.01 * end), ylim=(-0.01 * end, 1.03 * end))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=5))
        axis.set_major_formatter(PercentFormatter(1.0, symbol=PERCENT))
