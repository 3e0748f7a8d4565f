"""`holdfast care effects`: what each action has been shown to do, beside what is assumed of it."""

from typing import TYPE_CHECKING

import typer

from commands.care.campaign import opened
from commands.command import HomeOption, JsonOption, reporting_errors

if TYPE_CHECKING:
    from pipeline.care.effects import ActionEffect


@reporting_errors
def effects(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show what each action has been shown to do over all its campaigns, and what is assumed."""
    from commands.console import print_json
    from features.settings import FeatureSettings

    with opened(home) as (care, clock):
        from pipeline.care.effects import measured_actions
        from training.settings import LabelSettings

        known = measured_actions(care, LabelSettings.read(), FeatureSettings.read(), clock)
        currency = care.catalogue.operator.currency
    if as_json:
        print_json(known.to_json())
        return
    for one in known.actions:
        typer.echo(_told(one, currency))
    for name, why in known.not_measured.items():
        typer.echo(f"{name} was not measured: {why}")
    if not known.actions and not known.not_measured:
        typer.echo("No plan of a campaign was approved yet.")


def _told(one: "ActionEffect", currency: str) -> str:
    from reports.care.words import HEADLINES, Unit

    unit = Unit(one.outcome, one.outcome_days, currency)
    counted = f"{one.action}, {unit.what}"
    if one.effect is None:
        told = "not measured yet"
        if assumed := one.assumed:
            told += (
                f"; assumed {unit.effect(assumed.value)}"
                f" ({unit.effect(assumed.low)} to {unit.effect(assumed.high)})"
            )
        return f"{counted}: {told}"
    found = one.effect
    campaigns = "1 campaign" if found.campaigns == 1 else f"{found.campaigns} campaigns"
    return (
        f"{counted}: {unit.effect(found.value)} {unit.word}"
        f" ({unit.effect(found.low)} to {unit.effect(found.high)}), randomised,"
        f" {campaigns}, {found.households:,} households."
        f" {HEADLINES[found.finding]}."
    )
