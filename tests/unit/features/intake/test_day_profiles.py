from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.intake.day_profiles import DAYS, Profiler
from tests.builders.raw_tables import raw_tables

HOUR = timedelta(hours=1)
TABLES = raw_tables(3, 4, days=60, only=("customers", "subscriptions", "usage_weeks"))
NIGHT = max(TABLES["usage_weeks"]["arrived_at"].to_pylist()).replace(
    hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC
)


def test_rows_are_of_the_day_in_the_zone_on_which_they_arrived(tmp_path: Path) -> None:
    zone, table = ZoneInfo("Asia/Shanghai"), TABLES["usage_weeks"]
    night = datetime(2025, 2, 28, 16, tzinfo=UTC)  # 1 March there
    begin = night - timedelta(days=2)
    arrived = [begin - HOUR, begin, begin + 25 * HOUR, night - timedelta(microseconds=1), night]
    rows = table.slice(0, len(arrived))
    for name, times in (("arrived_at", arrived), ("happened_at", [at - HOUR for at in arrived])):
        values = pa.array(times, table[name].type)
        rows = rows.set_column(table.column_names.index(name), name, values)
    path = tmp_path / "usage_weeks.parquet"
    pq.write_table(rows, path)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        profiler = Profiler(
            connection, "some", {"usage_weeks": [path]}, night, night, night + HOUR, zone
        )
        profile = profiler.profile("usage_weeks")
    assert str(profile.last) == "2025-02-28"
    assert profile.rows[-3:].tolist() == [1, 1, 2]
    assert profile.later == 0


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
