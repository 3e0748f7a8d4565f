"""`holdfast train`: a model of the operator's own features, evaluated and registered as
challenger.
"""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.command import HomeOption, JsonOption, home_of, in_same_home, reporting_errors

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from pipeline.train import Trained
    from training.evaluation.assessment import Assessment, Estimate

_METRICS = {
    "auc": "AUC",
    "lift_capacity": "lift at care's capacity",
    "log_loss": "log loss",
    "slope": "calibration slope",
    "observed_over_expected": "observed over expected",
    "empc_share": "share of the perfect profit",
}


@reporting_errors
def train(
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET",
            help="churn, non_payment, csat_low, nps_detractor or contact_csat_low.",
            show_default=False,
        ),
    ],
    trials: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Search for parameters, with so many trials. Default: none; boosters with two fixed parameter sets are averaged",
            show_default=False,
        ),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(min=1, help="Search for parameters, for at most so many seconds."),
    ] = None,
    test_from: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="First day of the test period. Default: the latest quarter of the cut-offs",
            show_default=False,
        ),
    ] = None,
    language: Annotated[
        str, typer.Option(help="Language of the report: en, zh-Hans or zh-Hant.")
    ] = "en",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a model on the operator's features, and evaluate it beside the champion."""
    from commands.console import print_json, results_only

    with results_only():
        from features.online.settings import OnlineSettings
        from holdfast.clock import home_clock, system_clock
        from pipeline.train import train_target
        from training.fitting.budget import TuningBudget
        from training.settings import TrainingConfig

        given = trials or seconds
        where = home_of(home)
        result = train_target(
            where,
            target,
            TuningBudget(trials=trials, seconds=seconds) if given else None,
            TrainingConfig.read(),
            online=OnlineSettings.read(),
            clock=home_clock(where, system_clock),
            test_from=test_from,
            language=language,
        )
    if as_json:
        print_json(result.to_json())
    else:
        _print_training(result, home)


def _print_training(result: "Trained", home: Path | None) -> None:
    """Print how good the new version is beside its baselines, and whether the gate would pass it."""
    from rich.console import Console
    from rich.markup import escape

    from training.evaluation.assess import has_strata
    from training.evaluation.baselines import CONSTANT, baseline_name
    from training.release.refit import read_refit

    console = Console(highlight=False)
    model = result.model
    trained, role = model.version.name, "nothing registered"
    if result.number is not None:
        trained, role = f"{trained} {result.number}", "challenger"
    console.print(
        f"[bold]{trained}[/bold], {role}: tested on"
        f" {next(iter(model.assessments.values())).rows:,} rows after its training period, in {result.seconds:.0f} s"
    )
    console.print(_figures(model.assessments))
    for assessment in model.assessments.values():
        _print_answers(console, assessment)
    for horizon, assessment in list(model.assessments.items())[-1:]:
        for name, baseline in assessment.baselines.items():
            called = {
                "champion": f"champion {model.facts.champion.number}",
                "logistic": "a logistic regression",
                CONSTANT: "a constant",
            }[name]
            if name == CONSTANT and has_strata(assessment):
                called = f"the {baseline_name(name, strata=True)}"
            difference = baseline.difference.get("auc")
            if difference is not None:
                console.print(
                    f"AUC within {horizon} days minus that of {called}: {_signed(difference)}"
                )
    compared_with = model.facts.champion
    if compared_with.number is not None and not compared_with.comparable:
        console.print(
            f"[yellow]not compared[/yellow] with champion {compared_with.number}: {escape(compared_with.in_words)}",
            soft_wrap=True,
        )
    refit = read_refit(model.version.documents)
    if refit is not None and result.number is not None:
        served = escape(refit.in_words("within {} days".format))
        console.print(
            f"These figures are of boosters that learnt until {refit.until['evaluated'][:10]}; {served}",
            soft_wrap=True,
        )
    for flag in model.facts.flags:
        console.print(
            f"[yellow]leak watch[/yellow] {flag.kind} {escape(flag.column or '')} {flag.figure:.3f}"
        )
    if result.number is None:
        found = (
            "It predicts no better than chance, or hardly so"
            if result.signal.enough_data
            else "Not enough data yet: it is not shown to predict better than chance"
        )
        console.print(f"[bold yellow]{found}.[/bold yellow] No version was registered.")
        console.print(f"Report: [bold]{escape(str(result.report))}[/bold]", soft_wrap=True)
        return
    if result.verdict.passed:
        console.print("[green]The gate would pass it.[/green]")
    else:
        console.print("[yellow]The gate would refuse it:[/yellow]")
        for finding in result.verdict.reasons:
            console.print(
                f"  [yellow]{finding.rule}[/yellow] {escape(finding.message)}", soft_wrap=True
            )
    console.print(f"Report: [bold]{escape(str(result.report))}[/bold]", soft_wrap=True)
    _print_next(console, result, home)


def _print_answers(console: "Console", assessment: "Assessment") -> None:
    """Print both AUC of a survey target, and of whom each is."""
    from training.evaluation.assessment import ANSWERS_VARY

    if not assessment.answers:
        return
    for ranking in assessment.answers.values():
        console.print(f"{ranking.about}: {_interval(ranking.auc)}", soft_wrap=True)
    console.print(f"{ANSWERS_VARY}.", soft_wrap=True)


def _print_next(console: "Console", result: "Trained", home: Path | None) -> None:
    from rich.markup import escape

    from training.release.gate import SHADOW_RULES

    version = f"{result.number} --model {result.model.version.name}"
    promote = f"holdfast models promote {version}"
    if result.verdict.passed:
        console.print(f"Next: [bold]{escape(in_same_home(promote, home))}[/bold]", soft_wrap=True)
    elif result.verdict.beyond(SHADOW_RULES):
        console.print(
            "Next: look at the report; docs/guides/retrain.md says what to do when the gate refuses",
            soft_wrap=True,
        )
    else:
        console.print(
            "It lacks nothing but evidence."
            f" Next: [bold]{escape(in_same_home(f'{promote} --shadow', home))}[/bold]",
            soft_wrap=True,
        )


def _figures(assessments: "dict[str, Assessment]") -> "Table":
    from rich import box
    from rich.table import Column, Table

    columns = [
        Column(f"{horizon} days" if horizon else "value", justify="right")
        for horizon in assessments
    ]
    table = Table(Column("on the test period, with 95 % intervals"), *columns, box=box.SIMPLE_HEAD)
    for metric, name in _METRICS.items():
        estimates = [assessment.metrics.get(metric) for assessment in assessments.values()]
        table.add_row(
            name, *("–" if estimate is None else _interval(estimate) for estimate in estimates)
        )
    return table


def _interval(estimate: "Estimate") -> str:
    return f"{estimate.value:.3f} [dim]{estimate.low:.3f} to {estimate.high:.3f}[/dim]"


def _signed(estimate: "Estimate") -> str:
    return f"[bold]{estimate.value:+.4f}[/bold] ({estimate.low:+.4f} to {estimate.high:+.4f})"
