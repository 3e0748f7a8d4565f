"""`holdfast care`, put together from its commands."""

import typer

from commands.care.catalogue import check

app = typer.Typer(
    no_args_is_help=True,
    help="Care: what can be done for customers, and why.",
    rich_markup_mode=None,
)
for command in (check,):
    app.command()(command)
