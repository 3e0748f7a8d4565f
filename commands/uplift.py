"""`holdfast uplift`: what an action does, and to whom, from an experiment."""

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
    asking,
    options_of,
)
from holdfast.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline.uplift import UpliftRun
    from reports.uplift.words import Unit
    from training.evaluation.assessment import Estimate
    from training.uplift.evaluation import ExperimentEvaluation
    from training.uplift.result import ActionUplift


_WARNINGS = 8


@reporting_errors
def uplift(
    table: Annotated[
        str | None,
        typer.Argument(
            metavar="[TABLE]",
            help="One row per customer of an experiment: delimited text, .xlsx or Parquet; "
            "or a database's SQLAlchemy URL, with --query. "
            "Default: the home's randomised contacts",
            show_default=False,
        ),
    ] = None,
    treatment: Annotated[
        str | None, typer.Option(help="Column that names each row's arm.", show_default=False)
    ] = None,
    outcome: Annotated[
        str | None,
        typer.Option(help="Column with the outcome: two values, or numbers.", show_default=False),
    ] = None,
    control: Annotated[
        str | None,
        typer.Option(
            help="Value of the treatment that means nothing was done. Default: the one called control or the like",
            show_default=False,
        ),
    ] = None,
    good: Annotated[
        list[str] | None,
        typer.Option(
            help="Value of the outcome that is good, such as stayed; repeat for several; higher or lower for numbers.",
            show_default=False,
        ),
    ] = None,
    propensity: Annotated[
        str | None,
        typer.Option(
            help="Column with the probability that the row's own arm was drawn with. Default: the arms' shares",
            show_default=False,
        ),
    ] = None,
    randomised: Annotated[
        bool,
        typer.Option(
            "--randomised",
            help="Arms of TABLE were drawn at random. Without this, no verdict is given, unless TABLE "
            "says it itself, in a column called randomised.",
        ),
    ] = False,
    break_even: Annotated[
        float | None,
        typer.Option(
            help="Effect from which the action is worth its cost: percentage points for an outcome of two values, "
            "else units of the outcome.",
            show_default=False,
        ),
    ] = None,
    cost: Annotated[
        float | None,
        typer.Option(
            help="Cost of treating one customer: with --value it gives the break-even effect.",
            show_default=False,
        ),
    ] = None,
    value: Annotated[
        float | None,
        typer.Option(
            help="Value of one more good outcome, such as a customer who stays, in the unit of --cost.",
            show_default=False,
        ),
    ] = None,
    detect: Annotated[
        float | None,
        typer.Option(
            help="Effect that the experiment should be able to find, in the unit of --break-even. Default: that effect",
            show_default=False,
        ),
    ] = None,
    looks: Annotated[
        str | None,
        typer.Option(
            help="How often the experiment is evaluated as it grows: once, any, or the customers at each planned look, "
            "such as 2000,4000,8000. Default: once for TABLE, any for a home",
            show_default=False,
        ),
    ] = None,
    id: IdOption = None,
    group: GroupOption = None,
    drop: DropOption = None,
    action: Annotated[
        list[str] | None,
        typer.Option(
            help="Care action to evaluate, without TABLE; repeat for several. Default: all",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Directory for result, models and report. Default: one below uplift in the home",
            show_default=False,
        ),
    ] = None,
    columns: ColumnsOption = None,
    encoding: EncodingOption = None,
    query: QueryOption = None,
    language: Annotated[
        str, typer.Option(help="Language of the report: en, zh-Hans or zh-Hant.")
    ] = "en",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Evaluate an experiment: does an action work, is it targetable, whom does it harm."""
    from commands.console import print_json, results_only

    given = {
        "--treatment": treatment,
        "--outcome": outcome,
        "--control": control,
        "--good": good,
        "--propensity": propensity,
        "--randomised": randomised,
        "--id": id,
        "--group": group,
        "--drop": drop,
        "--columns": columns,
        "--encoding": encoding,
        "--query": query,
    }
    with results_only(), asking(table or ""):
        from features.tables.place import table_name
        from holdfast.clock import home_clock, system_clock
        from pipeline.uplift import evaluate_home, evaluate_table
        from training.settings import LeakWatchSettings
        from training.uplift.evaluation import UpliftConfig
        from training.uplift.looks import ANY, ONCE, Looks
        from training.uplift.settings import UpliftSettings
        from training.uplift.stakes import Stakes
        from training.uplift.tables.experiment_table import ExperimentRoles

        stakes = Stakes(break_even=break_even, detect=detect, cost=cost, value=value)
        settings, where = UpliftSettings.read(), home_of(home)
        config = UpliftConfig(
            settings=settings,
            leaks=LeakWatchSettings.read(),
            stakes=stakes.checked(),
            looks=Looks.read(looks or (ANY if table is None else ONCE), settings.expected_clusters),
        )
        folder, clock = where.root / "uplift", home_clock(where, system_clock)
        if table is None:
            for option, chosen in given.items():
                if chosen:
                    raise InputError(option, "must come with a TABLE", chosen)
            run = evaluate_home(
                where,
                action or (),
                out or folder / "care",
                config,
                clock=clock,
                language=language,
            )
        else:
            if action:
                raise InputError(
                    "--action",
                    "must come without a TABLE, whose arms are in --treatment",
                    action,
                )
            if treatment is None or outcome is None:
                missing = "--treatment" if treatment is None else "--outcome"
                raise InputError(missing, "must name a column of TABLE")
            roles = ExperimentRoles(
                treatment=treatment,
                outcome=outcome,
                control=control,
                good=tuple(good or ()),
                propensity=propensity,
                id=id,
                group=group,
                drop=tuple(drop or ()),
                randomised=randomised,
            )
            run = evaluate_table(
                table,
                roles,
                out or folder / table_name(table).split(".")[0],
                config,
                options_of(columns, encoding, query),
                language,
                clock=clock,
            )
    if as_json:
        print_json(run.to_json())
    else:
        _print_uplift(run)


def _print_uplift(run: "UpliftRun") -> None:
    """Print the verdicts with the figures behind them, and where the files are."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from reports.uplift.words import Unit

    console = Console(highlight=False)
    for evaluation in run.evaluations:
        _print_warnings(evaluation, console)
        _print_experiment(evaluation, console)
        for action in evaluation.actions:
            _print_action(action, Unit(evaluation.experiment.binary), console)
    for name, why in run.not_evaluated.items():
        console.print(f"\n[bold]{escape(name)}[/bold]: not evaluated. {escape(why)}")
    actions = [action for evaluation in run.evaluations for action in evaluation.actions]
    if len(actions) > 2:
        verdicts = Table("", "in short", box=None, padding=(0, 2, 0, 0), show_header=False)
        for action in actions:
            verdicts.add_row(f"[bold]{escape(action.action)}[/bold]", _in_short(action))
        console.print()
        console.print(verdicts)
    console.print(f"\nIn {run.seconds:.0f} s. Look at")
    console.print(f"  {escape(str(run.report))}  [dim]the report[/dim]", soft_wrap=True)
    models = any(evaluation.models for evaluation in run.evaluations)
    what = "the result as JSON" + (", and a model for each action" if models else "")
    console.print(f"  {escape(str(run.directory))}  [dim]{what}[/dim]", soft_wrap=True)
    for name, number in run.registered.items():
        console.print(f"  {escape(name)} version {number}  [dim]in the registry[/dim]")
    for action in actions:
        if action.targetable:
            _print_next_step(action, run, console)


def _print_next_step(action: "ActionUplift", run: "UpliftRun", console: "Console") -> None:
    """Print how to see whom a targetable action helps most."""
    import shlex

    from rich.markup import escape

    where = [] if run.registered else ["TABLE", "--experiment", str(run.directory)]
    words = ["holdfast", "rank", action.action, *where, "--out", "ranking.csv"]
    console.print(
        f"Whom {escape(action.action)} helps most: [bold]{escape(shlex.join(words))}[/bold]",
        soft_wrap=True,
    )


def _colour(action: "ActionUplift") -> str:
    return "red" if action.harms else "green" if action.works or action.targetable else "yellow"


def _in_short(action: "ActionUplift") -> str:
    from reports.uplift import words

    also = ", targetable" if action.targetable else ""
    return f"[{_colour(action)}]{words.verdict(action)}{also}[/{_colour(action)}]"


def _print_warnings(evaluation: "ExperimentEvaluation", console: "Console") -> None:
    """Print what speaks against the figures, before any of them."""
    from rich.markup import escape

    from reports.uplift import words

    if evaluation.evidence == "observational":
        console.print(
            f"\n[red]observational[/red] {escape(evaluation.experiment.name)}: no verdict is given"
        )
    if evaluation.experiment.drawn_at_random is None:
        console.print(f"[yellow]warning[/yellow] {words.not_claimed()}", soft_wrap=True)
    suspicious = [words.imbalance(imbalance) for imbalance in evaluation.imbalances]
    suspicious += [words.outcome_like(column) for column in evaluation.outcome_like]
    for sentence in suspicious[:_WARNINGS]:
        console.print(f"[yellow]suspicious[/yellow] {escape(sentence)}")
    if len(suspicious) > _WARNINGS:
        console.print(
            f"[yellow]suspicious[/yellow] and {len(suspicious) - _WARNINGS} more such columns"
        )


def _print_experiment(evaluation: "ExperimentEvaluation", console: "Console") -> None:
    from rich.markup import escape

    from reports.uplift import words

    experiment = evaluation.experiment
    rows = f"{len(experiment.outcome):,} rows"
    if evaluation.clusters < len(experiment.outcome):
        rows += f" of {evaluation.clusters:,} customers or households"
    console.print(
        f"\n[bold]{escape(experiment.name)}[/bold]: {rows}; {escape('; '.join(evaluation.notes))}"
    )
    by = escape(words.adjusted_by(evaluation.adjusted_by))
    check = "; --drop any that the action may have changed" if evaluation.adjusted_by else ""
    console.print(f"  [dim]adjusted by {by}{check}[/dim]")
    for reason, count in experiment.left_out.items():
        console.print(f"  [dim]left out: {count:,} {escape(reason)}[/dim]")
    for mark, shares in experiment.marked().items():
        by_arm = ", ".join(f"{share:.0%} of {escape(arm)}" for arm, share in shares.items())
        console.print(f"  [dim]{escape(mark)}: {by_arm}[/dim]")


def _print_action(action: "ActionUplift", unit: "Unit", console: "Console") -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Column, Table

    from reports.uplift import words

    console.print(f"\n[bold]{escape(action.action)}[/bold]: {_in_short(action)}")
    for sentence in (
        words.why_not(action),
        words.more_needed(action, unit),
        words.jointly(action),
        words.break_even(action, unit),
    ):
        if sentence:
            console.print(escape(sentence), soft_wrap=True)
    what = "effects" if action.randomised else "differences"
    console.print(
        f"[dim]{escape(action.treatment.name)} {unit.outcome(action.treatment.outcome)} of {action.treatment.rows:,}, "
        f"{escape(action.control.name)} {unit.outcome(action.control.outcome)} of {action.control.rows:,}; "
        f"{what} in {unit.word}, positive is good[/dim]"
    )
    table = Table(
        "",
        Column("", justify="right"),
        Column("95 % interval", justify="right"),
        "",
        box=box.SIMPLE_HEAD,
    )
    table.add_row(
        "average effect" if action.randomised else "adjusted difference",
        *_cells(action.average, unit),
        action.finding.evidence,
    )
    alone = "" if action.unadjusted_agrees else f"; [yellow]{words.unadjusted(action)}[/yellow]"
    table.add_row(
        "unadjusted difference",
        *_cells(action.unadjusted, unit),
        f"[dim]of the arms' means[/dim]{alone}",
    )
    if not action.randomised:
        console.print(table)
        return
    if action.qini is not None and action.autoc is not None:
        table.add_row(
            "Qini coefficient",
            *_cells(action.qini, unit),
            f"targetable? [bold]{words.targetable(action)}[/bold]",
        )
        table.add_row("AUTOC", *_cells(action.autoc, unit), "[dim]0 is a random ranking[/dim]")
    for policy in action.policies:
        if policy.over_random:
            name = {"model": "by prediction", "riskiest": "by risk"}[policy.name]
            note = "[dim]compared with as many at random[/dim]"
            table.add_row(
                f"treat {policy.share:.0%}, {name}", *_cells(policy.over_random, unit), note
            )
    shown = (
        action.groups if action.targetable or any(group.harmed for group in action.groups) else ()
    )
    for place, group in enumerate(shown):
        note = "[red]contact harms them[/red]" if group.harmed else ""
        table.add_row(f"group {place + 1} by prediction", *_cells(group.effect, unit), note)
    console.print(table)
    for place, group in enumerate(action.groups):
        if group.traits and (
            group.harmed or (action.targetable and place in (0, len(action.groups) - 1))
        ):
            traits = escape("; ".join(words.trait(trait) for trait in group.traits))
            console.print(f"[dim]group {place + 1}: {traits}[/dim]")


def _cells(estimate: "Estimate", unit: "Unit") -> tuple[str, str]:
    return unit.effect(estimate.value), unit.between(estimate)
