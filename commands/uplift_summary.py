"""What a person sees of an experiment on the terminal."""

from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from reports.uplift import words
from reports.uplift.words import Unit

if TYPE_CHECKING:
    from pipeline.uplift import Judged, UpliftRun
    from training.evaluation.assessment import Estimate
    from training.uplift.result import ActionUplift


def print_uplift(run: "UpliftRun") -> None:
    """Print the verdicts and what they rest on, and where everything lies."""
    console = Console(highlight=False)
    for found in run.judged:
        _print_experiment(found, console)
        for action in found.actions:
            _print_action(action, Unit(found.experiment.binary), console)
    for name, why in run.not_judged.items():
        console.print(f"\n[bold]{escape(name)}[/bold]: not judged. {escape(why)}")
    actions = [action for found in run.judged for action in found.actions]
    if len(actions) > 2:
        verdicts = Table("", "in short", box=None, padding=(0, 2, 0, 0), show_header=False)
        for action in actions:
            verdicts.add_row(
                f"[bold]{escape(action.action)}[/bold]",
                f"[{_colour(action)}]{action.verdict}[/{_colour(action)}]",
            )
        console.print()
        console.print(verdicts)
    console.print(f"\nIn {run.seconds:.0f} s. Look at")
    console.print(f"  {escape(str(run.report))}  [dim]the report[/dim]", soft_wrap=True)
    console.print(
        f"  {escape(str(run.directory))}  [dim]the result as JSON, and a model for each action[/dim]",
        soft_wrap=True,
    )
    for name, number in run.registered.items():
        console.print(f"  {escape(name)} version {number}  [dim]registered as challenger[/dim]")


def _colour(action: "ActionUplift") -> str:
    return "red" if action.harms else "green" if action.works or action.targetable else "yellow"


def _print_experiment(found: "Judged", console: Console) -> None:
    experiment = found.experiment
    rows = f"{len(experiment.outcome):,} rows"
    if found.clusters < len(experiment.outcome):
        rows += f" of {found.clusters:,} customers or households"
    console.print(
        f"\n[bold]{escape(experiment.name)}[/bold]: {rows}; {escape('; '.join(found.notes))}"
    )
    for reason, count in experiment.left_out.items():
        console.print(f"  [dim]left out: {count:,} {escape(reason)}[/dim]")
    for mark, shares in experiment.marked().items():
        told = ", ".join(f"{share:.0%} of {escape(arm)}" for arm, share in shares.items())
        console.print(f"  [dim]{escape(mark)}: {told}[/dim]")
    for imbalance in found.imbalances[:8]:
        console.print(f"[yellow]suspicious[/yellow] {escape(words.imbalance(imbalance))}")
    if len(found.imbalances) > 8:
        console.print(
            f"[yellow]suspicious[/yellow] and {len(found.imbalances) - 8} more such columns"
        )


def _print_action(action: "ActionUplift", unit: Unit, console: Console) -> None:
    console.print(
        f"\n[bold]{escape(action.action)}[/bold]: [{_colour(action)}]{action.verdict}[/{_colour(action)}]"
    )
    console.print(
        f"[dim]{escape(action.treatment.name)} {unit.outcome(action.treatment.outcome)} of {action.treatment.rows:,}, "
        f"{escape(action.control.name)} {unit.outcome(action.control.outcome)} of {action.control.rows:,}; "
        f"effects in {unit.word}, positive is good[/dim]"
    )
    table = Table(
        "",
        Column("", justify="right"),
        Column("95 % interval", justify="right"),
        "",
        box=box.SIMPLE_HEAD,
    )
    table.add_row(
        "average effect",
        *_cells(action.average, unit),
        f"randomised; works? [bold]{words.works(action)}[/bold]",
    )
    table.add_row(
        "Qini coefficient",
        *_cells(action.qini, unit),
        f"targetable? [bold]{words.targetable(action)}[/bold]",
    )
    table.add_row("AUTOC", *_cells(action.autoc, unit), "[dim]0 is a random ranking[/dim]")
    for policy in action.policies:
        if policy.over_random:
            name = {"model": "by prediction", "riskiest": "worst off"}[policy.name]
            note = "[dim]over as many at random[/dim]"
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
            traits = escape("; ".join(words.trait(found) for found in group.traits))
            console.print(f"[dim]group {place + 1}: {traits}[/dim]")


def _cells(estimate: "Estimate", unit: Unit) -> tuple[str, str]:
    return unit.effect(estimate.value), unit.between(estimate)
