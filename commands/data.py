"""`holdfast data`: check, doctor."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands.command import (
    HomeOption,
    JsonOption,
    PageLanguageOption,
    check_page_language,
    home_of,
    reporting_errors,
)
from commands.tables import (
    ArrivalLagOption,
    ColumnsOption,
    EncodingOption,
    TimeZoneOption,
    WatermarkOption,
    asking,
    raw_options_of,
)

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from features.intake.night_record import Overruling
    from features.intake.replaced import ReplacedValue
    from features.intake.report import CheckReport, TableReport
    from features.intake.verdicts import NightVerdict, TableVerdict

_WORST = 20
_MOST_VALUES = 8

_COLOURS = {
    "fresh": "green",
    "late": "yellow",
    "thin": "yellow",
    "changed": "yellow",
    "missing": "red",
}

QUARANTINED = 3
"""Exit code when the check ran to its end and some rows were quarantined."""

app = typer.Typer(no_args_is_help=True, help="The operator's raw tables.", rich_markup_mode=None)


@app.command()
@reporting_errors
def check(
    where: Annotated[
        str,
        typer.Argument(
            metavar="WHERE",
            help="Raw tables: a folder of files, a SQLAlchemy URL, or a mapping file.",
            show_default=False,
        ),
    ],
    columns: ColumnsOption = None,
    encoding: EncodingOption = None,
    time_zone: TimeZoneOption = None,
    arrival_lag_days: ArrivalLagOption = None,
    watermark: WatermarkOption = None,
    home: HomeOption = None,
    quarantine: Annotated[
        Path | None,
        typer.Option(
            help="Directory for rows that are not accepted. Default: checked below home",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check raw tables against their contracts; exit code 3 when rows were quarantined."""
    from commands.console import print_json, results_only

    with results_only(), asking(where):
        from features.mapping.opening import open_raw_tables, place_of
        from holdfast.clock import home_clock, system_clock

        options = raw_options_of(columns, time_zone, arrival_lag_days)
        from features.sources.files.text_form import TextForms

        own_home = home_of(home)
        source = open_raw_tables(where, encoding, watermark, TextForms.read(own_home.raw))
        from features.erased.erased_ids import ErasedIds
        from features.erased.erased_rows import ErasedRows
        from features.intake.check import check as run
        from features.mapping.source import MappedTables
        from features.mapping.unmapped import unmapped
        from features.operator.repository import OperatorRepository
        from features.retained.kept_since import KeptSince
        from features.retained.own_decisions import OwnDecisions
        from features.retained.refused_rows import RefusedRows

        report = run(
            source,
            quarantine=quarantine or own_home.checked,
            now=home_clock(own_home, system_clock, place_of(where))(),
            options=options,
            disables=OperatorRepository(own_home).catalogue.features_without,
            refused=RefusedRows(
                ErasedRows(ErasedIds.read(own_home.erased)),
                KeptSince.read(own_home.kept_since),
                OwnDecisions.read(own_home.exported_care),
            ),
        )
    mapped = None
    if isinstance(source, MappedTables):
        mapped = source.to_json() | {"unmapped": unmapped(source, report)}
    if as_json:
        print_json(report.to_json() | ({} if mapped is None else {"mapping": mapped}))
    else:
        if mapped is not None:
            _print_mapping(mapped)
        _print_check(report)
    if not report.clean:
        raise typer.Exit(QUARANTINED)


@app.command()
@reporting_errors
def doctor(
    home: HomeOption = None,
    page: Annotated[
        Path | None,
        typer.Option(help="Write the same as an HTML page to this file.", show_default=False),
    ] = None,
    language: PageLanguageOption = "en",
    as_json: JsonOption = False,
) -> None:
    """Show the last night's raw tables beside those of other nights, and what was overruled."""
    from commands.console import print_json, results_only

    with results_only():
        from features.intake.night_record import NightRecord
        from holdfast.errors import HomeError

        check_page_language(language, page is not None)
        place = home_of(home)
        record = NightRecord(place.expectations)
        night, overrulings = record.last(), record.overrulings()
        if night is None:
            raise HomeError(
                f"--home {place.root}",
                "holds no night yet; run `holdfast features build RAW` first",
            )
        if page is not None:
            from holdfast.files import write_beside
            from reports.night.doctor import render_doctor
            from reports.words.texts import texts

            write_beside(page, render_doctor(night, overrulings, texts(language)))
    if as_json:
        print_json(
            {"night": night.to_json(), "overrulings": [one.to_json() for one in overrulings]}
        )
    else:
        _print_doctor(night, overrulings)


def _print_doctor(night: "NightVerdict", overrulings: "Sequence[Overruling]") -> None:
    """Print every table beside other nights, then why some are in doubt, and what was overruled."""
    from rich import box
    from rich.console import Console
    from rich.table import Column, Table

    from reports.night.doctor import figure, headline, usual

    console = Console(highlight=False)
    console.print(f"Night to {night.at:%Y-%m-%d %H:%M} UTC. [bold]{headline(night)}[/bold]")
    shown = ("rows", "hours to arrive", "share in quarantine")
    table = Table(
        Column("table", no_wrap=True),
        Column("verdict", no_wrap=True),
        *(
            Column(name, justify="right", no_wrap=True)
            for name in ("rows", "usually", "hours", "left out", "noticed")
        ),
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        caption="hours: to arrive; left out: share in quarantine; noticed: days until it would be called late",
    )
    for one in night.tables:
        measures = {measure.name: measure for measure in one.measures}
        figures = [
            figure(measures[name], measures[name].seen) if measures else "" for name in shown
        ]
        rows, hours, quarantined = figures
        noticed = one.noticed_within_days
        table.add_row(
            one.table,
            f"[{_COLOURS[one.verdict]}]{one.verdict}[/{_COLOURS[one.verdict]}]",
            rows,
            usual(measures["rows"]) if measures else "",
            hours,
            quarantined,
            "never" if noticed is None else str(noticed),
        )
    console.print(table)
    replaced = [
        f"{one.table} {measure.seen:,.0f}"
        for one in night.tables
        for measure in one.measures
        if measure.name == "values replaced" and measure.seen
    ]
    if replaced:
        console.print(
            f"[yellow]replaced[/yellow] values in no list, and ids that lead nowhere: {', '.join(replaced)}",
            soft_wrap=True,
        )
    print_night(night)
    print_overrulings(overrulings)


def print_overrulings(overrulings: "Sequence[Overruling]") -> None:
    """Print which tables somebody took as they were, when and who."""
    from rich.console import Console
    from rich.markup import escape

    from reports.night.sentences import told

    console = Console(highlight=False, soft_wrap=True)
    for one in overrulings:
        why = told(one.reasons[0]) if one.reasons else "the table was not there"
        by = f" by {one.by}" if one.by else ""
        console.print(
            f"[dim]overruled[/dim] {one.at[:16].replace('T', ' ')}{escape(by)}:"
            f" {one.table}, {one.verdict}: {escape(why)}"
        )


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
    if night.needlessly_accepted:
        console.print(
            f"[dim]not needed[/dim] --accept {', '.join(night.needlessly_accepted)}: as expected"
        )
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


def _print_mapping(mapped: Mapping[str, Any]) -> None:
    """Print which relation is which table, and which of its columns were taken by their own name."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, soft_wrap=True)
    for one in mapped["relations"]:
        columns = one["columns"]
        renamed = [f"{new} is {old!r}" for new, old in columns.items() if new != old]
        others = len(columns) - len(renamed)
        said = [*renamed, *([f"{others} under their own names"] if others else [])]
        said += [f"{name} {value!r} where there is none" for name, value in one["defaults"].items()]
        console.print(
            f"[cyan]mapped[/cyan] {one['table']} from {escape(one['relation'] or 'its query')}:"
            f" {escape(', '.join(said))}"
        )


def _print_check(report: "CheckReport") -> None:
    """Print table by table what was accepted, then why rows were not, what is absent, and what
    looks wrong.
    """
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False)
    console.print(_tables(report))
    if not report.clean:
        console.print(_rules(report))
    print_readings(report, console)
    print_replaced(report, console)
    if refused := sum(table.refused for table in report.tables):
        console.print(
            f"[dim]left out[/dim] {refused:,} rows of people who were erased, older than rows are kept, or of our own decisions"
        )
    for table in report.tables:
        if table.unknown_columns:
            console.print(
                f"[dim]not used[/dim] {table.table}: {escape(_named(table.unknown_columns, table.suggestions))}"
            )
        if table.absent_columns:
            console.print(
                f"[dim]absent[/dim] {table.table}: {escape(', '.join(table.absent_columns))}"
            )
    if report.unknown_tables:
        console.print(
            f"[dim]not used[/dim] {escape(_named(report.unknown_tables, report.suggestions))}"
        )
    for absent in report.absent:
        without = f"; without it: {escape(', '.join(absent.disables))}" if absent.disables else ""
        console.print(f"[dim]absent[/dim] the table [bold]{absent.table}[/bold]{without}")
    for doubt in report.doubts:
        console.print(f"[yellow]look into[/yellow] {doubt.table}: {escape(doubt.about)}")
    read, quarantined = (
        sum(getattr(table, name) for table in report.tables) for name in ("read", "quarantined")
    )
    if report.clean:
        others = sum(len(table.replaced) for table in report.tables)
        how = "are accepted, some without the values above" if others else "obey the contracts"
        console.print(f"\n[green]clean[/green]: all {read:,} rows {how}")
    else:
        console.print(
            f"\n[bold]{quarantined:,} of {read:,} rows[/bold] are in quarantine, with their reasons:"
        )
        console.print(f"  {escape(str(report.quarantine))}", soft_wrap=True)


def print_readings(report: "CheckReport", console: "Console") -> None:
    """Print what was decided about how tables are written."""
    from rich.markup import escape

    for table in report.tables:
        for line in _readings(table):
            console.print(
                f"[cyan]read as[/cyan] {escape(f'{table.table}: {line}')}", soft_wrap=True
            )


def print_replaced(report: "CheckReport", console: "Console") -> None:
    """Print the values that rows were accepted without, by table and column."""
    from rich.markup import escape

    for table in report.tables:
        for line in _replaced(table):
            console.print(
                f"[yellow]replaced[/yellow] {escape(f'{table.table}: {line}')}", soft_wrap=True
            )


def _replaced(table: "TableReport") -> list[str]:
    from holdfast.errors import shorten

    lines = []
    by_column: dict[tuple[str, str | None, bool], list[ReplacedValue]] = {}
    for one in table.replaced:
        by_column.setdefault((one.column, one.became, one.rule == "orphan"), []).append(one)
    for (column, became, is_orphan), values in by_column.items():
        rows = sum(value.rows for value in values)
        if is_orphan:
            lines.append(f"{column}: {rows:,} ids lead to no accepted row; they are read as empty")
            continue
        shown = [
            f"{'empty' if one.rule == 'empty' else 'values' if one.value is None else shorten(one.value)} {one.rows:,}"
            for one in values[:_MOST_VALUES]
        ]
        more = f", {len(values) - len(shown)} more" if len(values) > len(shown) else ""
        lines.append(
            f"{column}: {rows:,} values in no list are read as {became or 'empty'}"
            f" ({', '.join(shown)}{more})"
        )
    return lines


def _readings(table: "TableReport") -> list[str]:
    plan, lines = table.plan, list(table.notes)
    if table.renamed:
        (old, new), *others = table.renamed.items()
        more = f" and {len(others)} more" if others else ""
        lines.append(f"column names by their letters and digits: {old!r} is {new}{more}")
    alike: dict[str, list[str]] = {}
    for column in plan.columns:
        marks = ", ".join(map(repr, column.missing_marks))
        said = column.why + (f"; missing is {marks}" if marks else "")
        alike.setdefault(said, []).append(column.name)
    lines += [f"{', '.join(names)}: {said}" for said, names in alike.items()]
    if plan.time_zone is not None:
        lines.append(
            f"times without a zone are in {plan.time_zone}, the later where the clock was set back;"
            " a day of arrival counts from its end"
        )
    if plan.arrival_lag_days is not None:
        is_mapped = any("arrival_lag_days" in relation for relation in table.mapped)
        lines.append(
            f"arrived_at is not there and assumed: happened_at plus {plan.arrival_lag_days:g} days,"
            f" as {'the mapping file' if is_mapped else '--arrival-lag-days'} says"
        )
    return lines


def _named(names: Sequence[str], meant: Mapping[str, str]) -> str:
    return ", ".join(
        f"{name} (is {meant[name]} meant?)" if name in meant else name for name in names
    )


def _tables(report: "CheckReport") -> "Table":
    from rich import box
    from rich.table import Column, Table

    table = Table(
        Column("table", no_wrap=True),
        *(
            Column(name, justify="right", no_wrap=True)
            for name in ("rows", "accepted", "quarantined")
        ),
        *(Column(name, no_wrap=True) for name in ("from", "to")),
        Column("late", justify="right", no_wrap=True),
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        caption="late: arrived more than 7 days after it happened",
    )
    for one in report.tables:
        quarantined = f"[red]{one.quarantined:,}[/red]" if one.quarantined else "0"
        first, last = _day(one.span.first_happened), _day(one.span.last_happened)
        table.add_row(
            one.table, f"{one.read:,}", f"{one.accepted:,}", quarantined, first, last, _late(one)
        )
    return table


def _rules(report: "CheckReport") -> "Table":
    from rich import box
    from rich.markup import escape
    from rich.table import Column, Table

    from holdfast.errors import shorten

    table = Table(
        "table",
        Column("column", overflow="fold"),
        Column("rows", justify="right", no_wrap=True),
        Column("rule", ratio=3),
        Column("for example", overflow="fold", ratio=2),
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        title="Why rows are in quarantine",
        title_justify="left",
    )
    for one, rule in islice(report.worst(), _WORST):
        value = "" if rule.value is None else f", {shorten(rule.value)}"
        example = f"{rule.part} row {rule.row:,}{value}"
        table.add_row(
            one.table, rule.column, f"{rule.rows:,}", escape(rule.reason), escape(example)
        )
    return table


def _late(one: "TableReport") -> str:
    return f"{one.late_share:.1%}" if one.accepted else ""


def _day(time: datetime | None) -> str:
    return "" if time is None else f"{time:%Y-%m-%d}"
