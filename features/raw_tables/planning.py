"""The plans of all raw tables of a source, made before any row is checked."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pyarrow as pa

from features.contracts.tables import ARRIVED, TABLES, Table
from features.contracts.types import refusals
from features.raw_tables.deciding import (
    check_answers,
    decide_raw_plan,
    kind_of,
    refuse_questions,
)
from features.raw_tables.evidence import Evidence
from features.raw_tables.kept_evidence import KeptEvidence
from features.raw_tables.options import RawOptions
from features.raw_tables.plan import RawTablePlan
from features.sources import Part, TableSource
from features.sources.names import suggested_tables, suggestions
from features.sources.part import NOT_MAPPED
from features.tables.rounded_ids import refuse_rounded
from holdfast.errors import InputError
from holdfast.logging import progress

Plans = Mapping[str, RawTablePlan]


def plan_tables(
    source: TableSource, options: RawOptions, kept: KeptEvidence
) -> dict[str, RawTablePlan]:
    """Decide how each table is read.

    Parameters
    ----------
    source : TableSource
        The raw tables.
    options : RawOptions
        What a person decided.
    kept : KeptEvidence
        What is known of parts from the last time; it gets that of new ones.

    Raises
    ------
    OpenQuestions
        Columns that can be read in more than one way.
    InputError
        A column is missing or of a type that cannot be read, ids are rounded, a file's encoding is
        not certain, or an answer is about no column.
    """
    check_answers(options.answers)
    present = source.tables()
    _refuse_schemas(source, options)
    for name in present:
        for part in source.parts(name):
            _refuse_encoding(name, part, options)
    plans = {}
    with progress("Looking at how tables are written", len(present)) as advance:
        for name in present:
            parts = source.parts(name)
            evidence = kept.gather(TABLES[name], parts)
            _refuse_rounded_ids(TABLES[name], evidence)
            plans[name] = decide_raw_plan(
                TABLES[name], evidence, _columns(parts), _options_of(parts, options)
            )
            advance(1)
    refuse_questions(list(plans.values()))
    return plans


def refuse_missing_tables(source: TableSource) -> None:
    """Refuse a source without a table that nothing can be computed without.

    Raises
    ------
    InputError
        Names the table, and the file or folder that is likely meant.
    """
    present = source.tables()
    for name, table in TABLES.items():
        if table.required and name not in present:
            absent = [other for other in TABLES if other not in present]
            meant = suggested_tables(source.unknown(), absent)
            near = [file for file, likely in meant.items() if likely == name]
            way_on = f"; is {near[0]} meant? rename it" if near else ""
            raise InputError(name, f"the table must be there{way_on}", source.where)


def _refuse_rounded_ids(table: Table, evidence: Evidence) -> None:
    for name, cells in evidence.items():
        if kind_of(table, name) == "id":
            refuse_rounded(f"{table.name}.{name}", name, cells.texts)


def _options_of(parts: Sequence[Part], options: RawOptions) -> RawOptions:
    """What was said about the parts of one table: by a mapping file, else by the command."""
    zones = [part.mapping.time_zone for part in parts if part.mapping.time_zone]
    lags = [
        part.mapping.arrival_lag_days for part in parts if part.mapping.arrival_lag_days is not None
    ]
    return replace(
        options,
        time_zone=zones[0] if zones else options.time_zone,
        arrival_lag_days=max(lags) if lags else options.arrival_lag_days,
    )


def _columns(parts: Sequence[Part]) -> list[str]:
    return list(dict.fromkeys(name for part in parts for name in part.schema.names))


def _refuse_schemas(source: TableSource, options: RawOptions) -> None:
    """Refuse what reading rows would not mend, all at once and before any work."""
    refused: dict[str, InputError] = {}
    for name in source.tables():
        table, parts = TABLES[name], source.parts(name)
        of_table = decide_raw_plan(table, {}, _columns(parts), _options_of(parts, options))
        for part in parts:
            plan = of_table.for_part(part)
            nothing = pa.RecordBatch.from_pylist([], schema=_readable_schema(table, part.schema))
            schema = plan.canonical(plan.written(nothing)).schema
            for error in refusals(table, schema):
                refused[error.field] = _with_way_on(error, table, part)
    if not refused:
        return
    first = next(iter(refused.values()))
    more = [error.field for error in refused.values() if error is not first]
    raise InputError(
        first.field, first.rule + (f"; refused too: {', '.join(more)}" if more else ""), first.value
    )


def _readable_schema(table: Table, schema: pa.Schema) -> pa.Schema:
    """A schema in which whole numbers that may be days are texts, as a plan reads them."""
    for place, column in enumerate(schema):
        wanted = (
            table.arrow_schema.field(column.name).type if column.name in table.columns else None
        )
        if (
            wanted is not None
            and pa.types.is_timestamp(wanted)
            and pa.types.is_integer(column.type)
        ):
            schema = schema.set(place, pa.field(column.name, pa.string()))
    return schema


def _with_way_on(error: InputError, table: Table, part: Part) -> InputError:
    column, names = error.field.partition(".")[2], part.schema.names
    if column in names:
        return error
    rule, is_mapped = error.rule, part.mapping != NOT_MAPPED
    unknown = [*(name for name in names if name not in table.columns), *part.mapping.unused]
    near = [name for name, meant in suggestions(unknown, [column]).items() if meant == column]
    if near:
        rule += f"; is {near[0]!r} meant? {'name it in columns' if is_mapped else 'rename it'}"
    elif is_mapped:
        rule += f"; name it in columns or defaults of [tables.{table.name}] in the mapping file"
        rule += ", or say arrival_lag_days" if column == ARRIVED else ""
    elif column == ARRIVED:
        rule += (
            "; for tables that do not say when rows arrived, --arrival-lag-days 1 takes each as"
            " arrived a day after it happened"
        )
    return InputError(error.field, rule, error.value)


def _refuse_encoding(table: str, part: Part, options: RawOptions) -> None:
    if part.odd_lines <= options.settings.unread_share:
        return
    likely = part.likely_encoding
    raise InputError(
        f"{table}, {part.name}",
        f"must be UTF-8, and {part.odd_lines:.1%} of its lines are not; it is likely {likely}:"
        f" --encoding {likely} reads it",
    )
