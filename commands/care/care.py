"""`holdfast care`, put together from its commands."""

import typer

from commands.care.campaign import (
    approve,
    measure,
    outcomes,
    plan,
    send,
    status,
    stop,
)
from commands.care.catalogue import check

app = typer.Typer(
    no_args_is_help=True,
    help="Care: campaigns planned, approved, sent and measured.",
    rich_markup_mode=None,
)
for command in (check, plan, approve, send, outcomes, measure, status, stop):
    app.command()(command)
