"""`holdfast data map`: a first mapping of an operator's own tables, guessed."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.command import JsonOption, reporting_errors
from commands.tables import EncodingOption

if TYPE_CHECKING:
    from rich.console import Console

    from features.guessing.guess import ColumnGuess, MappingGuess, TableGuess


@reporting_errors
def map_source(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="The operator's own tables: a folder of files, or a SQLAlchemy URL.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option(help="Mapping file to write.")] = Path("mapping.toml"),
    force: Annotated[bool, typer.Option("--force", help="Replace a mapping file.")] = False,
    encoding: EncodingOption = None,
    as_json: JsonOption = False,
) -> None:
    """Guess which tables and columns mean what, and write that as a mapping file to change."""
    from commands.console import print_json, results_only

    with results_only():
        from features.sources.place import open_place
        from holdfast.errors import InputError

        if out.exists() and not force:
            raise InputError("--out", "must not exist; --force replaces it", str(out))
        place = open_place(source, encoding)
        from features.guessing.guess import guess_mapping
        from features.guessing.text import mapping_text
        from features.guessing.writing import shown_source, write_mapping

        guess = guess_mapping(place)
        shown, has_secret = shown_source(source, out)
        write_mapping(out, mapping_text(guess, shown, encoding))
    if as_json:
        print_json({"mapping": str(out), **guess.to_json()})
        return
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    for table in guess.tables:
        _print_table(table, console)
    _print_rest(guess, console)
    if has_secret:
        console.print("The password is not in the file: put it where the database's driver looks.")
    asks = "it asks: answer the lines that begin with # ?, then run" if guess.asks else "next:"
    console.print(f"[bold]{out}[/bold] is written; {asks}\n  holdfast data check {out}")


def _print_table(table: "TableGuess", console: "Console") -> None:
    from rich.markup import escape

    relation = table.relation
    console.print(
        f"[bold]{table.table}[/bold] is {escape(relation.written)}"
        f" [dim]{relation.confidence:.2f}: {escape(', '.join(relation.evidence))}[/dim]"
    )
    for column in table.columns:
        console.print(_column_line(column))
    if table.unused:
        console.print(f"  [dim]not used: {escape(', '.join(table.unused))}[/dim]")


def _column_line(column: "ColumnGuess") -> str:
    from rich.markup import escape

    if column.taken is None:
        need = "must be there" if column.required else "not for certain"
        may_be = ", ".join(f"{one.written} {one.confidence:.2f}" for one in column.candidates)
        return f"  [yellow]{column.column}?[/yellow] {need}: {escape(may_be or 'nothing like it')}"
    values = f"; {len(column.values)} values are called otherwise" if column.values else ""
    unmapped = f"; {len(column.unmapped)} values are not understood" if column.unmapped else ""
    why = f"{column.taken.confidence:.2f}: {', '.join(column.taken.evidence)}{values}{unmapped}"
    return f"  {column.column} is {escape(column.taken.written)} [dim]{escape(why)}[/dim]"


def _print_rest(guess: "MappingGuess", console: "Console") -> None:
    from rich.markup import escape

    for name, likely in guess.unmapped.items():
        may_be = ", ".join(f"{one.written} {one.confidence:.2f}" for one in likely)
        console.print(
            f"[dim]not mapped[/dim] {escape(name)}{f' (may be {may_be})' if likely else ''}"
        )
    for name in guess.missing:
        console.print(f"[yellow]{name}?[/yellow] must be there, and no relation looks like it")
    naive = [
        f"{one.table}: {', '.join(one.naive_times)}" for one in guess.tables if one.naive_times
    ]
    if naive:
        console.print(
            f"[yellow]time_zone?[/yellow] times without a zone in {escape('; '.join(naive))}"
        )
    late = [one.table for one in guess.tables if not one.has_arrival]
    if late:
        console.print(
            f"[yellow]arrival_lag_days?[/yellow] nothing says when rows of {', '.join(late)} arrived"
        )
