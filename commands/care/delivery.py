"""`holdfast work`, `holdfast care send` and `holdfast care replay`: what is approved leaves."""

import asyncio
import os
import secrets
import signal
import socket
from typing import TYPE_CHECKING, Annotated

import typer

from commands.care.campaign import opened, print_held_up, print_states
from commands.command import HomeOption, JsonOption, reporting_errors

if TYPE_CHECKING:
    from holdfast.clock import Clock
    from pipeline.care.delivery.relays import Delivery
    from pipeline.care.delivery.work import WorkPlan
    from pipeline.care.workspace import CareWorkspace


@reporting_errors
def send(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Hand over what is approved and due, once: by webhook to receivers, the rest as a file."""
    from commands.console import print_json
    from features.settings import FeatureSettings

    with opened(home) as (care, clock):
        from pipeline.care.delivery.send import send_due

        sent = send_due(care, _delivery(care, clock), FeatureSettings.read())
    if as_json:
        print_json(sent.to_json())
        return
    if sent.path is not None:
        typer.echo(f"{sent.in_file:,} handed over: {sent.path}")
    for name, taken in sent.by_webhook.items():
        typer.echo(f"{taken:,} handed over to {name}")
    if sent.path is None and not any(sent.by_webhook.values()):
        typer.echo("Nothing was handed over.")
    print_states(sent.states)
    print_held_up(sent.held_up)


@reporting_errors
def replay(
    by: Annotated[str, typer.Option(help="Name of who asks for it.")],
    name: Annotated[
        str | None,
        typer.Argument(metavar="[CAMPAIGN]", help="Of this campaign only.", show_default=False),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try again what was given up, such as after a receiver was repaired."""
    from commands.console import print_json

    with opened(home) as (care, clock):
        replayed = care.ledger.outbox.replay(by, clock(), name)
    if as_json:
        print_json({"replayed": replayed})
    else:
        typer.echo(f"{replayed:,} are tried again.")


@reporting_errors
def work(
    home: HomeOption = None,
    wait: Annotated[
        float,
        typer.Option(min=0, help="Seconds to wait for another process that works on the ledger."),
    ] = 0,
) -> None:
    """Hand over to receivers whatever is approved and due, and do jobs, until Ctrl-C or SIGTERM."""
    from commands.care.failpoint import failpoint
    from features.settings import FeatureSettings
    from holdfast.interrupt import end_in_its_own_time
    from pipeline.care.delivery.work import WorkPlan
    from training.settings import LabelSettings

    with opened(home, failpoint()) as (care, clock):
        delivery = _delivery(care, clock)
        end_in_its_own_time()
        plan = WorkPlan(
            care=care,
            delivery=delivery,
            features=FeatureSettings.read(),
            labels=LabelSettings.read(),
            # In containers, two machines may have one name and each process the number 1.
            holder=f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}",
            failpoint=failpoint(),
        )
        asyncio.run(_until_signal(plan, wait))


async def _until_signal(plan: "WorkPlan", wait: float) -> None:
    from holdfast.interrupt import end_after
    from pipeline.care.delivery.work import work as work_until

    stop = asyncio.Event()

    def end() -> None:
        # What reads facts in another thread cannot be interrupted.
        end_after()
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end)
    receivers = plan.delivery.receivers.webhooks.values()
    to = "; ".join(f"{one.name} ({', '.join(one.channels)})" for one in receivers)
    to = to or "nobody: `holdfast care send` writes files"
    typer.echo(f"holdfast works as {plan.holder}, and hands over to {to}", err=True)
    await work_until(plan, stop, wait_seconds=wait)
    typer.echo("holdfast has ended its work", err=True)


def _delivery(care: "CareWorkspace", clock: "Clock") -> "Delivery":
    from care.delivery.receivers import read_receivers, receivers_of, secrets_of
    from holdfast.clock import system_clock
    from pipeline.care.delivery.relays import Delivery

    receivers = read_receivers(receivers_of(care.home.root))
    return Delivery(
        receivers=receivers,
        secrets={
            name: secrets_of(receiver, os.environ) for name, receiver in receivers.webhooks.items()
        },
        clock=clock,
        machine_clock=system_clock,
    )
