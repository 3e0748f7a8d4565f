"""`holdfast nightly`: raw tables in, features, scores; everybody scored by the morning."""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands.command import (
    HomeOption,
    JsonOption,
    PageLanguageOption,
    check_page_language,
    home_of,
    in_same_home,
    reporting_errors,
)
from commands.tables import (
    AcceptOption,
    ArrivalLagOption,
    AtOption,
    ByOption,
    ColumnsOption,
    EncodingOption,
    TimeZoneOption,
    WatermarkOption,
    ask,
    name_of,
    raw_options_of,
)
from holdfast.errors import HoldfastError, InputError

if TYPE_CHECKING:
    from features.tables.plan import OpenQuestions
    from holdfast.home import Home
    from pipeline.night.night import Night, Step, StepName
    from pipeline.night.options import NightOptions

_COLOURS = {"done": "green", "doubts": "yellow", "stopped": "red"}


@reporting_errors
def nightly(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="[RAW]",
            help="Raw tables to take in: a folder of files, a SQLAlchemy URL, or a mapping file."
            " Default: the raw store as it is",
            show_default=False,
        ),
    ] = None,
    columns: ColumnsOption = None,
    encoding: EncodingOption = None,
    time_zone: TimeZoneOption = None,
    arrival_lag_days: ArrivalLagOption = None,
    watermark: WatermarkOption = None,
    at: AtOption = None,
    first_step: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="STEP",
            help="Step to begin with: take_in, features, materialize, score, care, retention or"
            " summary.",
        ),
    ] = "take_in",
    wait: Annotated[
        float,
        typer.Option(min=0, help="Seconds to wait for another process that writes in the home."),
    ] = 0,
    accept: AcceptOption = None,
    by: ByOption = None,
    language: PageLanguageOption = "en",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take raw tables in, compute features, score everybody, and say whether anything is wrong.

    Run it again after it was stopped or killed: it carries on where it was. Where nothing has
    changed, it does nothing. Exit code 0 done, 3 done with doubts, 1 stopped with yesterday's
    scores standing, 2 wrong use. Stopped by columns that can be read in more than one way, it writes
    a plan file to answer in, as `holdfast data check` does, and prints how to go on.
    """
    from commands.console import print_json, results_only

    try:
        with results_only():
            from pipeline.night.night import require_beginning

            where, begun_with = home_of(home), _step_named(first_step)
            require_beginning(where, source)
            check_page_language(language, page_written=True)
            accepted_by = name_of(by, accept)
            _require_tables(accept or ())
            from pipeline.night.options import NightOptions

            options = NightOptions(
                source=source,
                encoding=encoding,
                watermark=watermark,
                reading=raw_options_of(columns, time_zone, arrival_lag_days),
                at=at and at.date(),
                first_step=begun_with,
                wait_seconds=wait,
                accepted=frozenset(accept or ()),
                accepted_by=accepted_by,
                language=language,
            )
            questions: list[OpenQuestions] = []
            night = _run(where, options, questions.append)
    except (HoldfastError, KeyboardInterrupt) as error:
        if as_json:
            print_json(_never_begun(str(error) or "interrupted"))
        raise
    if as_json:
        print_json(night.to_json() | {"changed_nothing": night.changed_nothing})
    else:
        _print_night(night, home)
    for one in questions:
        ask(one, source or "raw")
    raise typer.Exit(night.exit_code)


def _run(
    home: "Home", options: "NightOptions", asked: "Callable[[OpenQuestions], None]"
) -> "Night":
    from features.mapping.opening import place_of
    from features.online.settings import OnlineSettings
    from holdfast.clock import home_clock, system_clock
    from pipeline.care.nightly.night import CareOfNight
    from pipeline.night.config import NightConfig
    from pipeline.night.nightly import run_night

    config = NightConfig.read()
    clock = home_clock(home, system_clock, options.source and place_of(options.source))
    features, labels = config.scoring.features, config.training.labels
    return run_night(
        home,
        options,
        config,
        clock=clock,
        online=OnlineSettings.read(),
        care=CareOfNight(home, config.care, features, labels, clock, system_clock),
        end=_say,
        asked=asked,
    )


def _require_tables(accepted: Collection[str]) -> None:
    """Refuse names that are no tables; the contracts are slow to import."""
    if accepted:
        from features.contracts.tables import TABLES
        from features.intake.verdicts import require_tables

        require_tables("--accept", accepted, TABLES)


def _step_named(name: str) -> "StepName":
    from pipeline.night.night import STEPS

    for step in STEPS:
        if step == name:
            return step
    raise InputError("--from", f"must be one of {', '.join(STEPS)}", name)


def _never_begun(error: str) -> dict[str, Any]:
    """What ``--json`` prints of a night that could not begin, or was interrupted."""
    return {
        "verdict": "stopped",
        "tables": {},
        "steps": [],
        "doubts": [],
        "care_may_run": False,
        "error": error,
    }


def _say(step: "Step") -> None:
    """One line about a step on standard error, whole, for a person and for a log."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(stderr=True, highlight=False)
    colour = {"stopped": "red", "skipped": "yellow"}.get(step.status, "green")
    console.print(
        f"[bold]{step.name}[/bold] [{colour}]{step.status}[/{colour}]"
        f" in {step.seconds:.1f} s: {escape(step.about)}",
        soft_wrap=True,
    )


def _print_night(night: "Night", home: Path | None) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False)
    verdict = night.verdict or "stopped"
    about = f", everything known by {night.at[:10]}" if night.at else ""
    clock = ", by the clock of a simulated operator" if night.clock == "simulated" else ""
    console.print(f"[{_COLOURS[verdict]}]{verdict}[/]{about}{clock}", soft_wrap=True)
    if night.changed_nothing:
        console.print("Nothing has changed since the last night; nothing was done.")
    for table, judged in night.tables.items():
        if judged != "fresh":
            console.print(f"[yellow]{judged}[/yellow] {escape(table)}", soft_wrap=True)
    for doubt in night.doubts:
        console.print(f"[yellow]look into[/yellow] {escape(doubt)}", soft_wrap=True)
    if night.error is not None:
        console.print(f"{escape(night.error)}\nYesterday's scores stand.", soft_wrap=True)
    console.print(
        f"Offers {'may' if night.care_may_run else 'may not'} be planned and sent."
        f" Next: [bold]{escape(in_same_home('holdfast status', home))}[/bold]",
        soft_wrap=True,
    )
