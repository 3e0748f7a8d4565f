"""`holdfast keys`: create, list, rotate, revoke."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands.command import HomeOption, JsonOption, home_of, reporting_errors
from serving.access.scope import KeyScope

if TYPE_CHECKING:
    from serving.access.key_store import IssuedKey

_STATES = {
    "valid": "[green]valid[/green]",
    "expired": "[yellow]expired[/yellow]",
    "revoked": "[red]revoked[/red]",
}

app = typer.Typer(
    no_args_is_help=True,
    help="API keys: who may ask the service, and for what.",
    rich_markup_mode=None,
)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The key's name.")]


@app.command()
@reporting_errors
def create(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="Who will ask with it, such as crm: letters, digits, dots, dashes, underscores.",
        ),
    ],
    scope: Annotated[
        list[str],
        typer.Option(
            help=f"What it may be used for; may be given several times. One of {', '.join(KeyScope)}."
        ),
    ],
    person: Annotated[
        str | None,
        typer.Option(
            help="Name of the person whose key it is; needed for the scope care:approve.",
            show_default=False,
        ),
    ] = None,
    expires_days: Annotated[
        int | None,
        typer.Option(help="Days after which its secret is no longer valid.", show_default=False),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key and print its secret, which is shown this once and kept nowhere."""
    from holdfast.clock import system_clock
    from serving.access.key_store import KeyStore

    store = KeyStore(home_of(home), system_clock)
    issued = store.create(name, scope, person=person, lifetime_days=expires_days)
    _print_issued(issued, as_json)


@app.command()
@reporting_errors
def rotate(
    name: NameArgument,
    overlap_days: Annotated[
        int,
        typer.Option(
            help="Days for which earlier secrets stay valid beside the new one; 0 for none."
        ),
    ] = 7,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a key a new secret and print it; it is valid as long as the first one was."""
    from holdfast.clock import system_clock
    from serving.access.key_store import KeyStore

    _print_issued(KeyStore(home_of(home), system_clock).rotate(name, overlap_days), as_json)


@app.command()
@reporting_errors
def revoke(name: NameArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """End a key for good; a running service refuses it within two seconds."""
    from commands.console import print_json
    from holdfast.clock import system_clock
    from serving.access.key_store import KeyStore

    changed = KeyStore(home_of(home), system_clock).revoke(name)
    if as_json:
        print_json({"name": name, "changed": changed})
    else:
        typer.echo(f"{name} is revoked" if changed else f"{name} was revoked before")


@app.command("list")
@reporting_errors
def list_(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List all keys, with their scopes, end and last day of use; never a secret."""
    from commands.console import print_json
    from holdfast.clock import system_clock
    from serving.access.key_list import list_keys

    keys = list_keys(home_of(home), system_clock)
    if as_json:
        print_json({"keys": keys})
    else:
        _print_keys(keys)


def _print_issued(issued: "IssuedKey", as_json: bool) -> None:
    from commands.console import print_json

    ends = None if issued.expires_at is None else issued.expires_at.isoformat()
    if as_json:
        print_json({"name": issued.name, "secret": issued.secret, "expires_at": ends})
        return
    # On standard output the secret alone, for a pipe into wherever secrets are kept.
    typer.echo(f"The secret of {issued.name}, valid {_until(ends)}, shown this once:", err=True)
    typer.echo(issued.secret)


def _until(ends: str | None) -> str:
    return "until it is revoked" if ends is None else f"until {ends}"


def _print_keys(keys: Sequence[Mapping[str, Any]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Column, Table

    if not keys:
        typer.echo("no key; without one the service answers this machine only")
        return
    table = Table(
        Column("name", no_wrap=True),
        "state",
        Column("person", overflow="fold"),
        Column("scopes", overflow="fold"),
        Column("secret", no_wrap=True),
        Column("ends", no_wrap=True),
        Column("last used", no_wrap=True),
        box=box.SIMPLE_HEAD,
    )
    for key in keys:
        for position, secret in enumerate(key["secrets"]):
            first = position == 0
            table.add_row(
                key["name"] if first else "",
                _STATES[key["state"]] if first else "",
                escape(key["person"] or "") if first else "",
                "\n".join(key["scopes"]) if first else "",
                secret["id"],
                (secret["expires_at"] or "never")[:10],
                secret["last_used"] or "never",
            )
    Console(highlight=False).print(table)
