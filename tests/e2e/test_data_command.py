import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.builders.raw_tables import raw_tables, write_raw_tables
from tests.builders.written_tables import Style, write_styled
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


def test_check_reads_a_teams_own_files_and_says_how(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tables = raw_tables(1, 5, only=("customers", "subscriptions", "refunds"))
    tables["refunds"] = tables["refunds"].drop_columns(["arrived_at"])
    style = Style(header="upper", delimiter=";", decimal=",", times="naive")
    write_styled(tables, tmp_path / "raw", style)
    done = invoke("data", "check", "raw", "--home", "home", "--time-zone", "UTC")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "refunds.arrived_at" in done.stderr
    assert "--arrival-lag-days 1" in done.stderr
    said = ("--time-zone", "UTC", "--arrival-lag-days", "1")
    done = invoke("data", "check", "raw", "--home", "home", *said)
    printed = " ".join(done.stdout.split())
    assert "'AMOUNT' is amount" in printed or "'REFUND_ID' is refund_id" in printed
    assert "happened_at plus 1 days, as --arrival-lag-days says" in printed
    assert "times without a zone are in UTC" in printed


def test_a_question_is_answered_with_the_plan_file_that_it_wrote(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tables = raw_tables(1, 5, only=("customers", "subscriptions"))
    source = write_raw_tables(tables, tmp_path / "raw", form="csv")
    (source / "refunds.csv").write_text(
        "refund_id;account_id;amount;happened_at;arrived_at\n"
        "r1;a1;1.234;2025-02-03T00:00:00Z;2025-02-03T00:00:00Z\n"
    )
    done = invoke("data", "check", "raw", "--home", "home")
    assert done.exit_code == 2
    assert "'refunds.amount': '1.234' may be 1.234 or 1234" in done.stderr
    plan = Path("raw.columns.toml")
    plan.unlink()
    stopped = invoke("nightly", "raw", "--home", "night", "--json")
    assert (stopped.exit_code, json.loads(stopped.stdout)["verdict"]) == (1, "stopped")
    assert "holdfast nightly raw --home night" in stopped.stderr or "--columns" in stopped.stderr
    text = plan.read_text(encoding="utf-8")
    answer = next(
        line
        for line in text.splitlines()
        if '"thousands" = "."' in line or 'thousands = "."' in line
    )
    plan.write_text(text.replace(answer, answer.removeprefix("# ")), encoding="utf-8")
    done = invoke("data", "check", "raw", "--home", "home", "--columns", plan, "--json")
    refunds = json.loads(done.stdout)["tables"][-1]
    assert refunds["accepted"] == 1
    (amount,) = refunds["reading"]["columns"]
    assert (amount["name"], amount["thousands"]) == ("amount", ".")


def test_a_night_is_taken_in_with_doubts_stopped_or_accepted(
    holdfast: Command, invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_raw_tables(raw_tables(1, 5, days=20, only=(*SOME, "bills")), tmp_path / "raw")
    home = tmp_path / "home"
    assert "holds no night yet" in invoke("data", "doctor", "--home", home).stderr
    first = invoke("features", "build", source, "--home", home, "--json")
    assert first.exit_code in (0, 3)
    shutil.rmtree(source / "bills")
    done = holdfast("features", "build", source, "--home", home)
    assert done.returncode == 3
    assert "missing bills yesterday's rows are used" in " ".join(done.stdout.split())
    assert (home / "raw" / "bills").exists()

    monkeypatch.setenv("HOLDFAST_EXPECTATION_STOP", "bills")
    done = invoke("features", "build", source, "--home", home, "--json")
    night = json.loads(done.stdout)["night"]
    assert (done.exit_code, night["stopped"]) == (1, ["bills"])
    assert night["tables"]["bills"] == "missing"
    assert "--accept bills" in " ".join(done.stderr.split())

    done = invoke("features", "build", source, "--home", home, "--accept", "bils")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "--accept" in done.stderr

    page = tmp_path / "doctor.html"
    done = invoke("data", "doctor", "--home", home, "--page", page)
    assert done.exit_code == 0
    assert "Stopped by bills" in done.stdout
    assert "Stopped by bills" in page.read_text(encoding="utf-8")
    chinese = ("--language", "zh-Hant")
    assert invoke("data", "doctor", "--home", home, "--page", page, *chinese).exit_code == 0
    assert "因bills而停止" in page.read_text(encoding="utf-8")
    refused = invoke("data", "doctor", "--home", home, *chinese)
    assert "--language: needs --page" in refused.stderr
    json_done = invoke("data", "doctor", "--home", home, "--json")
    assert json.loads(json_done.stdout)["night"]["stopped"] == ["bills"]
