"""Rows checked one by one: by their contract's types, and by pandera."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa

from features.contracts.tables import ARRIVED, HAPPENED, Table
from features.contracts.types import Fault, typed
from holdfast.arrays import Positions


def check_rows(table: Table, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, list[Fault]]:
    """Read a batch as its contract's types and check each row.

    Parameters
    ----------
    table : Table
        The contract.
    batch : pyarrow.RecordBatch
        Rows as they come.

    Returns
    -------
    rows : pyarrow.RecordBatch
        All of them, typed; values that could not be read are null.
    faults : list of Fault
        Empty when every row obeys the contract.

    Raises
    ------
    InputError
        A column is missing, or is of a type that cannot be read.
    """
    rows, unreadable = typed(table, batch)
    frame = rows.to_pandas(types_mapper=pd.ArrowDtype)
    lost: dict[str, list[Positions]] = {}
    for fault in unreadable:
        lost.setdefault(fault.column, []).append(fault.at)
    return rows, [
        *unreadable,
        *_broken_rules(table, frame, {name: np.concatenate(at) for name, at in lost.items()}),
    ]


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
