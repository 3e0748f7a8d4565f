"""Style: colours and axes that all plots share.

Figures are matplotlib's objects, never made through pyplot and its shared state. Colours keep apart
for colour-blind readers (Okabe and Ito 2008).
"""

from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK = "#1c2430"
MUTED = "#68727e"
GRID = "#dfe3e8"
MODEL = "#0072b2"
PALE = "#8fc1e0"
RISK = "#d55e00"

DPI = 200


def figure_with_axes(
    width: float, height: float, x_label: str, y_label: str
) -> tuple[Figure, Axes]:
    """A figure of so many inches with one pair of styled axes."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    axes = styled(figure.add_subplot())
    axes.set_xlabel(x_label, color=INK)
    axes.set_ylabel(y_label, color=INK)
    return figure, axes


def styled(axes: Axes) -> Axes:
    """The axes with a pale grid, and a frame at the bottom alone."""
    axes.tick_params(colors=MUTED, labelsize=9, length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(MUTED)
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    return axes


def legend(
    axes: Axes, place: Literal["upper left", "lower left", "lower right"], size: int = 9
) -> None:
    """A legend without a frame."""
    axes.legend(loc=place, frameon=False, fontsize=size, labelcolor=INK, handlelength=1.6)
