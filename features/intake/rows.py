"""Rows checked one by one, by their contract's types and by pandera; what else is done with rows."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.contracts.tables import ARRIVED, HAPPENED, Table
from features.contracts.types import Fault, typed
from features.intake.replaced import Replaced, replace_unlisted
from holdfast.arrays import Positions


def read_rows(table: Table, batch: pa.RecordBatch) -> pa.RecordBatch:
    """Read a batch as its contract's types and categories; see `check_rows`."""
    return replace_unlisted(table, typed(table, batch)[0])[0]


def check_rows(
    table: Table, batch: pa.RecordBatch
) -> tuple[pa.RecordBatch, list[Fault], list[Replaced]]:
    """Read a batch as its contract's types and categories, and check each row.

    Parameters
    ----------
    table : Table
        The contract.
    batch : pyarrow.RecordBatch
        Rows as they come.

    Returns
    -------
    rows : pyarrow.RecordBatch
        All of them, typed; values that could not be read are null, and categories that are in no
        list are what the contract says.
    faults : list of Fault
        Empty when every row obeys the contract.
    replaced : list of Replaced
        What was written where categories are in no list.

    Raises
    ------
    InputError
        A column is missing, or is of a type that cannot be read.
    """
    rows, unreadable = typed(table, batch)
    rows, replaced = replace_unlisted(table, rows)
    frame = rows.to_pandas(types_mapper=pd.ArrowDtype)
    lost: dict[str, list[Positions]] = {}
    for fault in unreadable:
        lost.setdefault(fault.column, []).append(fault.at)
    unreadable_at = {name: np.concatenate(at) for name, at in lost.items()}
    return rows, [*unreadable, *_broken_rules(table, frame, unreadable_at)], replaced


def without_rows(rows: pa.RecordBatch, faulty: Positions) -> pa.RecordBatch:
    """A batch without some of its rows."""
    if not len(faulty):
        return rows
    kept = np.ones(len(rows), dtype=bool)
    kept[faulty] = False
    return rows.filter(pa.array(kept))


def same_nulls(rows: pa.RecordBatch, others: pa.RecordBatch) -> bool:
    """Whether no value became missing; rows that had their types already change in nothing else."""
    return all(
        one.null_count == other.null_count
        for one, other in zip(rows.columns, others.columns, strict=True)
    )


def fault_within(fault: Fault, start: int, rows: int) -> Fault:
    """The part of a fault that lies in so many rows from a position on."""
    low, high = np.searchsorted(fault.at, (start, start + rows))
    return Fault(fault.column, fault.rule, fault.reason, fault.at[low:high] - start)


def null_counts(files: Sequence[Path], columns: Sequence[str]) -> tuple[int, dict[str, int]]:
    """Rows, and nulls by column, from the statistics of Parquet files."""
    rows, nulls = 0, dict.fromkeys(columns, 0)
    for file in files:
        metadata = pq.read_metadata(file)
        rows += metadata.num_rows
        for group in range(metadata.num_row_groups):
            for at, name in enumerate(columns):
                statistics = metadata.row_group(group).column(at).statistics
                nulls[name] += statistics.null_count if statistics is not None else 0
    return rows, nulls


def _broken_rules(table: Table, frame: pd.DataFrame, lost: dict[str, Positions]) -> Iterator[Fault]:
    # Pandera's checks one by one: validating the schema as a whole takes minutes to word a million
    # failures. A test holds that both give the same faults; `typed` checks types and the
    # presence of columns.
    for name, column in table.schema.columns.items():
        values = frame[name]
        if not column.nullable:
            missing = np.setdiff1d(np.flatnonzero(values.isna().to_numpy()), lost.get(name, ()))
            if len(missing):
                yield Fault(name, "null", "must not be empty", missing)
        for check in column.checks:
            if len(at := _failures(check(values).check_output)):
                yield Fault(name, str(check.name), str(check.error), at)
    for check in table.schema.checks:
        if len(at := _failures(check(frame).check_output)):
            yield Fault(f"{HAPPENED}, {ARRIVED}", str(check.name), str(check.error), at)


def _failures(passed: "pd.Series[bool]") -> Positions:
    # The index holds which rows: nulls, which columns check by themselves, have been left out.
    right = passed.to_numpy(dtype=bool, na_value=True)
    return np.asarray(passed.index.to_numpy()[~right], dtype=np.int64)
