"""`holdfast care`, put together from its commands."""

import typer

from commands.care.campaign import (
    approve,
    measure,
    outcomes,
    plan,
    status,
    stop,
)
from commands.care.catalogue import check
from commands.care.delivery import replay, send

app = typer.Typer(
    no_args_is_help=True,
    help="Care: campaigns planned, approved, sent and measured.",
    rich_markup_mode=None,
)
for command in (check, plan, approve, send, replay, outcomes, measure, status, stop):
    app.command()(command)
