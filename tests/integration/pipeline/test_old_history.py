"""Old raw rows and snapshots removed from a home: nothing that stays is computed anew or otherwise, and
what went does not come back.
"""

import json
import os
import shutil
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from commands.main import app
from features.contracts.tables import TABLES
from features.intake.expectations import Expectations
from features.intake.store import read_all_again
from features.operator.repository import OperatorRepository
from features.retained.kept_since import KeptSince, is_kept_by_age
from features.settings import ExpectationSettings, FeatureSettings
from holdfast.errors import InputError
from holdfast.home import Home
from holdfast.zone import monday_before
from pipeline.features import FeatureBuild, build_features, take_in
from pipeline.privacy.history import remove_old_rows, remove_old_snapshots
from tests.conftest import NOW

SETTINGS = FeatureSettings(threads=1)


@pytest.fixture
def home(simulated_operator: Path, tmp_path: Path) -> Home:
    return Home(
        Path(shutil.copytree(simulated_operator / "home", tmp_path / "home", copy_function=_linked))
    )


def _linked(source: str, target: str) -> None:
    """Parquet files are replaced and never written into, so that links do for copies of them."""
    (os.link if source.endswith(".parquet") else shutil.copy2)(source, target)


@pytest.fixture
def mondays(home: Home) -> list[datetime]:
    from training.labelling.history import utc

    return [utc(monday) for monday in OperatorRepository(home).history_mondays("usage")]


@pytest.fixture
def kept(mondays: list[datetime]) -> KeptSince:
    """Raw rows of 230 days before the last Monday."""
    return KeptSince(raw=monday_before(mondays[-1] - timedelta(days=230), mondays[-1].tzinfo))


def built(home: Home, source: Path | None = None) -> FeatureBuild:
    return build_features(
        home,
        SETTINGS,
        now=NOW,
        source=None if source is None else str(source / "operator" / "raw"),
        expectations=Expectations(ExpectationSettings()) if source else None,
    )


def rows(home: Home) -> dict[str, int]:
    return {
        name: sum(pq.read_metadata(path).num_rows for path in (home.raw / name).glob("*.parquet"))
        for name in TABLES
    }


def earliest(home: Home, table: str) -> datetime:
    times = [
        pc.min(pq.read_table(path, columns=["happened_at"])["happened_at"]).as_py()
        for path in (home.raw / table).glob("*.parquet")
    ]
    return min(time for time in times if time)


def history(home: Home, monday: datetime) -> dict[str, pa.Table]:
    tables = OperatorRepository(home).tables
    return {
        path.parts[-3]: pq.read_table(path)
        for path in sorted(tables.glob(f"*/history/{monday.date()}.parquet"))
    }


def test_what_stays_is_as_it_was_and_what_went_does_not_come_back(
    home: Home, simulated_operator: Path, mondays: list[datetime], kept: KeptSince
) -> None:
    before, whole = rows(home), next(one for one in mondays if one >= kept.whole_since)
    went = {one.table: one.rows for one in remove_old_rows(home, kept)}
    after = rows(home)
    assert {
        name: before[name] - after[name] for name in before if before[name] > after[name]
    } == went
    assert {"usage_weeks", "recharges", "tickets", "payments"} <= went.keys()
    assert all(is_kept_by_age(TABLES[name]) for name in went)
    assert all(earliest(home, name) >= kept.raw for name in went if name != "bills")
    # Nothing of the past is taken for restated, and no Monday is computed again.
    report = built(home).build
    assert (report.built, report.restated, report.beyond_rows) == ((), {}, ())
    assert len(report.history) == len(mondays)
    # A Monday computed anew from the rows that are kept is bit for bit the one that was there.
    stored = history(home, whole)
    for path in OperatorRepository(home).tables.glob(f"*/history/{whole.date()}.parquet"):
        path.unlink()
    assert built(home).build.built == (str(whole.date()),)
    assert history(home, whole) == stored
    # Every old file is read again: its old rows are left out, and no table is in doubt.
    read_all_again(home.raw)
    again = built(home, simulated_operator)
    assert rows(home) == after
    assert again.night is not None
    assert {one.verdict for one in again.night.tables} == {"fresh"}
    assert (again.build.built, again.build.restated) == ((), {})
    assert again.check is not None
    refused = {one.table: one.refused for one in again.check.tables if one.refused}
    assert refused == went
    # And where the store is made anew.
    shutil.rmtree(home.raw)
    take_in(home, str(simulated_operator / "operator" / "raw"), now=NOW)
    assert rows(home) == after


def test_mondays_whose_raw_rows_are_gone_are_left_and_named(
    home: Home, mondays: list[datetime], kept: KeptSince
) -> None:
    remove_old_rows(home, kept)
    path = OperatorRepository(home).tables / "usage" / "history" / f"{mondays[0].date()}.parquet"
    path.unlink()
    report = built(home).build
    assert report.beyond_rows == (str(mondays[0].date()),)
    assert report.built == ()
    assert not path.exists()
    # Training takes the Mondays that all views have.
    assert OperatorRepository(home).mondays_of("churn_v1")[0] == np.datetime64(
        mondays[1].replace(tzinfo=None)
    )
    with pytest.raises(InputError, match=r"at: must not lie before 20.* raw rows"):
        build_features(home, SETTINGS, now=NOW, at=mondays[0])


def test_killed_at_any_place_it_is_carried_on(home: Home, kept: KeptSince) -> None:
    passed: set[str] = set()

    def kill(place: str) -> None:
        if place not in passed:
            passed.add(place)
            raise KeyboardInterrupt

    from pipeline.privacy.history import finish_removal

    with pytest.raises(KeyboardInterrupt):
        remove_old_rows(home, kept, failpoint=kill)
    assert KeptSince.read(home.kept_since).raw is None
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            finish_removal(home, failpoint=kill)
    # Whatever is made next in the home carries it on first.
    report = built(home).build
    assert not home.removing.exists()
    assert (report.built, report.restated) == ((), {})
    assert earliest(home, "usage_weeks") >= kept.raw
    assert remove_old_rows(home, kept) == ()


def test_old_snapshots_go_and_are_not_computed_again(home: Home, mondays: list[datetime]) -> None:
    kept = KeptSince(snapshots=mondays[3])
    views = len(history(home, mondays[0]))
    assert len(remove_old_snapshots(home, kept, dry_run=True)) == 3 * views
    assert history(home, mondays[0])
    remove_old_snapshots(home, kept)
    report = built(home).build
    assert (report.built, report.history[0]) == ((), mondays[3])
    assert history(home, mondays[2]) == {}
    assert remove_old_snapshots(home, kept) == []


def test_the_command_names_what_is_too_short_and_what_goes(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home.root / "clock.json").write_text(json.dumps({"now": NOW.isoformat()}))
    arguments = ["retention", "--json", "--home", str(home.root)]
    before = rows(home)
    # Labels that look back less far than the operator's tables.
    monkeypatch.setenv("HOLDFAST_LABEL_INACTIVITY_DAYS", "14")
    monkeypatch.setenv("HOLDFAST_LABEL_CUTOFF_EVERY_WEEKS", "1")
    for setting, days, least in (("RAW", 300, 371), ("SNAPSHOTS", 332, 333)):
        monkeypatch.setenv(f"HOLDFAST_RETENTION_{setting}_DAYS", str(days))
        refused = CliRunner().invoke(app, arguments)
        assert refused.exit_code == 2
        assert f"HOLDFAST_RETENTION_{setting}_DAYS: must be at least {least}" in refused.stderr
        monkeypatch.setenv(f"HOLDFAST_RETENTION_{setting}_DAYS", str(least))
    assert rows(home) == before
    would = json.loads(CliRunner().invoke(app, [*arguments, "--dry-run"]).stdout)["removed"]
    assert rows(home) == before
    went = json.loads(CliRunner().invoke(app, arguments).stdout)["removed"]
    assert [(one["path"], one["rows"]) for one in would] == [
        (one["path"], one["rows"]) for one in went
    ]
    assert "raw/usage_weeks" in {one["path"] for one in went}
    assert json.loads(CliRunner().invoke(app, arguments).stdout)["removed"] == []
