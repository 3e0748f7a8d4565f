"""The plan of a table: how each of its columns is read, and what was decided about its file."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from features.encoding.reading import as_text
from features.formats.date_format import ORDER_NAMES, find_orders
from features.settings import ReadingSettings
from features.table_files.source import SourceTable
from features.tables.cells import Cells
from features.tables.column_reading import MOST_EXAMPLES, ColumnReading, serial_dates
from features.tables.deciding import decide_reading
from features.tables.placeholders import Placeholder, find_placeholder
from holdfast.errors import InputError


@dataclass(frozen=True)
class TablePlan:
    """How a table is read.

    Parameters
    ----------
    columns : tuple of ColumnReading
        One per column, in the table's order.
    notes : tuple of str
        What was decided about the file, for a person.
    """

    columns: tuple[ColumnReading, ...]
    notes: tuple[str, ...] = ()

    def column(self, name: str) -> ColumnReading:
        """The reading of a column."""
        return next(column for column in self.columns if column.name == name)

    def with_reading(self, reading: ColumnReading) -> "TablePlan":
        """The same plan with another reading of a column."""
        columns = (reading if c.name == reading.name else c for c in self.columns)
        return replace(self, columns=tuple(columns))

    def questions(self, used: Collection[str]) -> tuple[ColumnReading, ...]:
        """Readings of used columns that are in doubt."""
        return tuple(c for c in self.columns if c.question and c.name in used)

    def to_json(self) -> list[dict[str, Any]]:
        """The readings as JSON."""
        return [column.to_json() for column in self.columns]


class OpenQuestions(InputError):
    """Columns whose reading is in doubt: the plan holds the questions and their answers.

    Parameters
    ----------
    plan : TablePlan
        The plan as far as it goes.
    used : collection of str
        Columns that the run needs.
    """

    def __init__(self, plan: TablePlan, used: Collection[str]) -> None:
        self.plan = plan
        self.questions = plan.questions(used)
        first = self.questions[0]
        more = len(self.questions) - 1
        others = f" (and {more} more columns)" if more else ""
        super().__init__(f"column {first.name!r}{others}", first.question)


def decide_plan(
    source: SourceTable,
    settings: ReadingSettings,
    answers: Mapping[str, Mapping[str, Any]] | None = None,
) -> TablePlan:
    """Decide how each column of a table is read.

    Parameters
    ----------
    source : SourceTable
        The table as written.
    settings : ReadingSettings
        When to ask.
    answers : mapping of str to mapping, optional
        What a person decided, by column: keys of the plan file.
    """
    readings = []
    for name in source.table.column_names:
        values = source.table[name]
        reading = decide_reading(name, values, settings)
        if answers and name in answers:
            reading = _answered(reading, values, answers[name], settings)
        readings.append(reading)
    readings = [_by_other_columns(reading, readings, source.table) for reading in readings]
    return TablePlan(tuple(readings), source.notes)


def apply_plan(
    source: SourceTable, plan: TablePlan, as_written: Collection[str] = ()
) -> tuple[pa.Table, TablePlan]:
    """Read a table's columns.

    Parameters
    ----------
    source : SourceTable
        The table as written.
    plan : TablePlan
        How to read it.
    as_written : collection of str
        Columns to leave as they are, such as the id.

    Returns
    -------
    table : pyarrow.Table
        Numbers as they come or as float64, dates as timestamps, else text.
    plan : TablePlan
        With the share of cells that did not fit, and some of them; and notes on values that may
        stand for missing.
    """
    arrays, columns, notes = {}, [], list(plan.notes)
    for reading in plan.columns:
        values = source.table[reading.name]
        if reading.name in as_written or not reading.is_feature:
            arrays[reading.name] = values
            columns.append(reading)
            continue
        read = _read(reading, values)
        unread = reading.unread(values, read)
        share = len(unread) / max(len(values) - values.null_count, 1)
        shown = tuple(dict.fromkeys(unread))[:MOST_EXAMPLES]
        arrays[reading.name] = read
        columns.append(replace(reading, unread_share=share, unread_examples=shown))
        if reading.kind in ("number", "date") and (none := find_placeholder(read)) is not None:
            notes.append(f"{reading.name}: {none.about} It is taken as it stands{_way_out(none)}")
    return pa.table(arrays), TablePlan(tuple(columns), tuple(notes))


def _way_out(none: Placeholder) -> str:
    return f'; missing_marks = ["{none.text}"] in the plan file says that it is missing'


def _read(reading: ColumnReading, values: pa.ChunkedArray) -> pa.ChunkedArray:
    numeric = pa.types.is_integer(values.type) or pa.types.is_floating(values.type)
    if reading.kind == "date" and reading.order == "excel" and numeric:
        return serial_dates(values)
    return reading.read(values)


def _answered(
    reading: ColumnReading,
    values: pa.ChunkedArray,
    answer: Mapping[str, Any],
    settings: ReadingSettings,
) -> ColumnReading:
    """A reading as a person decided it, and what remains in doubt."""
    document = {**reading.to_json(), **answer, "why": "as the plan says"}
    if answer.get("kind", reading.kind) != reading.kind:
        document = {
            "name": reading.name,
            "missing_marks": list(reading.missing_marks),
            **answer,
            "why": "as the plan says",
        }
    chosen = replace(
        ColumnReading.from_json(document),
        personal=reading.personal and document["kind"] in ("id", "text"),
    )
    if chosen.kind == "date" and chosen.order is None and pa.types.is_string(values.type):
        cells = Cells.of(as_text(values)).without(chosen.missing_marks)
        orders, _ = find_orders(cells.texts, cells.counts)
        if len(orders) > 1:
            return replace(chosen, question=reading.question, choices=reading.choices)
        chosen = replace(chosen, order=orders[0] if orders else "ymd")
    if not reading.question and chosen.stored() == reading.stored():
        chosen = replace(chosen, why=reading.why)  # the person changed nothing
    if not chosen.is_feature or answer.get("accept_unread"):
        return chosen
    unread = chosen.unread(values, _read(chosen, values))
    share = len(unread) / max(len(values) - values.null_count, 1)
    if share <= settings.unread_share:
        return chosen
    shown = ", ".join(map(repr, tuple(dict.fromkeys(unread))[:MOST_EXAMPLES]))
    such_as = "" if reading.personal else f", such as {shown}"
    return replace(
        chosen,
        question=f"{share:.1%} of its cells are no {chosen.kind} as the plan says{such_as}",
        choices=(
            {**chosen.format(), "kind": chosen.kind, "accept_unread": True},
            {"kind": "category"},
        ),
    )


def _by_other_columns(
    reading: ColumnReading, readings: Sequence[ColumnReading], table: pa.Table
) -> ColumnReading:
    """Decide what a column's own cells leave open by the other columns: one file is written with one
    decimal sign, and dates of one separator with one order.
    """
    if not reading.question:
        return reading
    others = [
        other
        for other in readings
        if other.kind == reading.kind
        and not other.question
        and pa.types.is_string(table[other.name].type)
    ]
    if len({choice.get("decimal") for choice in reading.choices}) > 1:
        return _by_decimal_signs(reading, others, table)
    if len({choice.get("order") for choice in reading.choices}) > 1:
        return _by_date_orders(reading, others, table)
    return reading


def _by_decimal_signs(
    reading: ColumnReading, others: Sequence[ColumnReading], table: pa.Table
) -> ColumnReading:
    """Decide between ``1,234`` as a decimal and as thousands."""
    signs: dict[str, str] = {}
    for other in others:
        sign = other.number.decimal
        if sign == "," or (
            pc.any(pc.match_substring(table[other.name], ".")).as_py()
            and other.number.thousands != "."
        ):
            signs.setdefault(sign, other.name)
    if len(signs) != 1:
        return reading
    ((sign, name),) = signs.items()
    choice = next(choice for choice in reading.choices if choice.get("decimal") == sign)
    chosen = ColumnReading.from_json(
        {**reading.to_json(), **choice, "thousands": choice.get("thousands", "")}
    )
    return replace(chosen, why=f"numbers with the decimal sign {sign!r}, as in {name!r}")


def _by_date_orders(
    reading: ColumnReading, others: Sequence[ColumnReading], table: pa.Table
) -> ColumnReading:
    """Decide between ``1/2/2020`` in January and in February."""
    separator = _separator(table[reading.name])
    orders = {
        other.order: other.name for other in others if _separator(table[other.name]) == separator
    }
    if len(orders) != 1:
        return reading
    ((order, name),) = orders.items()
    if order is None or order not in {choice.get("order") for choice in reading.choices}:
        return reading
    chosen = ColumnReading.from_json({**reading.to_json(), "order": order})
    return replace(chosen, why=f"dates, {ORDER_NAMES[order]}, as in {name!r}")


def _separator(values: pa.ChunkedArray) -> str:
    """What stands between the parts of a column's first date."""
    texts = pc.extract_regex(values.drop_null(), r"\d(?P<separator>[-/. ])")
    found: list[dict[str, str]] = texts.drop_null().slice(0, 1).to_pylist()
    return found[0]["separator"] if found else ""
