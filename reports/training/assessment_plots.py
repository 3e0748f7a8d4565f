"""Plots of assessments: how right the probabilities of each horizon model are on its test period,
how its figures change with time, and what tuning tried.

What is shown as a forest, differences from baselines and figures by slice, the report draws
(`reports.kit.forest`).
"""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from reports.kit.numbers import PERCENT
from reports.kit.style import (
    DPI,
    INK,
    MODEL,
    MUTED,
    PALE,
    RISK,
    figure_with_axes,
    legend,
    styled,
)
from reports.words.texts import ENGLISH, Texts
from training.evaluation.assessment import Assessment, CalibrationFigures
from training.fitting.tune import Tuned

# Round shares that lie about evenly where the axis shows square roots.
_ROOT_TICKS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)


def assessment_figures(assessments: Mapping[str, Assessment]) -> dict[str, Figure]:
    """All plots of a model's horizon models, by file name, such as ``calibration_90d.png``."""
    figures = {}
    for horizon, assessment in assessments.items():
        suffix = f"_{horizon}d" if horizon else ""
        figures[f"calibration{suffix}.png"] = calibrations_figure(assessment)
        if assessment.decay:
            figures[f"decay{suffix}.png"] = decay_figure(assessment)
    return figures


def calibrations_figure(assessment: Assessment) -> Figure:
    """CalibrationFigures of every stratum side by side, all rows first."""
    strata = list(assessment.strata.items())
    figure = Figure(figsize=(0.4 + 3.4 * max(1, len(strata)), 3.5), dpi=DPI, layout="constrained")
    for place, (name, calibration) in enumerate(strata, start=1):
        axes = styled(figure.add_subplot(1, len(strata), place))
        _calibration(axes, calibration, ENGLISH)
        axes.set_title(name, color=INK, fontsize=10)
    return figure


def calibration_figure(calibration: CalibrationFigures, texts: Texts = ENGLISH) -> Figure:
    """Share observed against probability by tenths of the rows.

    Each with its 95 % interval, and the bounds that all ten keep jointly if the predictions are
    right. The axes are square roots, so that small shares can be told apart.
    """
    figure = Figure(figsize=(4.2, 3.6), dpi=DPI, layout="constrained")
    _calibration(styled(figure.add_subplot()), calibration, texts)
    return figure


def decay_figure(assessment: Assessment, metric: str = "auc", texts: Texts = ENGLISH) -> Figure:
    """A figure by months after the last training cut-off; ``auc`` or ``observed_over_expected``."""
    figure, axes = figure_with_axes(
        4.2,
        2.7,
        texts.gettext("months of 28 days after training"),
        "AUC" if metric == "auc" else texts.gettext("observed over expected"),
    )
    known = [
        (month.months_after, estimate)
        for month in assessment.decay
        if (estimate := month.metrics.get(metric))
    ]
    months = [float(month) for month, _ in known]
    axes.vlines(
        months,
        [estimate.low for _, estimate in known],
        [estimate.high for _, estimate in known],
        color=MODEL,
        linewidth=1.6,
    )
    axes.plot(
        months,
        [estimate.value for _, estimate in known],
        "o-",
        color=MODEL,
        linewidth=1,
        markersize=5,
    )
    reference = 1.0 if metric == "observed_over_expected" else None
    whole = assessment.metrics.get(metric)
    if reference is None and whole:
        reference = whole.value
    if reference is not None:
        axes.axhline(reference, color=MUTED, linewidth=1, linestyle="--")
    if months:
        axes.set_xlim(min(months) - 0.6, max(months) + 0.6)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
    return figure


def tuning_figure(tuned: Tuned, texts: Texts = ENGLISH) -> Figure:
    """Log loss of every finished trial against what explaining it costs; the lower left is best."""
    figure, axes = figure_with_axes(
        4.2,
        3.0,
        texts.gettext("leaves: the cost of explaining"),
        texts.gettext("log loss, tuning rows"),
    )
    finished = [trial for trial in tuned.trials if trial.value is not None]
    best = min(finished, key=lambda trial: (trial.value, trial.number), default=None)
    for trial in finished:
        if trial.leaves is None or trial.log_loss is None:
            continue
        chosen, default = trial is best, trial.number == 0
        axes.plot(
            trial.leaves,
            trial.log_loss,
            "s" if default else "o",
            color=RISK if chosen else MODEL if default else PALE,
            markersize=8 if chosen or default else 5,
            label=texts.gettext("best trial")
            if chosen
            else texts.gettext("default parameters")
            if default
            else "_tried",
        )
    axes.margins(0.12)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    if any(not text.startswith("_") for text in axes.get_legend_handles_labels()[1]):
        axes.legend(frameon=False, fontsize=9, labelcolor=INK, handletextpad=0.2)
    return figure


def _calibration(axes: Axes, calibration: CalibrationFigures, texts: Texts) -> None:
    deciles = calibration.deciles
    predicted = [decile.predicted for decile in deciles]
    end = 1.06 * max(
        (max(decile.predicted, decile.high, decile.joint_high) for decile in deciles), default=1.0
    )
    end = min(1.0, end)
    axes.set_xscale("function", functions=(_root, np.square))
    axes.set_yscale("function", functions=(_root, np.square))
    axes.fill_between(
        predicted,
        [decile.joint_low for decile in deciles],
        [decile.joint_high for decile in deciles],
        color=PALE,
        alpha=0.45,
        linewidth=0,
        label=texts.gettext("joint {share}").format(share="99" + PERCENT),
    )
    axes.plot(
        np.linspace(0, end, 60),
        np.linspace(0, end, 60),
        color=MUTED,
        linewidth=1,
        linestyle="--",
        label=texts.gettext("as predicted"),
    )
    for decile in deciles:
        inside = decile.joint_low <= decile.observed <= decile.joint_high
        colour = MODEL if inside else RISK
        axes.vlines(
            decile.predicted, max(0.0, decile.low), decile.high, color=colour, linewidth=1.5
        )
        axes.plot(decile.predicted, decile.observed, "o", color=colour, markersize=4.5)
    ticks = _root_ticks(end)
    axes.set(xlim=(0, end), ylim=(0, end))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(FixedLocator([0.0, *ticks]))
        axis.set_minor_locator(FixedLocator([]))
        axis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g}{PERCENT}"))
    axes.set_xlabel(texts.gettext("predicted probability"), color=INK)
    axes.set_ylabel(texts.gettext("share observed"), color=INK)
    legend(axes, "upper left", size=8)


def _root(values: np.ndarray) -> np.ndarray:
    return np.sqrt(np.maximum(values, 0.0))


def _root_ticks(end: float) -> list[float]:
    """Round shares up to `end`, those that would stand too close together left out."""
    ticks = [end]
    for tick in reversed(_ROOT_TICKS):
        if (
            tick <= end
            and (ticks == [end] or np.sqrt(ticks[-1]) - np.sqrt(tick) > 0.13 * np.sqrt(end))
            and tick > 0.02 * end
        ):
            ticks.append(tick)
    return sorted(ticks[1:])
