"""Plots of reasons: what moves predictions overall, by driver and by reason, and how a cohort
differs from the rest.

Drawn like `reports.kit.plots`, in English. They show contributions to predictions, never causes.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from features.encoding.encoding import Column, Encoding
from holdfast.arrays import Floats
from models.reasons.explain import Explanation, by_reason
from models.reasons.meaning import TABLE_DRIVER, FeatureMeaning
from models.reasons.views import CohortView, Contrast, GlobalView, Strength
from models.words.catalogue import words
from reports.kit.plots import GRID, INK, MODEL, MUTED, PALE, RISK, beeswarm_figure

DRIVER_COLOURS = {
    "network": "#0072b2",
    "price": "#e69f00",
    "service": "#009e73",
    "contract": "#cc79a7",
    "usage": "#56b4e9",
    "relationship": "#d55e00",
    TABLE_DRIVER: "#8d949c",
}
"""One colour a driver, the same in every plot, apart for colour-blind readers (Okabe and Ito
2008).
"""

REASONS = 12
"""Reasons that a plot shows, at most."""

_DPI = 200
_ROW, _EDGE = 0.34, 0.95
# Units that go without saying beside two numbers.
_UNSAID = frozenset({"", "code", "currency", "currency per month", "ratio", "share", "yes or no"})


def reason_figures(
    explanation: Explanation, matrix: Floats, meanings: Sequence[FeatureMeaning], view: GlobalView
) -> dict[str, Figure]:
    """All plots of what moves predictions overall, by file name."""
    return {
        "drivers.png": drivers_figure(view),
        "reasons.png": reasons_figure(view),
        "reason_swarm.png": reason_swarm_figure(explanation, matrix, meanings),
    }


def drivers_figure(view: GlobalView) -> Figure:
    """Mean absolute contribution of each driver; the dark part comes from features that care can
    change.
    """
    figure, axes = _bars(len(view.drivers), "mean contribution, either way, log-odds")
    label = words("en").driver_label
    for row, strength in enumerate(view.drivers):
        changeable = strength.mean * strength.actionable
        axes.barh(
            -row,
            changeable,
            color=MODEL,
            height=0.62,
            label="care can change it" if row == 0 else None,
        )
        axes.barh(
            -row,
            strength.mean - changeable,
            left=changeable,
            color=PALE,
            height=0.62,
            label="care cannot" if row == 0 else None,
        )
        _note(axes, strength.mean, -row, _percent(strength.share))
    _name_rows(axes, [label(strength.key) for strength in view.drivers])
    axes.set_xlim(0, 1.14 * max((strength.mean for strength in view.drivers), default=1.0) or 1.0)
    axes.legend(loc="lower right", frameon=False, fontsize=8, labelcolor=INK, handlelength=1.2)
    return figure


def reasons_figure(view: GlobalView, count: int = REASONS) -> Figure:
    """Mean absolute contribution of the strongest reasons, coloured by driver, with the share of
    rows whose risk each raises.
    """
    shown = view.reasons[:count]
    figure, axes = _bars(len(shown), "mean contribution, either way, log-odds")
    label = words("en").reason_label
    for row, strength in enumerate(shown):
        axes.barh(-row, strength.mean, color=_colour(strength), height=0.62)
        _note(axes, strength.mean, -row, f"higher risk for {_percent(strength.raising)}")
    _name_rows(axes, [label(strength.key) for strength in shown])
    axes.set_xlim(0, 1.32 * max((strength.mean for strength in shown), default=1.0) or 1.0)
    _driver_legend(figure, [strength.driver for strength in shown])
    return figure


def cohort_figure(
    view: CohortView, cohort: str, rest: str = "everybody else", count: int = REASONS
) -> Figure:
    """Mean contribution of the reasons in which a cohort differs most from the rest, and the
    medians that tell them apart.

    Parameters
    ----------
    view : CohortView
        The comparison.
    cohort, rest : str
        What to call the two in the legend.
    count : int
        Most reasons shown.
    """
    shown = view.contrasts[:count]
    figure, axes = _bars(
        len(shown),
        "mean contribution: to lower risk (left), to higher risk (right), log-odds",
        width=8.4,
    )
    for row, contrast in enumerate(shown):
        colour = RISK if contrast.difference > 0 else MODEL
        axes.plot(
            [contrast.rest, contrast.cohort],
            [-row, -row],
            color=colour,
            linewidth=2,
            alpha=0.45,
            solid_capstyle="round",
        )
        axes.plot(contrast.rest, -row, "o", color=MUTED, markersize=5.5)
        axes.plot(contrast.cohort, -row, "o", color=colour, markersize=6.5)
        axes.annotate(
            _medians(contrast),
            (1.02, -row),
            xycoords=("axes fraction", "data"),
            va="center",
            color=MUTED,
            fontsize=8,
        )
    axes.axvline(0, color=MUTED, linewidth=1, zorder=0)
    axes.margins(x=0.06)
    _name_rows(axes, [words("en").reason_label(contrast.key) for contrast in shown])
    axes.annotate(
        "median, cohort against rest",
        (1.02, 1.0),
        xycoords="axes fraction",
        xytext=(0, 4),
        textcoords="offset points",
        color=INK,
        fontsize=8,
    )
    for text, colour in (
        (f"{cohort}, riskier by it", RISK),
        (f"{cohort}, safer by it", MODEL),
        (rest, MUTED),
    ):
        axes.plot([], [], "o", color=colour, markersize=5.5, label=text)
    figure.legend(
        loc="outside upper left",
        ncols=3,
        frameon=False,
        fontsize=8,
        handletextpad=0.1,
        columnspacing=1.4,
    )
    return figure


def reason_swarm_figure(
    explanation: Explanation,
    matrix: Floats,
    meanings: Sequence[FeatureMeaning],
    count: int = REASONS,
) -> Figure:
    """Contributions of the strongest reasons, one dot a row and reason, coloured by the reason's
    weightiest feature.

    Parameters
    ----------
    explanation : Explanation
        Of n sampled rows; an evenly spread thousand of them is drawn.
    matrix : (n, k) float64
        The rows' features, NaN for missing.
    meanings : sequence of FeatureMeaning
        What the k features mean, in the order of the columns.
    count : int
        Most reasons shown.
    """
    groups, label = by_reason(explanation, meanings), words("en").reason_label
    weights = np.abs(explanation.contributions).mean(axis=0)
    strongest = np.argsort(-np.abs(groups.contributions).mean(axis=0), kind="stable")[:count]
    columns, values = [], []
    for group in strongest:
        heaviest = max(groups.members[group], key=lambda position: weights[position])
        meaning = meanings[heaviest]
        name = f"{label(groups.names[group])}\n{meaning.name}"
        columns.append(
            Column(
                name=name,
                feature=name,
                kind="category" if meaning.unit == "code" else "number",
                why=meaning.about,
            )
        )
        values.append(matrix[:, heaviest])
    grouped = Explanation(explanation.base, groups.contributions[:, strongest])
    figure = beeswarm_figure(grouped, np.column_stack(values), Encoding(tuple(columns)))
    # The names take half the width: the usual label would run out of the picture.
    figure.axes[0].set_xlabel(
        "contribution: to lower risk (left), to higher risk (right), log-odds",
        color=INK,
        fontsize=9,
    )
    return figure


def _bars(rows: int, label: str, width: float = 6.4) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, _EDGE + _ROW * rows), dpi=_DPI, layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel(label, color=INK)
    axes.tick_params(colors=MUTED, labelsize=9, length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(MUTED)
    axes.grid(color=GRID, linewidth=0.8, axis="x")
    axes.set_axisbelow(True)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    return figure, axes


def _name_rows(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks([-row for row in range(len(names))], names, color=INK)
    axes.set_ylim(0.6 - len(names), 0.6)


def _note(axes: Axes, end: float, height: float, text: str) -> None:
    axes.annotate(
        text,
        (end, height),
        xytext=(4, 0),
        textcoords="offset points",
        va="center",
        color=MUTED,
        fontsize=8,
    )


def _colour(strength: Strength) -> str:
    return DRIVER_COLOURS.get(strength.driver, DRIVER_COLOURS[TABLE_DRIVER])


def _driver_legend(figure: Figure, drivers: Sequence[str]) -> None:
    (axes,) = figure.axes
    for driver in dict.fromkeys(drivers):
        axes.plot(
            [],
            [],
            "s",
            color=DRIVER_COLOURS.get(driver, DRIVER_COLOURS[TABLE_DRIVER]),
            label=words("en").driver_label(driver),
        )
    figure.legend(
        loc="outside upper left",
        ncols=3,
        frameon=False,
        fontsize=8,
        handletextpad=0.2,
        columnspacing=1.4,
    )


def _medians(contrast: Contrast) -> str:
    unit = "" if contrast.unit in _UNSAID else f" {contrast.unit}"
    return f"{contrast.feature}: {_number(contrast.cohort_value)} against {_number(contrast.rest_value)}{unit}"


def _number(value: float) -> str:
    if np.isnan(value):
        return "none"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f}\N{NO-BREAK SPACE}%"
