"""What is left of a training that found nothing, and who tells of it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from commands.main import app
from holdfast.home import Home
from models.churn import CHURN
from pipeline.found_nothing import FoundNothing, find_found_nothing, keep_found_nothing
from pipeline.night.scoring_versions import find_versions
from pipeline.night.status import read_status, write_status_page
from pipeline.training_record import register, report_nothing
from reports.night.sentences import told
from tests.builders.assessments import operator_model
from tests.builders.clocks import clock_at
from tests.builders.model_report import without_lift
from tests.builders.registry import ONLINE, registry_client
from training.evaluation.predictions import TEST_PREDICTIONS
from training.release.facts import TRAINING

REPORT = "reports/churn_nothing_found.html"
SAID = f"found nothing: see {REPORT}"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home in which one training ran, and found nothing."""
    home = Home(tmp_path_factory.mktemp("nothing"))
    report_nothing(home, without_lift(), "en", clock=clock_at())
    return home


def test_its_whole_run_is_kept_without_a_version(home: Home) -> None:
    found = find_found_nothing(home, "churn")
    assert found is not None
    assert found.at == without_lift().facts.made_at
    client = registry_client(home)
    run = client.get_run(found.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["holdfast.verdict"] == "nothing_found"
    assert run.data.metrics["auc_90d"] == pytest.approx(0.57)
    names = {artifact.path for artifact in client.list_artifacts(found.run_id)}
    assert names >= {"report.html", "environment.txt"}
    assert not names & {"model", TEST_PREDICTIONS, TRAINING}
    assert client.search_registered_models() == []


def test_the_night_and_the_status_say_that_it_was_trained(home: Home) -> None:
    versions, skipped = find_versions(home)
    assert versions == []
    said = "has no version: its last training, on 2026-01-15, " + SAID
    assert told(skipped["churn"]) == said
    assert told(skipped["csat_low"]) == "was never trained"
    status = read_status(home, clock_at())
    assert status.to_json()["without_version"]["churn"] == said
    page = write_status_page(home, status).read_text(encoding="utf-8")
    assert said in page
    printed = CliRunner().invoke(app, ["status", "--home", str(home.root)])
    assert "its last training, on" in " ".join(printed.stdout.split())


def test_the_list_of_models_says_it_too(home: Home) -> None:
    arguments = ["models", "list", "--home", str(home.root)]
    printed = CliRunner().invoke(app, arguments).stdout
    assert f"The last training of churn, on 2026-01-15, found nothing: {REPORT}" in printed
    listed = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert listed["versions"] == []
    (found,) = listed["found_nothing"]
    assert (found["model"], found["report"]) == ("churn", REPORT)


def test_what_is_damaged_says_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert find_found_nothing(home, "churn") is None
    home.reports.mkdir()
    (home.root / REPORT).with_suffix(".json").write_text('{"model": 3}', encoding="utf-8")
    assert find_found_nothing(home, "churn") is None


def test_a_version_that_is_registered_later_ends_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    report_nothing(home, without_lift(), "en", clock=clock_at())
    number, *_ = register(home, operator_model(), "en", online=ONLINE, clock=clock_at())
    assert find_found_nothing(home, CHURN.name) is None
    _, skipped = find_versions(home, CHURN.name)
    assert told(skipped["churn"]) == "has neither champion nor shadow"
    again = FoundNothing(
        model="churn", at="2026-03-01T00:00:00+00:00", enough_data=True, report=REPORT, run_id="x"
    )
    keep_found_nothing(home, again)
    assert number == "1"
    _, skipped = find_versions(home, CHURN.name)
    expected = "has neither champion nor shadow, and its last training, on 2026-03-01, " + SAID
    assert told(skipped["churn"]) == expected
