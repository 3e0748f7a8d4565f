import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.encoding.reading import as_text, missing_count, number_text, read_table
from holdfast.errors import InputError


def _write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_columns_are_text_whatever_parts_them(tmp_path: Path, delimiter: str) -> None:
    lines = [delimiter.join(row) for row in (["id", "fee"], ["007", " 1.5 "], ["008", ""])]
    table = read_table(_write(tmp_path / "t.csv", "\r\n".join(lines).encode("utf-8-sig")))
    assert table.to_pydict() == {"id": ["007", "008"], "fee": [" 1.5 ", ""]}
    assert as_text(table["fee"]).to_pylist() == ["1.5", None]


def test_a_quoted_field_may_hold_the_delimiter_and_line_breaks(tmp_path: Path) -> None:
    table = read_table(_write(tmp_path / "t.csv", b'"a,\nb",c\n"x,\ny",2\n'))
    assert table.to_pydict() == {"a,\nb": ["x,\ny"], "c": ["2"]}


def test_a_delimiter_inside_quotes_does_not_count(tmp_path: Path) -> None:
    assert read_table(_write(tmp_path / "t.csv", b'"a;b;c;d",x,left\n1,2,3\n')).column_names == [
        "a;b;c;d",
        "x",
        "left",
    ]


def test_the_index_of_pandas_is_no_column(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1], "__index_level_0__": [7]}), tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet").column_names == ["a"]


def test_compressed_csv(tmp_path: Path) -> None:
    assert read_table(_write(tmp_path / "t.csv.gz", gzip.compress(b"a\n1\n"))).to_pydict() == {
        "a": ["1"]
    }


def test_parquet_keeps_types_and_whole_floats_read_as_whole(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"n": [1.0, None, 2.5], "b": [True, False, None]}), tmp_path / "t.parquet"
    )
    table = read_table(tmp_path / "t.parquet")
    assert as_text(table["n"]).to_pylist() == ["1", None, "2.5"]
    assert as_text(table["b"]).to_pylist() == ["true", "false", None]


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("t.csv", b"", "header"),
        ("t.csv", b"a,b,a\n1,2,3\n", "repeats"),
        ("t.csv", b"a,,c\n1,2,3\n", "needs a name"),
        ("t.csv", b"a,b\n1,2,3\n", "cannot be read as CSV"),
        ("t.csv", "a\nü\n".encode("latin-1"), "UTF-8"),
        ("t.csv", "ü\n1\n".encode("latin-1"), "UTF-8"),
        ("t.csv.gz", b"no gzip", "cannot be read as CSV"),
        ("t.parquet", b"no parquet", "cannot be read as Parquet"),
        ("t.xlsx", b"PK", "must end in"),
    ],
)
def test_unreadable_tables_are_refused_in_one_line(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_table(_write(tmp_path / name, content))
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.csv"):
        read_table(tmp_path / "nowhere.csv")


@pytest.mark.parametrize(
    "values, missing",
    [
        (pa.array([1.0, None, float("nan"), float("inf")]), 3),
        (pa.array([1, None]), 1),
        (pa.array(["a", " ", None, "nan"]), 2),
        (pa.array(["nan", "", "-inf"]), 3),
        (pa.array([" ", "x", None]).dictionary_encode(), 2),
        (pa.array([" ", "x"], pa.string_view()), 1),
        (pa.nulls(2), 2),
        (pa.array([True, None]), 1),
    ],
)
def test_what_is_missing(values: pa.Array, missing: int) -> None:
    assert missing_count(pa.chunked_array([values])) == missing


def test_numbers_as_text_read_back_as_they_were() -> None:
    assert [number_text(value) for value in (1.0, -0.5, 1e22, 0.1, 12345678901234567.0)] == [
        "1", "-0.5", "10000000000000000000000", "0.1", "12345678901234568",
    ]  # fmt: skip
