"""The `holdfast` command. Rooms are imported inside the commands, so that `--help` answers at
once.
"""

from pathlib import Path
from typing import Annotated

import typer

from commands import data as data_commands
from commands import features as feature_commands
from commands import models as model_commands
from commands.command import HomeOption, JsonOption, home_of, reporting_errors
from commands.train import train
from commands.uplift import uplift

app = typer.Typer(
    name="holdfast",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Who is about to leave, who is quietly dissatisfied and why, and whom to care for first.",
    epilog="Start with: holdfast quickstart customers.csv --target Churn --id customerID",
    rich_markup_mode=None,  # rich help pages take longer to import than all the rest
)
app.add_typer(data_commands.app, name="data")
app.add_typer(feature_commands.app, name="features")
app.add_typer(model_commands.app, name="models")
app.command()(train)
app.command()(uplift)


def main() -> None:
    """Entry point of the `holdfast` command."""
    app()


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"holdfast {version('holdfast')}")
        raise typer.Exit


@app.callback()
def _start(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and log lines.")] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    from commands.console import ConsoleReporter
    from holdfast.logging import log_to_stderr, show_progress_with

    log_to_stderr(debug)
    show_progress_with(ConsoleReporter())


@app.command()
@reporting_errors
def quickstart(
    table: Annotated[
        Path,
        typer.Argument(
            metavar="TABLE",
            help="One row a customer: .csv, .csv.gz or .parquet.",
            show_default=False,
        ),
    ],
    target: Annotated[
        str,
        typer.Option(
            help="Column that says who left; rows where it is blank are only scored.",
            show_default=False,
        ),
    ],
    id: Annotated[
        str | None,
        typer.Option(
            help="Column that names the customer. Default: row number", show_default=False
        ),
    ] = None,
    positive: Annotated[
        list[str] | None,
        typer.Option(
            help="Value of the target that means “left”; repeat for several.", show_default=False
        ),
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(
            help="Column with the row's date; the model is then judged on later rows.",
            show_default=False,
        ),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(
            help="Column whose equal values belong together, such as a household.",
            show_default=False,
        ),
    ] = None,
    drop: Annotated[
        list[str] | None,
        typer.Option(help="Column not to use; repeat for several.", show_default=False),
    ] = None,
    value: Annotated[
        str | None,
        typer.Option(
            help="Column with what a customer is worth; orders the care list.", show_default=False
        ),
    ] = None,
    available_at_scoring: Annotated[
        Path | None,
        typer.Option(
            help="File with the columns known when scoring, one a line; others are left out.",
            show_default=False,
        ),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a served churn model from one customer table."""
    from commands.console import print_json, results_only

    with results_only():
        from features.flat.customers import Roles, read_column_names
        from pipeline.quickstart import quickstart as run

        roles = Roles(
            target=target,
            id=id,
            positive=tuple(positive or ()),
            time=time,
            group=group,
            value=value,
            drop=tuple(drop or ()),
            available=None
            if available_at_scoring is None
            else read_column_names(available_at_scoring),
        )
        result = run(table, roles, home_of(home))
    if as_json:
        print_json(result.to_json())
    else:
        from commands.summary import print_quickstart

        print_quickstart(result)


@app.command()
@reporting_errors
def serve(
    home: HomeOption = None,
    host: Annotated[
        str,
        typer.Option(
            help="Address to listen on; other than loopback needs HOLDFAST_SERVING_API_KEY."
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="Port to listen on; 0 for any that is free.", min=0, max=65535)
    ] = 3000,
) -> None:
    """Answer prediction requests over HTTP."""
    from serving.server import run

    run(home_of(home), host, port)


@app.command()
@reporting_errors
def demo(
    home: Annotated[
        Path | None,
        typer.Option(
            help="Directory that everything lies in. Default: demo below HOLDFAST_HOME, or var/demo",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Try everything once on generated customers."""
    from commands.console import print_json, results_only

    with results_only():
        from holdfast.home import Home
        from pipeline.demo import demo as run

        result = run(Home(home or home_of(None).root / "demo"))
    if as_json:
        print_json(result.to_json())
    else:
        from commands.summary import print_demo

        print_demo(result)


@app.command()
@reporting_errors
def simulate(
    out: Annotated[
        Path,
        typer.Option(
            help="Folder to make; raw tables lie in its folder raw, the truth in truth.",
            show_default=False,
        ),
    ],
    customers: Annotated[int, typer.Option(help="Customers who ever join.")] = 10_000,
    months: Annotated[
        int, typer.Option(help="Length of the period, in months of 52/12 weeks.")
    ] = 24,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Make up an operator whose truth is known: raw tables to try everything on."""
    from commands.console import print_json, results_only

    with results_only():
        from simulator.engine.magnitudes import magnitudes
        from simulator.engine.simulator import simulate as run

        simulation = run(out, customers, months, seed).simulation
        figures = magnitudes(out)
    from commands.simulation_summary import print_simulation, simulation_json

    if as_json:
        print_json(simulation_json(simulation, figures))
    else:
        print_simulation(out, simulation, figures)


@app.command()
@reporting_errors
def settings(as_json: JsonOption = False) -> None:
    """Show every setting, its value and where it comes from."""
    from commands.console import print_json
    from commands.sections import effective_settings

    found = effective_settings()
    if as_json:
        print_json({"settings": [vars(setting) for setting in found]})
    else:
        from commands.summary import print_settings

        print_settings(found)


if __name__ == "__main__":
    main()
