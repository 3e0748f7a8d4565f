"""`holdfast demo`: everything once, on a simulated operator."""

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands.command import JsonOption, home_of, reporting_errors

if TYPE_CHECKING:
    from rich.console import Console

    from care.measurement import Measurement
    from holdfast.home import Home
    from pipeline.demo import Demo, DemoStep


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
    """Try everything once on a simulated operator; again, it does only what is missing."""
    from commands.console import print_json, results_only

    with results_only():
        from care.settings import CareSettings
        from features.online.settings import OnlineSettings
        from holdfast.clock import system_clock
        from holdfast.home import Home
        from pipeline.demo import DemoConfig
        from pipeline.demo import demo as run
        from pipeline.night.config import NightConfig
        from training.settings import TrainingConfig

        result = run(
            Home(home or home_of(None).root / "demo"),
            DemoConfig(
                training=TrainingConfig.read(),
                night=NightConfig.read(),
                online=OnlineSettings.read(),
                care=CareSettings.read(),
            ),
            clock=system_clock,
            told=_say,
        )
    if as_json:
        print_json(result.to_json())
    else:
        _print_demo(result)


def _say(step: "DemoStep") -> None:
    """One line about a step on standard error, for a person and for a log."""
    from rich.console import Console
    from rich.markup import escape

    Console(stderr=True, highlight=False).print(
        f"[bold]{step.name}[/bold] in {step.seconds:.1f} s: {escape(step.about)}", soft_wrap=True
    )


def _print_demo(result: "Demo") -> None:
    """Print what the gate said, how the home is, what the service answered, and what to try."""
    from rich.console import Console
    from rich.markup import escape

    from commands.operation.status import print_status

    console = Console(highlight=False)
    console.print("\n[bold]The morning after[/bold], as `holdfast status` shows it")
    print_status(result.status)
    _print_model(console, result)
    if result.answer is not None:
        _print_answer(console, result.answer)
    table = result.table.listed
    auc = table.figures["auc"]["value"]
    console.print(
        f"\n[bold]The same operator as one flat table[/bold]: {escape(table.name)} {table.number},"
        f" AUC {auc:.3f} across folds; see {escape(str(result.table_home.report))}"
        f" and {escape(str(result.table_home.care_list))}",
        soft_wrap=True,
    )
    if result.campaign is not None:
        _print_campaign(console, result.home, result.campaign)
    console.print(f"\nThe demo took {result.seconds:.0f} s. Try next:")
    for command in _commands(result):
        console.print(f"  [bold]{escape(command)}[/bold]", soft_wrap=True)
    console.print("With files of your own:")
    for command in ("holdfast inspect TABLE", "holdfast data check FOLDER"):
        console.print(f"  [bold]{command}[/bold]", soft_wrap=True)


def _print_campaign(console: "Console", home: "Home", measured: "Measurement") -> None:
    from rich.markup import escape

    from commands.care.campaign import told_effect
    from pipeline.care.demo import later_home
    from pipeline.care.pages import effect_page

    console.print(
        f"\n[bold]A campaign[/bold], {escape(measured.campaign.campaign_id)}:", soft_wrap=True
    )
    for line in told_effect(measured):
        console.print(f"  {escape(line)}", soft_wrap=True)
    page = effect_page(later_home(home), measured.campaign.campaign_id)
    console.print(f"  see {escape(str(page))}", soft_wrap=True)


def _print_model(console: "Console", result: "Demo") -> None:
    from rich.markup import escape

    from commands.models import print_verdict

    version = result.model.listed
    name = f"[bold]{escape(version.name)} {version.number}[/bold]"
    auc = version.figures.get("auc")
    interval = "" if auc is None else f", AUC {auc['value']:.3f}"
    if auc is not None and "low" in auc:
        interval += f" ({auc['low']:.3f} to {auc['high']:.3f})"
    console.print(
        f"{name}: trained to tell who leaves within 30, 60 and 90 days{interval} within"
        f" {version.horizon_days} days on a later period",
        soft_wrap=True,
    )
    for verdict in result.model.verdicts[-1:]:
        print_verdict(console, verdict, "The gate's verdict: ")
    console.print(
        {
            "champion": "So it is champion, and everybody is scored with it.",
            "shadow": "It is [yellow]shadow[/yellow]: it scores and answers, and every score and"
            " answer is marked so, until a version passes.",
            None: "So nobody is scored with it, and no service is asked.",
        }[result.alias],
        soft_wrap=True,
    )


def _print_answer(console: "Console", answer: dict[str, Any]) -> None:
    """Print what the service said of each subscription: every horizon, and reasons of the longest."""
    from rich.markup import escape

    first = answer["predictions"][0]
    console.print(
        f"\n[bold]Answers of the service[/bold], by {escape(first['model'])} {first['version']},"
        f" as known on {first['feature_time'][:10]}: those most likely to leave",
        soft_wrap=True,
    )
    for subscription, group in groupby(answer["predictions"], lambda one: one["subscription_id"]):
        predictions = list(group)
        within = ", ".join(
            f"{one['probability']:.1%} within {one['horizon_days']} days" for one in predictions
        )
        longest = predictions[-1]
        customer = longest["customer_id"]
        owner = "" if customer is None else f" of customer {escape(customer)}"
        # One customer may object to profiling where the next does not.
        marks = "".join(f", [yellow]{escape(mark)}[/yellow]" for mark in longest["marks"])
        console.print(
            f"\n  subscription [bold]{escape(subscription)}[/bold]{owner}: {within};"
            f" {longest['band']}{marks}",
            soft_wrap=True,
        )
        for reason in longest["reasons"]:
            console.print(
                f"    {escape(reason['text'])}  [dim]{reason['contribution']:+.2f}[/dim]",
                soft_wrap=True,
            )


def _commands(result: "Demo") -> list[str]:
    """What a person can try on what the demo left."""
    home = result.home.root
    commands = [f"holdfast nightly {home}/operator/raw --home {home}"]
    if result.answer is not None:
        first = result.answer["predictions"][0]["subscription_id"]
        commands += [
            f"holdfast serve --home {home}",
            f"holdfast features show {first} --home {home}",
        ]
    else:
        commands.append(f"holdfast serve --home {result.table_home.root}")
    return [
        *commands,
        f"holdfast models show {result.model.listed.number} --card --home {home}",
        f"holdfast data doctor --home {home}",
        f"holdfast status --page --home {home}",
    ]
