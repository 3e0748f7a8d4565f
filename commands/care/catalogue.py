"""`holdfast care check`: what can be done and why, and where decisions are handed over to."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.command import HomeOption, JsonOption, home_of, reporting_errors

if TYPE_CHECKING:
    from care.catalogue import Catalogue
    from care.delivery.receivers import Receivers
    from care.model import Condition


@reporting_errors
def check(
    catalogue: Annotated[
        Path | None,
        typer.Argument(
            metavar="[CATALOGUE]",
            help="A TOML file. Default: care/catalogue.toml in the home; without one, the catalogue"
            " that holdfast comes with",
            show_default=False,
        ),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check the catalogue of actions and triggers, and the receivers of the home; tell every mistake
    by its line.
    """
    from care.catalogue import catalogue_of, read_catalogue
    from care.delivery.receivers import read_receivers, receivers_of
    from care.faults import FaultyFileError
    from care.jurisdiction import jurisdiction
    from care.settings import CareSettings
    from commands.console import print_json

    root = home_of(home).root
    where = catalogue or catalogue_of(root)
    law = jurisdiction(CareSettings.read().jurisdiction)
    faults: list[str] = []
    read = receivers = None
    try:
        read = read_catalogue(where, law)
    except FaultyFileError as error:
        faults += map(str, error.faults)
    try:
        receivers = read_receivers(receivers_of(root))
    except FaultyFileError as error:
        faults += map(str, error.faults)
    if as_json:
        document = {"catalogue": str(where), "faults": faults, "jurisdiction": law.name}
        print_json(document | {"receivers": [] if receivers is None else list(receivers.webhooks)})
    elif read is None or receivers is None:
        for fault in faults:
            typer.echo(fault, err=True)
    else:
        _print_catalogue(read, where, law.name)
        _print_receivers(receivers)
    if faults:
        raise typer.Exit(FaultyFileError.exit_code)


def _print_receivers(receivers: "Receivers") -> None:
    for receiver in receivers.webhooks.values():
        typer.echo(f"{', '.join(receiver.channels)}: by webhook to {receiver.name}")
    if receivers.channels_in_files:
        channels = ", ".join(receivers.channels_in_files)
        typer.echo(f"{channels}: into files ({receivers.files.format})")


def _print_catalogue(catalogue: "Catalogue", where: Path, law: str) -> None:
    for trigger in catalogue.triggers.values():
        conditions = " and ".join(map(_condition, trigger.when))
        typer.echo(f"{trigger.code}: {conditions}")
        for code in trigger.actions:
            action = catalogue.actions[code]
            through = ", ".join(action.channels)
            typer.echo(f"    {code} ({action.action_class}), through {through}")
    typer.echo(f"\n{where}: no mistakes. Rules of: {law}")


def _condition(condition: "Condition") -> str:
    bounds = [
        f"{word} {bound:g}"
        for word, bound in (("from", condition.at_least), ("up to", condition.at_most))
        if bound is not None
    ]
    return f"{condition.fact} {' '.join(bounds)}"
