"""What a run accepts stands in the raw store, or the store stays as it was."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.contracts.tables import HAPPENED, Table
from features.intake.check import accept, check
from features.intake.quarantine import SCHEMA
from features.intake.rows import check_rows
from features.raw_tables.evidence import cells_of_part
from features.sources import Part, open_source
from features.sources.content import FileContent
from features.sources.part import CHANGED
from holdfast.errors import InputError
from tests.builders.clocks import NOW
from tests.builders.intake_runs import (
    SOME,
    accepted_in,
    damage_row,
    quarantined_in,
    run_intake,
    same_rows,
    with_values,
)
from tests.builders.raw_tables import raw_tables, write_raw_tables


@pytest.fixture
def tables() -> dict[str, pa.Table]:
    return raw_tables(11, 8, days=60, only=SOME)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda tables: tables.pop("subscriptions"), "subscriptions: the table must be there"),
        (
            lambda tables: tables.update(refunds=tables["refunds"].drop_columns(["amount"])),
            r"refunds\.amount: the column must be there",
        ),
        (
            lambda tables: tables.update(
                {name: _naive(tables[name]) for name in ("refunds", "tickets")}
            ),
            r"refunds\.happened_at: times must name their zone.* refused too: tickets\.happened_at \(got 'timestamp\[ns\]'\)",
        ),
    ],
)
def test_a_table_refused_as_a_whole_changes_nothing(
    change: Callable[[dict[str, pa.Table]], Any],
    message: str,
    tables: dict[str, pa.Table],
    tmp_path: Path,
) -> None:
    run_intake(write_raw_tables(tables, tmp_path / "in"), tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.parquet")}
    change(tables)
    with pytest.raises(InputError, match=message):
        accept(
            open_source(str(write_raw_tables(tables, tmp_path / "worse"))),
            tmp_path / "raw",
            quarantine=tmp_path / "quarantine",
            now=NOW,
        )
    assert before == {
        path: path.read_bytes() for path in tmp_path.rglob("*.parquet") if "worse" not in path.parts
    }


def _naive(table: pa.Table) -> pa.Table:
    at = table.schema.get_field_index(HAPPENED)
    return table.set_column(at, HAPPENED, table[HAPPENED].cast(pa.timestamp("ns")))


def test_files_accepted_before_are_not_read_again(
    tables: dict[str, pa.Table], tmp_path: Path
) -> None:
    source = write_raw_tables(tables, tmp_path / "in", parts=2)
    first, before, _ = run_intake(source, tmp_path)
    assert sum(table.reused for table in first.tables) == 0
    second, after, _ = run_intake(source, tmp_path)
    assert all(table.reused == table.read for table in second.tables)
    assert before == after
    # A file of the same rows once more: new to the store, and all of it repeats.
    part = source / "refunds" / "part-00000.parquet"
    (source / "refunds" / "part-00002.parquet").write_bytes(part.read_bytes())
    _, after, quarantined = run_intake(source, tmp_path)
    assert {row["part"] for row in quarantined} <= {"part-00000.parquet", "part-00002.parquet"}
    assert len(quarantined) == pq.read_metadata(part).num_rows
    assert same_rows(after["refunds"], before["refunds"])
    # A file that changed is checked anew; the others that stayed without a fault are not.
    pq.write_table(pq.read_table(part).slice(1), part)
    fourth, _, _ = run_intake(source, tmp_path)
    assert {table.table for table in fourth.tables if table.reused < table.read} == {"refunds"}


def _count_digests(monkeypatch: pytest.MonkeyPatch, leeway_ns: int) -> list[Path]:
    """Notes which files are hashed, and sets how long a file must have been left alone."""
    hashed: list[Path] = []
    digest = FileContent.digest

    def counted(content: FileContent) -> str:
        hashed.append(content._path)
        return digest(content)

    monkeypatch.setattr("features.sources.content.LOCAL_LEEWAY_NS", leeway_ns)
    monkeypatch.setattr(FileContent, "digest", counted)
    return hashed


def test_files_that_were_left_alone_are_not_hashed_again(
    tables: dict[str, pa.Table], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = _count_digests(monkeypatch, leeway_ns=-(10**12))
    source = write_raw_tables(tables, tmp_path / "in", parts=2)
    run_intake(source, tmp_path)
    assert len(hashed) == 2 * len(tables)
    hashed.clear()
    new = source / "refunds" / "part-00002.parquet"
    pq.write_table(tables["refunds"].slice(0, 0), new)
    second, _, _ = run_intake(source, tmp_path)
    assert hashed == [new]
    assert all(table.reused == table.read for table in second.tables)
    # Touched: hashed once more, and found to be the same.
    hashed.clear()
    new.touch()
    third, _, _ = run_intake(source, tmp_path)
    assert hashed == [new]
    assert not any(CHANGED in note for table in third.tables for note in table.notes)
    hashed.clear()
    run_intake(source, tmp_path)
    assert hashed == []


def test_files_changed_just_before_they_were_read_are_hashed_once_more(
    tables: dict[str, pa.Table], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = _count_digests(monkeypatch, leeway_ns=10**12)
    source = write_raw_tables(tables, tmp_path / "in")
    run_intake(source, tmp_path)
    _count_digests(monkeypatch, leeway_ns=-(10**12))
    for night in (hashed, []):
        hashed.clear()
        second, _, _ = run_intake(source, tmp_path)
        assert len(hashed) == (len(tables) if night is hashed else 0)
        assert all(table.reused == table.read for table in second.tables)


def test_a_part_that_changed_after_it_was_read_is_read_again_and_told(
    tables: dict[str, pa.Table], tmp_path: Path
) -> None:
    source = write_raw_tables(tables, tmp_path / "in", parts=2)
    run_intake(source, tmp_path)
    part = source / "refunds" / "part-00000.parquet"
    pq.write_table(pq.read_table(part).slice(1), part)
    report, _, _ = run_intake(source, tmp_path)
    told = [(table.table, note) for table in report.tables for note in table.notes]
    assert told == [("refunds", f"part-00000.parquet: {CHANGED}")]


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_a_part_that_changes_while_it_is_read_stops_the_run(
    form: str, tables: dict[str, pa.Table], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_raw_tables(tables, tmp_path / "in", form=form)
    _, before, _ = run_intake(source, tmp_path)
    (file,) = source.rglob("refunds.csv" if form == "csv" else "refunds/*")
    # Another one than that of the night before, so that it is read.
    if form == "csv":
        file.write_bytes(file.read_bytes() + b"\n")
    else:
        pq.write_table(tables["refunds"].slice(1), file)
    content = file.read_bytes()

    def changing(table: Table, rows: pa.RecordBatch) -> Any:
        if table.name == "refunds":
            file.write_bytes(content + b"\n")
        return check_rows(table, rows)

    monkeypatch.setattr("features.intake.check.check_rows", changing)
    with pytest.raises(
        InputError, match=r"refunds, .*: must not change while it is read.*nothing was taken in"
    ):
        run_intake(source, tmp_path)
    assert accepted_in(tmp_path / "raw") == before


def test_a_store_of_an_earlier_release_is_reused(
    tables: dict[str, pa.Table], tmp_path: Path
) -> None:
    source = write_raw_tables(tables, tmp_path / "in")
    run_intake(source, tmp_path)
    manifest = tmp_path / "raw" / "manifest.json"
    document = json.loads(manifest.read_text())
    del document["marks"]
    for part in document["parts"].values():
        del part["mark"], part["settled"]
        part["mtime_ns"] = 7
    manifest.write_text(json.dumps(document))
    report, _, _ = run_intake(source, tmp_path)
    assert all(table.reused == table.read for table in report.tables)


@pytest.mark.parametrize("second_night", ["grown", "repeated", "customers gone", "customers back"])
def test_a_store_that_grew_is_the_store_made_at_once(
    second_night: str, tables: dict[str, pa.Table], tmp_path: Path
) -> None:
    source = write_raw_tables(tables, tmp_path / "in", parts=3)
    away = tmp_path / "away.parquet"
    late = source / "refunds" / "part-00002.parquet"
    customers = source / "customers" / "part-00001.parquet"
    held_back = {
        "grown": source / "tickets" / "part-00002.parquet",
        "repeated": late,
        "customers gone": late,
        "customers back": customers,
    }[second_night]
    held_back.rename(away)
    run_intake(source, tmp_path)
    away.rename(held_back)
    if second_night == "repeated":
        known = pq.read_table(source / "refunds" / "part-00000.parquet")
        corrected = known.set_column(
            known.schema.get_field_index("amount"), "amount", pa.array([1e6] * len(known))
        )
        pq.write_table(pa.concat_tables([pq.read_table(late), known, corrected]), late)
    if second_night == "customers gone":
        customers.unlink()
    _, grown, quarantined = run_intake(source, tmp_path)
    _, at_once, quarantined_at_once = run_intake(source, tmp_path / "at once")
    assert all(same_rows(grown[name], at_once[name]) for name in tables)
    assert sorted(map(str, quarantined)) == sorted(map(str, quarantined_at_once))
    assert (not quarantined) == (second_night in ("grown", "customers back"))


def test_only_new_files_are_looked_at_to_see_how_they_are_written(
    tables: dict[str, pa.Table], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_raw_tables(tables, tmp_path / "in", form="csv")
    held_back = source / "refunds.csv"
    text = held_back.read_text()
    held_back.unlink()
    run_intake(source, tmp_path)
    looked_at = []

    def count(table: Table, part: Part) -> pl.DataFrame:
        looked_at.append(f"{table.name}/{part.name}")
        return cells_of_part(table, part)

    monkeypatch.setattr("features.raw_tables.kept_evidence.cells_of_part", count)
    held_back.write_text(text)
    grown, _, _ = run_intake(source, tmp_path)
    assert looked_at == ["refunds/refunds.csv"]
    at_once, _, _ = run_intake(source, tmp_path / "at once")
    assert [table.plan for table in grown.tables] == [table.plan for table in at_once.tables]


def test_a_run_that_dies_leaves_the_store_and_the_next_one_mends_it(
    tables: dict[str, pa.Table], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_raw_tables(tables, tmp_path / "in")
    _, before, _ = run_intake(source, tmp_path)
    # Killed between the two steps that put the new store in the old one's place, with half a store
    # beside.
    (tmp_path / "raw").rename(tmp_path / ".raw.old")
    (tmp_path / ".raw.new" / "bills").mkdir(parents=True)
    (tmp_path / ".raw.new" / "bills" / "bills.parquet").write_bytes(b"half")
    with monkeypatch.context() as broken:
        broken.setattr("features.intake.check.doubts", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run_intake(source, tmp_path)
    assert accepted_in(tmp_path / "raw") == before
    report, after, _ = run_intake(source, tmp_path)
    assert after == before
    assert all(table.reused for table in report.tables)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "quarantine", "raw"]


def test_somebody_elses_files_are_left_alone(tables: dict[str, pa.Table], tmp_path: Path) -> None:
    source = write_raw_tables(tables, tmp_path / "in")
    for name in tables:
        (source / name / "part-00000.parquet").rename(source / f"{name}.parquet")
        (source / name).rmdir()
    with pytest.raises(InputError, match=r"has a file of somebody else's .*customers\.parquet"):
        check(open_source(str(source)), quarantine=source, now=NOW)
    with pytest.raises(InputError, match="must be a raw store or empty"):
        accept(open_source(str(source)), source, quarantine=tmp_path / "quarantine", now=NOW)
    run_intake(source, tmp_path)
    with pytest.raises(InputError, match="must not be the raw store itself"):
        accept(
            open_source(str(tmp_path / "raw")),
            tmp_path / "raw",
            quarantine=tmp_path / "quarantine",
            now=NOW,
        )


def test_a_check_keeps_nothing_but_the_quarantine_and_says_the_same(
    tables: dict[str, pa.Table], tmp_path: Path
) -> None:
    source = write_raw_tables(tables, tmp_path / "in", form="csv")
    damage_row(source / "refunds.csv", 0, with_values(amount="much"))
    kept, _, quarantined = run_intake(source, tmp_path / "kept")
    checked = check(open_source(str(source)), quarantine=tmp_path / "quarantine", now=NOW)
    assert quarantined_in(tmp_path / "quarantine") == quarantined
    assert [table.rules for table in checked.tables] == [table.rules for table in kept.tables]
    assert pq.read_schema(tmp_path / "quarantine" / "refunds.parquet").equals(SCHEMA)
    # Mended, the quarantine is empty.
    damage_row(source / "refunds.csv", 0, with_values(amount="1"))
    assert check(open_source(str(source)), quarantine=tmp_path / "quarantine", now=NOW).clean
    assert list((tmp_path / "quarantine").iterdir()) == []
