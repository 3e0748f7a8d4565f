"""`holdfast demo`: everything once, on a simulated operator."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.command import JsonOption, home_of, reporting_errors
from commands.quickstart import print_quickstart

if TYPE_CHECKING:
    from pipeline.demo import Demo


@reporting_errors
def demo(
    home: Annotated[
        Path | None,
        typer.Option(
            help="Directory that holds everything. Default: demo below HOLDFAST_HOME, or var/demo",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Try everything once on a simulated operator."""
    from commands.console import print_json, results_only

    with results_only():
        from features.online.settings import OnlineSettings
        from features.settings import FeatureSettings
        from holdfast.clock import system_clock
        from holdfast.home import Home
        from pipeline.demo import demo as run
        from training.settings import TrainingConfig

        result = run(
            Home(home or home_of(None).root / "demo"),
            TrainingConfig.read(),
            features=FeatureSettings.read(),
            online=OnlineSettings.read(),
            clock=system_clock,
        )
    if as_json:
        print_json(result.to_json())
    else:
        _print_demo(result)


def _print_demo(result: "Demo") -> None:
    """Print the quickstart's results, the service's answers, and what to look at next."""
    from rich.console import Console
    from rich.markup import escape

    print_quickstart(result.quickstart)
    console = Console(highlight=False)
    console.print("\n[bold]Answers of the service[/bold]")
    console.print(
        "[dim]from the champion; the care list uses models that were not fitted on the customer's own row[/dim]"
    )
    for prediction in result.answer["predictions"]:
        customer = escape(prediction["customer_id"])
        console.print(
            f"\n  subscription [bold]{customer}[/bold]: {prediction['probability']:.1%}, {prediction['band']}"
        )
        for reason in prediction["reasons"]:
            direction = "raises" if reason["contribution"] > 0 else "lowers"
            value = "missing" if reason["value"] is None else reason["value"]
            what = escape(f"{reason['feature']} = {value}")
            console.print(f"    {direction} it: {what}  [dim]{reason['contribution']:+.2f}[/dim]")
    console.print(f"\nThe demo took {result.seconds:.0f} s.")
    home = result.quickstart.home
    first = escape(result.answer["predictions"][0]["customer_id"])
    console.print(
        f"Open [bold]{escape(str(home.report))}[/bold] in a browser, look up the first one, then try your own tables:"
    )
    console.print(
        f"  [bold]holdfast features show {first} --home {escape(str(home.root))}[/bold]",
        soft_wrap=True,
    )
    console.print("  [bold]holdfast inspect customers.csv[/bold]")
    console.print("  [bold]holdfast data check FOLDER[/bold]")
