"""Plots of uplift, drawn like `reports.kit.plots`: what is gained by treating some and not
others.
"""

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from reports.kit.plots import GRID, INK, MODEL, MUTED, RISK
from training.uplift.result import ActionUplift

_DPI = 200
_PERCENT = "\N{NO-BREAK SPACE}%"


def qini_figure(action: ActionUplift, factor: float, unit: str) -> Figure:
    """The Qini curve: gain over treating nobody against the share treated, highest predicted uplift
    first.

    Parameters
    ----------
    action : ActionUplift
        What an experiment says of an action.
    factor : float
        What gains are shown times: 100 for points.
    unit : str
        What the gain is counted in, for the axis.
    """
    figure = Figure(figsize=(5.6, 3.7), dpi=_DPI, layout="constrained")
    axes = figure.add_subplot()
    share = [point.share for point in action.curve]
    value, low, high = (
        [factor * getattr(point.gain, name) for point in action.curve]
        for name in ("value", "low", "high")
    )
    axes.fill_between(share, low, high, color=MODEL, alpha=0.22, linewidth=0)
    axes.plot(share, value, "-", color=MODEL, linewidth=1.8, label="by predicted uplift")
    axes.plot([0, 1], [0, value[-1]], color=MUTED, linewidth=1, linestyle="--", label="at random")
    axes.axhline(0, color=INK, linewidth=0.8)
    model = next((policy for policy in action.policies if policy.name == "model"), None)
    if model is not None:
        here, low_here, high_here = (
            factor * getattr(model.gain, name) for name in ("value", "low", "high")
        )
        axes.vlines(model.share, low_here, high_here, color=RISK, linewidth=1.4)
        axes.plot([model.share], [here], "o", color=RISK, markersize=5, label="care's capacity")
    axes.set_xlabel("customers treated, highest predicted uplift first", color=INK)
    axes.set_ylabel(f"gain over treating nobody, {unit}", color=INK)
    axes.tick_params(colors=MUTED, labelsize=9, length=0)
    axes.spines[["top", "right", "left", "bottom"]].set_visible(False)
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_xlim(-0.01, 1.01)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, symbol=_PERCENT))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6))
    axes.yaxis.set_major_formatter(
        FuncFormatter(
            lambda number, _: f"{number:+.6g}".replace("-", "\N{MINUS SIGN}") if number else "0"
        )
    )
    falls = value[-1] < 0
    axes.legend(
        loc="lower left" if falls else "upper left",
        frameon=False,
        fontsize=9,
        labelcolor=INK,
        handlelength=1.6,
    )
    return figure
