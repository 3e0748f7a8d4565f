"""A real table, damaged and rewritten as exports do it, gives the numbers of the clean one."""

import csv
from pathlib import Path

import numpy as np
import pytest

from features.encoding.encoding import infer_encoding
from features.flat.customers import feature_kind
from features.settings import ReadingSettings
from features.table_files.source import read_source
from features.tables.plan import apply_plan, decide_plan
from holdfast.arrays import Floats

pytestmark = pytest.mark.real_data

MARKS = ("NA", "NULL", "-", "?", "N/A", "无", "#N/A", "None", "\\N", "pending")


@pytest.fixture(scope="module")
def rows(real_data: Path) -> list[list[str]]:
    with (real_data / "mlc_churn" / "mlc_churn.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))


def _encoded(path: Path) -> tuple[list[str], Floats]:
    source = read_source(path)
    table, plan = apply_plan(source, decide_plan(source, ReadingSettings()))
    assert not plan.questions(table.column_names)
    kinds = {name: feature_kind(plan, name) for name in table.column_names}
    encoding = infer_encoding(table, table.column_names, kinds)
    return [column.kind for column in encoding.columns], encoding.encode(table)


def _write(path: Path, rows: list[list[str]], delimiter: str = ",") -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, delimiter=delimiter).writerows(rows)
    return path


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()


@pytest.mark.parametrize("mark", MARKS)
def test_a_mark_in_one_of_a_hundred_numbers_is_missing_and_nothing_else_changes(
    rows: list[list[str]], tmp_path: Path, mark: str
) -> None:
    kinds, clean = _encoded(_write(tmp_path / "clean.csv", rows))
    random = np.random.default_rng(1)
    numeric = np.array(kinds) == "number"
    hit = (random.random(clean.shape) < 0.01) & numeric
    marked = [
        [mark if gone else cell for cell, gone in zip(row, gones, strict=True)]
        for row, gones in zip(rows[1:], hit, strict=True)
    ]
    again, damaged = _encoded(_write(tmp_path / "marked.csv", [rows[0], *marked]))
    assert again == kinds
    np.testing.assert_array_equal(damaged, np.where(hit, np.nan, clean))


@pytest.mark.parametrize("suffix", ["", " €", " %"])
def test_decimal_commas_and_units_read_as_the_clean_table(
    rows: list[list[str]], tmp_path: Path, suffix: str
) -> None:
    kinds, clean = _encoded(_write(tmp_path / "clean.csv", rows))
    local = [
        [cell.replace(".", ",") + suffix if _is_number(cell) else cell for cell in row]
        for row in rows[1:]
    ]
    again, read = _encoded(_write(tmp_path / "local.csv", [rows[0], *local], ";"))
    assert again == kinds
    np.testing.assert_array_equal(read, clean)
