"""`holdfast score`: everybody's scores, from all champions or one."""

from typing import TYPE_CHECKING, Annotated

import typer

from commands.command import HomeOption, JsonOption, home_of, reporting_errors

if TYPE_CHECKING:
    from pipeline.night.score import ScoreRun


@reporting_errors
def score(
    model: Annotated[
        str | None,
        typer.Option(
            help="Model to score with: churn, non_payment, csat_low, nps_detractor or"
            " contact_csat_low. Default: all that have a champion, or else a shadow",
            show_default=False,
        ),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score everybody in the newest snapshot with the models of your own features."""
    from commands.console import print_json, results_only

    with results_only():
        from features.online.settings import OnlineSettings
        from holdfast.clock import home_clock, system_clock
        from pipeline.night.score import ScoreConfig, score_everybody

        where = home_of(home)
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


def print_scores(run: "ScoreRun") -> None:
    """Print whom each model scored, and whom not."""
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Column, Table

    console = Console(highlight=False)
    table = Table(
        "model",
        "horizon",
        Column("scored", justify="right"),
        Column("high risk", justify="right"),
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
                f"{facts.explained[days]:,}",
            )
            name = ""
    if run.sets:
        console.print(table)
    for facts in run.sets:
        console.print(f"{facts.model}: {_left_out(facts.excluded)}{_marked(facts.marks)}")
    for name, why in run.skipped.items():
        console.print(f"[dim]{name}: not scored, {escape(why)}[/dim]")
    if run.at is not None:
        if len(run.unchanged) == len(run.sets):
            console.print("Nothing has changed since; nothing was done.")
        console.print(
            f"Everything known by {run.at:%Y-%m-%d %H:%M} UTC, in {escape(str(run.folder))}",
            soft_wrap=True,
        )


def _left_out(excluded: dict[str, int]) -> str:
    reasons = ", ".join(
        f"{count:,} {reason.replace('_', ' ')}" for reason, count in excluded.items()
    )
    return f"left out {reasons}" if reasons else "nobody was left out"


def _marked(marks: dict[str, int]) -> str:
    counted = ", ".join(f"{count:,} {mark.replace('_', ' ')}" for mark, count in marks.items())
    return f"; marked {counted}" if counted else ""
