import json
from pathlib import Path

import pyarrow.parquet as pq

from tests.builders.raw_tables import raw_tables, write_raw_tables
from tests.e2e.conftest import Command, Invoke

SOME = ("customers", "subscriptions", "plans", "refunds")


def test_check_says_clean_or_what_is_in_quarantine(
    holdfast: Command, invoke: Invoke, tmp_path: Path
) -> None:
    source = write_raw_tables(raw_tables(1, 5, only=SOME), tmp_path / "raw", form="csv")
    home = tmp_path / "home"
    done = holdfast("data", "check", source, "--home", home)
    assert (done.returncode, "clean" in done.stdout) == (0, True)
    assert "usage_weeks" in done.stdout
    path = source / "refunds.csv"
    path.write_text(path.read_text(encoding="utf-8") + "broken\n", encoding="utf-8")
    done = invoke("data", "check", source, "--home", home)
    assert done.exit_code == 3
    assert "must have 6 fields" in " ".join(done.stdout.split())
    assert pq.read_metadata(home / "checked" / "refunds.parquet").num_rows == 1
    assert "Traceback" not in done.stderr
    done = invoke("data", "check", source, "--quarantine", tmp_path / "elsewhere", "--json")
    assert done.exit_code == 3
    report = json.loads(done.stdout)
    assert (report["clean"], report["quarantine"]) == (False, str(tmp_path / "elsewhere"))
    assert [table["quarantined"] for table in report["tables"]] == [0, 0, 0, 1]


def test_check_refuses_in_one_line(invoke: Invoke, tmp_path: Path) -> None:
    write_raw_tables(raw_tables(1, 5, only=["customers"]), tmp_path / "raw")
    done = invoke("data", "check", tmp_path / "raw", "--home", tmp_path / "home")
    assert (done.exit_code, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert "subscriptions: the table must be there" in line
    assert not (tmp_path / "home").exists()
