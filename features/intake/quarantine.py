"""The quarantine: every row that was not accepted, why, and the row itself.

It holds raw values, free text among them: keep it as close as the raw tables themselves.
"""

import json
import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.contracts.tables import TABLES, Table
from features.contracts.types import Fault
from features.sources import BrokenLine
from holdfast.arrays import Positions
from holdfast.errors import InputError

_FAULT = pa.struct(
    [
        ("column", pa.string()),
        ("rule", pa.string()),
        ("value", pa.string()),
        ("reason", pa.string()),
    ]
)
SCHEMA = pa.schema(
    [
        ("table", pa.string()),
        ("part", pa.string()),
        ("row", pa.int64()),
        ("faults", pa.list_(_FAULT)),
        ("record", pa.string()),
    ]
)
"""One row per row left out: the table, the file or database table, the row's number there (from 1,
header not counted), its faults, and the row as JSON. For a line that is no row, the record is the
line as a JSON string."""

_ROWS_AT_A_TIME = 65_536


@dataclass
class RuleCount:
    """How often a rule was broken.

    Parameters
    ----------
    column : str
        The column; empty for a whole line.
    rule : str
        The rule's code.
    reason : str
        The rule in words.
    rows : int
        How many rows break it; a row that breaks several counts for each.
    part, row : str, int
        The first of them.
    value : str or None
        Its value. None where it was empty, and for columns whose values may describe a person.
    """

    column: str
    rule: str
    reason: str
    part: str
    row: int
    value: str | None
    rows: int = 0


@dataclass
class TableQuarantine:
    """One table's part of the quarantine, written as it fills.

    Parameters
    ----------
    table : Table
        The contract.
    folder : Path
        Gets ``<table>.parquet``, if there is anything to write.
    """

    table: Table
    folder: Path
    rows: int = 0
    rules: dict[tuple[str, str], RuleCount] = field(default_factory=dict)
    _writer: pq.ParquetWriter | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._writer is not None:
            self._writer.close()

    def add(
        self, part: str, rows: pa.RecordBatch, numbers: Positions, faults: Sequence[Fault]
    ) -> None:
        """Put the rows that have faults in quarantine.

        Parameters
        ----------
        part : str
            The file or database table they came from.
        rows : pyarrow.RecordBatch
            A batch; rows that no fault names are passed over.
        numbers : (n,) int64
            The batch's row numbers in the part.
        faults : sequence of Fault
            What is wrong with which of them.
        """
        by_row: dict[int, list[_FaultRow]] = {}
        for fault in faults:
            values = _values(rows, fault)
            self._count(
                part,
                int(numbers[fault.at[0]]),
                (fault.column, fault.rule, values[0], fault.reason),
                len(values),
            )
            for position, value in zip(fault.at.tolist(), values, strict=True):
                by_row.setdefault(position, []).append(
                    (fault.column, fault.rule, value, fault.reason)
                )
        positions = sorted(by_row)
        for start in range(0, len(positions), _ROWS_AT_A_TIME):
            some = positions[start : start + _ROWS_AT_A_TIME]
            records = _readable(rows.take(pa.array(some, pa.int64()))).to_pylist()
            self._write(
                part, numbers[some].tolist(), [by_row[position] for position in some], records
            )

    def add_lines(self, part: str, lines: Sequence[BrokenLine]) -> None:
        """Put lines that are no rows in quarantine."""
        faults: list[_FaultRow] = [("", "fields", line.value, line.reason) for line in lines]
        for line, fault in zip(lines, faults, strict=True):
            self._count(part, line.number, fault, 1)
        self._write(
            part,
            [line.number for line in lines],
            [[fault] for fault in faults],
            [line.text for line in lines],
        )

    def _count(self, part: str, row: int, fault: "_FaultRow", rows: int) -> None:
        column, rule, value, reason = fault
        shown = value if all(self._may_be_shown(name) for name in column.split(", ")) else None
        self.rules.setdefault(
            (column, rule), RuleCount(column, rule, reason, part, row, shown)
        ).rows += rows

    def _may_be_shown(self, column: str) -> bool:
        metadata = (
            self.table.schema.columns[column].metadata
            if column
            else {"data_class": "none", "unit": "fields"}
        )
        return metadata["data_class"] == "none" and metadata["unit"] != "text"

    def _write(
        self, part: str, numbers: list[int], faults: list[list["_FaultRow"]], records: list[Any]
    ) -> None:
        if not numbers:
            return
        if self._writer is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(self.folder / f"{self.table.name}.parquet", SCHEMA)
        # Column by column, since a dict for every fault takes longer.
        fields = zip(*(fault for row in faults for fault in row), strict=True)
        structs = pa.StructArray.from_arrays(
            [pa.array(values, pa.string()) for values in fields], fields=list(_FAULT)
        )
        offsets = np.cumsum([0, *(len(row) for row in faults)], dtype=np.int32)
        lists = pa.ListArray.from_arrays(
            pa.array(offsets), structs, type=SCHEMA.field("faults").type
        )
        texts = [json.dumps(_strict(record), ensure_ascii=False, default=str) for record in records]
        where = [self.table.name] * len(numbers), [part] * len(numbers), numbers
        self._writer.write_batch(pa.record_batch([*where, lists, texts], schema=SCHEMA))
        self.rows += len(numbers)


_FaultRow = tuple[str, str, str | None, str]


def _values(rows: pa.RecordBatch, fault: Fault) -> list[str | None]:
    at = pa.array(fault.at)
    columns = [
        _readable(pa.record_batch([rows.column(name).take(at)], names=[name]))
        for name in fault.column.split(", ")
    ]
    together = zip(*(column.column(0).to_pylist() for column in columns), strict=True)
    return [
        None
        if all(value is None for value in values)
        else ", ".join(str(value) for value in values)
        for values in together
    ]


def _readable(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Rows with times and bytes as texts.

    Python knows not every time, and bytes need not be UTF-8.
    """
    columns = []
    for column in rows.columns:
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if pa.types.is_temporal(column.type):
            column = column.cast(pa.string())
        elif pa.types.is_binary(column.type) or pa.types.is_string(column.type):
            bytes_ = column.cast(pa.binary()).to_pylist()
            column = pa.array(
                [
                    None if value is None else value.decode(errors="backslashreplace")
                    for value in bytes_
                ],
                pa.string(),
            )
        columns.append(column)
    return pa.record_batch(columns, names=rows.schema.names)


def _strict(record: Any) -> Any:
    """A record without numbers that JSON does not have."""
    if not isinstance(record, dict):
        return record
    return {
        name: str(value) if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in record.items()
    }


class QuarantineFolder:
    """The folder of quarantined rows, one ``<table>.parquet`` each.

    It is replaced table by table when a check is done.

    Parameters
    ----------
    root : Path
        The folder; made where it does not exist. Files of other names stay.

    Raises
    ------
    InputError
        A file that would be replaced is no quarantine.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.beside = root / ".quarantine.new"
        for name in TABLES:
            place = self._place(name)
            if place.exists() and not _is_quarantine(place):
                raise InputError(
                    str(root),
                    "has a file of somebody else's that the quarantine would replace",
                    place.name,
                )
        self.discard()

    def table(self, table: Table) -> TableQuarantine:
        """A table's part of the new quarantine."""
        return TableQuarantine(table, self.beside)

    def publish(self) -> None:
        """Put the new quarantine in the place of the present one."""
        self.root.mkdir(parents=True, exist_ok=True)
        for name in TABLES:
            new = self.beside / f"{name}.parquet"
            if new.exists():
                new.replace(self._place(name))
            else:
                self._place(name).unlink(missing_ok=True)
        self.discard()

    def discard(self) -> None:
        """Remove what was not published."""
        shutil.rmtree(self.beside, ignore_errors=True)

    def _place(self, name: str) -> Path:
        return self.root / f"{name}.parquet"


def _is_quarantine(path: Path) -> bool:
    try:
        return bool(pq.read_schema(path).equals(SCHEMA))
    except (pa.ArrowException, OSError):
        return False
