import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from features.sources import Part, Place, open_place
from holdfast.errors import InputError

ROWS = [("1", "12.50", "2026"), ("2", "7", "2026"), ("3", None, None)]
QUERY = """
SELECT "Kunde" AS customer_id, sum(CAST("Betrag" AS numeric)) AS "sum: all",
    'a:b %' AS text -- a note
FROM "Rechnungen" GROUP BY 1 ORDER BY 1;
"""


@pytest.fixture(params=["folder", "database"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "database":
        url = f"sqlite:///{tmp_path / 'raw.db'}"
        with sa.create_engine(url).begin() as connection:
            connection.execute(sa.text('CREATE TABLE "Rechnungen" ("Kunde", "Betrag", jahr)'))
            for row in ROWS:
                values = dict(zip("abc", row, strict=True))
                connection.execute(sa.text('INSERT INTO "Rechnungen" VALUES (:a, :b, :c)'), values)
            connection.execute(sa.text("CREATE TABLE other (a)"))
        return open_place(url)
    folder = tmp_path / "in"
    for customer, amount, year in ROWS:
        below = folder / "Rechnungen" / f"jahr={year or '__HIVE_DEFAULT_PARTITION__'}"
        below.mkdir(parents=True, exist_ok=True)
        if year is None:
            text = f"Kunde;Betrag\n{customer};{amount or ''}\n"
            (below / "p.csv.gz").write_bytes(gzip.compress(text.encode()))
        else:
            table = pa.table({"Kunde": [customer], "Betrag": pa.array([amount], pa.string())})
            pq.write_table(table, below / f"{customer}.parquet")
    pq.write_table(pa.table({"a": [1]}), folder / "other.parquet")
    return open_place(str(folder))


def rows_of(parts: tuple[Part, ...]) -> list[tuple[str | None, ...]]:
    rows: list[tuple[str | None, ...]] = []
    for part in parts:
        for batch in part.batches():
            assert batch.rows.schema.names == part.schema.names
            columns = [column.cast(pa.string()).to_pylist() for column in batch.rows.columns]
            rows += zip(*columns, strict=True)
    return rows


def test_relations_come_under_the_names_that_they_are_written_with(place: Place) -> None:
    assert place.names() == ("Rechnungen", "other")
    parts = place.parts("Rechnungen")
    assert {tuple(part.schema.names) for part in parts} == {("Kunde", "Betrag", "jahr")}
    assert sorted(rows_of(parts)) == ROWS


def test_some_columns_can_be_read(place: Place) -> None:
    for wanted in (["jahr"], ["Betrag"], ["Kunde", "jahr"]):
        batches = [batch for part in place.parts("Rechnungen") for batch in part.batches(wanted)]
        assert {tuple(batch.rows.schema.names) for batch in batches} == {tuple(wanted)}
        assert sum(len(batch.rows) for batch in batches) == len(ROWS)


def test_a_query_gives_the_rows_that_a_view_would_give(place: Place) -> None:
    (part,) = place.query(QUERY, "bills")
    assert part.name == "bills"
    assert part.schema.names == ["customer_id", "sum: all", "text"]
    rows = [(row[0], None if row[1] is None else float(row[1]), row[2]) for row in rows_of((part,))]
    assert rows == [("1", 12.5, "a:b %"), ("2", 7.0, "a:b %"), ("3", None, "a:b %")]
    assert rows_of((part,)) == rows_of((part,))


@pytest.mark.parametrize(
    "sql, message",
    [
        ("SELEC 1", "syntax error"),
        ("SELECT nothing FROM other", "nothing"),
        ("SELECT * FROM nowhere", "nowhere"),
    ],
)
def test_a_query_that_is_wrong_is_refused(place: Place, sql: str, message: str) -> None:
    with pytest.raises(InputError, match=f"(?is)^bills: .*{message}"):
        place.query(sql, "bills")


def test_a_query_over_files_reads_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "secret.csv").write_text("a\n1\n")
    (tmp_path / "in" / "other.csv").write_text("a\n1\n")
    place = open_place(str(tmp_path / "in"))
    for sql in (
        f"SELECT * FROM read_csv('{tmp_path / 'secret.csv'}')",
        f"SELECT * FROM '{tmp_path / 'secret.csv'}'",
        "SELECT 1; SELECT 2",
        "COPY other TO 'out.csv'",
    ):
        with pytest.raises(InputError, match="bills: the query"):
            place.query(sql, "bills")
    with pytest.raises(InputError, match="nowhere: must be a file or folder"):
        place.parts("nowhere")


def test_the_content_of_a_query_is_that_of_its_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.csv").write_text("a\n1\n")

    def opened(sql: str = "SELECT * FROM One") -> tuple[str, str]:
        content = open_place(str(tmp_path)).query(sql, "bills")[0].content
        assert content is not None
        return content.opened.mark, content.digest()

    first = opened()
    (tmp_path / "two.csv").write_text("a\n2\n")
    assert opened() == first
    (tmp_path / "one.csv").write_text("a\n3\n")
    assert not set(opened()) & set(first)
    assert not set(opened("FROM one")) & set(opened())
