"""`holdfast care`, put together from its commands."""

import typer

from commands.care.approve import approve
from commands.care.campaign import measure, outcomes, plan, stop
from commands.care.catalogue import check
from commands.care.delivery import replay, send
from commands.care.effects import effects
from commands.care.overview import show, status

app = typer.Typer(
    no_args_is_help=True,
    help="Care: campaigns planned, approved, sent and measured.",
    rich_markup_mode=None,
)
for command in (check, plan, show, approve, send, replay, status, outcomes, measure, effects, stop):
    app.command()(command)
