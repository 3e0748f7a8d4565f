"""`holdfast models`: list, show, compare, promote, rollback."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands.command import HomeOption, JsonOption, home_of, in_same_home, reporting_errors

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from pipeline.found_nothing import FoundNothing
    from pipeline.promote import ListedVersion, Promotion, Rollback, ShownVersion
    from training.release.comparison import ComparedFigure, VersionComparison

_GATE = {
    "passed": "[green]passed[/green]",
    "refused": "[red]refused[/red]",
    "ungated": "[yellow]ungated[/yellow]",
}
_NOTHING = "[dim]–[/dim]"

REFUSED = 3
"""Exit code where the gate refused."""

app = typer.Typer(
    no_args_is_help=True,
    help="Model versions: which exist, and which is served.",
    rich_markup_mode=None,
)

ModelOption = Annotated[
    str,
    typer.Option(help="Registered model, such as churn, csat_low, or churn_table of quickstart."),
]


@app.command("list")
@reporting_errors
def list_(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List all versions of all models."""
    from commands.console import print_json, results_only

    with results_only():
        from models.registry import require_registry

        registry = home_of(home)
        require_registry(registry)
        from pipeline.found_nothing import all_found_nothing
        from pipeline.promote import list_models

        versions, found_nothing = list_models(registry), all_found_nothing(registry)
    if as_json:
        print_json(
            {
                "versions": [vars(version) for version in versions],
                "found_nothing": [vars(one) for one in found_nothing],
            }
        )
    else:
        _print_versions(versions, found_nothing)


@app.command()
@reporting_errors
def show(
    number: Annotated[
        str,
        typer.Argument(
            metavar="[NUMBER]",
            help="A version's number, or champion, challenger, previous, shadow.",
        ),
    ] = "champion",
    model: ModelOption = "churn",
    card: Annotated[
        bool, typer.Option("--card", help="Print only its model card, in Markdown.")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a version: its figures, gate decisions and times as champion."""
    from commands.console import print_json, results_only

    with results_only():
        from models.registry import require_version

        registry = home_of(home)
        require_version(registry, model, number)
        from pipeline.promote import show_model

        shown = show_model(registry, model, number)
    if as_json:
        print_json(shown.to_json())
    elif card:
        typer.echo(shown.card, nl=False)
    else:
        _print_version(shown, home)


@app.command()
@reporting_errors
def compare(
    one: Annotated[
        str, typer.Argument(help="A version's number, or champion, challenger, previous.")
    ],
    other: Annotated[str, typer.Argument(help="The version to compare it with.")],
    model: ModelOption = "churn",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show two versions side by side, with differences on the rows that both were tested on."""
    from commands.console import print_json, results_only

    with results_only():
        from models.registry import require_version

        registry = home_of(home)
        for number in (one, other):
            require_version(registry, model, number)
        from training.release.comparison import compare_models
        from training.settings import AssessmentSettings, TrainingSettings

        settings, seed = AssessmentSettings.read(), TrainingSettings.read().seed
        comparison = compare_models(registry, model, one, other, settings, seed)
    if as_json:
        print_json(comparison.to_json())
    else:
        _print_comparison(comparison)


@app.command()
@reporting_errors
def promote(
    number: Annotated[
        str,
        typer.Argument(
            metavar="[NUMBER]", help="A version's number, or an alias such as previous."
        ),
    ] = "challenger",
    model: ModelOption = "churn",
    explain_flag: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=REASON",
            help="Why a flag of the leak watch is not a leak, by its column or kind; kept on record; repeat for several.",
            show_default=False,
        ),
    ] = None,
    shadow: Annotated[
        bool,
        typer.Option(
            "--shadow",
            help="For a model without champion: if a version lacks nothing but evidence (positives, months, or a"
            " level that is shown), make it shadow: served, and marked so.",
        ),
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask the gate, and make a version champion if it passes; exit code 3 if it is refused."""
    from commands.console import print_json, results_only

    with results_only():
        from models.registry import require_version

        registry = home_of(home)
        explanations = _explanations(explain_flag or [])
        require_version(registry, model, number)
        from features.online.settings import OnlineSettings
        from holdfast.clock import home_clock, system_clock
        from pipeline.promote import promote_model
        from training.settings import GateSettings

        promotion = promote_model(
            registry,
            model,
            number,
            explanations,
            shadow=shadow,
            gate=GateSettings.read(),
            online=OnlineSettings.read(),
            clock=home_clock(registry, system_clock),
        )
    if as_json:
        print_json(promotion.to_json())
    else:
        _print_promotion(promotion, home)
    if not (promotion.champion or promotion.shadow):
        raise typer.Exit(REFUSED)


@app.command()
@reporting_errors
def rollback(
    model: ModelOption = "churn", home: HomeOption = None, as_json: JsonOption = False
) -> None:
    """Make the previous champion champion again; a second rollback undoes it."""
    from commands.console import print_json, results_only

    with results_only():
        from models.registry import require_previous

        registry = home_of(home)
        require_previous(registry, model)
        from features.online.settings import OnlineSettings
        from holdfast.clock import home_clock, system_clock
        from pipeline.promote import rollback_model

        clock = home_clock(registry, system_clock)
        result = rollback_model(registry, model, online=OnlineSettings.read(), clock=clock)
    if as_json:
        print_json(result.to_json())
    else:
        _print_rollback(result)


def _explanations(options: list[str]) -> dict[str, str]:
    from holdfast.errors import InputError

    explained = {}
    for option in options:
        name, equals, reason = option.partition("=")
        if not (name.strip() and equals and reason.strip()):
            raise InputError("--explain-flag", "must be NAME=REASON", option)
        explained[name.strip()] = reason.strip()
    return explained


def _print_versions(
    versions: "Sequence[ListedVersion]", found_nothing: "Sequence[FoundNothing]"
) -> None:
    """Print all versions by model, newest first, and which models' last training found nothing."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False)
    if not versions:
        console.print("No model is registered yet.")
    for name, group in groupby(versions, key=lambda version: version.name):
        of_model = list(group)
        horizon = next((version.horizon_days for version in of_model if version.horizon_days), None)
        within = f"  [dim]figures within {horizon} days[/dim]" if horizon else ""
        console.print(f"[bold]{escape(name)}[/bold]{within}")
        table = _versions_table(of_model)
        widest = console.options.update(width=10_000)
        if console.measure(table, options=widest).maximum <= console.width:
            console.print(table)
        else:  # a table that is too wide would lose digits
            for version in of_model:
                _print_block(console, version)
    for one in found_nothing:
        console.print(
            f"The last training of {one.model}, on {one.at[:10]}, found nothing: {escape(one.report)}",
            soft_wrap=True,
        )


def _versions_table(versions: "Sequence[ListedVersion]") -> "Table":
    """The versions of one model, a row each; a heading's words on lines of their own, to take less room."""
    from rich import box
    from rich.table import Column, Table

    metrics = list(dict.fromkeys(metric for version in versions for metric in version.figures))
    titles = [Column(metric.replace("_", "\n"), justify="right") for metric in metrics]
    names = (Column("version", justify="right"), "alias", "gate")
    table = Table(*names, *titles, "made", box=box.SIMPLE_HEAD)
    for version in versions:
        figures = [_listed_figure(version, metric) for metric in metrics]
        row = (version.number, ", ".join(version.aliases), _gate(version))
        table.add_row(*row, *figures, version.made_at[:10])
    return table


def _print_block(console: "Console", version: "ListedVersion") -> None:
    """Print one version on several lines, for a console that is too narrow for a table."""
    aliases = "".join(f", {alias}" for alias in version.aliases)
    about = f"{aliases}: {_gate(version)}, made {version.made_at[:10]}"
    console.print(f"  [bold]version {version.number}[/bold]{about}", soft_wrap=True)
    for metric in version.figures:
        console.print(
            f"    {metric.replace('_', ' ')} {_listed_figure(version, metric)}", soft_wrap=True
        )


def _gate(version: "ListedVersion") -> str:
    return _GATE.get(version.gate, f"[dim]{version.gate}[/dim]")


def _listed_figure(version: "ListedVersion", metric: str) -> str:
    return _figure(version.figures.get(metric), interval=metric == "auc")


def _print_version(shown: "ShownVersion", home: Path | None) -> None:
    """Print a version: its figures, gate decisions and times as champion."""
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Column, Table

    console = Console(highlight=False)
    version = shown.listed
    aliases = f", {' and '.join(version.aliases)}" if version.aliases else ""
    console.print(
        f"[bold]{escape(version.name)} version {version.number}[/bold]{aliases}, made {_time(version.made_at)}"
    )
    result = shown.to_json()
    for horizon, assessment in (result["assessment.json"] or {}).items():
        console.print(_figures_table(horizon, assessment))
    if not result["assessment.json"] and version.figures:
        table = Table("figure", Column("value", justify="right"), box=box.SIMPLE_HEAD)
        for metric, figure in version.figures.items():
            table.add_row(metric.replace("_", " "), _figure(figure))
        console.print(table)
    for uplift in result["uplift"]:
        findings = ", ".join(f"{key} {value}" for key, value in uplift.items())
        console.print(f"its experiment: {escape(findings)}")
    for move in shown.moves:
        place = f" in place of version {move['replaced']}" if move["replaced"] else ""
        console.print(f"champion since {_time(move['at'])} by {move['how']}{place}")
    for verdict in shown.verdicts:
        print_verdict(console, verdict, f"gate, {_time(verdict['at'])}: ")
    if not shown.verdicts:
        console.print(f"gate: {_gate(version)}")
    card = f"holdfast models show {version.number} --model {version.name} --card"
    console.print(
        f"[dim]The full model card: {escape(in_same_home(card, home))}[/dim]", soft_wrap=True
    )


def _print_comparison(comparison: "VersionComparison") -> None:
    """Print two versions side by side, one table per horizon."""
    from rich import box
    from rich.console import Console
    from rich.table import Column, Table

    console = Console(highlight=False)
    for horizon, group in groupby(comparison.figures, key=lambda figure: figure.horizon):
        rows = comparison.rows.get(horizon)
        on = f"on {rows:,} rows that both were tested on" if rows else "each on its own test period"
        title = f"[bold]{_within(horizon)}[/bold]  [dim]{on}[/dim]"
        console.print(title)
        names = [
            Column(f"version {number}", justify="right")
            for number in (comparison.one, comparison.other)
        ]
        table = Table("figure", *names, Column("difference", justify="right"), box=box.SIMPLE_HEAD)
        for figure in group:
            table.add_row(
                figure.metric.replace("_", " "),
                _estimate(figure.one),
                _estimate(figure.other),
                _difference(figure),
            )
        console.print(table)
    if comparison.note:
        console.print(f"[yellow]no differences[/yellow] {comparison.note}")


def _print_promotion(promotion: "Promotion", home: Path | None) -> None:
    """Print whether a version became champion, and why not."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False)
    verdict = promotion.verdict.to_worded_json()
    what = f"{escape(promotion.name)} version {promotion.number}"
    promote = f"holdfast models promote {promotion.number} --model {promotion.name}"
    if promotion.champion:
        place = (
            f" in place of version {promotion.champion_before}" if promotion.champion_before else ""
        )
        console.print(
            f"[green]passed[/green] [bold]{what}[/bold] is champion now{place}; a running service loads it by itself."
        )
        _print_served(console, promotion)
        undo = in_same_home(f"holdfast models rollback --model {promotion.name}", home)
        console.print(f"[dim]To undo it: {escape(undo)}[/dim]", soft_wrap=True)
    elif promotion.shadow:
        print_verdict(console, verdict, f"[bold]{what}[/bold] ")
        console.print(
            f"[yellow]shadow[/yellow] [bold]{what}[/bold] is scored and served, marked as shadow,"
            " until the model has a champion.",
            soft_wrap=True,
        )
        _print_served(console, promotion)
        if promotion.verdict.passed:
            console.print(
                f"It passes the gate; to make it champion: {escape(in_same_home(promote, home))}",
                soft_wrap=True,
            )
    else:
        print_verdict(console, verdict, f"[bold]{what}[/bold] ")
        stays = (
            f"version {promotion.champion_before} stays champion"
            if promotion.champion_before
            else "there is no champion"
        )
        console.print(f"Nothing changed: {stays}.")
        if promotion.lacks_evidence_alone and promotion.champion_before is None:
            console.print(
                "It lacks nothing but evidence. To score with it, marked as shadow:"
                f" [bold]{escape(in_same_home(f'{promote} --shadow', home))}[/bold]",
                soft_wrap=True,
            )


def _print_served(console: "Console", promotion: "Promotion") -> None:
    """Say which boosters the gate asked about, and which score."""
    from rich.markup import escape

    if promotion.refit is not None:
        refit = promotion.refit
        console.print(
            f"The gate asked about boosters that learnt until {refit.until['evaluated'][:10]};"
            f" {escape(refit.in_words(_within))}",
            soft_wrap=True,
        )


def _print_rollback(result: "Rollback") -> None:
    """Print which version is champion again."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False)
    console.print(
        f"[bold]{escape(result.name)} version {result.number}[/bold] is champion again in place of version {result.was};"
        " a running service loads it by itself. Its level of risk is the one that it had then:"
        " [bold]holdfast score[/bold], or the next night, makes scores and level anew.",
        soft_wrap=True,
    )


def print_verdict(console: "Console", verdict: Mapping[str, Any], before: str) -> None:
    """Print what the gate said of a version, with every reason."""
    from rich.markup import escape

    console.print(before + _GATE["passed" if verdict["passed"] else "refused"])
    for reason in verdict["reasons"]:
        console.print(f"  [red]·[/red] {escape(reason['message'])}", soft_wrap=True)
    for name, reason in verdict["explained"].items():
        console.print(
            f"  [dim]flag {escape(name)} explained: {escape(reason)}[/dim]", soft_wrap=True
        )


def _figures_table(horizon: str, assessment: Mapping[str, Any]) -> "Table":
    from rich import box
    from rich.table import Column, Table

    simplest = "share of each billing type" if len(assessment["strata"]) > 1 else "constant"
    table = Table(
        _within(horizon),
        Column("value", justify="right"),
        Column(f"minus {simplest}", justify="right"),
        Column("minus champion", justify="right"),
        box=box.SIMPLE_HEAD,
    )
    baselines = assessment["rivals"]
    for metric, figure in assessment["metrics"].items():
        differences = [
            _figure(baselines[name]["difference"].get(metric), signed=True)
            if name in baselines
            else _NOTHING
            for name in ("constant", "champion")
        ]
        table.add_row(metric.replace("_", " "), _figure(figure), *differences)
    return table


def _difference(figure: "ComparedFigure") -> str:
    return _figure(vars(figure.difference), signed=True) if figure.difference else _NOTHING


def _estimate(estimate: Any) -> str:
    return _figure(vars(estimate)) if estimate else _NOTHING


def _figure(
    figure: Mapping[str, float] | None, *, signed: bool = False, interval: bool = True
) -> str:
    if figure is None:
        return _NOTHING
    sign = "+" if signed else ""
    shown = f"{figure['value']:{sign}.4f}"
    if interval and "low" in figure:
        shown += f" [dim]{figure['low']:{sign}.4f} to {figure['high']:{sign}.4f}[/dim]"
    return shown


def _time(text: str) -> str:
    return f"{text[:10]} {text[11:16]} UTC"


def _within(horizon: str) -> str:
    return f"within {horizon} days" if horizon else "all"
