from pathlib import Path

import pytest

from features.settings import ReadingSettings
from features.table_files.source import SourceTable, read_source
from features.tables.plan import apply_plan, decide_plan
from holdfast.errors import InputError
from tests.builders.workbooks import Cell, CellError, Shown, write_sheets

HEADER: list[Cell] = ["id", "fee", "since"]
ROWS: list[list[Cell]] = [["007", 5.5, "x"], ["008", 6, "y"]]


def _read(path: Path, **sheets: list[list[Cell]]) -> SourceTable:
    return read_source(write_sheets(path / "t.xlsx", sheets))


FORMS = {
    "date": (Shown(44197, "date"), "2021-01-01"),
    "date and time": (Shown(44197.5, "date and time"), "2021-01-01 12:00:00"),
    "time": (Shown(0.25, "time"), "06:00:00"),
    "percent": (Shown(0.055, "percent"), "0.055"),
    "whole number": (12.0, "12"),
    "text of digits": ("0012", "0012"),
    "not there": (None, ""),
    "error": (CellError("#N/A"), ""),
    "division": (CellError("#DIV/0!"), ""),
}


@pytest.mark.parametrize("cell, text", FORMS.values(), ids=FORMS)
def test_a_cell_is_read_as_it_is_meant(tmp_path: Path, cell: Cell, text: str) -> None:
    source = _read(tmp_path, S=[["id", "x"], ["1", cell], ["2", "z"]])
    assert source.table["x"].to_pylist() == [text, "z"]


def test_errors_are_missing_and_numbers_as_text_are_numbers(tmp_path: Path) -> None:
    errors = [CellError(text) for text in ("#N/A", "#DIV/0!", "#REF!", "#NAME?", "#VALUE!")]
    rows: list[list[Cell]] = [[str(k), k + 0.5 if k % 2 else f"{k}.5"] for k in range(60)]
    rows += [[f"e{k}", error] for k, error in enumerate(errors)]
    source = _read(tmp_path, S=[["id", "fee"], *rows])
    table, plan = apply_plan(source, decide_plan(source, ReadingSettings()), ("id",))
    assert (plan.column("fee").kind, plan.column("fee").unread_share) == ("number", 0.0)
    assert table["fee"].to_pylist() == [k + 0.5 for k in range(60)] + [None] * 5


def test_the_first_sheet_with_a_table_is_read_and_the_others_are_named(tmp_path: Path) -> None:
    source = _read(tmp_path, Cover=[["Report"]], Data=[HEADER, *ROWS], Old=[HEADER, *ROWS])
    assert source.table["id"].to_pylist() == ["007", "008"]
    assert source.notes == ("sheet 'Data' is read, and not 'Old'",)


def test_blank_rows_and_columns_and_a_title_hold_nothing(tmp_path: Path) -> None:
    around: list[list[Cell]] = [[], [None, "Report of Ann"], [], [None, *HEADER[:2], None, "z"]]
    rows: list[list[Cell]] = [[None, "7", 5, None, "a"], [], [None, "8", 6, None, "b"]]
    source = _read(tmp_path, S=[*around, *rows])
    assert source.table.to_pydict() == {"id": ["7", "8"], "fee": ["5", "6"], "z": ["a", "b"]}
    assert source.notes[0] == "line 2 before the header is skipped"
    assert "Ann" not in " ".join(source.notes)


@pytest.mark.parametrize(
    "rows, message",
    [
        ([["7", "Ann", 5.5], ["8", "Bob", 6.5]], "line 1 holds data"),
        ([["Report"]], "must have a header line"),
        ([], "must have a header line"),
    ],
)
def test_a_sheet_without_a_header_is_refused(
    tmp_path: Path, rows: list[list[Cell]], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        _read(tmp_path, S=rows)
    assert "Ann" not in str(caught.value)
