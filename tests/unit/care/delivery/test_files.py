"""Files of handovers: no cell is a formula in a spreadsheet, and Parquet has values as they are."""

import csv
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from care.delivery.files import COLUMNS, write_file
from care.delivery.receivers import Files


def row(message: str) -> dict[str, str]:
    return dict.fromkeys(COLUMNS, "x") | {"message": message}


@pytest.mark.parametrize(
    "message", ["=1+1", "+49", "-2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"]
)
def test_a_cell_that_begins_like_a_formula_has_an_apostrophe_in_csv_alone(
    tmp_path: Path, message: str
) -> None:
    path = write_file(tmp_path / "one", Files(format="csv"), [row(message), row("a=1")])
    with path.open(encoding="utf-8", newline="") as file:
        cells = [read["message"] for read in csv.DictReader(file)]
    assert cells == [f"'{message}", "a=1"]
    path = write_file(tmp_path / "one", Files(format="parquet"), [row(message)])
    assert pq.read_table(path)["message"].to_pylist() == [message]
