"""A home whose operator counts days and weeks in Berlin."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow.parquet as pq
import pytest

from features.contracts.tables import TABLES
from features.operator.repository import OperatorRepository
from features.settings import FeatureSettings, OperatorSettings
from holdfast.errors import HomeError, InputError
from holdfast.home import Home
from pipeline.features import FeatureBuild, build_features
from tests.builders.clocks import NOW
from tests.builders.raw_tables import in_zone, raw_tables, write_raw_tables
from training.labelling.cutoffs import LabelEnd, cutoffs_for
from training.labelling.history import utc
from training.settings import LabelSettings

BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2025, 4, 21, tzinfo=UTC)
FEATURES = [name for name, table in TABLES.items() if table.use == "features"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("berlin") / "home")
    tables = raw_tables(5, customers=8, days=203, start=START, only=FEATURES)
    write_raw_tables(in_zone(tables, BERLIN), home.raw)
    build(home, "Europe/Berlin")
    return home


def build(home: Home, time_zone: str = "") -> FeatureBuild:
    """Bring the features of a home up to the day after the last Monday."""
    return build_features(
        home,
        FeatureSettings(history_customers=1_000),
        now=NOW,
        at=datetime(2025, 11, 4),  # noqa: DTZ001  # a day, as the command gives it
        operator=OperatorSettings(time_zone=time_zone),
    )


def test_mondays_are_midnights_there_before_and_after_a_switch(home: Home) -> None:
    mondays = OperatorRepository(home).history_mondays("usage")
    hours = mondays.astype("datetime64[h]").astype(str).tolist()
    assert hours == ["2025-10-19T22", "2025-10-26T23", "2025-11-02T23"]
    rows = pq.read_table(OperatorRepository(home).tables / "usage" / "history/2025-10-27.parquet")
    assert {at.astimezone(UTC) for at in rows["event_timestamp"].to_pylist()} == {utc(mondays[1])}


def test_features_of_these_mondays_are_found(home: Home) -> None:
    repository = OperatorRepository(home)
    monday = repository.history_mondays("contract")[0]
    ids = repository.ids_at("contract", utc(monday)).to_pylist()
    matrix = repository.historical("churn_v1", ids, np.full(len(ids), monday))
    assert len(ids) > 5
    assert not np.isnan(matrix).all(axis=1).any()


def test_cutoffs_are_weeks_apart_across_a_switch(home: Home) -> None:
    repository = OperatorRepository(home)
    mondays, ends = repository.history_mondays("usage"), LabelEnd(NOW, NOW, 7)
    for weeks, expected in ((1, [0, 1, 2]), (2, [0, 2])):
        settings = LabelSettings(cutoff_every_weeks=weeks)
        chosen = cutoffs_for(mondays, ends, settings, (30,), zone=repository.zone)
        assert chosen == [utc(mondays[place]) for place in expected]


def test_the_home_keeps_its_zone_and_refuses_another(home: Home) -> None:
    again = build(home)
    assert not again.build.built
    assert again.build.at.isoformat() == "2025-11-04T00:00:00+01:00"
    for other in ("Asia/Shanghai", "UTC"):
        with pytest.raises(InputError, match=r"must be Europe/Berlin.*" + other):
            build(home, other)
    assert not build(home, "Europe/Berlin").build.built


def test_a_home_built_before_there_were_zones_is_in_utc(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    (home.features / "operator" / "tables").mkdir(parents=True)
    repository = OperatorRepository(home)
    assert repository.zone is UTC
    assert repository.zone_for(OperatorSettings(time_zone="UTC")) is UTC
    with pytest.raises(InputError, match="must be UTC"):
        repository.zone_for(OperatorSettings(time_zone="Europe/Berlin"))


def test_a_damaged_note_of_the_zone_is_named(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    note = home.features / "operator" / "time_zone.json"
    note.parent.mkdir(parents=True)
    note.write_text('{"time_zone": "Mars"}')
    with pytest.raises(HomeError, match=r"time_zone\.json.*IANA"):
        _ = OperatorRepository(home).zone
