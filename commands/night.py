"""How verdicts on a night's tables are printed."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from features.intake.verdicts import NightVerdict, TableVerdict

_COLOURS = {
    "fresh": "green",
    "late": "yellow",
    "thin": "yellow",
    "changed": "yellow",
    "missing": "red",
}


def print_night(night: "NightVerdict") -> None:
    """Print what was made of tonight's tables: the doubtful ones by name, the others counted."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, soft_wrap=True)
    unusual = [table for table in night.tables if table.verdict != "fresh"]
    for table in unusual:
        colour = _COLOURS[table.verdict]
        console.print(
            f"[{colour}]{table.verdict}[/{colour}] [bold]{table.table}[/bold] {_done(night, table)}"
        )
        for reason in table.reasons:
            console.print(f"  {escape(reason.about)}")
    fresh = len(night.tables) - len(unusual)
    care = "" if night.care_may_run else "; [yellow]no offers may be planned or sent[/yellow]"
    console.print(f"Tables as expected: {fresh} of {len(night.tables)}{care}")


def _done(night: "NightVerdict", table: "TableVerdict") -> str:
    if table.accepted:
        return "accepted as it is"
    if table.table in night.stopped:
        return "stops the night"
    return {
        "yesterday's": "yesterday's rows are used",
        "tonight's": "tonight's rows are used: there are no others",
        "none": "no rows are used",
    }[table.used]
