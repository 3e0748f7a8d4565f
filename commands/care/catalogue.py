"""`holdfast care check`: the catalogue of what can be done, and why."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.command import HomeOption, JsonOption, home_of, reporting_errors

if TYPE_CHECKING:
    from care.catalogue import Catalogue
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
    """Check the catalogue of actions and triggers, and tell every mistake by its line."""
    from care.catalogue import CatalogueError, catalogue_of, read_catalogue
    from care.jurisdiction import jurisdiction
    from care.settings import CareSettings
    from commands.console import print_json

    where = catalogue or catalogue_of(home_of(home).root)
    law = jurisdiction(CareSettings.read().jurisdiction)
    try:
        read = read_catalogue(where, law)
    except CatalogueError as error:
        if as_json:
            print_json({"catalogue": str(where), "faults": [str(fault) for fault in error.faults]})
        else:
            for fault in error.faults:
                typer.echo(str(fault), err=True)
        raise typer.Exit(CatalogueError.exit_code) from None
    if as_json:
        print_json({"catalogue": str(where), "faults": [], "jurisdiction": law.name})
    else:
        _print_catalogue(read, where, law.name)


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
