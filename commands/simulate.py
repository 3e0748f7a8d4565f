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


_ACTION_TEXTS = (
    *("subscription_id", "customer_id", "action", "channel", "arm"),
    *("contact_id", "campaign_id"),
)


@reporting_errors
def simulate(
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder to create; raw tables go into its folder raw, the truth into truth.",
            show_default=False,
        ),
    ] = None,
    go_on: Annotated[
        Path | None,
        typer.Option(
            "--continue",
            metavar="DIR",
            help="Go on with the simulation in this folder instead, for --days.",
            show_default=False,
        ),
    ] = None,
    days: Annotated[int, typer.Option(help="With --continue: how long, in days.")] = 28,
    actions: Annotated[
        Path | None,
        typer.Option(
            help="With --continue: care decided for these days, CSV or Parquet: customer_id or"
            " subscription_id, action, channel, at, arm; also propensity, contact_id, campaign_id.",
            show_default=False,
        ),
    ] = None,
    customers: Annotated[
        int,
        typer.Option(
            help="About how many customers two years tell of: three quarters of them are there at"
            " any time."
        ),
    ] = 10_000,
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
    from holdfast.errors import InputError

    if out is not None and go_on is None:
        if actions is not None:
            raise InputError("--actions", "must come with --continue", str(actions))
        _simulate(out, customers, months, seed, daily_usage, as_json)
        return
    if go_on is None or out is not None:
        raise InputError("--out", "must be given, or --continue instead of it")
    with results_only():
        simulation = _continue(go_on, days, actions)
    if as_json:
        print_json(vars(simulation))
    else:
        typer.echo(f"{go_on}: simulated until {simulation.end}.")


def _simulate(
    out: Path, customers: int, months: int, seed: int, daily_usage: bool, as_json: bool
) -> None:
    """Simulate from the first week."""
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


def _continue(folder: Path, days: int, actions: Path | None) -> "Simulation":
    """Go on with a simulation, with the care of a file."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    from holdfast.errors import InputError
    from holdfast.files import require_file
    from simulator.engine.simulator import Simulator

    given = None
    if actions is not None:
        require_file("--actions", actions)
        try:
            given = (
                pa.parquet.read_table(actions)
                if actions.suffix == ".parquet"
                else pa.csv.read_csv(
                    actions,
                    convert_options=pa.csv.ConvertOptions(
                        column_types=dict.fromkeys(_ACTION_TEXTS, pa.string())
                        | {"at": pa.timestamp("us", "UTC"), "propensity": pa.float64()},
                        strings_can_be_null=True,
                    ),
                )
            )
        except pa.ArrowException as error:
            rule = "must be a CSV or Parquet file whose times have a time zone"
            raise InputError("--actions", rule, type(error).__name__) from None
    return Simulator.open(folder).advance(days, given)


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
