"""What a person sees of a simulated operator on the terminal."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

if TYPE_CHECKING:
    from simulator.engine.magnitudes import Magnitude
    from simulator.engine.simulator import Simulation


def simulation_json(simulation: "Simulation", figures: "Sequence[Magnitude]") -> dict[str, object]:
    """What was simulated and its magnitudes as one JSON object; a figure that the period is too
    short for is null.
    """
    measured = [
        {**vars(figure), "simulated": None if math.isnan(figure.simulated) else figure.simulated}
        for figure in figures
    ]
    return {**vars(simulation), "magnitudes": measured}


def print_simulation(out: Path, simulation: "Simulation", figures: "Sequence[Magnitude]") -> None:
    """Print its magnitudes beside the published ones, and where to go on."""
    console = Console(highlight=False)
    table = Table(
        "figure", Column("simulated", justify="right"), "published", "source", box=box.SIMPLE_HEAD
    )
    for figure in figures:
        value = "–" if math.isnan(figure.simulated) else f"{figure.simulated:.3g}"
        table.add_row(
            escape(figure.figure),
            value,
            escape(figure.published),
            f"[dim]{escape(figure.source)}[/dim]",
        )
    console.print(table)
    console.print(
        f"{simulation.customers:,} customers, {simulation.start} to {simulation.end}, seed {simulation.seed}. Next:"
    )
    console.print(f"  [bold]holdfast data check {escape(str(out / 'raw'))}[/bold]", soft_wrap=True)
    console.print(
        f"  [bold]holdfast features build {escape(str(out / 'raw'))}[/bold]", soft_wrap=True
    )
