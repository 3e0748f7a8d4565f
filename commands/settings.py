"""`holdfast settings`: every setting, its value and where it comes from."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from commands.command import JsonOption, reporting_errors

if TYPE_CHECKING:
    from commands.sections import Setting


@reporting_errors
def settings(as_json: JsonOption = False) -> None:
    """Show every setting, its value and where it comes from."""
    from commands.console import print_json
    from commands.sections import effective_settings

    in_force = effective_settings()
    if as_json:
        print_json({"settings": [vars(setting) for setting in in_force]})
    else:
        _print_settings(in_force)


def _print_settings(settings: "Sequence[Setting]") -> None:
    """Print every setting."""
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Column, Table

    table = Table(
        Column("setting", no_wrap=True),
        Column("value", overflow="fold"),
        "from",
        "what for",
        box=box.SIMPLE_HEAD,
    )
    for setting in settings:
        table.add_row(
            setting.variable, escape(setting.value), setting.origin, escape(setting.description)
        )
    Console(highlight=False).print(table)
