"""`holdfast models`: list, show, compare, promote, rollback."""

from typing import Annotated

import typer

from commands.command import HomeOption, JsonOption, home_of, reporting_errors

REFUSED = 3
"""Exit code where the gate refused."""

app = typer.Typer(
    no_args_is_help=True,
    help="Model versions: which there are, and which is served.",
    rich_markup_mode=None,
)

ModelOption = Annotated[str, typer.Option(help="Registered model, such as churn or csat_low.")]


@app.command("list")
@reporting_errors
def list_(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List all versions of all models."""
    from commands.console import print_json, results_only

    with results_only():
        from pipeline.promote import list_models

        versions = list_models(home_of(home))
    if as_json:
        print_json({"versions": [vars(version) for version in versions]})
    else:
        from commands.model_summary import print_versions

        print_versions(versions)


@app.command()
@reporting_errors
def show(
    number: Annotated[
        str,
        typer.Argument(
            metavar="[NUMBER]", help="A version's number, or champion, challenger, previous."
        ),
    ] = "champion",
    model: ModelOption = "churn",
    card: Annotated[
        bool, typer.Option("--card", help="Print its model card, Markdown, and nothing else.")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what is known of a version."""
    from commands.console import print_json, results_only

    with results_only():
        from pipeline.promote import show_model

        shown = show_model(home_of(home), model, number)
    if as_json:
        print_json(shown.to_json())
    elif card:
        typer.echo(shown.card, nl=False)
    else:
        from commands.model_summary import print_version

        print_version(shown)


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
        from training.release.comparison import compare_models

        comparison = compare_models(home_of(home), model, one, other)
    if as_json:
        print_json(comparison.to_json())
    else:
        from commands.model_summary import print_comparison

        print_comparison(comparison)


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
            help="Why a flag of the leak watch is none, by its column or kind; kept on record; repeat for several.",
            show_default=False,
        ),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask the gate, and make a version champion if it passes; exits with 3 where it is refused."""
    from commands.console import print_json, results_only

    with results_only():
        from pipeline.promote import promote_model

        promotion = promote_model(home_of(home), model, number, _explanations(explain_flag or []))
    if as_json:
        print_json(promotion.to_json())
    else:
        from commands.model_summary import print_promotion

        print_promotion(promotion)
    if not promotion.verdict.passed:
        raise typer.Exit(REFUSED)


@app.command()
@reporting_errors
def rollback(
    model: ModelOption = "churn", home: HomeOption = None, as_json: JsonOption = False
) -> None:
    """Make the previous champion champion again; once more, and it is undone."""
    from commands.console import print_json, results_only

    with results_only():
        from pipeline.promote import rollback_model

        result = rollback_model(home_of(home), model)
    if as_json:
        print_json(result.to_json())
    else:
        from commands.model_summary import print_rollback

        print_rollback(result)


def _explanations(options: list[str]) -> dict[str, str]:
    from holdfast.errors import InputError

    explained = {}
    for option in options:
        name, equals, reason = option.partition("=")
        if not (name.strip() and equals and reason.strip()):
            raise InputError("--explain-flag", "must be NAME=REASON", option)
        explained[name.strip()] = reason.strip()
    return explained
