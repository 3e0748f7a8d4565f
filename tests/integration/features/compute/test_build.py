"""The feature build as a whole: the same bytes however often and however interrupted, and nothing
from the future.
"""

import json
import os
import shutil
import signal
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from features.compute.build import BuildReport, bring_up_to_date
from features.compute.files import DIGEST
from features.contracts.tables import ARRIVED
from features.fields import LINKS, VIEWS
from features.settings import FeatureSettings
from holdfast.errors import InputError
from tests.builders.clocks import NOW
from tests.builders.processes import processes
from tests.builders.raw_tables import START, raw_tables, write_raw_tables

DAYS = 205
AT = START + timedelta(days=190)
TABLES = {*VIEWS, *(f"{entity}_links" for entity in LINKS)}


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_raw_tables(raw_tables(7, 30, days=DAYS), tmp_path_factory.mktemp("raw"), parts=2)


def run(
    raw: Path,
    directory: Path,
    at: datetime | None = AT,
    *,
    threads: int = 1,
    customers: int = 50_000,
    accepted: Collection[str] = (),
    settings: FeatureSettings | None = None,
) -> BuildReport:
    settings = settings or FeatureSettings(threads=threads, history_customers=customers)
    return bring_up_to_date(raw, directory, settings, now=NOW, at=at, accepted=accepted)


@pytest.fixture(scope="module")
def whole(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, BuildReport]:
    """A finished build, to be read, and its report."""
    directory = tmp_path_factory.mktemp("whole")
    return directory, run(raw, directory, threads=2)


@pytest.fixture
def built(whole: tuple[Path, BuildReport], tmp_path: Path) -> Path:
    """The finished build, to go on with."""
    shutil.copytree(whole[0], tmp_path / "built")
    return tmp_path / "built"


def files(directory: Path) -> dict[str, bytes]:
    contents = {}
    for folder in ("tables", "baselines"):
        for path in sorted((directory / folder).rglob("*")):
            if path.is_file():
                contents[str(path.relative_to(directory))] = path.read_bytes()
    return contents


def test_every_view_has_the_newest_snapshot_and_its_mondays(
    whole: tuple[Path, BuildReport],
) -> None:
    directory, report = whole
    assert report.at == AT
    assert len(report.history) == 2
    assert set(report.rows) == TABLES
    assert report.built == (*(f"{monday:%Y-%m-%d}" for monday in report.history), "newest")
    for name in TABLES:
        for file, at in [
            ("newest", AT),
            *((f"history/{monday:%Y-%m-%d}", monday) for monday in report.history),
        ]:
            table = pq.read_table(directory / "tables" / name / f"{file}.parquet")
            ids = table.column(0).to_pylist()
            assert ids == sorted(ids)
            assert len(ids) == len(set(ids))
            assert str(table["event_timestamp"].type) == "timestamp[us, tz=UTC]"
            assert table["event_timestamp"].equals(table["created_timestamp"])
            if name != "contact":
                assert set(table["event_timestamp"].to_pylist()) == {at}
            if name in VIEWS:
                assert table.column_names[3:] == list(VIEWS[name].columns)
                assert {str(table[column].type) for column in VIEWS[name].columns} == {"double"}


def test_a_rebuild_gives_the_same_bytes_on_any_number_of_threads(
    raw: Path, whole: tuple[Path, BuildReport], tmp_path: Path
) -> None:
    run(raw, tmp_path, threads=1)
    assert files(tmp_path) == files(whole[0])


def test_what_is_built_is_left_alone(raw: Path, built: Path) -> None:
    written = {path: path.stat().st_mtime_ns for path in built.rglob("*.parquet")}
    report = run(raw, built)
    assert report.built == ()
    assert len(report.skipped) == 3
    assert {path: path.stat().st_mtime_ns for path in built.rglob("*.parquet")} == written


def test_a_view_whose_settings_changed_is_built_anew(raw: Path, built: Path) -> None:
    before = files(built)
    bring_up_to_date(raw, built, FeatureSettings(threads=1, margin_fixed=0.25), now=NOW, at=AT)
    after = files(built)
    assert {name.split("/")[1] for name in after if after[name] != before[name]} == {"value"}


def test_later_arrivals_change_no_past_monday(tmp_path: Path) -> None:
    tables = raw_tables(8, 30, days=DAYS)
    known = {
        name: table.filter(pc.less_equal(table[ARRIVED], AT)) for name, table in tables.items()
    }
    later = {name: table.filter(pc.greater(table[ARRIVED], AT)) for name, table in tables.items()}
    raw = write_raw_tables(known, tmp_path / "raw")
    run(raw, tmp_path / "out")
    before = files(tmp_path / "out")
    for name, table in later.items():
        pq.write_table(table, raw / name / "part-later.parquet")
    report = run(raw, tmp_path / "out")
    assert "newest" in report.skipped
    assert files(tmp_path / "out") == before
    # Built from everything at once, past snapshots are as they were known then, too.
    run(raw, tmp_path / "anew")
    assert {name: pq.read_table(tmp_path / "anew" / name) for name in before} == {
        name: pq.read_table(tmp_path / "out" / name) for name in before
    }


def test_the_next_night_adds_to_history(raw: Path, built: Path) -> None:
    past = {name: content for name, content in files(built).items() if "history" in name}
    report = run(raw, built, AT + timedelta(days=7))
    assert report.built == (f"{report.history[-1]:%Y-%m-%d}", "newest")
    assert past.items() <= files(built).items()


def test_history_is_of_a_sample_that_stays_the_same(
    raw: Path, whole: tuple[Path, BuildReport], tmp_path: Path
) -> None:
    run(raw, tmp_path, customers=10)
    report = run(raw, tmp_path, AT + timedelta(days=7), customers=30)
    assert report.history_share == pytest.approx(1 / 3)
    assert json.loads((tmp_path / "history.json").read_text())["share"] == report.history_share
    links = [
        pq.read_table(path)
        for path in sorted((tmp_path / "tables" / "subscription_links" / "history").iterdir())
    ]
    sampled = {customer for table in links for customer in table["linked_customer"].to_pylist()}
    everybody = set(
        pq.read_table(tmp_path / "tables" / "customer_links" / "newest.parquet")[
            "customer_id"
        ].to_pylist()
    )
    assert 0 < len(sampled) < len(everybody)
    for name in TABLES - {"cell_live", "billing_live"}:
        for path in (tmp_path / "tables" / name / "history").iterdir():
            of_all = whole[0] / "tables" / name / "history" / path.name
            if of_all.exists():
                some, every = pq.read_table(path), pq.read_table(of_all)
                assert some.equals(
                    every.filter(pc.is_in(every.column(0), some.column(0).combine_chunks()))
                )


@pytest.mark.parametrize("customers", [10, 50_000])
@pytest.mark.parametrize("weekday", [0, 6])
def test_the_newest_snapshot_may_fall_on_any_weekday_whatever_share_history_has(
    raw: Path, tmp_path: Path, weekday: int, customers: int
) -> None:
    monday = START + timedelta(days=189)
    report = run(raw, tmp_path, monday + timedelta(days=weekday), customers=customers)
    assert report.history[-1] == monday
    assert report.history_share == pytest.approx(min(1, customers / 30))
    for name in TABLES:
        folder = tmp_path / "tables" / name
        newest = pq.read_table(folder / "newest.parquet")
        past = pq.read_table(folder / "history" / f"{monday:%Y-%m-%d}.parquet")
        assert len(newest) or name == "contact"
        if weekday == 0 and name not in ("cell_live", "billing_live"):
            sampled = pc.is_in(newest.column(0), past.column(0).combine_chunks())
            assert past.equals(newest.filter(sampled))
    # Two builds of one Monday, one after the other, are one build.
    assert run(raw, tmp_path, report.at, customers=customers).built == ()


def test_an_absent_table_disables_the_features_that_need_it_and_no_other(
    raw: Path, whole: tuple[Path, BuildReport], tmp_path: Path
) -> None:
    some = tmp_path / "raw"
    some.mkdir()
    for path in raw.iterdir():
        if path.name not in ("network_weeks", "loyalty", "interactions"):
            (some / path.name).symlink_to(path)
    without = run(some, tmp_path / "some")
    assert whole[1].disabled == {}
    for view in VIEWS.values():
        disabled = without.disabled.get(view.name, {})
        needing = {
            f.name
            for f in view.features
            if {"network_weeks", "loyalty", "interactions"} & set(f.tables)
        }
        assert set(disabled) == needing
        built = pq.read_table(tmp_path / "some" / "tables" / view.name / "newest.parquet")
        full = pq.read_table(whole[0] / "tables" / view.name / "newest.parquet")
        for name in view.columns:
            if name in disabled:
                assert built[name].null_count == len(built)
            elif view.name != "contact":
                assert built[name].equals(full[name]), name


def test_rows_written_anew_in_other_files_change_nothing(
    raw: Path, built: Path, tmp_path: Path
) -> None:
    for folder in raw.iterdir():
        table = pq.read_table(folder)
        (tmp_path / "raw" / folder.name).mkdir(parents=True)
        backwards = table.take(list(range(len(table)))[::-1])
        pq.write_table(backwards, tmp_path / "raw" / folder.name / "whole.parquet")
    report = run(tmp_path / "raw", built)
    assert (report.built, report.restated) == ((), {})


def test_rows_that_turn_up_late_with_an_early_arrival_are_named(
    raw: Path, built: Path, tmp_path: Path
) -> None:
    before = run(raw, built)
    early, late = before.history
    shutil.copytree(raw, tmp_path / "raw")
    bills = pq.read_table(raw / "bills").slice(0, 1)
    between = pa.array([early + timedelta(hours=1)], bills[ARRIVED].type)
    for name in ("happened_at", ARRIVED):
        bills = bills.set_column(bills.column_names.index(name), name, between)
    new = bills.set_column(0, "bill_id", pa.array(["new"]))
    pq.write_table(new, tmp_path / "raw" / "bills" / "late.parquet")
    report = run(tmp_path / "raw", built)
    assert report.restated == {"bills": early + timedelta(days=1)}
    assert report.built == (f"{late:%Y-%m-%d}", "newest")
    assert not report.from_earlier_release


def test_a_table_that_vanishes_is_refused_and_never_touches_past_mondays(
    raw: Path, built: Path, tmp_path: Path
) -> None:
    use = ("usage_days", "usage_weeks")
    before = files(built)
    some = tmp_path / "raw"
    some.mkdir()
    for path in raw.iterdir():
        if path.name not in use:
            (some / path.name).symlink_to(path)
    with pytest.raises(InputError, match="--accept usage_days --accept usage_weeks"):
        run(some, built)
    assert files(built) == before
    week = AT + timedelta(days=7)
    report = run(some, built, accepted=use)
    assert (report.built, report.outdated) == (("newest",), ())
    assert report.disabled["usage"]
    # Of the next Monday, which has never been computed with it, it is missing.
    monday = run(some, built, week).built[0]
    past = {name: content for name, content in before.items() if "newest" not in name}
    assert past.items() <= files(built).items()
    # Views whose definition changes meanwhile stay as they are, too, and it is said.
    report = run(some, built, week, settings=FeatureSettings(threads=1, margin_fixed=0.25))
    assert report.outdated == tuple(f"{monday:%Y-%m-%d}" for monday in report.history)
    assert past.items() <= files(built).items()
    run(some, built, week)
    # When it is back, the newest snapshot and that Monday are computed with it.
    assert run(raw, built, week).built == (monday, "newest")
    assert past.items() <= files(built).items()


def test_history_of_an_earlier_release_is_computed_anew_and_it_is_said(
    raw: Path, built: Path
) -> None:
    before = files(built)
    shutil.rmtree(built / "known")
    for path in (built / "tables" / "survey_live").rglob("*.parquet"):
        rows = pq.read_table(path)
        pq.write_table(rows.replace_schema_metadata({DIGEST: "of an earlier release"}), path)
    assert run(raw, built).from_earlier_release
    assert files(built) == before
    assert not run(raw, built).from_earlier_release


def build_until_killed(raw: Path, directory: Path, files_left: int) -> None:
    """Build, and die before the file after so many is put in its place."""
    replace = Path.replace

    def replace_or_die(path: Path, target: Path) -> Path:
        nonlocal files_left
        files_left -= 1
        if files_left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return replace(path, target)

    Path.replace = replace_or_die  # type: ignore[method-assign, assignment]
    run(raw, directory)


@pytest.mark.proof
def test_a_killed_build_is_carried_on(
    raw: Path,
    whole: tuple[Path, BuildReport],
    tmp_path: Path,
    proof_draws: Callable[[int], int],
) -> None:
    expected = files(whole[0])
    steps = len(expected) + 1
    draws = proof_draws(40)
    for draw in range(draws):
        directory = tmp_path / f"killed-{draw}"
        after = (draw * steps) // draws + steps // (2 * draws)
        killed = processes("features.compute.build").Process(
            target=build_until_killed, args=(raw, directory, after)
        )
        killed.start()
        killed.join()
        assert killed.exitcode == -signal.SIGKILL
        report = run(raw, directory)
        assert report.built
        assert files(directory) == expected


def test_at_is_midnight_in_utc(raw: Path, built: Path) -> None:
    midnight = datetime(2025, 7, 8, tzinfo=UTC)
    assert run(raw, built, midnight).at == midnight
