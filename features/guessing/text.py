"""A guess as a mapping file that a person reads and changes."""

import json
import re
from collections.abc import Sequence

from features.contracts.tables import ARRIVED, TABLES
from features.guessing.guess import Candidate, ColumnGuess, MappingGuess, TableGuess
from features.raw_tables.deciding import kind_of
from features.raw_tables.plan import allowed_values

_HEAD = """\
# A first mapping, guessed from names and values. Each line says how sure it is (0 to 1) and why.
# Change what is wrong. A line that begins with "# ?" asks: take the "# ? " away from the answer.
"""
_BARE = re.compile(r"^[A-Za-z0-9_-]+$")


def mapping_text(guess: MappingGuess, source: str, encoding: str | None = None) -> str:
    """The mapping file of a guess.

    Parameters
    ----------
    guess : MappingGuess
        The guess.
    source : str
        The place as the file is to name it, without a password.
    encoding : str, optional
        Of its text files that are not UTF-8.
    """
    lines = [_HEAD + f"source = {_quoted(source)}"]
    if encoding is not None:
        lines.append(f"encoding = {_quoted(encoding)}")
    naive = [f"{one.relation.written}.{name}" for one in guess.tables for name in one.naive_times]
    if naive:
        lines += [
            f"# {len(naive)} columns of times do not name their zone, such as {naive[0]}. Which one is it?",
            '# ? time_zone = "Europe/Berlin"',
        ]
    late = [one.table for one in guess.tables if not one.has_arrival]
    if late:
        lines += [
            f"# Nothing says when rows of {', '.join(late)} arrived.",
            "# How many days after they happened, at the latest?",
            "# ? arrival_lag_days = 1",
        ]
    sections = ["\n".join(lines)]
    sections += [_section(one) for one in guess.tables]
    sections += [
        f"# The table {name} must be there, and no relation looks like it.\n"
        f'# ? [tables.{name}]\n# ? relation = ""'
        for name in guess.missing
    ]
    if guess.unmapped:
        others = [
            f"# {name}{_likely(candidates)}" for name, candidates in sorted(guess.unmapped.items())
        ]
        sections.append("\n".join(["# Relations that nothing maps:", *others]))
    return "\n\n".join(sections) + "\n"


def _section(table: TableGuess) -> str:
    relation = table.relation
    lines = [
        f"[tables.{table.table}]  # {_why(relation)}",
        f"relation = {_quoted(relation.written)}",
    ]
    taken = [one for one in table.columns if one.taken]
    asked = [
        one for one in table.columns if not one.taken and (one.column != ARRIVED or one.candidates)
    ]
    if taken or asked:
        lines += ["", f"[tables.{table.table}.columns]"]
    lines += [
        f"{one.column} = {_quoted(one.taken.written)}  # {_why(one.taken)}"
        for one in taken
        if one.taken
    ]
    for one in asked:
        lines += _question(table.table, one)
    for one in taken:
        if one.values or one.unmapped:
            lines += ["", *_values(table.table, one)]
    if table.unused:
        lines += ["", f"# Columns that nothing takes: {', '.join(table.unused)}"]
    return "\n".join(_one_line(line) for line in lines)


def _question(table: str, one: ColumnGuess) -> list[str]:
    need = "must be there" if one.required else "was not found for certain"
    answers = [
        f"# ? {one.column} = {_quoted(candidate.written)}  # {_why(candidate)}"
        for candidate in one.candidates
    ]
    definition = TABLES[table].schema.columns[one.column]
    return [
        f"# {one.column} {need}: {definition.description.splitlines()[0]}",
        *(
            answers
            or [f'# ? {one.column} = ""  # no column looks like it{_constant(table, one.column)}']
        ),
    ]


def _constant(table: str, column: str) -> str:
    """How to say one value for all rows."""
    if kind_of(TABLES[table], column) != "category":
        return ""
    allowed = allowed_values(TABLES[table], column)
    return (
        f'; one value for all rows is defaults.{column} = "{allowed[0]}", of {", ".join(allowed)}'
    )


def _values(table: str, one: ColumnGuess) -> list[str]:
    allowed = allowed_values(TABLES[table], one.column)
    lines = [f"[tables.{table}.values.{one.column}]  # {', '.join(allowed)}"]
    lines += [f"{_key(text)} = {_quoted(value)}" for text, value in one.values.items()]
    lines += [
        f'# ? {_key(text)} = ""  # in {rows} rows that were looked at'
        for text, rows in one.unmapped.items()
    ]
    return lines


def _why(candidate: Candidate) -> str:
    return f"{candidate.confidence:.2f}: {', '.join(candidate.evidence)}"


def _likely(candidates: Sequence[Candidate]) -> str:
    if not candidates:
        return ""
    shown = ", ".join(f"{one.written} {one.confidence:.2f}" for one in candidates)
    return f" (may be {shown})"


def _key(text: str) -> str:
    return text if _BARE.match(text) else _quoted(text)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _one_line(line: str) -> str:
    return " ".join(line.split("\n"))
