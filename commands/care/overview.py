"""`holdfast care status` and `show`: what is planned, approved and on its way."""

from typing import Any

import typer

from commands.care.campaign import CampaignArgument, opened, print_held_up
from commands.command import HomeOption, JsonOption, reporting_errors


@reporting_errors
def status(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show all campaigns: the state of each, and of its decisions; and what receivers sent though they
    must not.
    """
    from commands.console import print_json

    with opened(home) as (care, _):
        from care.ledger.overview import overviews

        campaigns = overviews(care.ledger)
        halted, breaches = care.ledger.is_halted, care.ledger.handed.breaches()
        held_up = care.ledger.outbox.held_up()
        jobs = care.ledger.jobs.newest()
    if as_json:
        listed = [one.to_json() for one in campaigns]
        counted = {name: vars(count) for name, count in breaches.items()}
        waiting = [one.to_json() for one in held_up]
        print_json(
            {
                "is_halted": halted,
                "campaigns": listed,
                "held_up": waiting,
                "breaches": counted,
                "jobs": [job.to_json() for job in jobs],
            }
        )
        return
    if halted:
        typer.echo("Care is halted: nothing is sent.")
    for one in campaigns:
        typer.echo(f"{one.campaign_id}: {one.state}")
        for state, count in one.decisions.items():
            typer.echo(f"  {state}: {count:,}")
    print_held_up(held_up)
    for name, breach in breaches.items():
        typer.echo(
            f"{name} has sent what it must not: {breach.late:,} too late,"
            f" {breach.after_cancel:,} after a cancel"
        )
    for job in jobs:
        if job.state != "done":
            why = f": {job.why}" if job.why else ""
            typer.echo(f"job {job.number}, measure {job.campaign_id}: {job.state}{why}")
    if not campaigns:
        typer.echo("No campaign was planned yet.")


@reporting_errors
def show(name: CampaignArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show the newest plan of a campaign, who approved it, and what is known of it since."""
    from commands.console import print_json

    with opened(home) as (care, _):
        from care.ledger.overview import overview_of

        one = overview_of(care.ledger, name)
    document = one.to_json()
    if as_json:
        print_json(document)
        return
    typer.echo(f"{name}: {one.state}")
    _print_plan(document["plan"])
    _print_rule(document["rule"])
    for state, count in one.decisions.items():
        typer.echo(f"  {state}: {count:,}")
    for outcome, count in one.reported.items():
        typer.echo(f"  reported as {outcome}: {count:,}")
    if one.measured_at is not None:
        typer.echo(f"measured on {one.measured_at:%Y-%m-%d}: holdfast care measure {name}")


def _print_plan(plan: dict[str, Any]) -> None:
    about = plan["about"]
    typer.echo(f"Plan {plan['plan_id']}, digest {plan['digest'][:8]}, of {plan['made_at'][:16]}")
    typer.echo(
        f"  {about['proposed']:,} proposed: {about['sent']:,} to be sent, {about['control']:,} in"
        f" control, {about['holdout']:,} held out from all offers"
    )
    for rule, count in about["refused"].items():
        typer.echo(f"  refused by {rule}: {count:,}")
    approval = plan["approval"]
    if approval is None:
        typer.echo("  waits for somebody to approve it")
    else:
        key = "" if approval["key"] is None else f" with the key {approval['key']}"
        typer.echo(
            f"  approved by {approval['by']}{key} ({approval['how']}), {approval['at'][:16]}"
        )


def _print_rule(rule: dict[str, Any] | None) -> None:
    if rule is not None:
        typer.echo(
            f"  each night's plan is approved by {rule['by']}, up to {rule['most_messages']:,}"
            f" messages and a cost of {rule['most_cost']:,g} a day"
        )
