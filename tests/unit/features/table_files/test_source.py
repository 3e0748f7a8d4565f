import bz2
import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.encoding.reading import as_text
from features.table_files.source import read_source
from holdfast.errors import InputError


def _table(path: Path) -> pa.Table:
    return read_source(path).table


def _write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_columns_are_text_whatever_parts_them(tmp_path: Path, delimiter: str) -> None:
    lines = [delimiter.join(row) for row in (["id", "fee"], ["007", " 1.5 "], ["008", ""])]
    table = _table(_write(tmp_path / "t.csv", "\r\n".join(lines).encode("utf-8-sig")))
    assert table.to_pydict() == {"id": ["007", "008"], "fee": [" 1.5 ", ""]}
    assert as_text(table["fee"]).to_pylist() == ["1.5", None]


def test_a_quoted_field_may_hold_the_delimiter_and_line_breaks(tmp_path: Path) -> None:
    table = _table(_write(tmp_path / "t.csv", b'"a,\nb",c\n"x,\ny",2\n'))
    assert table.to_pydict() == {"a,\nb": ["x,\ny"], "c": ["2"]}


def test_a_delimiter_inside_quotes_does_not_count(tmp_path: Path) -> None:
    assert _table(_write(tmp_path / "t.csv", b'"a;b;c;d",x,left\n1,2,3\n')).column_names == [
        "a;b;c;d",
        "x",
        "left",
    ]


def test_the_index_of_pandas_is_no_column(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1], "__index_level_0__": [7]}), tmp_path / "t.parquet")
    assert _table(tmp_path / "t.parquet").column_names == ["a"]


def _zipped(content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("__MACOSX/t.csv", b"nothing")
        archive.writestr("inner.csv", content)
    return stream.getvalue()


@pytest.mark.parametrize(
    "ending, compress",
    [
        (".gz", gzip.compress),
        (".bz2", bz2.compress),
        (".zst", lambda content: pa.compress(content, "zstd", asbytes=True)),
        (".zip", _zipped),
    ],
)
def test_compressed_csv(tmp_path: Path, ending: str, compress: Callable[[bytes], bytes]) -> None:
    content = b"a;b\n1;x\n2;y\n"
    table = _table(_write(tmp_path / f"t.csv{ending}", compress(content)))
    assert table.to_pydict() == {"a": ["1", "2"], "b": ["x", "y"]}


def test_parts_in_a_folder_or_of_a_pattern_are_one_table(tmp_path: Path) -> None:
    parts = tmp_path / "parts"
    (parts / "day=1").mkdir(parents=True)
    _write(parts / "day=1" / "b.csv", b"a\n1\n")
    _write(parts / "c.csv", b"a\n2\n")
    _write(parts / "_SUCCESS", b"")
    for place in (parts, parts / "**" / "*.csv"):
        source = read_source(place)
        assert sorted(source.table["a"].to_pylist()) == ["1", "2"]
        assert "2 parts are one table" in source.notes
    _write(parts / "d.csv", b"b\n2\n")
    with pytest.raises(InputError, match=r"same columns; d\.csv differs"):
        read_source(parts)


def test_parquet_keeps_types_and_whole_floats_read_as_whole(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"n": [1.0, None, 2.5], "b": [True, False, None]}), tmp_path / "t.parquet"
    )
    table = _table(tmp_path / "t.parquet")
    assert as_text(table["n"]).to_pylist() == ["1", None, "2.5"]
    assert as_text(table["b"]).to_pylist() == ["true", "false", None]


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("t.csv", b"", "header"),
        ("t.csv", b"a,b\n1,2\n1,2,3,4\n1,2\n", "line 3 has 4 fields, the header has 2"),
        ("t.csv", "a\nü\n".encode("latin-1"), "UTF-8"),
        ("t.csv", "ü\n1\n".encode("latin-1"), "UTF-8"),
        ("t.csv.gz", b"no gzip", "cannot be read as CSV"),
        ("t.parquet", b"no parquet", "cannot be read as Parquet"),
        ("t.xlsx", b"PK", "spreadsheet"),
        ("t.doc", b"x", "must end in"),
    ],
)
def test_unreadable_tables_are_refused_in_one_line(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        _table(_write(tmp_path / name, content))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content, message",
    [
        (b"id,name\n1,Ann\n2,Ann Example,+49 171\n", "t.csv, byte 14"),
        (b"id,name\n" + b"1,Ann\n" * 300 + b"2,Ann,+49 171,\n" * 300, "t.csv, byte 1808"),
        ("id,name\n1,Ann Ex\u00e4mple\n".encode("latin-1"), "t.csv, byte 16"),
    ],
    ids=["one row", "many rows", "encoding"],
)
def test_an_error_names_the_place_and_shows_no_value(
    tmp_path: Path, content: bytes, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        _table(_write(tmp_path / "t.csv", content))
    assert message in str(caught.value)
    assert "Ann" not in str(caught.value)
    assert "171" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.csv"):
        _table(tmp_path / "nowhere.csv")


def test_rows_that_repeat_the_header_are_left_out(tmp_path: Path) -> None:
    source = read_source(_write(tmp_path / "t.csv", b"id,fee\n1,id\nid,fee\n2,5\nid,7\n"))
    assert source.table.to_pydict() == {"id": ["1", "2", "id"], "fee": ["id", "5", "7"]}
    assert source.notes == ("rows that repeat the header are left out: 1",)


def test_a_second_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    content = "\ufeff\ufeffid,fee\n1,2\n".encode()
    assert _table(_write(tmp_path / "t.csv", content)).column_names == ["id", "fee"]
