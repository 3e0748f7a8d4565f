import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.sources import open_source
from features.sources.part import row_numbers
from holdfast.errors import InputError
from tests.builders.raw_tables import raw_tables, write_raw_tables


def test_a_table_is_a_file_or_a_folder_of_parts(tmp_path: Path) -> None:
    tables = raw_tables(1, 5, only=["customers", "subscriptions", "bills"])
    write_raw_tables({"bills": tables["bills"]}, tmp_path, parts=3)
    write_raw_tables({"customers": tables["customers"]}, tmp_path, form="csv")
    pq.write_table(tables["subscriptions"], tmp_path / "subscriptions.parquet")
    (tmp_path / "bills" / "_SUCCESS").touch()
    (tmp_path / "bills" / "notes.txt").touch()
    (tmp_path / "bill.csv").touch()
    source = open_source(str(tmp_path))
    assert source.tables() == ("customers", "subscriptions", "bills")
    assert source.unknown() == ("bill.csv", "bills/notes.txt")
    assert [part.name for part in source.parts("bills")] == [
        f"part-{number:05d}.parquet" for number in range(3)
    ]
    assert pa.Table.from_batches(source.batches("bills")).equals(tables["bills"])
    assert sum(part.rows or 0 for part in source.parts("bills")) == len(tables["bills"])
    assert sum(len(batch) for batch in source.batches("customers")) == len(tables["customers"])


def test_csv_is_read_as_bytes_line_by_line(tmp_path: Path) -> None:
    lines = [
        b"\xef\xbb\xbfcustomer_id;text",
        b'001;"a;b\nc"',
        b"2;3;4",
        b"003;",
        b'004;"caf\xe9"',
        b"5",
        b'006;""',
    ]
    (tmp_path / "customers.csv").write_bytes(b"\n".join(lines) + b"\n")
    (batch,) = open_source(str(tmp_path)).parts("customers")[0].batches()
    assert batch.rows.column("customer_id").to_pylist() == [b"001", b"003", b"004", b"006"]
    assert batch.rows.column("text").to_pylist() == [b"a;b\nc", None, b"caf\xe9", None]
    assert batch.numbers.tolist() == [1, 3, 4, 6]
    assert [(line.number, line.text, line.value) for line in batch.broken] == [
        (2, "2;3;4", "3"),
        (5, "5", "1"),
    ]


def test_gzip_and_many_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("features.sources.files.text_part._BLOCK_BYTES", 100)
    rows = [f"{number:04d},x" if number % 7 else f"{number:04d}" for number in range(1, 200)]
    with gzip.open(tmp_path / "customers.csv.gz", "wt") as file:
        file.write("\n".join(["customer_id,b", *rows]))
    batches = list(open_source(str(tmp_path)).parts("customers")[0].batches())
    assert len(batches) > 2
    read = {
        int(value): number
        for batch in batches
        for value, number in zip(batch.rows[0].to_pylist(), batch.numbers, strict=True)
    }
    assert read == {number: number for number in range(1, 200) if number % 7}
    assert [line.number for batch in batches for line in batch.broken] == list(range(7, 200, 7))


@given(st.lists(st.booleans(), min_size=1))
def test_row_numbers_step_over_what_was_left_out(kept: list[bool]) -> None:
    numbers = np.arange(1, len(kept) + 1)
    left_out = numbers[~np.array(kept)]
    assert row_numbers(np.arange(sum(kept)), left_out).tolist() == numbers[np.array(kept)].tolist()


def _write(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)


@pytest.mark.parametrize(
    "files, message",
    [
        ({"bills.csv": b"a\n1", "bills.csv.gz": b""}, "bills: must be there once"),
        ({"bills.csv": b"a\n1", "bills/0.csv": b"a\n1"}, "bills: must be there once"),
        (
            {"bills/0.csv": b"a\n1", "bills/0.parquet": b""},
            r"bills: every part must be there in one form .*'0'",
        ),
        ({"bills/readme": b""}, "bills: must hold files that end in"),
        ({"bills.parquet": b"PAR1 no more"}, r"bills, bills\.parquet: cannot be read as Parquet"),
        ({"bills.csv": b""}, "must have a header line"),
        ({"bills.csv": b"a,a\n1,2"}, "column names must differ; .*'a'"),
        (
            {"bills.csv": b"Bill-Id,BILL_ID\n1,2"},
            "'Bill-Id' are both taken for 'bill_id': rename or remove one .*'BILL_ID'",
        ),
        ({"bills.csv.gz": gzip.compress(b"a\n1")[:12]}, "cannot be read as CSV"),
    ],
)
def test_a_folder_that_cannot_be_read_is_refused(
    tmp_path: Path, files: dict[str, bytes], message: str
) -> None:
    _write(tmp_path, files)
    with pytest.raises(InputError, match=message):
        open_source(str(tmp_path))


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"WHERE: must be an existing folder or a database URL \(got .*nowhere"
    ):
        open_source(str(tmp_path / "nowhere"))


def test_a_file_that_breaks_off_is_refused(tmp_path: Path) -> None:
    text = b"customer_id\n" + b"\n".join(
        b"%07d" % number for number in np.random.default_rng(1).integers(0, 10**7, 100_000)
    )
    (tmp_path / "customers.csv.gz").write_bytes(gzip.compress(text)[:-1000])
    with pytest.raises(
        InputError, match=r"customers, customers\.csv\.gz: cannot be read as CSV; is it complete\?"
    ):
        list(open_source(str(tmp_path)).batches("customers"))


@pytest.mark.parametrize(
    "url, message",
    [
        ("nosuch://me:hunter2@host/db", "must name a database that SQLAlchemy knows"),
        ("postgresql+psycopg://me:hunter2@host:port/db", "must be a database URL such as"),
        ("oracle+oracledb://me:hunter2@host/db", "needs the driver oracledb"),
        ("sqlite:////nowhere/at/all.db", "must be a database that exists"),
    ],
)
def test_a_database_that_cannot_be_opened_is_refused_without_its_password(
    url: str, message: str
) -> None:
    with pytest.raises(InputError, match=message) as refused:
        open_source(url)
    assert "hunter2" not in str(refused.value)
    assert refused.value.__suppress_context__


def test_a_database_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must be a database that exists"):
        open_source(f"sqlite:///{tmp_path / 'none.db'}")
    assert not (tmp_path / "none.db").exists()
