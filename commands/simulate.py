"""`holdfast simulate`: a simulated operator with a known truth."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.command import JsonOption, reporting_errors

if TYPE_CHECKING:
    from simulator.engine.magnitudes import Magnitude
    from simulator.engine.simulation import Simulation


@reporting_errors
def simulate(
    out: Annotated[
        Path,
        typer.Option(
            help="Folder to create; raw tables go into its folder raw, the truth into truth.",
            show_default=False,
        ),
    ],
    customers: Annotated[int, typer.Option(help="Customers who ever join.")] = 10_000,
    months: Annotated[
        int, typer.Option(help="Length of the period, in months of 52/12 weeks.")
    ] = 24,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    daily_usage: Annotated[
        bool, typer.Option("--daily-usage", help="Write use also by day, as the table usage_days.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Simulate an operator with a known truth: raw tables to try everything on."""
    from commands.console import print_json, results_only

    with results_only():
        from simulator.engine.simulation import check_request

        check_request(out, customers, months, seed)
        from simulator.engine.magnitudes import magnitudes
        from simulator.engine.simulator import simulate as run

        simulation = run(out, customers, months, seed, daily_usage=daily_usage).simulation
        figures = magnitudes(out)
    if as_json:
        print_json(_simulation_json(simulation, figures))
    else:
        _print_simulation(out, simulation, figures)


def _simulation_json(simulation: "Simulation", figures: "Sequence[Magnitude]") -> dict[str, object]:
    """What was simulated and its magnitudes as one JSON object; a figure that the period is too
    short for is null.
    """
    measured = [
        {**vars(figure), "simulated": None if math.isnan(figure.simulated) else figure.simulated}
        for figure in figures
    ]
    return {**vars(simulation), "magnitudes": measured}


def _print_simulation(out: Path, simulation: "Simulation", figures: "Sequence[Magnitude]") -> None:
    """Print its magnitudes beside the published ones, and where to go on."""
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Column, Table

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
