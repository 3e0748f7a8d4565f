"""Consents and outcomes over HTTP: each once, in whatever order, into the one ledger."""

import json
import shlex
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from care.policy import NO, YES
from care.settings import CareSettings
from features.erased.erased_ids import ErasedIds
from features.live.batch import KINDS
from features.live.event import LIVE_TABLES
from features.live.store import replace_states
from features.online.service import online_directory
from features.operator.repository import OperatorRepository
from features.packed.store import PackedStore
from holdfast.home import Home
from tests.builders.care_service import NOW, bearer, care_service, ledger_of, with_plan
from tests.builders.guides import ROOT, examples
from tests.builders.known_ids import name_ids
from tests.builders.ledgers import ledger_url
from tests.builders.served_home import problem

C1 = np.array(["C1"])


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def live_store(home: Home) -> PackedStore:
    """Features that events can change, of one customer."""
    store = PackedStore(online_directory(OperatorRepository(home).directory), create=True)
    name_ids(store, customers=["C1"])
    replace_states(store, NOW - timedelta(days=2), LIVE_TABLES, dict.fromkeys(KINDS, ()))
    return store


def consent(**changed: Any) -> dict[str, Any]:
    return {
        "customer_id": "C1",
        "purpose": "offers",
        "channel": "sms",
        "state": "granted",
        "happened_at": "2026-03-03T09:00:00+01:00",
    } | changed


def outcome(**changed: Any) -> dict[str, Any]:
    return {
        "decision_id": "D1",
        "outcome": "answered",
        "value": 1,
        "happened_at": "2026-03-04T11:00:00Z",
    } | changed


def statuses(answer: Any, items: str) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [one["status"] for one in answer.json()[items]]


def test_a_consent_counts_once_and_the_withdrawal_wins(home: Home) -> None:
    sent = [consent(), consent(state="withdrawn"), consent(), consent(channel="email")]
    with care_service(home) as caller:
        answer = caller.post("/v1/consents", json={"consents": sent})
        assert statuses(answer, "consents") == ["taken", "taken", "repeated", "taken"]
        again = caller.post("/v1/consents", json={"consents": sent[::-1]})
        assert statuses(again, "consents") == ["repeated"] * 4
    with ledger_of(home) as ledger:
        in_force = ledger.consents.in_force(NOW)
    assert in_force.granted("offers", "sms", C1).tolist() == [NO]
    assert in_force.granted("offers", "email", C1).tolist() == [YES]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"channel": "fax"}, "consents[0].channel"),
        ({"state": "revoked"}, "consents[0].state"),
        ({"happened_at": "2026-03-03T09:00:00"}, "consents[0].happened_at"),
        ({"happened_at": "2026-03-04T13:00:00Z"}, "consents[0].happened_at"),
        ({"happened_at": "yesterday"}, "consents[0].happened_at"),
        ({"happened_at": "0001-01-01T00:00:00+14:00"}, "consents[0].happened_at"),
        ({"customer_id": ""}, "consents[0].customer_id"),
        ({"note": "asked to stop"}, "consents[0].note"),
    ],
)
def test_what_breaks_a_rule_changes_nothing(
    home: Home, changed: dict[str, str], field: str
) -> None:
    with care_service(home) as caller:
        sent = {"consents": [consent(**changed), consent()]}
        document = problem(caller.post("/v1/consents", json=sent), 422)
        assert document["errors"][0]["field"] == field
    with ledger_of(home) as ledger:
        assert ledger.consents.about(["C1"]) == []


def test_an_objection_counts_for_predictions_at_once_too(home: Home) -> None:
    store = live_store(home)
    with care_service(home) as caller:
        sent = consent(purpose="profiling", channel="any", state="withdrawn")
        for expected in ("taken", "repeated"):
            answer = caller.post("/v1/consents", json={"consents": [sent]})
            assert statuses(answer, "consents") == [expected]
    matrix, _ = store.read("consent_live", ["profiling_objection"], ["C1"])
    assert matrix[0, 0] == 1


def test_a_consent_that_comes_as_an_event_is_in_the_ledger(home: Home) -> None:
    live_store(home)
    row = consent(state="withdrawn") | {"arrived_at": "2026-03-03T09:00:00Z"}
    event = {"event_id": "e1", "table": "consents", "row": row}
    with care_service(home) as caller:
        unknown = event | {"event_id": "e2", "row": row | {"customer_id": "C2"}}
        answer = caller.post("/v1/events", json={"events": [event, unknown]})
        assert statuses(answer, "events") == ["taken", "held"]
        again = caller.post("/v1/consents", json={"consents": [consent(state="withdrawn")]})
        assert statuses(again, "consents") == ["repeated"]
    with ledger_of(home) as ledger:
        in_force = ledger.consents.in_force(NOW)
        assert in_force.granted("offers", "sms", np.array(["C1", "C2"])).tolist() == [NO, NO]


def test_nothing_is_taken_of_who_was_erased(home: Home) -> None:
    ErasedIds.nobody().with_people({"C1": {"customer_id": {"C1"}}}, str(NOW)).write(home.erased)
    with care_service(home) as caller:
        sent = {"consents": [consent(), consent(customer_id="C2")]}
        answer = caller.post("/v1/consents", json=sent)
        assert statuses(answer, "consents") == ["erased", "taken"]
    with ledger_of(home) as ledger:
        assert ledger.consents.about(["C1"]) == []


def test_outcomes_come_late_repeated_and_out_of_order(home: Home) -> None:
    with_plan(home)
    later = outcome(outcome="accepted", happened_at="2026-03-04T11:30:00Z")
    with care_service(home) as caller:
        sent = {"outcomes": [later, outcome(), outcome(decision_id="X"), later]}
        answer = caller.post("/v1/outcomes", json=sent)
        assert statuses(answer, "outcomes") == ["taken", "taken", "unknown", "repeated"]
        differs = caller.post("/v1/outcomes", json={"outcomes": [outcome(value=0.0)]})
        assert statuses(differs, "outcomes") == ["differs"]
        refused = caller.post("/v1/outcomes", json={"outcomes": [outcome(value="yes")]})
        assert problem(refused, 422)["errors"][0]["field"] == "outcomes[0].value"
    with ledger_of(home) as ledger:
        assert ledger.outcomes("spring") == {"accepted": 1, "answered": 1}


def test_the_guide_shows_what_is_answered(home: Home) -> None:
    with_plan(home)
    sent = [
        example.text
        for example in examples(ROOT / "docs" / "guides" / "crm.md", "sh")
        if example.why_not_run is not None and "test_care.py" in example.why_not_run
    ]
    sent = [text for text in sent if "\n# {" in text]
    assert len(sent) == 2
    with care_service(home) as caller:
        for text in sent:
            command, shown = text.rsplit("\n# ", 1)
            words = shlex.split(command.replace("\\\n", " "))
            path = words[2].removeprefix("http://127.0.0.1:3000")
            answer = caller.post(path, json=json.loads(words[-1]))
            assert answer.json() == json.loads(shown)


def test_each_route_needs_its_own_scope(home: Home) -> None:
    with_plan(home)
    keys = {scope: bearer(home, scope, scope) for scope in ("events", "consents", "outcomes")}
    bodies = {"consents": {"consents": [consent()]}, "outcomes": {"outcomes": [outcome()]}}
    with care_service(home) as caller:
        assert caller.post("/v1/consents", json=bodies["consents"]).status_code == 401
        for route, body in bodies.items():
            for scope, headers in keys.items():
                answer = caller.post(f"/v1/{route}", json=body, headers=headers)
                assert answer.status_code == (200 if scope == route else 403)


def test_a_request_sent_again_with_its_key_is_answered_the_same(home: Home) -> None:
    with care_service(home) as caller:
        for replayed in (False, True):
            answer = caller.post(
                "/v1/consents", json={"consents": [consent()]}, headers={"Idempotency-Key": "k1"}
            )
            assert statuses(answer, "consents") == ["taken"]
            assert ("Idempotency-Replayed" in answer.headers) == replayed


def test_the_ledger_may_be_another_database(home: Home, tmp_path: Path) -> None:
    with ledger_url("postgresql", tmp_path) as url:
        care = CareSettings(ledger=url)
        with care_service(home, care) as caller:
            caller.post("/v1/consents", json={"consents": [consent()]})
            # No client is to send it again and again.
            unfit = caller.post("/v1/consents", json={"consents": [consent(customer_id="C\0")]})
            problem(unfit, 422)
        assert not (home.care / "ledger.db").exists()
        with ledger_of(home, care) as ledger:
            assert ledger.consents.in_force(NOW).granted("offers", "sms", C1).tolist() == [YES]


def test_a_ledger_that_cannot_be_opened_is_said(home: Home) -> None:
    care = CareSettings(ledger="postgresql+psycopg://nobody:secret@127.0.0.1:1/none")
    with care_service(home, care) as caller:
        document = problem(caller.post("/v1/consents", json={"consents": [consent()]}), 409)
    assert document["code"] == "no_ledger"
    assert "secret" not in str(document)


def test_a_plan_is_approved_by_the_person_whose_key_it_is(home: Home) -> None:
    with_plan(home)
    ana = bearer(home, "ana", "care:approve", person="Ana Lima")
    reads = bearer(home, "board", "care:read")
    asked = {"campaign_id": "spring", "digest": "d" * 8}
    with care_service(home) as caller:

        def approve(body: dict[str, str], headers: dict[str, str]) -> Any:
            return caller.post("/v1/campaigns/approve", json=body, headers=headers)

        shown = caller.get("/v1/campaigns?campaign_id=spring", headers=reads).json()
        (campaign,) = shown["campaigns"]
        assert (campaign["state"], campaign["plan"]["approval"]) == ("planned", None)
        assert campaign["decisions"] == {"planned": 3, "withheld": 1}
        problem(approve(asked, reads), 403)
        other = problem(approve(asked | {"digest": "e" * 8}, ana), 422)
        assert other["errors"][0]["field"] == "digest"
        problem(approve(asked | {"campaign_id": "autumn"}, ana), 422)
        answer = approve(asked, ana).json()
        assert answer == {
            "campaign_id": "spring",
            "plan_id": "spring-1",
            "digest": "d" * 64,
            "approved_by": "Ana Lima",
            "how": "key",
            "key": "ana",
            "approved_at": NOW.isoformat(),
            "to_send": 3,
        }
        assert approve(asked, ana).json() == answer | {"to_send": 0}
        (campaign,) = caller.get("/v1/campaigns", headers=ana).json()["campaigns"]
        assert campaign["state"] == "sending"
        assert campaign["plan"]["approval"] == {
            "by": "Ana Lima",
            "how": "key",
            "key": "ana",
            "at": NOW.isoformat(),
        }
        unknown = caller.get("/v1/campaigns?campaign_id=autumn", headers=ana)
        assert "spring" in problem(unknown, 422)["detail"]
        problem(caller.get("/v1/campaigns?state=sent", headers=ana), 422)


def test_without_a_key_nobody_approves(home: Home) -> None:
    with_plan(home)
    with care_service(home) as caller:
        asked = {"campaign_id": "spring", "digest": "d" * 64}
        problem(caller.post("/v1/campaigns/approve", json=asked), 403)
        (campaign,) = caller.get("/v1/campaigns").json()["campaigns"]
        assert campaign["state"] == "planned"


def test_a_campaign_is_asked_to_be_measured_once_until_that_has_begun(home: Home) -> None:
    with_plan(home)
    reads, other = bearer(home, "console", "care:read"), bearer(home, "crm", "decisions")
    with care_service(home) as caller:

        def ask(name: str = "spring", **options: Any) -> Any:
            return caller.post("/v1/campaigns/measure", json={"campaign_id": name}, **options)

        job = ask(headers=reads).json()
        assert job == {
            "job_id": "1",
            "kind": "measure",
            "campaign_id": "spring",
            "state": "waiting",
            "asked_by": "console",
            "asked_at": NOW.isoformat(),
            "ended_at": None,
            "why": "",
        }
        assert ask(headers=reads).json() == job
        assert ask(headers=other).status_code == 403
        assert problem(ask("autumn", headers=reads), 422)["errors"][0]["field"] == "campaign"
        for query in ("", "?job_id=1"):
            assert caller.get(f"/v1/jobs{query}", headers=reads).json() == {"jobs": [job]}
        assert caller.get("/v1/jobs?job_id=2", headers=reads).json() == {"jobs": []}
        problem(caller.get("/v1/jobs?job_id=x", headers=reads), 422)
