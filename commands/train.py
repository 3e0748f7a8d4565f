"""`holdfast train`: a model of the operator's own features, judged and registered as challenger."""

from datetime import datetime
from typing import Annotated

import typer

from commands.command import HomeOption, JsonOption, home_of, reporting_errors


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
            help="Parameter sets to try, the default one first. Default: 20, or as many as --seconds allows",
        ),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=1, help="Most seconds to search for parameters.")
    ] = None,
    test_from: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="First day of the test period, UTC. Default: the latest quarter of the cut-offs",
            show_default=False,
        ),
    ] = None,
    language: Annotated[
        str, typer.Option(help="Language of the reasons in the report: en, zh-Hans or zh-Hant.")
    ] = "en",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a model on the operator's features, and judge it beside the champion."""
    from commands.console import print_json, results_only

    with results_only():
        from pipeline.train import train_target
        from training.fitting.tune import TuningBudget

        budget = TuningBudget(trials=trials or (None if seconds else 20), seconds=seconds)
        result = train_target(home_of(home), target, budget, test_from, language)
    if as_json:
        print_json(result.to_json())
    else:
        from commands.train_summary import print_training

        print_training(result)
