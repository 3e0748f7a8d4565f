"""The `holdfast` command, put together from its commands.

Each command imports the packages it runs, and the library it prints tables with, inside its
functions, so that `--help` answers at once.
"""

from typing import Annotated

import typer

from commands import data, features, models
from commands.care import care
from commands.care.delivery import work
from commands.command import Commands
from commands.demo import demo
from commands.operation import keys
from commands.operation.erase import erase
from commands.operation.export import export, retention
from commands.operation.mapping import map_source
from commands.operation.nightly import nightly
from commands.operation.rank import rank
from commands.operation.score import score
from commands.operation.show import show
from commands.operation.status import status
from commands.quickstart import quickstart
from commands.serve import serve
from commands.settings import settings
from commands.simulate import simulate
from commands.tables import inspect, sample
from commands.train import train
from commands.uplift import uplift
from holdfast.interrupt import end_soon_after_interrupt

app = typer.Typer(
    name="holdfast",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Predicts who is about to leave and who is quietly dissatisfied, why, and whom to look after first.",
    epilog="Start with: holdfast quickstart customers.csv --id customerID --target Churn; "
    "without a table at hand: holdfast sample churn --out customers.csv",
    rich_markup_mode=None,  # rich help pages take longer to import than all the rest
)
data.app.command("map")(map_source)
app.add_typer(data.app, name="data")
app.add_typer(features.app, name="features")
app.add_typer(models.app, name="models")
app.add_typer(care.app, name="care")
app.add_typer(keys.app, name="keys")
COMMANDS = (
    *(quickstart, inspect, sample, serve, demo, simulate, train, uplift, rank),
    *(score, nightly, work, status, show, erase, export, retention, settings),
)
for command in COMMANDS:
    app.command()(command)


def main() -> None:
    """Entry point of the `holdfast` command."""
    end_soon_after_interrupt()
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


if __name__ == "__main__":
    main()
