from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from features.intake.day_profiles import DAYS, Profiler
from tests.builders.raw_tables import raw_tables

TABLES = raw_tables(3, 4, days=60, only=("customers", "subscriptions", "usage_weeks"))
NIGHT = max(TABLES["usage_weeks"]["arrived_at"].to_pylist()).replace(
    hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC
)


def known_days(folder: Path, names: tuple[str, ...], table: str) -> int:
    files = {}
    for name in names:
        path = folder / f"{name}.parquet"
        pq.write_table(TABLES[name], path)
        files[name] = [path]
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        profiler = Profiler(connection, "some", files, NIGHT, NIGHT, NIGHT + timedelta(hours=1))
        return profiler.profile(table).known_days


def days_since(first: datetime) -> int:
    return min((NIGHT.date() - first.date()).days, DAYS)


@pytest.mark.parametrize("table", ["customers", "usage_weeks"])
def test_nights_are_known_since_events_arrive(tmp_path: Path, table: str) -> None:
    events_begin = min(TABLES["usage_weeks"]["arrived_at"].to_pylist())
    known = known_days(tmp_path, ("customers", "subscriptions", "usage_weeks"), table)
    assert known == days_since(events_begin)
    assert min(TABLES["customers"]["arrived_at"].to_pylist()) < events_begin


def test_without_events_a_table_of_states_is_known_since_its_first_row(tmp_path: Path) -> None:
    first = min(TABLES["customers"]["arrived_at"].to_pylist())
    assert known_days(tmp_path, ("customers", "subscriptions"), "customers") == days_since(first)
