"""`holdfast score`: everybody's scores, from all champions or one; or those of a new file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.command import HomeOption, JsonOption, home_of, reporting_errors
from commands.tables import EncodingOption, QueryOption, options_of, print_new_rows
from holdfast.errors import InputError
from reports.kit.numbers import expected

if TYPE_CHECKING:
    from holdfast.home import Home
    from models.score_set import ExpectedCount
    from pipeline.night.score import ScoreRun
    from pipeline.score_table import TableScores


@reporting_errors
def score(
    table: Annotated[
        str | None,
        typer.Argument(
            metavar="[TABLE]",
            help="A new file for a model of a table: one row per customer, read as the model's own"
            " table was. Default: the newest snapshot of your own features",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Model to score with: churn, non_payment, csat_low, nps_detractor or"
            " contact_csat_low. Default: all that have a champion, or else a shadow;"
            " of a TABLE, churn_table",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="File for the scores of a TABLE: .csv or .parquet.", show_default=False),
    ] = None,
    encoding: EncodingOption = None,
    query: QueryOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score everybody in the newest snapshot with your champions, or the rows of a new file."""
    where = home_of(home)
    if table is not None:
        _score_table(table, where, model, out, encoding, query, as_json)
        return
    for option, value in (("--out", out), ("--encoding", encoding), ("--query", query)):
        if value is not None:
            raise InputError(option, "must come with a TABLE to score", str(value))
    from commands.console import print_json, results_only
    from features.operator.repository import OperatorRepository
    from models.targets import TARGETS

    if model is not None and model not in TARGETS:
        raise InputError("--model", f"must be one of {', '.join(TARGETS)}", model)
    OperatorRepository(where).require_tables()
    with results_only():
        from features.online.settings import OnlineSettings
        from holdfast.clock import home_clock, system_clock
        from pipeline.night.score import ScoreConfig, score_everybody

        run = score_everybody(
            where,
            ScoreConfig.read(),
            clock=home_clock(where, system_clock),
            online=OnlineSettings.read(),
            model=model,
        )
    if as_json:
        print_json(run.to_json())
    else:
        print_scores(run)


def _score_table(
    table: str,
    home: "Home",
    model: str | None,
    out: Path | None,
    encoding: str | None,
    query: str | None,
    as_json: bool,
) -> None:
    from commands.console import print_json, results_only

    if out is None:
        raise InputError("--out", "must name a file for the scores of a TABLE: .csv or .parquet")
    from models.churn import TABLE_CHURN
    from models.registry import CHAMPION, require_version

    require_version(home, model or TABLE_CHURN, CHAMPION)
    with results_only():
        from holdfast.clock import home_clock, system_clock
        from pipeline.score_table import score_table

        scores = score_table(
            table,
            home,
            model or TABLE_CHURN,
            out,
            clock=home_clock(home, system_clock),
            options=options_of(None, encoding, query),
        )
    if as_json:
        print_json(scores.to_json())
    else:
        _print_table_scores(scores)


def _print_table_scores(scores: "TableScores") -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False)
    rows = scores.rows
    bands = ", ".join(f"{count:,} {band}" for band, count in scores.bands.items())
    console.print(
        f"{len(rows.ids):,} rows scored by [bold]{escape(scores.model)} {scores.version}[/bold]:"
        f" {bands}. In {escape(str(scores.out))}",
        soft_wrap=True,
    )
    print_new_rows(console, rows)


def print_scores(run: "ScoreRun") -> None:
    """Print whom each model scored, and whom not."""
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Column, Table

    from models.feed.facts import changes_in_words
    from reports.night.sentences import told

    console = Console(highlight=False)
    table = Table(
        "model",
        "horizon",
        Column("scored", justify="right"),
        Column("high risk", justify="right"),
        Column("expected", justify="right"),
        Column("with reasons", justify="right"),
        box=box.SIMPLE_HEAD,
    )
    for facts in run.sets:
        name = f"{facts.model} {facts.version}"
        if facts.alias != "champion":
            name += f" [yellow]{facts.alias}[/yellow]"
        for days, bands in facts.bands.items():
            table.add_row(
                name,
                f"{days} days" if days else "",
                f"{facts.entities:,}",
                f"{bands.get('high', 0):,}",
                _expected(facts.expected.get(days)),
                f"{facts.explained[days]:,}",
            )
            name = ""
    if run.sets:
        console.print(table)
    if any(one.level == "assumed" for facts in run.sets for one in facts.expected.values()):
        console.print(
            "[dim]assumed: predictions of the level of risk were not yet compared with enough of what"
            " came, so the range is wide[/dim]",
            soft_wrap=True,
        )
    for facts in run.sets:
        console.print(f"{facts.model}: {_left_out(facts.excluded)}{_marked(facts.marks)}")
    if run.sets:
        console.print(
            f"Reported as changed, one for each id and horizon: {changes_in_words(run.changes)}"
        )
    for name, why in run.skipped.items():
        console.print(f"[dim]{name}: not scored, {escape(told(why))}[/dim]")
    if run.at is not None:
        if len(run.unchanged) == len(run.sets):
            console.print("Nothing has changed since; nothing was done.")
        console.print(
            f"Everything known by {run.at:%Y-%m-%d %H:%M} UTC, in {escape(str(run.folder))}",
            soft_wrap=True,
        )


def _expected(count: "ExpectedCount | None") -> str:
    """How many are expected to have the outcome, with the band."""
    if count is None:
        return ""
    value, low, high = map(expected, (count.value, count.low, count.high))
    return f"{value} ({low} to {high}{', assumed' if count.level == 'assumed' else ''})"


def _left_out(excluded: dict[str, int]) -> str:
    reasons = ", ".join(
        f"{count:,} {reason.replace('_', ' ')}" for reason, count in excluded.items()
    )
    return f"left out {reasons}" if reasons else "nobody was left out"


def _marked(marks: dict[str, int]) -> str:
    counted = ", ".join(f"{count:,} {mark.replace('_', ' ')}" for mark, count in marks.items())
    return f"; marked {counted}" if counted else ""
