"""`holdfast status`: the last nights, how fresh the tables are, and which models score."""

from typing import TYPE_CHECKING, Annotated

import typer

from commands.command import (
    HomeOption,
    JsonOption,
    PageLanguageOption,
    check_page_language,
    home_of,
    reporting_errors,
)
from commands.data import print_overrulings

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline.night.status import Status

_IDS_SHOWN = 10
_COLOURS = {"done": "green", "doubts": "yellow", "stopped": "red"}


@reporting_errors
def status(
    page: Annotated[
        bool, typer.Option("--page", help="Also write the page, and print where it is.")
    ] = False,
    language: PageLanguageOption = "en",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the last nights, how fresh each raw table is, and which models score since when."""
    from commands.console import print_json, results_only

    with results_only():
        from holdfast.errors import InputError

        check_page_language(language, page)
        where = home_of(home)
        if not where.root.is_dir():
            raise InputError(
                str(where.root), "no home there; `holdfast nightly` or `holdfast train` makes one"
            )
        from holdfast.clock import home_clock, system_clock
        from pipeline.night.status import read_status, write_status_page

        read = read_status(where, home_clock(where, system_clock))
        path = write_status_page(where, read, language) if page else None
    if as_json:
        print_json(read.to_json() | {"page": path and str(path)})
        return
    print_status(read)
    if path is not None:
        typer.echo(f"Page: {path}")


def print_status(read: "Status") -> None:
    """Print the last nights, which models score, and how fresh each raw table is."""
    from rich.console import Console

    console = Console(highlight=False)
    clock = ", by the clock of a simulated operator" if read.clock == "simulated" else ""
    console.print(f"[bold]{read.now:%Y-%m-%d %H:%M} UTC[/bold]{clock}")
    _print_nights(console, read)
    _print_models(console, read)
    _print_tables(console, read)
    _print_held(console, read)
    print_overrulings(read.overrulings)


def _print_nights(console: "Console", read: "Status") -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Column, Table

    if not read.nights:
        console.print("No night has run yet: [bold]holdfast nightly RAW[/bold]")
        return
    table = Table(
        Column("night", justify="right"),
        "began",
        "snapshot",
        "verdict",
        Column("look into", overflow="fold"),
        box=box.SIMPLE_HEAD,
    )
    for night in read.nights:
        verdict = night.verdict or "not ended"
        table.add_row(
            str(night.number),
            night.started_at[:16].replace("T", " "),
            (night.at or "–")[:10],
            f"[{_COLOURS.get(verdict, 'yellow')}]{verdict}[/]",
            escape(night.error or "; ".join(night.doubts)),
        )
    console.print(table)
    care = read.nights[0].step("care")
    if care is not None:
        console.print(f"Care: {escape(care.about)}", soft_wrap=True)
    score = read.nights[0].step("score")
    if score is not None and "changes" in score.result:
        from models.feed.facts import changes_in_words

        console.print(f"Scores reported as changed: {changes_in_words(score.result['changes'])}")


def _print_models(console: "Console", read: "Status") -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Column, Table

    from reports.night.sentences import told

    table = Table(
        "model", "scores as", "since", Column("scored", justify="right"), box=box.SIMPLE_HEAD
    )
    scored = {(facts.model, facts.version): facts for facts in read.scores}
    for model in read.models:
        facts = scored.get((model.model, model.version))
        age = f" ({model.age_days:.0f} days)" if read.clock == "system" else ""
        table.add_row(
            f"{model.model} {model.version}",
            model.alias,
            f"{model.since[:10]}{age}",
            "not yet" if facts is None else f"{facts.entities:,} as of {facts.at[:10]}",
        )
    for name, why in read.without_version.items():
        table.add_row(f"[dim]{name}[/dim]", f"[dim]{escape(told(why))}[/dim]", "", "")
    console.print(table)
    for one in read.found_nothing:
        if one.model not in read.without_version:
            console.print(
                f"The last training of {one.model}, on {one.at[:10]}, found nothing: {escape(one.report)}",
                soft_wrap=True,
            )


def _print_tables(console: "Console", read: "Status") -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Column, Table

    from reports.night.status_page import age

    table = Table(
        "table",
        "verdict",
        "newest row arrived",
        Column("age", justify="right"),
        box=box.SIMPLE_HEAD,
    )
    for fresh in read.tables:
        arrived = (fresh.newest_arrived_at or "–")[:16].replace("T", " ")
        verdict = fresh.verdict or ""
        colour = "green" if verdict == "fresh" else "yellow"
        table.add_row(escape(fresh.table), f"[{colour}]{verdict}[/]", arrived, age(fresh.age_hours))
    console.print(table)


def _print_held(console: "Console", read: "Status") -> None:
    from rich.markup import escape

    held = read.held
    if held.events:
        console.print(
            f"[yellow]{held.events:,} live events[/yellow] wait for {len(held.ids):,} ids that no"
            " build knows; the longest:"
        )
    for one in held.ids[:_IDS_SHOWN]:
        tables = ", ".join(f"{count} {table}" for table, count in one.tables.items())
        since = one.since[:16].replace("T", " ")
        console.print(f"  {one.kind} {escape(one.id)}: {tables}, since {since}", soft_wrap=True)
    for count, what in ((held.expired, "waited in vain"), (held.dropped, "were not held")):
        if count:
            console.print(f"Live events that {what}, ever: {count:,}")
