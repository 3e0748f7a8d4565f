"""`holdfast inspect` and `holdfast sample`, and what other commands that read a team's own table share with it: their
options, and what they say where a column is in doubt.
"""

import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import chain
from os import strerror
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.command import JsonOption, reporting_errors

if TYPE_CHECKING:
    from rich.console import Console

    from features.flat.new_rows import NewRows
    from features.raw_tables.options import RawOptions
    from features.tables.column_reading import ColumnReading
    from features.tables.likely_roles import LikelyRoles
    from features.tables.options import TableOptions
    from features.tables.plan import OpenQuestions, TablePlan

TableArgument = Annotated[
    str,
    typer.Argument(
        metavar="TABLE",
        help="One row per customer: delimited text, .xlsx or Parquet; a file, folder or pattern; "
        "or a database's SQLAlchemy URL, with --query.",
        show_default=False,
    ),
]
IdOption = Annotated[
    str | None,
    typer.Option(
        help="Column that names the customer. Default: the row's number", show_default=False
    ),
]
GroupOption = Annotated[
    str | None,
    typer.Option(
        help="Column whose equal values belong together, such as a household.", show_default=False
    ),
]
DropOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Column not to use, such as one filled in afterwards; repeat for several.",
        show_default=False,
    ),
]
ColumnsOption = Annotated[
    Path | None,
    typer.Option(
        "--columns",
        help="Plan file that says how columns are read, as `holdfast inspect` writes it.",
        show_default=False,
    ),
]
EncodingOption = Annotated[
    str | None,
    typer.Option(
        "--encoding",
        help="Encoding of a text file that is not UTF-8, such as cp1252. Default: detected",
        show_default=False,
    ),
]
TimeZoneOption = Annotated[
    str | None,
    typer.Option(
        "--time-zone",
        help="IANA zone of times that name none, such as Europe/Berlin. Default: they are refused",
        show_default=False,
    ),
]
ArrivalLagOption = Annotated[
    float | None,
    typer.Option(
        "--arrival-lag-days",
        help=(
            "Tables without arrived_at: take rows as arrived so many days after they happened. "
            "Default: such tables are refused"
        ),
        show_default=False,
    ),
]

WatermarkOption = Annotated[
    str | None,
    typer.Option(
        "--watermark",
        metavar="COLUMN",
        help=(
            "Of a database: the time at which a row arrived there, such as arrived_at; only rows that are new by it are "
            "read. Default: every table is read as a whole"
        ),
        show_default=False,
    ),
]

AtOption = Annotated[
    datetime | None,
    typer.Option(
        "--at",
        formats=["%Y-%m-%d"],
        help="Day at whose beginning the newest snapshot is taken. Default: the last one that the data reach",
        show_default=False,
    ),
]
AcceptOption = Annotated[
    list[str] | None,
    typer.Option(
        "--accept",
        metavar="TABLE",
        help="Take tonight's table as it is, whatever is unusual about it; may be repeated.",
        show_default=False,
    ),
]
ByOption = Annotated[
    str | None,
    typer.Option(
        "--by",
        metavar="NAME",
        help="Who takes tables as they are with --accept; kept with what was overruled."
        " Default: your login name",
        show_default=False,
    ),
]
QueryOption = Annotated[
    str | None,
    typer.Option("--query", help="What to select, where TABLE is a database.", show_default=False),
]


@reporting_errors
def inspect(
    table: TableArgument,
    columns: ColumnsOption = None,
    encoding: EncodingOption = None,
    query: QueryOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Plan file to write. Default: named after the table, in the working directory",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show how a table's columns would be read, and write that as a plan file to change."""
    from commands.console import print_json, results_only

    with results_only():
        from features.tables.likely_roles import find_likely_roles
        from features.tables.opening import open_table
        from features.tables.plan import apply_plan

        source, plan = open_table(table, options_of(columns, encoding, query))
        roles = find_likely_roles(source.table, plan)
        open_columns = {column.name for column in plan.columns if column.question}
        _, plan = apply_plan(source, plan, open_columns)
        path = write_plan(plan, source.name, out)
    if as_json:
        print_json(
            {
                "rows": source.table.num_rows,
                "notes": list(plan.notes),
                "columns": plan.to_json(),
                "plan": None if path is None else str(path),
            }
        )
        return
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False)
    print_plan(plan, console)
    if path is None:
        console.print("No plan is written, because the directory cannot be; --out names a file.")
    elif open_columns:
        console.print(
            f"The plan with the questions is in [bold]{escape(str(path))}[/bold]: "
            "take the # from an answer to each.",
            soft_wrap=True,
        )
    else:
        console.print(
            f"The plan is in [bold]{escape(str(path))}[/bold]; change it, and give it with --columns.",
            soft_wrap=True,
        )
    reading = {
        "--columns": path if open_columns else columns,
        "--encoding": encoding,
        "--query": query,
    }
    _print_next(_commands(table, roles, reading), console)


@reporting_errors
def sample(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="churn or campaign.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="CSV file to write.", show_default=False)],
) -> None:
    """Write a small made-up table to try quickstart (churn) or uplift (campaign) with."""
    from typing import get_args

    from pyarrow import csv

    from holdfast.errors import InputError
    from simulator.samples import Sample, sample_table

    known: dict[str, Sample] = {one: one for one in get_args(Sample)}
    if name not in known:
        raise InputError("NAME", f"must be {' or '.join(known)}", name)
    try:
        csv.write_csv(sample_table(known[name]), out)
    except OSError as error:
        raise InputError(
            "--out", f"cannot be written ({strerror(error.errno or 0)})", str(out)
        ) from None
    again = {
        "churn": "holdfast quickstart {} --id customer --target left",
        "campaign": "holdfast uplift {} --id customer --treatment arm --outcome stayed --randomised",
    }[name]
    typer.echo(f"{out}: try  {again.format(shlex.quote(str(out)))}")


def options_of(
    columns: Path | None, encoding: str | None, query: str | None = None
) -> "TableOptions":
    """How to read a table, from the settings, a plan file, an encoding and a query.

    Raises
    ------
    InputError
        A setting or the plan file is wrong.
    """
    from features.settings import ReadingSettings
    from features.tables.options import TableOptions
    from features.tables.plan_file import read_answers

    answers = read_answers(columns) if columns else {}
    return TableOptions(ReadingSettings.read(), answers, encoding, query)


def name_of(by: str | None, accepted: Sequence[str] | None) -> str:
    """Who takes tables as they are: the name given, or else the login name; empty where nobody does.

    Raises
    ------
    InputError
        A name is given, but no table.
    """
    if not accepted:
        if by is not None:
            from holdfast.errors import InputError

            raise InputError("--by", "must come with --accept", by)
        return ""
    if by is not None:
        return by
    from getpass import getuser

    try:
        return getuser()
    except (KeyError, OSError):  # neither a variable nor the system has a name
        return ""


def raw_options_of(
    columns: Path | None, time_zone: str | None, arrival_lag_days: float | None
) -> "RawOptions":
    """How to read raw tables, from the settings, a plan file and what else was said.

    Raises
    ------
    InputError
        A setting, the plan file, the zone or the lag is wrong.
    """
    from features.raw_tables.options import RawOptions
    from features.settings import ReadingSettings
    from features.tables.plan_file import read_answers

    return RawOptions(
        settings=ReadingSettings.read(),
        answers=read_answers(columns) if columns else {},
        time_zone=time_zone,
        arrival_lag_days=arrival_lag_days,
    )


@contextmanager
def asking(table: str) -> Iterator[None]:
    """Where columns are in doubt, write the plan, print the questions and how to go on, and exit
    with code 2.
    """
    from features.tables.plan import OpenQuestions

    try:
        yield
    except OpenQuestions as questions:
        ask(questions, table)
        raise typer.Exit(questions.exit_code) from None


def write_plan(plan: "TablePlan", name: str, path: Path | None = None) -> Path | None:
    """Write the plan of a table where it overwrites nothing.

    Parameters
    ----------
    plan : TablePlan
        The plan.
    name : str
        What the table is called.
    path : Path, optional
        Where to; by default beside where the command runs, named after the table.

    Returns
    -------
    Path or None
        None where the directory cannot be written.

    Raises
    ------
    InputError
        The path that was given cannot be written.
    """
    from features.tables.plan_file import plan_text
    from holdfast.errors import InputError
    from holdfast.files import write_beside

    text = plan_text(plan, name)
    stem = name.split(".")[0].strip("*?[] ") or "table"
    names = [f"{stem}.columns.toml", *(f"{stem}.columns-{n}.toml" for n in range(2, 100))]
    candidates = [path] if path else [Path(name) for name in names]
    for candidate in candidates:
        try:
            if candidate.exists() and candidate.read_text(encoding="utf-8") == text:
                return candidate
            if candidate.exists() and not path:
                continue
            write_beside(candidate, text)
        except (OSError, UnicodeDecodeError) as error:
            if path:
                raise InputError(
                    "--out", f"cannot be written ({type(error).__name__})", str(path)
                ) from None
            if isinstance(error, OSError):
                return None
            continue
        return candidate
    return None


_COLUMN = "COLUMN"
"""Stands in a suggested command where no column's name says that it is the one."""


def _commands(
    table: str, roles: "LikelyRoles", reading: Mapping[str, object | None]
) -> list[list[str]]:
    """Commands that go on with a table: uplift where it looks like a trial, quickstart else."""
    from features.tables.place import shown_place

    named = {
        "quickstart": {"--target": roles.target or _COLUMN},
        "uplift": {
            "--treatment": roles.treatment or _COLUMN,
            "--outcome": roles.outcome or _COLUMN,
        },
    }
    if roles.treatment is None:
        del named["uplift"]
    elif roles.target is None:
        del named["quickstart"]
    commands = []
    for command, columns in named.items():
        options = {"--id": roles.id, **columns, **reading}
        pairs = [(name, str(value)) for name, value in options.items() if value is not None]
        commands.append(["holdfast", command, shown_place(table), *chain.from_iterable(pairs)])
    return commands


def _print_next(commands: Sequence[Sequence[str]], console: "Console") -> None:
    missing = any(_COLUMN in command for command in commands)
    console.print(f"Next{', with a column of yours for COLUMN' if missing else ''}:")
    for command in commands:
        console.print(f"  {shlex.join(command)}", soft_wrap=True, markup=False)


def print_plan(plan: "TablePlan", console: "Console") -> None:
    """Print how each column is read, and what was decided about the file."""
    from rich import box
    from rich.markup import escape
    from rich.table import Column, Table

    table = Table(
        Column("column", overflow="fold"), "is a", "because", "means missing",
        Column("does not fit", overflow="fold"), box=box.SIMPLE_HEAD,
    )  # fmt: skip
    for column in plan.columns:
        table.add_row(
            escape(column.name),
            f"[yellow]{column.kind}?[/yellow]" if column.question else column.kind,
            escape(column.question or column.why),
            escape(" ".join(column.missing_marks)),
            escape(unread(column)),
        )
    console.print(table)
    for note in plan.notes:
        console.print(f"[dim]{escape(note)}[/dim]")


def unread(column: "ColumnReading") -> str:
    """How many cells of a column do not fit its reading, with examples."""
    if not column.unread_share:
        return ""
    examples = "" if column.personal else f": {', '.join(column.unread_examples)}"
    return f"{column.unread_share:.2%}{examples}"


def ask(questions: "OpenQuestions", table: str) -> None:
    """Write the plan of columns in doubt, and print the questions and how to go on."""
    from features.tables.place import table_name
    from features.tables.plan_file import answer_line

    typer.secho("question", fg="yellow", bold=True, nl=False, err=True)
    typer.echo(" some columns can be read in more than one way:", err=True)
    path = write_plan(questions.plan, table_name(table))
    for column in questions.questions:
        typer.echo(f"\n  column {column.name!r}: {column.question}", err=True)
        for choice in column.choices:
            typer.echo(f"    {answer_line(choice)}", err=True)
    if path is None:
        typer.echo("\nThe directory cannot be written: run the command in another one.", err=True)
        return
    typer.echo(f"\nTake the # from the answer in {shlex.quote(str(path))}, then run:", err=True)
    typer.echo(f"  {_command_again(path, table)}", err=True)


def _command_again(path: Path, table: str) -> str:
    """The command line as it was, with the plan file; the password of a database as ``***``."""
    from features.tables.place import shown_place

    shown = shown_place(table)
    words = ["holdfast"]
    skip = False
    for word in sys.argv[1:]:
        if skip or word == "--columns" or word.startswith("--columns="):
            skip = word == "--columns" and not skip
            continue
        words.append(shown if word == table else word)
    return shlex.join([*words, "--columns", str(path)])


def print_new_rows(console: "Console", rows: "NewRows") -> None:
    """Print what was not read of rows that are new to a model."""
    from rich.markup import escape

    for column, count in rows.unread.items():
        console.print(
            f"[yellow]not read[/yellow] {count:,} cells of {escape(column)}; they count as missing",
            soft_wrap=True,
        )
    for column, count in rows.unseen.items():
        console.print(
            f"[yellow]never seen[/yellow] {count:,} cells of {escape(column)} hold a category that"
            " the model does not know; they count as missing",
            soft_wrap=True,
        )
    if rows.absent:
        console.print(
            f"[yellow]absent[/yellow] {escape(', '.join(rows.absent))}: missing in every row",
            soft_wrap=True,
        )
    if rows.ignored:
        console.print(f"[dim]not used: {escape(', '.join(rows.ignored))}[/dim]", soft_wrap=True)
    for note in rows.notes:
        console.print(f"[dim]{escape(note)}[/dim]", soft_wrap=True)
