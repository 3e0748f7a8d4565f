"""What a person sees of the feature store on the terminal."""

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

if TYPE_CHECKING:
    from features.online.profile import KnownFeature, Profile
    from features.operator.materialize import Materialized
    from features.operator.repository import Change
    from pipeline.features import FeatureBuild

_COLOURS = {"create": "green", "update": "yellow", "delete": "red"}


def print_changes(changes: "Sequence[Change]", nothing: str) -> None:
    """Print what would change, or was changed, in the registry."""
    console = Console(highlight=False)
    for change in changes:
        details = f"  [dim]{escape(', '.join(change.details))}[/dim]" if change.details else ""
        colour = _COLOURS[change.action]
        console.print(
            f"[{colour}]{change.action}[/{colour}] {escape(change.kind)} [bold]{escape(change.name)}[/bold]{details}"
        )
    if not changes:
        console.print(nothing)


def print_build(result: "FeatureBuild") -> None:
    """Print what was built and what is missing."""
    console = Console(highlight=False)
    build = result.build
    table = Table("view", Column("rows", justify="right"), box=box.SIMPLE_HEAD)
    for view, rows in build.rows.items():
        table.add_row(view, f"{rows:,}")
    console.print(table)
    console.print(
        f"Newest snapshot [bold]{build.at:%Y-%m-%d}[/bold], {len(build.history)} Mondays of history"
        f" for {build.history_share:.0%} of customers; {len(build.built)} computed, {len(build.skipped)} were there."
    )
    if result.quarantined:
        console.print(
            f"[yellow]quarantined[/yellow] {result.quarantined:,} rows, with the reasons in {escape(str(result.quarantine))}",
            soft_wrap=True,
        )
    for doubt in result.check.doubts if result.check else ():
        console.print(
            f"[yellow]look into[/yellow] {escape(doubt.table)}: {escape(doubt.about)}",
            soft_wrap=True,
        )
    for name, features in result.disabled.items():
        console.print(
            f"[yellow]missing[/yellow] table {escape(name)} disables {escape(', '.join(features))}"
        )
    console.print("Next: [bold]holdfast features materialize[/bold]")


def print_materialized(result: "Materialized") -> None:
    """Print what was written into the online store."""
    console = Console(highlight=False)
    for view, rows in result.rows.items():
        console.print(f"{view}: {rows:,} records")
    if result.skipped:
        console.print(f"[dim]online already: {', '.join(result.skipped)}[/dim]")


def print_profile(profile: "Profile") -> None:
    """Print somebody's features by view, with the time of their values."""
    console = Console(highlight=False)
    console.print(
        f"[bold]{escape(profile.id)}[/bold]  [dim]{profile.entity}, {profile.service}[/dim]"
    )
    for view, group in groupby(profile.features, key=lambda known: known.view):
        known = list(group)
        first = known[0]
        when = "no values" if first.time is None else f"as of {first.time:%Y-%m-%d %H:%M} UTC"
        late = "  [yellow]stale[/yellow]" if first.stale else ""
        names = Column("feature", no_wrap=True), Column("value", justify="right", no_wrap=True)
        table = Table(*names, "unit", "what it says", box=None, padding=(0, 2, 0, 0))
        for feature in known:
            table.add_row(*_row(feature))
        console.print(f"\n[bold]{view}[/bold]  [dim]{when}[/dim]{late}")
        console.print(table)


def _row(known: "KnownFeature") -> tuple[str, str, str, str]:
    value = "[dim]–[/dim]" if known.value is None else f"{known.value:g}"
    return (
        known.feature.name,
        value,
        f"[dim]{known.feature.unit}[/dim]",
        f"[dim]{escape(known.feature.about)}[/dim]",
    )
