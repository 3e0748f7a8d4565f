"""A team's own table, opened: read as written, its options checked, its columns read by a plan."""

import difflib
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import pyarrow as pa

from features.table_files.arrow_types import has_plain_type
from features.table_files.source import SourceTable
from features.tables.options import TableOptions
from features.tables.place import read_table
from features.tables.plan import OpenQuestions, TablePlan, apply_plan, decide_plan
from holdfast.errors import InputError


def open_table(
    where: str | Path,
    options: TableOptions | None = None,
    check_roles: Callable[[pa.Table], None] | None = None,
) -> tuple[SourceTable, TablePlan]:
    """Read a table as written and decide how its columns are read.

    Parameters
    ----------
    where : str or Path
        A file, folder, pattern or database, as `features.tables.place.read_table` takes it.
    options : TableOptions, optional
        What a person decided about reading it.
    check_roles : callable, optional
        Raises InputError where the table has not the columns that were asked for. It runs before
        the plan is decided, which takes longer.

    Returns
    -------
    source : SourceTable
        The table as written.
    plan : TablePlan
        How its columns are read, perhaps with open questions.

    Raises
    ------
    InputError
        Names the option or column, the rule and the value.
    """
    options = options or TableOptions()
    source = read_table(where, options)
    if check_roles is not None:
        check_roles(source.table)
    for name in options.answers:
        check_named("--columns", name, source.table.column_names)
    return source, decide_plan(source, options.settings, options.answers)


def read_columns(
    source: SourceTable, plan: TablePlan, used: Collection[str], as_written: Collection[str]
) -> tuple[pa.Table, TablePlan]:
    """Read the columns of an opened table, where no reading of a used one is in doubt.

    Parameters
    ----------
    source, plan : SourceTable, TablePlan
        As `open_table` gives them.
    used : collection of str
        Columns whose reading matters.
    as_written : collection of str
        Columns to leave as they are, such as the id.

    Returns
    -------
    table : pyarrow.Table
        Numbers as they come or as float64, dates as timestamps, else text.
    plan : TablePlan
        With the share of cells that did not fit, and some of them.

    Raises
    ------
    OpenQuestions
        A used column can be read in more than one way.
    """
    if plan.questions(used):
        raise OpenQuestions(plan, used)
    return apply_plan(source, plan, as_written)


def check_named(option: str, name: str, names: Sequence[str], likely: str | None = None) -> None:
    """Require that an option names a column of the table.

    The InputError names the nearest column where it does not, else the `likely` one, else the first
    columns.
    """
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.6) or [
            n for n in names if n.lower() == name.lower()
        ]
        meant = near[0] if near else likely
        hint = (
            f"; did you mean {meant!r}?"
            if meant is not None
            else f"; it has {', '.join(map(repr, names[:8]))}{', …' if len(names) > 8 else ''}"
        )
        raise InputError(option, f"must be a column of the table{hint}", name)


def check_role(option: str, name: str, table: pa.Table) -> None:
    """Require that an option names a column of the table, of a type that a role can have."""
    check_named(option, name, table.column_names)
    kind = table[name].type
    if not has_plain_type(kind):
        raise InputError(
            option, f"column {name!r} must hold numbers, text, dates or true and false", str(kind)
        )
