"""`holdfast erase`: one person, or several, erased everywhere in a home."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.command import HomeOption, JsonOption, home_of, reporting_errors
from holdfast.errors import InputError

if TYPE_CHECKING:
    from features.erased.people import People
    from pipeline.privacy.erase import Erasure


@reporting_errors
def erase(
    customers: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[CUSTOMER]...", help="Ids of the customers to erase.", show_default=False
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(help="A text file with an id in each line, beside those named."),
    ] = None,
    lift: Annotated[
        bool,
        typer.Option(
            "--lift",
            help="Take them off the list of who was erased, so that new rows of theirs are taken in.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would go, and change nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            metavar="NAME",
            help="Who asks for it; kept in erasures.jsonl, for an audit. Default: nobody is named.",
            show_default=False,
        ),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Erase customers with their subscriptions and accounts everywhere in the home.

    A running service forgets them at once. Rows of theirs that come again in raw tables or as events
    are refused. At its end the home is searched for their ids, and what remains is said. Run it
    again after it was killed: it carries on. Exit code 3 where an id still stands somewhere.
    """
    from commands.console import print_json, results_only

    with results_only():
        asked = _ids(customers or [], file)
        place = home_of(home)
        if not place.root.exists():
            raise InputError("--home", "must be an existing home", str(place.root))
        from care.settings import CareSettings
        from holdfast.clock import home_clock, system_clock
        from pipeline.privacy.erase import erase_people, lift_erasure

        now, care = home_clock(place, system_clock)(), CareSettings.read()
        if lift:
            lifted = lift_erasure(place, asked, now=now, by=by, care=care)
        else:
            result = erase_people(
                place,
                asked,
                now=now,
                by=by,
                care=care,
                dry_run=dry_run,
                confirm=lambda people: _confirm(people, yes),
            )
    if lift:
        if as_json:
            print_json({"lifted": lifted})
        else:
            typer.echo(
                f"{lifted} taken off the list; the next `holdfast nightly RAW` reads all files again"
            )
        return
    if as_json:
        print_json(result.to_json())
    else:
        _print(result)
    if result.findings:
        raise typer.Exit(3)


def _ids(customers: list[str], file: Path | None) -> list[str]:
    """Ids that were named, and those of a file."""
    asked = list(customers)
    if file is not None:
        try:
            lines = file.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError):
            raise InputError("--file", "must be a text file in UTF-8", str(file)) from None
        asked += [line.strip() for line in lines if line.strip()]
    if not asked:
        raise InputError("CUSTOMER", "must be given: the id of a customer, or a --file of ids")
    return list(dict.fromkeys(asked))


def _confirm(people: "People", yes: bool) -> None:
    """Ask a person at a terminal; refuse to go on where there is none and nobody said --yes."""
    if yes:
        return
    count = len(people.customers)
    who = f"customer {people.customers[0]}" if count == 1 else f"{count} customers"
    if not sys.stdin.isatty():
        raise InputError("--yes", f"must be given to erase {who} without a terminal to ask at")
    if not typer.confirm(f"Erase {who} for good?", err=True):
        raise InputError("erase", "was not confirmed; nothing was changed")


def _print(result: "Erasure") -> None:
    from rich.console import Console
    from rich.markup import escape

    from pipeline.privacy.places import PLACES

    console = Console(highlight=False, soft_wrap=True)
    verb = "would be erased" if result.dry_run else "erased"
    console.print(
        f"[bold]{result.people}[/bold] {'person' if result.people == 1 else 'people'} {verb}"
    )
    if result.already:
        console.print(f"{result.already} had been erased before")
    for name, rows in result.rows.items():
        if rows:
            console.print(f"  {rows:>8,}  {escape(PLACES[name])}")
    for about in result.shared:
        console.print(f"[yellow]stays[/yellow] {escape(about)}")
    for about in result.remains:
        console.print(f"[yellow]not reached[/yellow] {escape(about)}")
    for finding in result.findings or ():
        console.print(
            f"[red]still there[/red] {escape(finding.path)}: {escape(finding.place)}, {finding.count:,} times"
        )
    if result.findings == ():
        console.print("Searched every file of the home for their ids: none is left.")
