"""`holdfast features`: plan, apply, build, materialize, show; new, check, dictionary."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.command import HomeOption, JsonOption, home_of, in_same_home, reporting_errors
from commands.data import print_night, print_readings, print_replaced
from commands.tables import (
    AcceptOption,
    ArrivalLagOption,
    AtOption,
    ByOption,
    ColumnsOption,
    EncodingOption,
    TimeZoneOption,
    WatermarkOption,
    asking,
    name_of,
    raw_options_of,
)

if TYPE_CHECKING:
    from features.compute.build import BuildReport
    from features.online.profile import KnownFeature, Profile
    from features.operator.materialize import Materialized
    from features.operator.repository import Change
    from features.own_check.report import OwnCheck
    from pipeline.features import FeatureBuild

_COLOURS = {"create": "green", "update": "yellow", "delete": "red"}

DONE_WITH_DOUBTS = 3
"""Exit code when features were built and raw tables were not as expected."""

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
        from features.online.settings import OnlineSettings
        from features.operator.repository import OperatorRepository

        changes = OperatorRepository(home_of(home), OnlineSettings.read()).plan()
    if as_json:
        print_json({"changes": [vars(change) for change in changes]})
    else:
        _print_changes(changes, "Nothing to apply: the registry matches the definitions.")


@app.command()
@reporting_errors
def apply(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Make the registry match the definitions."""
    from commands.console import print_json, results_only

    with results_only():
        from features.online.settings import OnlineSettings
        from pipeline.features import apply_features

        changes = apply_features(home_of(home), OnlineSettings.read())
    if as_json:
        print_json({"changes": [vars(change) for change in changes]})
    else:
        _print_changes(changes, "Nothing to change: the registry matches the definitions.")


@app.command()
@reporting_errors
def build(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="[SOURCE]",
            help="Raw tables to read first: a folder of files, a SQLAlchemy URL, or a mapping file.",
            show_default=False,
        ),
    ] = None,
    columns: ColumnsOption = None,
    encoding: EncodingOption = None,
    time_zone: TimeZoneOption = None,
    arrival_lag_days: ArrivalLagOption = None,
    watermark: WatermarkOption = None,
    at: AtOption = None,
    accept: AcceptOption = None,
    by: ByOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compute features: the newest snapshot of everyone, and past Mondays for training.

    Exit code 3 when raw tables were not as expected, 1 when they stopped the build.
    """
    from commands.console import print_json, results_only

    with results_only(), asking(source or "raw"):
        from features.intake.expectations import Expectations
        from features.intake.verdicts import NightStoppedError
        from features.mapping.opening import place_of
        from features.online.settings import OnlineSettings
        from features.settings import ExpectationSettings, FeatureSettings, OperatorSettings
        from holdfast.clock import home_clock, system_clock
        from pipeline.features import build_features

        where = home_of(home)
        expectations = Expectations(
            ExpectationSettings.read(),
            accepted=frozenset(accept or ()),
            accepted_by=name_of(by, accept),
        )
        stopped: NightStoppedError | None = None
        try:
            result = build_features(
                where,
                FeatureSettings.read(),
                now=home_clock(where, system_clock, source and place_of(source))(),
                online=OnlineSettings.read(),
                source=source,
                encoding=encoding,
                watermark=watermark,
                options=raw_options_of(columns, time_zone, arrival_lag_days),
                at=at,
                expectations=expectations,
                operator=OperatorSettings.read(),
            )
        except NightStoppedError as stop:
            stopped = stop
    if stopped is not None:
        if as_json:
            print_json({"night": stopped.night.to_json()})
        else:
            print_night(stopped.night)
        raise stopped
    if as_json:
        print_json(result.to_json())
    else:
        _print_build(result, home)
    if result.night is not None and result.night.doubts:
        raise typer.Exit(DONE_WITH_DOUBTS)


@app.command()
@reporting_errors
def materialize(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Write the newest snapshot into the online store."""
    from commands.console import print_json, results_only

    with results_only():
        from features.online.settings import OnlineSettings
        from pipeline.features import materialize_features

        result = materialize_features(home_of(home), OnlineSettings.read())
    if as_json:
        print_json(vars(result))
    else:
        _print_materialized(result)


@app.command()
@reporting_errors
def show(
    id: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="Id of a subscription, or of a customer with --service dissatisfaction_v1.",
        ),
    ],
    service: Annotated[str, typer.Option(help="Feature service to read.")] = "churn_v1",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the newest features of a subscription or customer, from the online store."""
    from commands.console import print_json, results_only

    with results_only():
        from features.online.profile import read_profile
        from features.online.settings import OnlineSettings
        from holdfast.clock import home_clock, system_clock

        where = home_of(home)
        now = home_clock(where, system_clock)()
        profile = read_profile(where, service, id, OnlineSettings.read(), now)
    if as_json:
        print_json(profile.to_json())
    else:
        _print_profile(profile)


@app.command()
@reporting_errors
def new(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="Name of the files: small letters, digits, underscores."
        ),
    ],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a first file of a feature of your own, with its SQL, to be changed."""
    from commands.console import print_json, results_only

    with results_only():
        from features.own.reading import own_directory
        from features.own.template import write_template

        paths = write_template(own_directory(home_of(home)), name)
    if as_json:
        print_json({"files": [str(path) for path in paths]})
        return
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False)
    for path in paths:
        console.print(f"[green]written[/green] {escape(str(path))}", soft_wrap=True)
    check_them = in_same_home("holdfast features check", home)
    console.print(f"Change them, then: [bold]{escape(check_them)}[/bold]", soft_wrap=True)


@app.command()
@reporting_errors
def check(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Check the features of your own that a home declares; exit code 2 where something is wrong.

    They are tried on some households of the home's raw tables, or on a small simulated operator's
    where the home has none. Nothing is changed.
    """
    from commands.console import print_json, results_only

    with results_only():
        from pipeline.own_features import check_home

        result = check_home(home_of(home))
    if as_json:
        print_json(result.to_json())
    else:
        _print_own_check(result, home)
    if result.faults:
        raise typer.Exit(2)


@app.command()
@reporting_errors
def dictionary(
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="<path>",
            help="File to write. Default: standard output.",
            show_default=False,
        ),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Print the dictionary of a home's features, its own among them, as Markdown."""
    from features.dictionary import features_section
    from features.own.reading import read_catalogue

    text = "# Features\n\n" + features_section(read_catalogue(home_of(home))) + "\n"
    if out is None:
        typer.echo(text, nl=False)
        return
    from holdfast.files import write_beside

    out.parent.mkdir(parents=True, exist_ok=True)
    write_beside(out, text)


def _print_own_check(result: "OwnCheck", home: Path | None) -> None:
    """Print what a check of a home's own features found."""
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Column, Table

    console = Console(highlight=False)
    if result.features:
        numbers = (
            Column(name, justify="right") for name in ("entities", "null", "least", "greatest")
        )
        table = Table("feature", *numbers, box=box.SIMPLE_HEAD)
        for one in result.features:
            bounds = (
                "–" if value is None else f"{value:g}" for value in (one.minimum, one.maximum)
            )
            table.add_row(one.name, f"{one.entities:,}", f"{one.missing:,}", *bounds)
        console.print(table)
        console.print(f"Tried on {escape(result.tried_on)}.")
    for fault in result.faults:
        value = "" if fault.value is None else f" (got {fault.value})"
        console.print(
            f"[red]wrong[/red] {escape(fault.place)}: {escape(fault.rule + value)}", soft_wrap=True
        )
    for doubt in result.doubts:
        console.print(f"[yellow]look into[/yellow] {escape(doubt)}", soft_wrap=True)
    if not result.faults:
        build_them = in_same_home("holdfast features build", home)
        console.print(f"Nothing is wrong. Next: [bold]{escape(build_them)}[/bold]", soft_wrap=True)


def _print_changes(changes: "Sequence[Change]", nothing: str) -> None:
    """Print what would change, or was changed, in the registry."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False)
    for change in changes:
        details = f"  [dim]{escape(', '.join(change.details))}[/dim]" if change.details else ""
        colour = _COLOURS[change.action]
        console.print(
            f"[{colour}]{change.action}[/{colour}] {escape(change.kind)} [bold]{escape(change.name)}[/bold]{details}"
        )
    if not changes:
        console.print(nothing)


def _print_build(result: "FeatureBuild", home: Path | None) -> None:
    """Print what was built and what is missing."""
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Column, Table

    console = Console(highlight=False)
    build = result.build
    table = Table("view", Column("rows", justify="right"), box=box.SIMPLE_HEAD)
    for view, rows in build.rows.items():
        table.add_row(view, f"{rows:,}")
    console.print(table)
    console.print(
        f"Newest snapshot [bold]{build.at:%Y-%m-%d}[/bold], {len(build.history)} Mondays of history"
        f" for {build.history_share:.0%} of customers; {len(build.built)} computed, {len(build.skipped)} were there already."
    )
    if result.check:
        print_readings(result.check, console)
        print_replaced(result.check, console)
    if result.quarantined:
        console.print(
            f"[yellow]quarantined[/yellow] {result.quarantined:,} rows, with the reasons in {escape(str(result.quarantine))}",
            soft_wrap=True,
        )
    if result.night is not None:
        print_night(result.night)
    for doubt in result.check.doubts if result.check else ():
        console.print(
            f"[yellow]look into[/yellow] {escape(doubt.table)}: {escape(doubt.about)}",
            soft_wrap=True,
        )
    _print_history(build)
    for name, features in result.disabled.items():
        console.print(
            f"[yellow]missing[/yellow] table {escape(name)} disables {escape(', '.join(features))}"
        )
    materialize = in_same_home("holdfast features materialize", home)
    console.print(f"Next: [bold]{escape(materialize)}[/bold]", soft_wrap=True)


def _print_history(build: "BuildReport") -> None:
    """Print why past Mondays were computed anew, or were not."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False)
    if build.from_earlier_release:
        console.print(
            "Past Mondays were computed anew, once: an earlier release had not kept what was known then."
        )
    for table, since in build.restated.items():
        console.print(
            f"[yellow]restated[/yellow] {escape(table)}: not the same rows as at the last build had arrived by"
            f" {since:%Y-%m-%d}; Mondays from then on were computed anew"
        )
    if build.outdated:
        console.print(
            f"[yellow]left as they are[/yellow] Mondays {', '.join(build.outdated)}: they need a table that is absent"
        )
    if build.beyond_rows:
        first, last = build.beyond_rows[0], build.beyond_rows[-1]
        console.print(
            f"[yellow]left as they are[/yellow] {len(build.beyond_rows)} Mondays, {first} to {last}: features"
            " have changed since, and the raw rows are not kept any more that they would be computed from"
        )


def _print_materialized(result: "Materialized") -> None:
    """Print what was written into the online store."""
    from rich.console import Console

    console = Console(highlight=False)
    for view, rows in result.rows.items():
        console.print(f"{view}: {rows:,} records")
    if result.skipped:
        console.print(f"[dim]online already: {', '.join(result.skipped)}[/dim]")


def _print_profile(profile: "Profile") -> None:
    """Print the features of one entity by view, with the times of their values."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Column, Table

    console = Console(highlight=False)
    console.print(
        f"[bold]{escape(profile.id)}[/bold]  [dim]{profile.entity}, {profile.service}[/dim]"
    )
    for view, group in groupby(profile.features, key=lambda feature: feature.view):
        features = list(group)
        first = features[0]
        when = "no values" if first.time is None else f"as of {first.time:%Y-%m-%d %H:%M} UTC"
        late = "  [yellow]stale[/yellow]" if first.stale else ""
        names = Column("feature", no_wrap=True), Column("value", justify="right", no_wrap=True)
        table = Table(*names, "unit", "meaning", box=None, padding=(0, 2, 0, 0))
        for feature in features:
            table.add_row(*_row(feature))
        console.print(f"\n[bold]{view}[/bold]  [dim]{when}[/dim]{late}")
        console.print(table)


def _row(shown: "KnownFeature") -> tuple[str, str, str, str]:
    from rich.markup import escape

    value = "[dim]–[/dim]" if shown.value is None else f"{shown.value:g}"
    about = shown.feature.about
    if shown.value is None and shown.feature.null_has_meaning:
        about += f"; null: {shown.feature.null}"
    return (
        shown.feature.name,
        value,
        f"[dim]{shown.feature.unit}[/dim]",
        f"[dim]{escape(about)}[/dim]",
    )
