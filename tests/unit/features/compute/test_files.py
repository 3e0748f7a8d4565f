"""How feature values are stored."""

import math
from pathlib import Path

import duckdb
import pytest

from features.compute.files import digest_of, rounded, rows_of, write_rows


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("0.00005", 0.0001),
        ("-0.00005", -0.0001),
        ("1.00004999", 1.0),
        ("0.123449999999999", 0.1235),  # the noise of a parallel sum around 0.12345
        ("0.12345", 0.1235),
        ("7", 7.0),
        ("true", 1.0),
        ("123456789012", 123456789012.0),
        ("7::HUGEINT", 7.0),  # a sum of counts
        ("NULL", None),
        ("'nan'::DOUBLE", None),
        ("'inf'::DOUBLE", None),
        ("'-inf'::DOUBLE", None),
    ],
)
def test_the_rounding_law(value: str, stored: float | None) -> None:
    row = duckdb.sql(f"SELECT {rounded('x')} FROM (SELECT {value} AS x)").fetchone()
    assert row == (stored,)


def test_it_rounds_as_duckdb_does() -> None:
    different = duckdb.sql(f"""
        SELECT count(*) FILTER ({rounded("x")} IS DISTINCT FROM round(round(x, 9), 4) + 0.0)
        FROM (
            SELECT unnest([hash(i) / 1e15, -hash(i) / 1e19, (hash(i) % 99) / 20000]) AS x
            FROM range(10000) AS numbers(i)
        )
    """).fetchone()
    assert different == (0,)


def test_minus_zero_is_zero() -> None:
    row = duckdb.sql(f"SELECT {rounded('x')} FROM (SELECT unnest([-0.0, -1e-12]) AS x)").fetchall()
    assert [math.copysign(1, value) for (value,) in row] == [1.0, 1.0]


def test_a_file_says_what_it_was_computed_from(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.parquet"
    assert digest_of(path) is None
    write_rows(duckdb.connect(), "SELECT 1 AS x", path, "it's this")
    assert digest_of(path) == "it's this"
    assert rows_of(path) == 1
    assert [file.name for file in path.parent.iterdir()] == ["b.parquet"]
