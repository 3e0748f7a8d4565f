"""`holdfast rank`: whom an action helps most, where its experiment shows that this can be told."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.command import HomeOption, JsonOption, home_of, reporting_errors
from commands.tables import EncodingOption, QueryOption, options_of, print_new_rows
from holdfast.errors import InputError

if TYPE_CHECKING:
    from pipeline.uplift_rank import UpliftRanking


@reporting_errors
def rank(
    action: Annotated[
        str,
        typer.Argument(
            metavar="ACTION",
            help="Action that `holdfast uplift` evaluated, and found targetable.",
            show_default=False,
        ),
    ],
    table: Annotated[
        str | None,
        typer.Argument(
            metavar="[TABLE]",
            help="With --experiment: the customers to rank, in columns as the experiment's table had them."
            " Default: the lines in the newest snapshot of your own features",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="File for the ranking: .csv or .parquet.", show_default=False),
    ] = None,
    experiment: Annotated[
        Path | None,
        typer.Option(
            help="Directory that `holdfast uplift` wrote the result of a table to, such as var/uplift/campaign.",
            show_default=False,
        ),
    ] = None,
    version: Annotated[
        str | None,
        typer.Option(
            help="Number of the uplift model's version in a home. Default: the newest",
            show_default=False,
        ),
    ] = None,
    encoding: EncodingOption = None,
    query: QueryOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Rank customers by the predicted effect of an action, from whom it helps most."""
    from commands.console import print_json, results_only

    if out is None:
        raise InputError("--out", "must name a file for the ranking: .csv or .parquet")
    if (table is None) != (experiment is None):
        missing = "TABLE" if table is None else "--experiment"
        raise InputError(missing, "must be given too: TABLE and --experiment go together")
    with results_only():
        if table is not None and experiment is not None:
            if version is not None:
                raise InputError("--version", "must come without a TABLE", version)
            from pipeline.uplift_rank import rank_table

            ranking = rank_table(table, action, experiment, out, options_of(None, encoding, query))
        else:
            for option, value in (("--encoding", encoding), ("--query", query)):
                if value is not None:
                    raise InputError(option, "must come with a TABLE", value)
            from features.settings import FeatureSettings
            from models.settings import ScoreSettings
            from pipeline.uplift_rank import RankConfig, rank_home
            from training.settings import LabelSettings

            config = RankConfig(
                labels=LabelSettings.read(),
                traffic_consent=ScoreSettings.read().traffic_consent,
                features=FeatureSettings.read(),
            )
            ranking = rank_home(home_of(home), action, out, config, version=version)
    if as_json:
        print_json(ranking.to_json())
    else:
        _print_ranking(ranking)


def _print_ranking(ranking: "UpliftRanking") -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False)
    version = f" {ranking.version}" if ranking.version else ""
    at = f", at the snapshot of {ranking.at[:10]}" if ranking.at else ""
    console.print(
        f"{ranking.ranked:,} ranked by [bold]{escape(ranking.model)}{version}[/bold]{at}."
        f" In {escape(str(ranking.out))}",
        soft_wrap=True,
    )
    for reason, count in ranking.left_out.items():
        console.print(f"[dim]left out: {count:,} {reason.replace('_', ' ')}[/dim]")
    if ranking.harmed:
        groups = ", ".join(map(str, ranking.harmed))
        console.print(f"[red]contact harms[/red] group {groups}: do not treat its members")
    if ranking.rows is not None:
        print_new_rows(console, ranking.rows)
    console.print(
        "[dim]Predictions are estimated. Consent, contact policy and the holdout were not asked:"
        " a list to choose from, and no plan of a campaign[/dim]",
        soft_wrap=True,
    )
