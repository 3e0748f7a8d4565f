"""`holdfast quickstart`: a churn model from one customer table, ready to serve."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.command import HomeOption, JsonOption, home_of, reporting_errors
from commands.tables import (
    ColumnsOption,
    DropOption,
    EncodingOption,
    GroupOption,
    IdOption,
    QueryOption,
    TableArgument,
    asking,
    options_of,
    unread,
)

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline.quickstart import Quickstart

_ADVICE = {
    "single_column": "predicts the outcome almost alone; was it known before the customer left?",
    "missingness": "is missing for one outcome more than for the other; was it filled in afterwards?",
    "id_like": "has almost only distinct values, like an id; use --drop?",
    "duplicate_rows": "of the rows repeat another row; they may be on both sides of a split",
    "too_good": "is the cross-validated AUC; churn is rarely that predictable",
}


@reporting_errors
def quickstart(
    table: TableArgument,
    target: Annotated[
        str,
        typer.Option(
            help="Column that says who left; rows where it is blank are scored only.",
            show_default=False,
        ),
    ],
    id: IdOption = None,
    positive: Annotated[
        list[str] | None,
        typer.Option(
            help="Value of the target that means “left”; repeat for several.", show_default=False
        ),
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(
            help="Column with the row's date; the model is then evaluated on later rows.",
            show_default=False,
        ),
    ] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="Day on which all rows were true, UTC, where no column says so."
            " Default: when the table is read",
            show_default=False,
        ),
    ] = None,
    group: GroupOption = None,
    drop: DropOption = None,
    value: Annotated[
        str | None,
        typer.Option(
            help="Column with the customer's value; the care list is ordered by it.",
            show_default=False,
        ),
    ] = None,
    available_at_scoring: Annotated[
        Path | None,
        typer.Option(
            help="File with the columns that are available when scoring, one per line; others are left out.",
            show_default=False,
        ),
    ] = None,
    columns: ColumnsOption = None,
    encoding: EncodingOption = None,
    query: QueryOption = None,
    language: Annotated[
        str,
        typer.Option(help="Language of the report and the care list: en, zh-Hans or zh-Hant."),
    ] = "en",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a churn model from one customer table, ready to serve."""
    from commands.console import print_json, results_only

    with results_only(), asking(table):
        from features.flat.customers import Roles, read_column_names
        from features.online.settings import OnlineSettings
        from holdfast.clock import home_clock, system_clock
        from pipeline.quickstart import quickstart as run
        from training.settings import TrainingConfig

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
        where = home_of(home)
        result = run(
            table,
            roles,
            where,
            TrainingConfig.read(),
            clock=home_clock(where, system_clock),
            as_of=as_of and as_of.replace(tzinfo=UTC),
            online=OnlineSettings.read(),
            options=options_of(columns, encoding, query),
            language=language,
        )
    if as_json:
        print_json(result.to_json())
    else:
        print_quickstart(result)


def print_quickstart(result: "Quickstart") -> None:
    """Print the kind of each column, how good the model is, what is suspicious, and where the files
    are.
    """
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Column, Table

    console = Console(highlight=False)
    columns = Table(
        Column("column", overflow="fold"), "kind", "why", "missing", "means missing",
        Column("does not fit", overflow="fold"), box=box.SIMPLE_HEAD,
    )  # fmt: skip
    plan = result.customers.plan
    for column in result.encoding.columns:
        missing = result.missing_share(column.name)
        reading = plan.column(column.name)
        kind = (
            f"{reading.kind} ({len(column.categories)})"
            if column.kind == "category"
            else column.kind
        )
        columns.add_row(
            escape(column.name),
            kind,
            escape(column.why),
            f"{missing:.1%}" if missing else "",
            escape(" ".join(reading.missing_marks)),
            escape(unread(reading)),
        )
    for name in result.customers.left_out:
        reading = plan.column(name)
        why = "not available at scoring, or all missing" if reading.is_feature else reading.why
        columns.add_row(escape(name), "left out", escape(why))
    console.print(columns)
    for note in result.customers.notes:
        console.print(f"[dim]{escape(note)}[/dim]")
    _print_figures(result, console)
    for flag in result.training.flags:
        what = escape(flag.column or "the table")
        console.print(
            f"[yellow]suspicious[/yellow] {what}: {flag.kind} {flag.figure:.3f}, {_ADVICE[flag.kind]}"
        )
    home = result.home
    if result.version is None:
        _print_nothing(result, console)
        return
    console.print(
        f"\n[bold]{result.model_name} version {result.version}[/bold] is champion, after {result.seconds:.0f} s. Look at"
    )
    for path, what in (
        (home.report, "the report"),
        (home.care_list, "customers in the order to look after them"),
        (home.scores, "everyone's scores"),
    ):
        console.print(f"  {escape(str(path))}  [dim]{what}[/dim]", soft_wrap=True)
    console.print(
        f"and serve it: [bold]holdfast serve --home {escape(str(home.root))}[/bold]", soft_wrap=True
    )


def _print_nothing(result: "Quickstart", console: "Console") -> None:
    from rich.markup import escape

    if result.training.evaluation.signal.enough_data:
        what = "The table does not predict who leaves"
        why = "no better than chance, or hardly so"
    else:
        what = "Not enough data yet"
        why = "not shown to be better than chance, but too few customers left to say that it is not"
    console.print(f"\n[bold yellow]{what}[/bold yellow]: the order of customers is {why}.")
    console.print("No model was registered: this run made no bands and no care list.")
    if result.champion is not None:
        console.print(
            f"Version {result.champion}, from an earlier run, stays champion, with its scores and its care list."
        )
    console.print("What to try is in the report:")
    console.print(f"  {escape(str(result.home.report))}", soft_wrap=True)


def _print_figures(result: "Quickstart", console: "Console") -> None:
    from rich.markup import escape
    from rich.table import Table

    evaluation = result.training.evaluation
    spread = "" if evaluation.auc_sd is None else f" ± {evaluation.auc_sd:.3f} over folds"
    top = evaluation.deciles[0]
    roles = result.customers.roles
    left = escape(f"{roles.target} = {' or '.join(roles.positive)}")
    console.print(
        f"{len(result.customers.ids):,} customers; left means {left}: {result.positive_rate:.2%} where the outcome is known\n"
    )
    figures = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    figures.add_row(
        "AUC",
        f"{evaluation.auc:.4f}{spread}",
        f"[dim]{evaluation.auc_low:.3f} to {evaluation.auc_high:.3f}; 0.5 is chance[/dim]",
    )
    figures.add_row(
        "lift, top decile",
        f"{evaluation.lift_top_decile:.2f}",
        f"[dim]{top.lift_low:.2f} to {top.lift_high:.2f}; 1 is chance[/dim]",
    )
    figures.add_row(
        "average precision",
        f"{evaluation.average_precision:.4f}",
        f"[dim]{evaluation.positive_rate:.4f} is chance[/dim]",
    )
    figures.add_row("calibration error", f"{evaluation.ece:.4f}", "[dim]0 is perfect[/dim]")
    figures.add_row("Brier score", f"{evaluation.brier:.4f}")
    figures.add_row(
        "log loss",
        f"{evaluation.log_loss:.4f}",
        f"[dim]{evaluation.log_loss_of_constant:.4f} is the same probability for all[/dim]",
    )
    console.print(figures)
