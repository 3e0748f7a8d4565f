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


SWALLOWED = {
    "to the end": b'id,fee,note\n1,5,a\n2,6,"b\n3,7,c\n4,8,d\n',
    "to the end, far": b'id,fee,note\n1,5,a\n2,6,"b\n' + b"3,7,c\n" * 400_000,
    "to the end, in front": b'id,note,fee\n1,a,5\n2,"b,6\n3,c,7\n4,d,8\n',
    "to the next mark": b'id,note,fee\n1,a,5\n2,"Ann,6\n3,c,7\n4,"d",8\n5,e,9\n',
    "to a mark that closes": b'id,note,fee\n1,a,5\n2,"Ann,6\n3,c,7\n4,d",8\n5,e,9\n',
}


@pytest.mark.parametrize("content", SWALLOWED.values(), ids=SWALLOWED)
def test_a_quotation_mark_left_open_swallows_no_rows(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(InputError, match="quotation mark in line 3 is not closed") as caught:
        read_source(_write(tmp_path / "t.csv", content))
    assert "Ann" not in str(caught.value)


@pytest.mark.parametrize(
    "cell",
    [
        "1 High St, Flat 2\nLeeds, LS1",
        "1 High St, Flat 2\nLeeds, LS1\n",
        "High St\nFlat, 2, b\nLeeds",
        'says ""no"", twice\nand, then, ""yes""',
        "a\n\nb\r\nc",
    ],
)
def test_fields_of_several_lines_are_read(tmp_path: Path, cell: str) -> None:
    rows = "".join(f'{k},"{cell}",5\n' for k in range(20))
    table = _table(_write(tmp_path / "t.csv", f"id,address,fee\n{rows}".encode()))
    assert table["address"].to_pylist() == [cell.replace('""', '"')] * 20
    assert table["id"].to_pylist() == [str(k) for k in range(20)]


OTHER_WIDTHS = {
    "wider": "id,plan,left\n" + "7,Ann,x,y,5\n" * 9,
    "wider, words": "name,plan,left\n" + "Ann,gold,yes,no,other\n" * 9,
    "narrower": "id,plan,left,fee,since\n" + "Ann,gold,5\n" * 9,
    "narrower by one": "id,plan,left,fee\n" + "Ann,gold,5\n" * 9,
}


@pytest.mark.parametrize("content", OTHER_WIDTHS.values(), ids=OTHER_WIDTHS)
def test_no_row_of_data_becomes_the_header(tmp_path: Path, content: str) -> None:
    with pytest.raises(InputError, match=r"line 1 has \d fields, most rows have \d") as caught:
        read_source(_write(tmp_path / "t.csv", content.encode()))
    assert "Ann" not in str(caught.value)


@pytest.mark.parametrize(
    "content, line",
    [
        ("Ann's report\n7,Ann,5.5\n8,Bob,6.5\n", 2),
        ("7,Ann,5.5\n8,Bob,6.5\n", 1),
        ("7590-VHVEG;29,85;2020-01-02\n7591-VHVEG;39,85;2020-03-02\n", 1),
    ],
)
def test_a_file_without_a_header_is_refused(tmp_path: Path, content: str, line: int) -> None:
    with pytest.raises(InputError, match=f"header line.*; line {line} holds data") as caught:
        read_source(_write(tmp_path / "t.csv", content.encode()))
    assert "Ann" not in str(caught.value)


@pytest.mark.parametrize(
    "content, names",
    [
        ("region,2019,2020\nN,5,6\nS,7,8\n", ["region", "2019", "2020"]),
        ("id,30,60,90\na,5,6,7\n", ["id", "30", "60", "90"]),
        ("id,2019-01,2019-02\na,5,6\n", ["id", "2019-01", "2019-02"]),
        ("id,0-30,31-60\na,5,6\n", ["id", "0-30", "31-60"]),
        ("0,1,2\na,5,6\n", ["0", "1", "2"]),
        ("a,b,c,,\n1,2,3\n4,5,6\n", ["a", "b", "c"]),
        ("Report of Ann,,,\n\na,b,c,d\n1,2,3,4\n4,5,6,7\n", ["a", "b", "c", "d"]),
    ],
)
def test_headers_with_numbers_and_titles_are_read(
    tmp_path: Path, content: str, names: list[str]
) -> None:
    source = read_source(_write(tmp_path / "t.csv", content.encode()))
    assert source.table.column_names == names
    assert "Ann" not in " ".join(source.notes)
