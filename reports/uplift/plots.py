"""Plots of uplift: what is gained by treating some and not others."""

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from reports.kit.numbers import PERCENT, typeset
from reports.kit.style import INK, MODEL, MUTED, RISK, figure_with_axes, legend
from reports.words.texts import ENGLISH, Texts
from training.uplift.result import ActionUplift


def qini_figure(action: ActionUplift, factor: float, unit: str, texts: Texts = ENGLISH) -> Figure:
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
    texts : Texts
        In which language.
    """
    figure, axes = figure_with_axes(
        5.6,
        3.7,
        texts.gettext("customers treated, highest predicted uplift first"),
        texts.gettext("gain over treating nobody, {unit}").format(unit=unit),
    )
    share = [point.share for point in action.curve]
    value, low, high = (
        [factor * getattr(point.gain, name) for point in action.curve]
        for name in ("value", "low", "high")
    )
    axes.fill_between(share, low, high, color=MODEL, alpha=0.22, linewidth=0)
    axes.plot(
        share, value, "-", color=MODEL, linewidth=1.8, label=texts.gettext("by predicted uplift")
    )
    axes.plot(
        [0, 1],
        [0, value[-1]],
        color=MUTED,
        linewidth=1,
        linestyle="--",
        label=texts.gettext("at random"),
    )
    axes.axhline(0, color=INK, linewidth=0.8)
    model = next((policy for policy in action.policies if policy.name == "model"), None)
    if model is not None:
        here, low_here, high_here = (
            factor * getattr(model.gain, name) for name in ("value", "low", "high")
        )
        axes.vlines(model.share, low_here, high_here, color=RISK, linewidth=1.4)
        axes.plot(
            [model.share],
            [here],
            "o",
            color=RISK,
            markersize=5,
            label=texts.gettext("care's capacity"),
        )
    axes.spines["bottom"].set_visible(False)
    axes.set_xlim(-0.01, 1.01)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, symbol=PERCENT))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda number, _: typeset(f"{number:+.6g}")))
    legend(axes, "lower left" if value[-1] < 0 else "upper left")
    return figure
