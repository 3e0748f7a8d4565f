"""Deciding how a raw table is read: from its cells, and from what its contract allows.

The contract says what a column holds, so only the way of writing is open: decimal sign, order of
dates, words for missing and for yes and no. A number or date that may be read in two ways is
settled where the contract's type and range, or the same table's other columns, leave one; else it
is a question.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.contracts.schema import CURRENCY
from features.contracts.tables import ARRIVED, HAPPENED, TABLES, Table
from features.contracts.types import NAIVE_TIME, PLAIN_NUMBER, ZONED_TIME
from features.formats.date_format import Order, find_orders, parse_dates, shown_dates
from features.formats.number_format import PLAIN_NUMBERS, NumberFormat, find_number_format
from features.raw_tables.evidence import Evidence
from features.raw_tables.options import RawOptions
from features.raw_tables.plan import SHARE_UNITS, RawTablePlan, allowed_values, flag_value
from features.sources.names import key, suggestions
from features.tables.cells import Cells
from features.tables.column_reading import ColumnReading, ReadingKind
from features.tables.missing_words import unmistakable_words, usual_words
from features.tables.plan import OpenQuestions, TablePlan
from holdfast.errors import InputError

_FIRST_SERIAL, _LAST_SERIAL = 25_569, 73_050  # 1970 to 2099
_CONTRACT_WORDS = frozenset({"true", "false", "1", "0", "yes", "no"})


def decide_raw_plan(
    table: Table, evidence: Evidence, columns: Sequence[str], options: RawOptions
) -> RawTablePlan:
    """Decide how a table is read.

    Parameters
    ----------
    table : Table
        The contract.
    evidence : mapping of str to Cells
        Distinct cells of columns that may need a reading.
    columns : sequence of str
        Columns that the table has.
    options : RawOptions
        What a person decided.

    Returns
    -------
    RawTablePlan
        Readings with a question where something is in doubt.
    """
    readings = {}
    for name, cells in evidence.items():
        answer = options.answers.get(f"{table.name}.{name}")
        reading = _decide(table, name, cells, options, answer)
        if reading is not None:
            readings[name] = reading
    readings = _by_other_columns(readings, evidence)
    assumed = options.arrival_lag_days if ARRIVED not in columns and HAPPENED in columns else None
    return RawTablePlan(
        table=table,
        columns=tuple(readings[name] for name in table.columns if name in readings),
        time_zone=options.time_zone,
        arrival_lag_days=assumed,
    )


def refuse_questions(plans: Sequence[RawTablePlan]) -> None:
    """Refuse plans with something in doubt, all of them at once.

    Raises
    ------
    OpenQuestions
        Names columns by table and column, as the plan file has them.
    """
    columns = tuple(
        replace(column, name=f"{plan.table.name}.{column.name}")
        for plan in plans
        for column in plan.columns
    )
    questions = [column.name for column in columns if column.question]
    if questions:
        raise OpenQuestions(TablePlan(columns), questions)


def check_answers(answers: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse answers about columns that no contract has, or of another kind than theirs."""
    known = [f"{table.name}.{column}" for table in TABLES.values() for column in table.columns]
    for name, answer in answers.items():
        if name not in known:
            near = suggestions([name], known).get(name)
            raise InputError(
                f"--columns, {name}",
                'must name a table and a column of the data dictionary, such as [columns."bills.amount"]'
                + (f"; is {near} meant?" if near else ""),
            )
        table, _, column = name.partition(".")
        kind = kind_of(TABLES[table], column)
        if answer.get("kind", kind) != kind:
            raise InputError(
                f'--columns, [columns."{name}"].kind',
                f"must be {kind!r}, as the contract says",
                answer["kind"],
            )


def kind_of(table: Table, name: str) -> ReadingKind:
    """The kind of reading that a contract's column has."""
    metadata = table.schema.columns[name].metadata
    kind = metadata["arrow"]
    if pa.types.is_timestamp(kind):
        return "date"
    if pa.types.is_boolean(kind):
        return "flag"
    if pa.types.is_string(kind):
        return {"id": "id", "category": "category"}.get(metadata["unit"], "text")  # type: ignore[return-value]
    return "number"


def _decide(
    table: Table,
    name: str,
    cells: Cells,
    options: RawOptions,
    answer: Mapping[str, Any] | None,
) -> ColumnReading | None:
    reading = _by_cells(table, name, cells, options)
    return _answered(name, kind_of(table, name), reading, answer) if answer else reading


def _by_cells(table: Table, name: str, cells: Cells, options: RawOptions) -> ColumnReading | None:
    kind = kind_of(table, name)
    if kind == "number":
        return _number(table, name, cells)
    if kind == "date":
        return _date(name, cells, options)
    if kind == "flag":
        return _flag(name, cells)
    if kind == "category":
        return _category(table, name, cells)
    marks = unmistakable_words(cells.texts.to_pylist())
    if not marks:
        return None
    return ColumnReading(
        name=name, kind=kind, why="ids, and words for missing", missing_marks=marks
    )


def _answered(
    name: str, kind: ReadingKind, decided: ColumnReading | None, answer: Mapping[str, Any]
) -> ColumnReading:
    """A reading as a person decided it, and what remains in doubt."""
    document = {"name": name} if decided is None else decided.to_json()
    chosen = ColumnReading.from_json(
        {
            **document,
            **({"thousands": ""} if "decimal" in answer else {}),
            **answer,
            "kind": kind,
            "why": "as the plan file says",
        }
    )
    if decided is None or not decided.question or {"order", "decimal"} & set(answer):
        return chosen
    return replace(chosen, question=decided.question, choices=decided.choices)


def _number(table: Table, name: str, cells: Cells) -> ColumnReading | None:
    marks = usual_words(cells.texts.to_pylist())
    rest = cells.without(marks)
    finding = find_number_format(rest.texts, rest.counts) if len(rest.texts) else None
    formats = () if finding is None else finding.formats
    formats = tuple(_with_fitting_unit(table, name, one) for one in formats)
    if len(formats) > 1:
        formats = _by_contract(table, name, rest, formats)
    written = formats[0] if formats else PLAIN_NUMBERS
    plain = pc.match_substring_regex(rest.texts, PLAIN_NUMBER)
    if len(formats) <= 1 and not marks and not _reads_more(written, rest, plain):
        return None
    example = rest.where(~np.array(plain, dtype=bool)).examples()[:1] or rest.examples()[:1]
    why = "numbers, and words for missing"
    if example and _reads_more(written, rest, plain):
        why = f"numbers written as {example[0]!r}"
    reading = ColumnReading(name=name, kind="number", why=why, missing_marks=marks, number=written)
    if len(formats) <= 1:
        return reading
    text = _differing(rest, formats)
    shown = " or ".join(f"{one.parse(pa.array([text]))[0]:.15g}" for one in formats)
    return replace(
        reading,
        question=f"{text!r} may be {shown}, and no cell decides it",
        choices=tuple(
            {"kind": "number", "decimal": one.decimal, "thousands": one.thousands}
            | ({"unit": one.unit} if one.unit else {})
            for one in formats
        ),
    )


def _with_fitting_unit(table: Table, name: str, written: NumberFormat) -> NumberFormat:
    """A format without a unit that is another than the contract's: its cells do not fit."""
    unit = table.schema.columns[name].metadata["unit"]
    if not written.unit:
        return written
    same = written.unit in (unit.casefold(), unit.casefold().removesuffix("s"))
    percent = written.unit == "%" and unit in SHARE_UNITS
    money = unit == CURRENCY and written.unit != "%"
    return written if same or percent or money else replace(written, unit="")


def _reads_more(written: NumberFormat, cells: Cells, plain: Any) -> bool:
    """Whether a format reads a cell that is no plain number, or reads one otherwise."""
    here, there = written.parse(cells.texts), PLAIN_NUMBERS.parse(cells.texts)
    return bool(np.any(~np.isnan(here) & ((here != there) | ~np.array(plain, dtype=bool))))


def _by_contract(
    table: Table, name: str, cells: Cells, formats: Sequence[NumberFormat]
) -> tuple[NumberFormat, ...]:
    """Formats that the contract allows: one that most cells break while another breaks none is
    ruled out.
    """
    column = table.schema.columns[name]
    whole = pa.types.is_integer(column.metadata["arrow"])
    shares = []
    for one in formats:
        numbers = one.parse(cells.texts)
        if one.unit == "%" and column.metadata["unit"] in SHARE_UNITS:
            numbers = numbers / 100
        read = ~np.isnan(numbers)
        wrong = np.zeros(len(numbers), dtype=bool)
        if whole:
            wrong |= read & (numbers % 1 != 0)
        for check in column.checks:
            low = check.statistics.get("min_value") if check.statistics else None
            high = check.statistics.get("max_value") if check.statistics else None
            wrong |= read & ((numbers < low) if low is not None else False)
            wrong |= read & ((numbers > high) if high is not None else False)
        shares.append(float(cells.counts[wrong].sum()) / max(cells.total, 1))
    fitting = tuple(one for one, share in zip(formats, shares, strict=True) if share == 0)
    if fitting and all(share == 0 or share > 0.5 for share in shares):
        return fitting
    return tuple(formats)


def _differing(cells: Cells, formats: Sequence[NumberFormat]) -> str:
    one, other = (fmt.parse(cells.texts) for fmt in formats[:2])
    places = np.flatnonzero(~((one == other) | (np.isnan(one) & np.isnan(other))))
    return str(cells.texts[int(places[0])].as_py())


def _date(name: str, cells: Cells, options: RawOptions) -> ColumnReading | None:
    marks = usual_words(cells.texts.to_pylist())
    rest = cells.without(marks)
    zoned = np.array(pc.match_substring_regex(rest.texts, ZONED_TIME), dtype=bool)
    naive = np.array(pc.match_substring_regex(rest.texts, NAIVE_TIME), dtype=bool)
    odd = rest.where(~(zoned | naive))
    order, question, choices = _order(name, odd)
    needs_zone = options.time_zone is not None and bool(naive.any())
    if not marks and order is None and not needs_zone:
        return None
    why = "times, and words for missing" if marks else "times"
    if order is not None:
        why = {
            "ymd": "times, year first",
            "dmy": "times, day before month",
            "mdy": "times, month before day",
            "compact": "times written as 20210305",
            "excel": "days as a spreadsheet counts them",
        }[order]
    return ColumnReading(
        name=name, kind="date", why=why, missing_marks=marks, order=order or "ymd",
        question=question, choices=choices,
    )  # fmt: skip


def _order(name: str, cells: Cells) -> tuple[Order | None, str, tuple[dict[str, Any], ...]]:
    """The order of dates that are not in ISO 8601; None where they are no dates."""
    if not len(cells.texts):
        return None, "", ()
    if pc.all(pc.match_substring_regex(cells.texts, r"^\d{5}(\.\d+)?$")).as_py():
        days = np.array(cells.texts.cast(pa.float64()))
        inside = days.min() >= _FIRST_SERIAL and days.max() <= _LAST_SERIAL
        return ("excel" if inside else None), "", ()
    orders, times = find_orders(cells.texts, cells.counts)
    if not orders or float(cells.counts[~np.isnat(times)].sum()) < 0.5 * cells.total:
        return None, "", ()
    if len(orders) == 1:
        return orders[0], "", ()
    read = [cells.where(~np.isnat(parse_dates(cells.texts, one).times)) for one in orders[:2]]
    example = read[0].texts[0].as_py()
    return (
        orders[0],
        f"{example!r} may be {shown_dates(example, orders)}, and no cell decides it",
        tuple({"kind": "date", "order": one} for one in orders),
    )


def _flag(name: str, cells: Cells) -> ColumnReading | None:
    listed = cells.texts.to_pylist()
    marks = tuple(word for word in usual_words(listed) if flag_value(word) is None)
    words = [
        text
        for text in listed
        if text.casefold() not in _CONTRACT_WORDS and flag_value(text) is not None
    ]
    if not marks and not words:
        return None
    said = ", ".join(f"{word!r} is {flag_value(word)}" for word in sorted(words)[:6])
    return ColumnReading(name=name, kind="flag", why=said or "yes or no", missing_marks=marks)


def _category(table: Table, name: str, cells: Cells) -> ColumnReading | None:
    allowed = allowed_values(table, name)
    keys = {key(value) for value in allowed}
    others = [text for text in cells.texts.to_pylist() if text not in allowed]
    folded = sorted(text for text in others if key(text) in keys)
    words = [text for text in others if key(text) not in keys]
    nullable = table.schema.columns[name].nullable
    marks = usual_words(words) if nullable else unmistakable_words(words)
    if not folded and not marks:
        return None
    shown = ", ".join(map(repr, folded[:3]))
    why = f"spelled otherwise, such as {shown}" if folded else "words for missing"
    return ColumnReading(
        name=name, kind="category", why=why, missing_marks=marks, letter_case="ignore"
    )


def _by_other_columns(
    readings: Mapping[str, ColumnReading], evidence: Evidence
) -> dict[str, ColumnReading]:
    """Settle questions by the same table's other columns, which one program wrote."""
    signs = {
        reading.number.decimal
        for name, reading in readings.items()
        if reading.kind == "number"
        and not reading.question
        and _shows_sign(reading, evidence[name])
    } | {
        "."
        for name, cells in evidence.items()
        if name not in readings and _all_plain_with_points(cells)
    }
    orders = {
        reading.order
        for reading in readings.values()
        if reading.kind == "date" and not reading.question and reading.order in ("dmy", "mdy")
    }
    settled = {}
    for name, reading in readings.items():
        fitting = [
            choice
            for choice in reading.choices
            if (choice.get("decimal") in signs and len(signs) == 1)
            or (choice.get("order") in orders and len(orders) == 1)
        ]
        if not reading.question or len(fitting) != 1:
            settled[name] = reading
            continue
        chosen = ColumnReading.from_json({**reading.to_json(), "thousands": "", **fitting[0]})
        settled[name] = replace(chosen, why=f"{reading.why}, as in the table's other columns")
    return settled


def _shows_sign(reading: ColumnReading, cells: Cells) -> bool:
    return bool(pc.any(pc.match_substring(cells.texts, reading.number.decimal)).as_py())


def _all_plain_with_points(cells: Cells) -> bool:
    number = pc.all(pc.match_substring_regex(cells.texts, PLAIN_NUMBER)).as_py()
    return bool(number and pc.any(pc.match_substring(cells.texts, ".")).as_py())
