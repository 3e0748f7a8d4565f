"""What a person sees of an experiment on the terminal."""

from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

if TYPE_CHECKING:
    from pipeline.uplift import UpliftRun
    from training.assessment import Estimate


def print_uplift(run: "UpliftRun") -> None:
    """Print the verdicts, and where everything lies."""
    console = Console(highlight=False)
    experiment = run.experiment
    console.print(f"[bold]{escape(experiment.name)}[/bold]: {len(experiment.outcome):,} rows, {escape('; '.join(run.notes))}")
    for action in run.judged.actions:
        console.print(
            f"\n[bold]{escape(action.action)}[/bold] against {escape(action.control.name)}: [bold]{action.verdict}[/bold]"
        )
        table = Table(Column(""), Column("value", justify="right"), Column("95 % interval", justify="right"), box=box.SIMPLE_HEAD)
        table.add_row("average effect, randomised", *_cells(action.average))
        table.add_row("AUTOC of the ranking", *_cells(action.autoc))
        console.print(table)
    console.print(f"{escape(str(run.directory))}", soft_wrap=True)


def _cells(estimate: "Estimate") -> tuple[str, str]:
    return f"{estimate.value:+.4f}", f"{estimate.low:+.4f} to {estimate.high:+.4f}"
