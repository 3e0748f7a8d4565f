"""`holdfast features`: plan, apply, build, materialize, show."""

from datetime import datetime
from typing import Annotated

import typer

from commands.command import HomeOption, JsonOption, home_of, reporting_errors

app = typer.Typer(
    no_args_is_help=True,
    help="The feature store of the operator's own tables.",
    rich_markup_mode=None,
)


@app.command()
@reporting_errors
def plan(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show what `apply` would change in the registry."""
    from commands.console import print_json, results_only

    with results_only():
        from features.operator.repository import OperatorRepository

        changes = OperatorRepository(home_of(home)).plan()
    if as_json:
        print_json({"changes": [vars(change) for change in changes]})
    else:
        from commands.feature_summary import print_changes

        print_changes(changes, "Nothing to apply: the registry holds what the definitions say.")


@app.command()
@reporting_errors
def apply(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Make the registry hold what the definitions say."""
    from commands.console import print_json, results_only

    with results_only():
        from pipeline.features import apply_features

        changes = apply_features(home_of(home))
    if as_json:
        print_json({"changes": [vars(change) for change in changes]})
    else:
        from commands.feature_summary import print_changes

        print_changes(changes, "Nothing was to change.")


@app.command()
@reporting_errors
def build(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="[SOURCE]",
            help="Raw tables to take in first: a folder of parquet or CSV, or a SQLAlchemy URL.",
            show_default=False,
        ),
    ] = None,
    at: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="Midnight, UTC, of the newest snapshot. Default: the last one that the data reach",
            show_default=False,
        ),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compute features: the newest snapshot of everybody, and Mondays for training."""
    from commands.console import print_json, results_only

    with results_only():
        from pipeline.features import build_features

        result = build_features(home_of(home), source, at)
    if as_json:
        print_json(result.to_json())
    else:
        from commands.feature_summary import print_build

        print_build(result)


@app.command()
@reporting_errors
def materialize(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Write the newest snapshot into the online store."""
    from commands.console import print_json, results_only

    with results_only():
        from pipeline.features import materialize_features

        result = materialize_features(home_of(home))
    if as_json:
        print_json(vars(result))
    else:
        from commands.feature_summary import print_materialized

        print_materialized(result)


@app.command()
@reporting_errors
def show(
    id: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="A subscription, or a customer with --service dissatisfaction_v1."
        ),
    ],
    service: Annotated[str, typer.Option(help="Feature service to read.")] = "churn_v1",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what the online store knows of somebody."""
    from commands.console import print_json, results_only

    with results_only():
        from features.online.profile import read_profile

        profile = read_profile(home_of(home), service, id)
    if as_json:
        print_json(profile.to_json())
    else:
        from commands.feature_summary import print_profile

        print_profile(profile)
