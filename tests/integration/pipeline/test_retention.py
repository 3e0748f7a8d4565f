"""What was kept for long enough is removed, and what one person is kept of is given out."""

import json
import os
import shutil
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from commands.main import app
from features.erased.people import find_people
from features.intake.quarantine import SCHEMA
from features.operator.repository import OperatorRepository
from holdfast.errors import InputError
from holdfast.home import Home
from pipeline.night.nightly import run_night
from pipeline.night.options import NightOptions
from pipeline.privacy.export import export_person
from pipeline.privacy.needs import require_long_enough
from pipeline.privacy.retention import apply_retention
from pipeline.privacy.settings import RetentionSettings
from reports.person.page import left_out
from reports.words.texts import texts
from serving.contract.events import EventDocument
from serving.events.intake import EventIntake
from tests.builders.clocks import clock_at
from tests.builders.night import NIGHT, NIGHT_CONFIG, ONLINE
from training.evaluation.predictions import TEST_PREDICTIONS
from training.labelling.reach import days_of_raw_rows, days_of_snapshots
from training.settings import TrainingConfig


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    for night in ("2025-05-04", "2025-04-01", "2023-01-01"):
        folder = home.score_sets / f"at={night}"
        folder.mkdir(parents=True)
        (folder / "churn.parquet").write_bytes(b"1234")
    for path in (home.quarantine / "bills.parquet", home.exports / "one" / "export.json"):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"12")
    return home


def remove(home: Home, dry_run: bool = False, age_days: int = 0, **days: object) -> list[str]:
    later = NIGHT + timedelta(days=age_days)
    for path in (home.quarantine / "bills.parquet", home.exports / "one"):
        if path.exists():
            os.utime(path, (NIGHT.timestamp(), NIGHT.timestamp()))
    settings = RetentionSettings.model_validate(days)
    old = apply_retention(home, settings, now=later, dry_run=dry_run)
    return [one.path for one in old]


def test_only_what_is_too_old_goes(home: Home) -> None:
    assert remove(home, dry_run=True) == ["scores/at=2023-01-01"]
    assert (home.score_sets / "at=2023-01-01").exists()
    assert remove(home) == ["scores/at=2023-01-01"]
    assert remove(home) == []
    assert remove(home, age_days=31) == ["quarantine/bills.parquet", "exports/one"]
    assert remove(home, scores_days=1) == ["scores/at=2025-04-01"]
    # The newest scores stay, however old.
    assert remove(home, scores_days=1) == []


def test_unlimited_keeps_everything(home: Home) -> None:
    kinds = ("scores", "quarantine", "exports", "test_predictions")
    unlimited = {f"{kind}_days": "unlimited" for kind in kinds}
    assert remove(home, age_days=9_999, **unlimited) == []
    with pytest.raises(ValueError, match="scores_days"):
        remove(home, scores_days=0)


def test_test_predictions_of_versions_with_an_alias_stay(
    night_operator: Path, tmp_path: Path
) -> None:
    home = Home(Path(shutil.copytree(night_operator / "home", tmp_path / "operator")))
    for folder in home.artifacts.glob("*/artifacts"):
        (folder / TEST_PREDICTIONS).write_bytes(b"1")
    late = NIGHT + timedelta(days=9_999)
    old = apply_retention(home, RetentionSettings(), now=late)
    assert {one.kind for one in old} == {"quarantine"}


def test_a_person_gets_what_is_kept(night_operator: Path, tmp_path: Path) -> None:
    home = Home(Path(shutil.copytree(night_operator / "home", tmp_path / "operator")))
    document = export_person(home, "000179", now=NIGHT, language="zh-Hant").document
    assert {row["customer_id"] for row in document["raw"]["customers"]} == {"000179"}
    lines = set(document["ids"]["subscription_id"])
    assert {row["subscription_id"] for row in document["raw"]["recharges"]} <= lines
    assert any(text for of_view in document["features"] for text in of_view["words"])
    assert (document["history"], document["held"], document["left_out"]) == (
        {},
        [],
        left_out(texts("zh-Hant")),
    )
    with pytest.raises(InputError, match="must be somebody of whom the home holds a row"):
        export_person(home, "nobody", now=NIGHT, language="en")
    out = tmp_path / "given"
    arguments = ["export", "000179", "--out", str(out), "--home", str(home.root)]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    for path in (out, out / "export.json", out / "export.html"):
        assert path.stat().st_mode & 0o077 == 0
    written = json.loads((out / "export.json").read_text())
    assert len(written["raw"]) == len(document["raw"])
    assert CliRunner().invoke(app, arguments).exit_code == 2


def test_history_quarantined_rows_and_events_that_wait_are_given_out_too(
    night_operator: Path, tmp_path: Path
) -> None:
    home = Home(Path(shutil.copytree(night_operator / "home", tmp_path / "operator")))
    person, other = "000179", "000286"
    line = next(iter(find_people([person], home.raw).ids["subscription_id"]))
    usage = OperatorRepository(home).tables / "usage"
    monday = usage / "history" / "2025-04-28.parquet"
    monday.parent.mkdir()
    shutil.copy(usage / "newest.parquet", monday)
    rows = [
        {
            "table": "recharges",
            "part": "a",
            "row": number,
            "faults": [],
            "record": json.dumps(record),
        }
        for number, record in enumerate(
            [{"subscription_id": line, "amount": "x"}, {"subscription_id": f"{line}0"}, f"{line};?"]
        )
    ]
    for path in home.quarantine.glob("*.parquet"):
        path.unlink()
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), home.quarantine / "recharges.parquet")
    times = {"happened_at": "2025-05-04T01:00:00Z", "arrived_at": "2025-05-04T02:00:00Z"}
    of = {"product_line": "mobile", "billing_type": "prepaid", "status": "active", **times}
    events: list[EventDocument] = [
        {
            "event_id": one,
            "table": "subscriptions",
            "row": {
                "subscription_id": f"new-{one}",
                "customer_id": one,
                "activated_at": times["happened_at"],
                **of,
            },
        }
        for one in (person, other)
    ]
    EventIntake(home, clock_at(NIGHT)).take(events)
    given = export_person(home, person, now=NIGHT, language="en")
    document = given.document
    view = document["history"]["usage"]
    newest = pq.read_table(usage / "newest.parquet").to_pylist()
    assert [dict(zip(view["columns"], row, strict=True)) for row in view["rows"]] == [
        row for row in newest if row["subscription_id"] in document["ids"]["subscription_id"]
    ]
    assert [row["record"] for row in document["quarantine"]] == [
        {"subscription_id": line, "amount": "x"},
        f"{line};?",
    ]
    assert [(row["table"], row["customer_id"]) for row in document["held"]] == [
        ("subscriptions", person)
    ]
    given.write(tmp_path / "given")
    page = (tmp_path / "given" / "export.html").read_text()
    assert "Rows that were not accepted" in page
    assert "Events that wait for an id" in page
    assert "2025-05-04" in page
    assert other not in page


def test_what_is_kept_too_short_is_refused_by_name() -> None:
    training = TrainingConfig()
    for field, least in (
        ("raw_days", days_of_raw_rows(training)),
        ("snapshots_days", days_of_snapshots(training)),
    ):
        require_long_enough(RetentionSettings.model_validate({field: least}), training)
        short = RetentionSettings.model_validate({field: least - 1})
        name = f"HOLDFAST_RETENTION_{field.upper()}"
        with pytest.raises(InputError, match=f"{name}: must be at least {least}, or unlimited"):
            require_long_enough(short, training)


def test_a_night_does_not_begin_where_something_is_kept_too_short(home: Home) -> None:
    home.raw.mkdir()
    config = NIGHT_CONFIG.model_copy(update={"retention": RetentionSettings(raw_days=376)})
    with pytest.raises(InputError, match="HOLDFAST_RETENTION_RAW_DAYS: must be at least 430"):
        run_night(home, NightOptions(source=None), config, clock=clock_at(NIGHT), online=ONLINE)
    assert not home.nights.exists()
