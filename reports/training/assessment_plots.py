"""Plots of assessments: how good a model is on its test period at each horizon, against its rivals,
by slice and over time.

Drawn like `reports.kit.plots`, with intervals that resample customers.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache

import numpy as np
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, PercentFormatter

from reports.kit.plots import GRID, INK, MODEL, MUTED, PALE, RISK
from training.evaluation.assessment import Assessment, CalibrationFigures, Estimate, Slice
from training.fitting.tune import Tuned

RIVALS = ("champion", "logistic", "constant")
"""Other ways to predict, the hardest to beat first."""

RIVAL_WORDS = {"champion": "champion", "logistic": "logistic regression", "constant": "constant"}
"""What a rival is called."""

_DPI = 200
_PERCENT = "\N{NO-BREAK SPACE}%"
_FONTS = (
    "DejaVu Sans",
    "Noto Sans CJK SC",
    "Noto Sans CJK TC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "WenQuanYi Zen Hei",
)
_LONGEST_NAME = 40
# Round shares that lie about evenly where the axis shows square roots.
_ROOT_TICKS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)


def assessment_figures(assessments: Mapping[str, Assessment]) -> dict[str, Figure]:
    """All plots of a model, by file name: such as ``differences.png`` and, for each horizon,
    ``calibration_90d.png``.
    """
    figures = {
        "differences.png": differences_figure(assessments),
        "precision.png": precision_figure(assessments),
    }
    for horizon, assessment in assessments.items():
        suffix = f"_{horizon}d" if horizon else ""
        figures[f"calibration{suffix}.png"] = calibrations_figure(assessment)
        if any(found for column in assessment.slices.values() for found in column.values()):
            figures[f"slices{suffix}.png"] = slices_figure(assessment)
        if assessment.decay:
            figures[f"decay{suffix}.png"] = decay_figure(assessment)
    return figures


def differences_figure(assessments: Mapping[str, Assessment]) -> Figure:
    """AUC and log loss minus those of each rival but the constant, on the same rows; to the right
    of zero the model is better.
    """
    rivals = [name for name in RIVALS if name != "constant"]
    figure, left, right = _pair(0.9 + 0.3 * len(assessments) * len(rivals))
    for axes, metric, sign, label in (
        (left, "auc", 1.0, "AUC minus the rival's"),
        (right, "log_loss", -1.0, "the rival's log loss minus the model's"),
    ):
        rows = [
            (
                f"{_horizon_words(horizon)}{RIVAL_WORDS.get(name, name)}",
                _times(assessment.rivals[name].difference.get(metric), sign),
            )
            for horizon, assessment in assessments.items()
            for name in rivals
            if name in assessment.rivals
        ]
        _forest(axes, rows, [_shade(found) for _, found in rows])
        axes.axvline(0, color=MUTED, linewidth=1)
        axes.set_xlabel(f"{label}: worse (left), better (right)", color=INK, fontsize=8)
    right.set_yticklabels([])
    return figure


def precision_figure(assessments: Mapping[str, Assessment]) -> Figure:
    """Share of hits among as many as care can look after: of the model, its rivals, and of all
    rows.
    """
    rows: list[tuple[str, Estimate | None]] = []
    colours = []
    for horizon, assessment in assessments.items():
        rate = assessment.positives / assessment.rows
        found = {
            name: rival.metrics for name, rival in assessment.rivals.items() if name != "constant"
        }
        for name, metrics in {"model": assessment.metrics, **found}.items():
            rows.append(
                (
                    f"{_horizon_words(horizon)}{RIVAL_WORDS.get(name, name)}",
                    metrics.get("precision_capacity"),
                )
            )
            colours.append(MODEL if name == "model" else MUTED)
        rows.append((f"{_horizon_words(horizon)}picked at random", Estimate(rate, rate, rate)))
        colours.append(MUTED)
    figure = Figure(figsize=(6.4, 0.9 + 0.26 * len(rows)), dpi=_DPI, layout="constrained")
    axes = _styled(figure.add_subplot())
    _forest(axes, rows, colours)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, symbol=_PERCENT))
    axes.set_xlabel(
        "share with the outcome among as many as care can look after", color=INK, fontsize=9
    )
    return figure


def calibrations_figure(assessment: Assessment) -> Figure:
    """Calibration of every stratum side by side, all rows first."""
    strata = list(assessment.strata.items())
    figure = Figure(figsize=(0.4 + 3.4 * max(1, len(strata)), 3.5), dpi=_DPI, layout="constrained")
    for place, (name, calibration) in enumerate(strata, start=1):
        axes = _styled(figure.add_subplot(1, len(strata), place))
        _calibration(axes, calibration)
        axes.set_title(drawable(name), color=INK, fontsize=10)
    return figure


def calibration_figure(calibration: CalibrationFigures) -> Figure:
    """Share observed against probability by tenths of the rows.

    Each with its 95 % interval, and the bounds that all ten keep jointly if the predictions are
    right. The axes are square roots, so that small shares can be told apart.
    """
    figure = Figure(figsize=(4.2, 3.6), dpi=_DPI, layout="constrained")
    _calibration(_styled(figure.add_subplot()), calibration)
    return figure


def slices_figure(assessment: Assessment) -> Figure:
    """AUC of every slice with its interval; flagged ones stand out."""
    named = [
        (column, value, found)
        for column, values in assessment.slices.items()
        for value, found in values.items()
    ]
    rows = [
        (f"{_shortened(column)}: {_shortened(value)}", found.metrics.get("auc"))
        for column, value, found in named
    ]
    figure = Figure(figsize=(6.4, 0.9 + 0.24 * len(rows)), dpi=_DPI, layout="constrained")
    axes = _styled(figure.add_subplot())
    _forest(axes, rows, [slice_shade(found) for _, _, found in named])
    overall = assessment.metrics.get("auc")
    if overall:
        axes.axvline(overall.value, color=MUTED, linewidth=1, linestyle="--")
    axes.set_xlabel("AUC; dashed: of all rows", color=INK, fontsize=9)
    return figure


def decay_figure(assessment: Assessment, metric: str = "auc") -> Figure:
    """A figure by months after the last training cut-off; ``auc`` or ``observed_over_expected``."""
    figure = Figure(figsize=(4.2, 2.7), dpi=_DPI, layout="constrained")
    axes = _styled(figure.add_subplot())
    known = [
        (month.months_after, found)
        for month in assessment.decay
        if (found := month.metrics.get(metric))
    ]
    months = [float(month) for month, _ in known]
    axes.vlines(
        months,
        [found.low for _, found in known],
        [found.high for _, found in known],
        color=MODEL,
        linewidth=1.6,
    )
    axes.plot(
        months, [found.value for _, found in known], "o-", color=MODEL, linewidth=1, markersize=5
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
    axes.set_xlabel("months of 28 days after training", color=INK)
    axes.set_ylabel("AUC" if metric == "auc" else "observed over expected", color=INK)
    return figure


def tuning_figure(tuned: Tuned) -> Figure:
    """Log loss of every finished trial against what explaining it costs; the lower left is best."""
    figure = Figure(figsize=(4.2, 3.0), dpi=_DPI, layout="constrained")
    axes = _styled(figure.add_subplot())
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
            label="chosen" if chosen else "default parameters" if default else "_tried",
        )
    axes.margins(0.12)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_xlabel("leaves: the cost of explaining", color=INK)
    axes.set_ylabel("log loss, tuning rows", color=INK)
    if any(not text.startswith("_") for text in axes.get_legend_handles_labels()[1]):
        axes.legend(frameon=False, fontsize=9, labelcolor=INK, handletextpad=0.2)
    return figure


def slice_shade(found: Slice) -> str:
    """Colour of a slice: flagged, clearly worse or better than all other rows, or neither."""
    if found.flagged:
        return RISK
    return PALE if found.gap is None or found.gap.low <= 0 <= found.gap.high else MODEL


def drawable(text: str) -> str:
    """A text with whatever no font here can draw written as its code, so that no figure shows
    boxes.
    """
    return "".join(
        letter if ord(letter) in _letters() else f"\\u{ord(letter):04x}" for letter in text
    )


@cache
def _fonts() -> tuple[str, ...]:
    """Fonts to try in turn, of those that are installed."""
    installed = {entry.name for entry in font_manager.fontManager.ttflist}
    return tuple(name for name in _FONTS if name in installed)


@cache
def _letters() -> frozenset[int]:
    return frozenset(
        code
        for name in _fonts()
        for code in FT2Font(
            font_manager.findfont(font_manager.FontProperties(family=name))
        ).get_charmap()
    )


def _shortened(text: str) -> str:
    return drawable(text if len(text) <= _LONGEST_NAME else text[: _LONGEST_NAME - 1] + "…")


def _horizon_words(horizon: str) -> str:
    return f"{horizon} days, " if horizon else ""


def _times(found: Estimate | None, sign: float) -> Estimate | None:
    if found is None or sign > 0:
        return found
    return Estimate(-found.value, -found.high, -found.low)


def _shade(difference: Estimate | None) -> str:
    if difference is None or difference.low <= 0 <= difference.high:
        return MUTED
    return MODEL if difference.low > 0 else RISK


def _forest(
    axes: Axes, rows: Sequence[tuple[str, Estimate | None]], colours: Iterable[str]
) -> None:
    """A dot and its interval for each row, the first on top; nothing where a figure is not
    known.
    """
    for place, ((_, found), colour) in enumerate(zip(rows, colours, strict=True)):
        if found is not None:
            axes.hlines(-place, found.low, found.high, color=colour, linewidth=1.8)
            axes.plot(found.value, -place, "o", color=colour, markersize=5)
    axes.set_yticks(
        [-place for place in range(len(rows))],
        [label for label, _ in rows],
        fontfamily=list(_fonts()),
    )
    axes.tick_params(axis="y", labelcolor=INK, labelsize=8)
    axes.set_ylim(-len(rows) + 0.3, 0.7)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.grid(visible=False, axis="y")


def _calibration(axes: Axes, calibration: CalibrationFigures) -> None:
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
        label="joint 99" + _PERCENT,
    )
    axes.plot(
        np.linspace(0, end, 60),
        np.linspace(0, end, 60),
        color=MUTED,
        linewidth=1,
        linestyle="--",
        label="as predicted",
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
        axis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g}{_PERCENT}"))
    axes.set_xlabel("predicted probability", color=INK)
    axes.set_ylabel("share observed", color=INK)
    axes.legend(loc="upper left", frameon=False, fontsize=8, labelcolor=INK, handlelength=1.6)


def _root(values: np.ndarray) -> np.ndarray:
    return np.sqrt(np.maximum(values, 0.0))


def _root_ticks(end: float) -> list[float]:
    """Round shares up to `end`, those that would stand too close together left out."""
    found = [end]
    for tick in reversed(_ROOT_TICKS):
        if (
            tick <= end
            and (found == [end] or np.sqrt(found[-1]) - np.sqrt(tick) > 0.13 * np.sqrt(end))
            and tick > 0.02 * end
        ):
            found.append(tick)
    return sorted(found[1:])


def _pair(height: float) -> tuple[Figure, Axes, Axes]:
    figure = Figure(figsize=(9.0, height), dpi=_DPI, layout="constrained")
    left, right = figure.subplots(1, 2)
    return figure, _styled(left), _styled(right)


def _styled(axes: Axes) -> Axes:
    axes.tick_params(colors=MUTED, labelsize=9, length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(MUTED)
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    return axes
