"""`holdfast care plan`, `outcomes`, `measure` and `stop`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands.care.failpoint import failpoint
from commands.command import (
    HomeOption,
    JsonOption,
    PageLanguageOption,
    home_of,
    in_same_home,
    reporting_errors,
)
from holdfast.failpoint import Failpoint, no_failpoint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from care.ledger.rows import HeldUp
    from care.measurement import Measurement
    from holdfast.clock import Clock
    from pipeline.care.plan import Sizing
    from pipeline.care.workspace import CareWorkspace

CampaignArgument = Annotated[
    str,
    typer.Argument(
        metavar="CAMPAIGN", help="A campaign: care/campaigns/CAMPAIGN.toml in the home."
    ),
]


@contextmanager
def opened(
    home: Path | None, failpoint: Failpoint = no_failpoint
) -> Iterator[tuple["CareWorkspace", "Clock"]]:
    """A home's care and clock, which follows a simulated operator's; results alone go to standard
    output.
    """
    from care.settings import CareSettings
    from commands.console import results_only
    from holdfast.clock import home_clock, system_clock
    from pipeline.care.workspace import care_of

    where = home_of(home)
    with results_only(), care_of(where, CareSettings.read(), failpoint) as care:
        yield care, lambda: home_clock(where, system_clock)()


@reporting_errors
def plan(
    name: CampaignArgument,
    language: PageLanguageOption = "en",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide whom a campaign sends something, withholds at random, or refuses; send nothing."""
    from commands.console import print_json
    from features.settings import FeatureSettings
    from models.words.catalogue import resolve

    resolve(language)
    with opened(home, failpoint()) as (care, clock):
        from pipeline.care.plan import plan_campaign

        planned = plan_campaign(care, name, FeatureSettings.read(), clock, language)
    document = planned.to_json()
    if as_json:
        print_json(document)
        return
    _print_counts(document)
    drawn = planned.counts.sent + planned.counts.control
    if planned.without_risk:
        rest = "what this plan will be able to see rests on the others"
        if planned.without_risk == drawn:
            rest = "what this plan will be able to see is not known"
        typer.echo(f"{planned.without_risk:,} of {drawn:,} drawn have no prediction: {rest}.")
    sizing = planned.sizing
    if sizing is not None:
        for line in told_sizing(sizing):
            typer.echo(line)
    typer.echo(f"Plan {planned.row.plan_id}, digest {planned.row.digest[:8]}. Nothing is sent.")
    typer.echo(f"Page: {planned.page}")
    command = f"holdfast care approve {name} --digest {planned.row.digest[:8]}"
    typer.echo(f"Next: {in_same_home(command, home)}")


@reporting_errors
def outcomes(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="CSV with decision_id, outcome, value (1 or 0, or an amount) and happened_at.",
        ),
    ],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take in what came of decisions, as channels report it; told twice, it counts once."""
    from commands.console import print_json

    with opened(home) as (care, clock):
        from pipeline.care.outcomes import take_in_outcomes

        taken = take_in_outcomes(care, file, clock)
    if as_json:
        print_json(taken.to_json())
        return
    typer.echo(f"{taken.rows:,} rows, {taken.new:,} of them new.")
    if taken.unknown:
        shown = ", ".join(taken.unknown[:3])
        typer.echo(f"{len(taken.unknown):,} ids are no decisions, and were left out: {shown}")
    if taken.differing:
        shown = ", ".join(taken.differing[:3])
        typer.echo(
            f"{len(taken.differing):,} decisions were told before with another value, which stands:"
            f" {shown}"
        )


@reporting_errors
def measure(
    name: CampaignArgument,
    language: PageLanguageOption = "en",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare the arms of a campaign once what came of them is known, and write its page."""
    from commands.console import print_json
    from features.settings import FeatureSettings
    from models.words.catalogue import resolve

    resolve(language)
    with opened(home) as (care, clock):
        from pipeline.care.measure import measure_campaign
        from pipeline.care.pages import write_effect
        from training.settings import LabelSettings

        measured = measure_campaign(care, name, LabelSettings.read(), FeatureSettings.read(), clock)
        page = write_effect(care, measured, language)
    if as_json:
        print_json(measured.to_json() | {"page": str(page)})
        return
    for line in told_effect(measured):
        typer.echo(line)
    typer.echo(f"Page: {page}")


@reporting_errors
def stop(
    by: Annotated[str, typer.Option(help="Name of who halts care, or lets it go on.")],
    go_on: Annotated[bool, typer.Option("--go-on", help="Let care go on instead.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Halt all care at once: nothing more is handed over until it may go on."""
    from commands.console import print_json

    with opened(home) as (care, clock):
        care.ledger.halt(by, clock(), is_halted=not go_on)
    if as_json:
        print_json({"is_halted": not go_on, "by": by})
    else:
        typer.echo("Care goes on." if go_on else "Care is halted: nothing more is handed over.")


def told_effect(measured: "Measurement") -> list[str]:
    """What is known of a campaign, as lines of text."""
    from reports.care.effect import checks
    from reports.care.words import headline, meaning, unit_of

    funnel, effect = measured.funnel, measured.effect
    drawn = f"{funnel.intended:,} households intended: {funnel.withheld:,} withheld"
    lines = [f"{drawn}, {funnel.sent:,} sent"]
    lines += [f"refused by {rule}: {count:,}" for rule, count in funnel.refused.items()]
    lines += [f"doubtful: {check.text}" for check in checks(measured) if not check.is_ok]
    if effect is not None:
        unit = unit_of(measured.campaign, measured.currency)
        lines.append(
            f"{unit.effect(effect.value)} {unit.word}, {unit.what} (95 % interval"
            f" {unit.between(effect)}), randomised"
        )
    return [*lines, f"{headline(measured)}. {' '.join(meaning(measured))}"]


def told_sizing(sizing: "Sizing") -> list[str]:
    """What a plan will be able to see, as lines of text."""
    from care.model import ASSUMED_DAYS

    assumed = (
        f"effects are assumed on staying for {ASSUMED_DAYS} days, not for {sizing.outcome_days}"
        if sizing.assumed is None
        else f"the assumed effect is {100 * sizing.assumed:+.1f} points"
    )
    half = f"{100 * sizing.half_width:.1f}"
    lines = [
        f"With this control the 95 % interval will reach {half} points to either side; {assumed}."
    ]
    if sizing.horizon_days != sizing.outcome_days:
        lines.append(
            f"The model does not predict {sizing.outcome_days} days: this rests on its predictions of"
            f" {sizing.horizon_days} days."
        )
    if sizing.assumed and sizing.needed and abs(sizing.assumed) < sizing.half_width:
        lines.append(
            f"That is too few households to see it: about {sizing.needed:,} are needed."
            " Extend the campaign, or claim nothing."
        )
    return lines


def _print_counts(document: dict[str, Any]) -> None:
    typer.echo(
        f"{document['proposed']:,} proposed: {document['sent']:,} to be sent,"
        f" {document['control']:,} in control, {document['holdout']:,} held out from all offers."
    )
    for rule, count in document["refused"].items():
        typer.echo(f"  refused by {rule}: {count:,}")


def print_states(states: dict[str, int]) -> None:
    """Print how many decisions are in each state."""
    for state, count in states.items():
        typer.echo(f"  {state}: {count:,}")


def print_held_up(held_up: "Sequence[HeldUp]") -> None:
    """Print what has not left though it is approved, and why."""
    for one in held_up:
        when = "" if one.next_at is None else f"{one.next_at:%Y-%m-%d %H:%M} UTC"
        typer.echo(
            {
                "waits": f"{one.count:,} wait for their time, the first for {when}",
                "tried_again": f"{one.count:,} are tried again, the first at {when}: {one.why}",
                "given_up": f"{one.count:,} were given up: {one.why}."
                " `holdfast care replay` tries again",
            }[one.how]
        )
