"""`holdfast care` from a plan to what is known of it, with results as JSON."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from commands.main import app
from holdfast.home import Home
from tests.builders.care_home import SETTINGS, care_home

Care = Callable[..., Result]


@pytest.fixture(scope="module")
def home(operator_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    return care_home(operator_home, tmp_path_factory.mktemp("care") / "home")


@pytest.fixture
def run(home: Home, monkeypatch: pytest.MonkeyPatch) -> Care:
    """Run a command on the home."""
    for name, value in (
        ("HOLDFAST_CARE_JURISDICTION", SETTINGS.jurisdiction),
        ("HOLDFAST_CARE_CONTACTS_PER_HOUSEHOLD", "9"),
        ("HOLDFAST_FEATURES_MEMORY_GB", "1"),
    ):
        monkeypatch.setenv(name, value)

    def run(*arguments: str, **environment: str) -> Result:
        options = ["--home", str(home.root)]
        return CliRunner().invoke(app, [*arguments, *options], env=environment)

    return run


def answer(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_campaign_from_its_plan_to_what_is_known(run: Care, home: Home, tmp_path: Path) -> None:
    assert answer(run("care", "status", "--json")) == {
        "is_halted": False,
        "campaigns": [],
        "held_up": [],
        "breaches": {},
        "jobs": [],
    }
    plan = answer(run("care", "plan", "calls", "--json"))
    shown = answer(run("care", "show", "calls", "--json"))
    assert shown["plan"]["digest"] == plan["digest"]
    assert (shown["state"], shown["plan"]["approval"]) == ("planned", None)
    assert "waits for somebody to approve it" in run("care", "show", "calls").stdout

    approve = ("care", "approve", "calls", "--digest", plan["digest"][:8], "--json")
    without = run(*approve)
    assert without.exit_code == 2
    assert "HOLDFAST_CARE_APPROVER_KEY: must hold the key of who approves" in without.stderr
    nobody = run("keys", "create", "bot", "--scope", "care:approve")
    assert "--person: must name the person" in nobody.stderr
    keys = {}
    for name, scope in (("ana", "care:approve"), ("crm", "care:read")):
        made = ("keys", "create", name, "--person", "Ana Lima", "--scope", scope, "--json")
        keys[name] = answer(run(*made))["secret"]
    for secret in (keys["crm"], keys["ana"][:-1], "holdfast"):
        refused = run(*approve, HOLDFAST_CARE_APPROVER_KEY=secret)
        assert refused.exit_code == 2
        assert "care:approve" in refused.stderr
        assert secret not in refused.output
    approved = answer(run(*approve, HOLDFAST_CARE_APPROVER_KEY=keys["ana"]))
    assert (approved["approved_by"], approved["how"], approved["key"]) == (
        "Ana Lima", "key", "ana",
    )  # fmt: skip
    assert approved["to_send"] == plan["sent"]
    assert "approved by Ana Lima with the key ana (key)" in run("care", "show", "calls").stdout

    status = answer(run("care", "status", "--json"))
    assert [(one["campaign_id"], one["state"]) for one in status["campaigns"]] == [
        ("calls", "sending")
    ]
    (waits,) = status["held_up"]
    assert (waits["count"], waits["how"], waits["why"]) == (plan["sent"], "waits", "")
    assert (
        f"{plan['sent']} wait for their time, the first for 2025-" in run("care", "status").stdout
    )
    told = tmp_path / "told.csv"
    told.write_text("decision_id,outcome,value,happened_at\n", encoding="utf-8")
    assert answer(run("care", "outcomes", str(told), "--json"))["new"] == 0
    measured = answer(run("care", "measure", "calls", "--json"))
    assert {"effect", "intended", "withheld", "sent", "refused", "sample_ratio_ok"} <= set(measured)
    assert measured["effect"] is None
    assert answer(run("care", "stop", "--by", "Ana Lima", "--json"))["is_halted"]
    assert answer(run("care", "status", "--json"))["is_halted"]


def test_plans_are_approved_in_advance(run: Care, home: Home) -> None:
    made = ("keys", "create", "bo", "--person", "Bo Li", "--scope", "care:approve", "--json")
    key = answer(run(*made))["secret"]
    nightly = ("care", "approve", "calls", "--nightly")
    for options, wrong in (
        (nightly, "--most-messages: must be given with --nightly"),
        ((*nightly, "--most-messages", "5"), "--most-cost: must be given with --nightly"),
        (("care", "approve", "calls", "--most-cost", "5"), "--most-cost: needs --nightly"),
        ((*nightly, "--digest", "3f9a01c2"), "--digest: must be left out with --nightly"),
        ((*nightly, "--end"), "--end: must stand alone"),
    ):
        refused = run(*options, HOLDFAST_CARE_APPROVER_KEY=key)
        assert refused.exit_code == 2
        assert wrong in refused.stderr
    ceilings = ("--most-messages", "500", "--most-cost", "750")
    rule = answer(run(*nightly, *ceilings, "--json", HOLDFAST_CARE_APPROVER_KEY=key))
    assert (rule["approved_by"], rule["most_messages"], rule["most_cost"]) == ("Bo Li", 500, 750)
    said = run("care", "approve", "calls", "--end", HOLDFAST_CARE_APPROVER_KEY=key)
    assert "no plan is approved in advance any more" in said.stdout
    again = run("care", "approve", "calls", "--end", HOLDFAST_CARE_APPROVER_KEY=key)
    assert "no plan was approved in advance" in again.stdout
