"""What a person sees of a result on the terminal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from commands.sections import Setting

if TYPE_CHECKING:
    from pipeline.demo import Demo
    from pipeline.quickstart import Quickstart

_ADVICE = {
    "single_column": "tells the answer almost alone; known before the customer left?",
    "missingness": "is missing for some outcomes more than for others; filled in afterwards?",
    "id_like": "has hardly two equal values, as an id has; use --drop?",
    "duplicate_rows": "of the rows repeat another; they may sit on both sides of a split",
    "too_good": "is the cross-validated AUC; real churn is not that predictable",
}


def print_quickstart(result: "Quickstart") -> None:
    """Print what was decided per column, how good the model is, what is suspicious, and where
    everything lies.
    """
    console = Console(highlight=False)
    columns = Table(
        Column("column", overflow="fold"), "is a", "because", "missing", box=box.SIMPLE_HEAD
    )
    for column in result.encoding.columns:
        missing = result.missing_share(column.name)
        kind = (
            f"{column.kind} ({len(column.categories)})"
            if column.kind == "category"
            else column.kind
        )
        columns.add_row(
            escape(column.name), kind, escape(column.why), f"{missing:.1%}" if missing else ""
        )
    for name in result.customers.left_out:
        columns.add_row(escape(name), "left out", "not available at scoring, or all missing")
    console.print(columns)
    _print_figures(result, console)
    for flag in result.training.flags:
        what = escape(flag.column or "the table")
        console.print(
            f"[yellow]suspicious[/yellow] {what}: {flag.kind} {flag.figure:.3f}, {_ADVICE[flag.kind]}"
        )
    home = result.home
    console.print(
        f"\n[bold]{result.model_name} version {result.version}[/bold] is champion, in {result.seconds:.0f} s. Look at"
    )
    for path, what in (
        (home.report, "the report"),
        (home.care_list, "whom to care for first"),
        (home.scores, "everyone's scores"),
    ):
        console.print(f"  {escape(str(path))}  [dim]{what}[/dim]", soft_wrap=True)
    console.print(
        f"and serve it: [bold]holdfast serve --home {escape(str(home.root))}[/bold]", soft_wrap=True
    )


def _print_figures(result: "Quickstart", console: Console) -> None:
    evaluation = result.training.evaluation
    spread = "" if evaluation.auc_sd is None else f" ± {evaluation.auc_sd:.3f} over folds"
    roles = result.customers.roles
    left = escape(f"{roles.target} = {' or '.join(roles.positive)}")
    console.print(
        f"{len(result.customers.ids):,} customers; left means {left}: {result.positive_rate:.2%} of known outcomes\n"
    )
    figures = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    figures.add_row("AUC", f"{evaluation.auc:.4f}{spread}", "[dim]0.5 is chance[/dim]")
    figures.add_row(
        "lift, top decile", f"{evaluation.lift_top_decile:.2f}", "[dim]1 is chance[/dim]"
    )
    figures.add_row(
        "average precision",
        f"{evaluation.average_precision:.4f}",
        f"[dim]{evaluation.positive_rate:.4f} is chance[/dim]",
    )
    figures.add_row("calibration error", f"{evaluation.ece:.4f}", "[dim]0 is perfect[/dim]")
    figures.add_row("Brier score", f"{evaluation.brier:.4f}")
    console.print(figures)


def print_demo(result: "Demo") -> None:
    """Print the demo's quickstart and the service's answers, and what to look at next."""
    print_quickstart(result.quickstart)
    console = Console(highlight=False)
    console.print("\n[bold]What the service answered[/bold]")
    console.print(
        "[dim]by the champion; the care list goes by models that had not seen the outcome[/dim]"
    )
    for prediction in result.answer["predictions"]:
        customer = escape(prediction["customer_id"])
        console.print(
            f"\n  subscription [bold]{customer}[/bold]: {prediction['probability']:.1%}, {prediction['band']}"
        )
        for reason in prediction["reasons"]:
            direction = "raises" if reason["contribution"] > 0 else "lowers"
            value = "not known" if reason["value"] is None else reason["value"]
            what = escape(f"{reason['feature']} = {value}")
            console.print(f"    {direction} it: {what}  [dim]{reason['contribution']:+.2f}[/dim]")
    home = result.quickstart.home
    first = escape(result.answer["predictions"][0]["customer_id"])
    console.print(
        f"\nOpen [bold]{escape(str(home.report))}[/bold] in a browser, look the first one up, then try tables of your own:"
    )
    console.print(
        f"  [bold]holdfast features show {first} --home {escape(str(home.root))}[/bold]",
        soft_wrap=True,
    )
    console.print("  [bold]holdfast quickstart customers.csv --id customerID --target Churn[/bold]")
    console.print("  [bold]holdfast data check FOLDER[/bold]")


def print_settings(settings: Sequence[Setting]) -> None:
    """Print every setting."""
    table = Table(
        Column("setting", no_wrap=True),
        Column("value", overflow="fold"),
        "from",
        "what for",
        box=box.SIMPLE_HEAD,
    )
    for setting in settings:
        table.add_row(
            setting.variable, escape(setting.value), setting.origin, escape(setting.description)
        )
    Console(highlight=False).print(table)
