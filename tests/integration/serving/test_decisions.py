"""Whether a message may be sent, asked over HTTP just before it is."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from care.consents import ConsentStatement
from care.ledger.forget import forget_people
from care.ledger.rows import Verdicts
from care.settings import CareSettings
from holdfast.home import Home
from tests.builders.care_service import NOW, bearer, care_service, ledger_of
from tests.builders.ledger_rows import ANA, decision_row, plan_row
from tests.builders.screenings import write_screenings
from tests.builders.served_home import problem

UK = CareSettings(jurisdiction="UK")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """D0 and D1 are handed over, D2 waits; all of customers who consented."""
    home = Home(tmp_path)
    fields = {"time_zone": "Europe/London"}
    rows = [decision_row(number, channel="sms", fields=fields) for number in range(3)]
    with ledger_of(home) as ledger:
        ledger.record_plan(plan_row(), {}, rows)
        ledger.approve("spring-1", "d" * 64, ANA, NOW)
        granted = [said(f"C{number}", is_granted=True) for number in range(3)]
        ledger.consents.record(granted, "request", NOW)
        claims = ledger.outbox.claim(NOW, 2, lambda rows: Verdicts())
        ledger.outbox.handed_over(claims, NOW)
    return home


def said(customer: str, *, is_granted: bool, purpose: str = "offers") -> ConsentStatement:
    return ConsentStatement(
        customer_id=customer, purpose=purpose, channel="any", is_granted=is_granted, happened_at=NOW
    )


def checked(home: Home, *ids: str, at: datetime = NOW, **options: Any) -> dict[str, list[str]]:
    """Reasons by decision, none where it may be sent."""
    with care_service(home, UK, clock=lambda: at) as caller:
        answer = caller.post("/v1/decisions/check", json={"decision_ids": ids}, **options)
    assert answer.status_code == 200, answer.text
    decisions = answer.json()["decisions"]
    assert all(
        (one["consent_revision"] is None) == bool({"unknown", "erased"} & set(one["reasons"]))
        for one in decisions
    )
    assert [one["decision_id"] for one in decisions] == list(ids)
    assert all(one["go"] == (not one["reasons"]) for one in decisions)
    return {one["decision_id"]: one["reasons"] for one in decisions}


def test_what_is_handed_over_and_allowed_may_be_sent(home: Home) -> None:
    assert checked(home, "D1", "D0", "D2", "X", "D1") == {
        "D1": [],
        "D0": [],
        "D2": ["approved"],
        "X": ["unknown"],
    }


def test_a_withdrawal_counts_at_once_and_wins_a_tie(home: Home) -> None:
    with ledger_of(home) as ledger:
        ledger.consents.record([said("C0", is_granted=False)], "request", NOW)
        objection = said("C1", is_granted=False, purpose="profiling")
        ledger.consents.record([objection], "request", NOW)
    assert checked(home, "D0", "D1") == {"D0": ["no_consent"], "D1": ["profiling_objection"]}


def test_the_consent_revision_grows_with_each_statement_that_is_in_force(home: Home) -> None:
    def revision(at: datetime = NOW) -> int:
        with care_service(home, UK, clock=lambda: at) as caller:
            answer = caller.post("/v1/decisions/check", json={"decision_ids": ["D0"]})
        return int(answer.json()["decisions"][0]["consent_revision"])

    assert revision() == 1
    later = replace(said("C0", is_granted=False), happened_at=NOW + timedelta(minutes=2))
    with ledger_of(home) as ledger:
        ledger.consents.record([later, said("C0", is_granted=True)], "request", NOW)
    assert (revision(), revision(NOW + timedelta(minutes=2))) == (1, 2)


def test_quiet_hours_and_the_end_of_the_time_are_asked(home: Home) -> None:
    assert checked(home, "D0", at=NOW + timedelta(hours=11)) == {"D0": ["quiet_hours"]}
    assert checked(home, "D0", at=NOW + timedelta(days=7)) == {"D0": ["too_late"]}


def test_a_halt_and_a_cancel_are_a_no(home: Home) -> None:
    with ledger_of(home) as ledger:
        ledger.handed.cancel({"D0": "no_consent"}, NOW)
        ledger.halt("Ana", NOW)
    assert checked(home, "D0", "D1") == {"D0": ["cancelled"], "D1": ["care_halted"]}


def test_an_offer_by_phone_needs_a_comparison_with_registers_that_is_not_old(home: Home) -> None:
    fields = {"time_zone": "Europe/London"}
    calls = [
        decision_row(8, channel="phone", fields=fields),
        decision_row(9, channel="phone", fields=fields, action_class="service"),
    ]
    with ledger_of(home) as ledger:
        ledger.record_plan(plan_row("spring-2"), {}, calls)
        ledger.approve("spring-2", "d" * 64, ANA, NOW)
        ledger.consents.record([said("C8", is_granted=True)], "request", NOW)
        claims = ledger.outbox.claim(NOW, 9, lambda rows: Verdicts())
        ledger.outbox.handed_over(claims, NOW)
    assert checked(home, "D8", "D9") == {"D8": ["do_not_call"], "D9": []}
    write_screenings(home.raw, ("C8", "TPS", "not_listed", NOW - timedelta(days=27)))
    assert checked(home, "D8") == {"D8": []}
    assert checked(home, "D8", at=NOW + timedelta(days=2)) == {"D8": ["do_not_call"]}
    again = ("C8", "TPS", "listed", NOW - timedelta(days=1))
    write_screenings(home.raw, again, name="later")
    assert checked(home, "D8") == {"D8": ["do_not_call"]}


def test_offers_may_not_be_sent_where_the_night_says_so(home: Home) -> None:
    owed = decision_row(7, channel="email", action_class="owed")
    with ledger_of(home) as ledger:
        ledger.record_plan(plan_row("spring-2"), {}, [owed])
        ledger.approve("spring-2", "d" * 64, ANA, NOW)
        claims = ledger.outbox.claim(NOW, 9, lambda rows: Verdicts())
        ledger.outbox.handed_over(claims, NOW)
    home.nights.mkdir()
    night = home.nights / "000009.json"
    (home.nights / "000010.json").write_text('{"care_may_run": true}', encoding="utf-8")
    night.write_text('{"care_may_run": false}', encoding="utf-8")
    assert checked(home, "D0", "D7") == {"D0": [], "D7": []}
    for record in ('{"care_may_run": false}', "{"):
        (home.nights / "000010.json").write_text(record, encoding="utf-8")
        assert checked(home, "D0", "D7") == {"D0": ["care_halted"], "D7": []}


def test_a_receiver_may_ask_before_its_answer_is_recorded(home: Home) -> None:
    with ledger_of(home) as ledger:
        (claim,) = ledger.outbox.claim(NOW, 1, lambda rows: Verdicts())
    assert claim.decision.decision_id == "D2"
    assert checked(home, "D2") == {"D2": []}


def test_nothing_may_be_sent_to_who_was_erased_also_where_no_consent_is_needed(home: Home) -> None:
    service = decision_row(7, channel="sms", action_class="service")
    with ledger_of(home) as ledger:
        ledger.record_plan(plan_row("spring-2"), {}, [service])
        ledger.approve("spring-2", "d" * 64, ANA, NOW)
        claims = ledger.outbox.claim(NOW, 9, lambda rows: Verdicts())
        ledger.outbox.handed_over(claims, NOW)
    assert checked(home, "D7") == {"D7": []}
    forget_people(UK.ledger_url(home), {"C0", "C7"})
    assert checked(home, "D0", "D7") == {"D0": ["erased"], "D7": ["erased"]}


def test_a_key_needs_the_scope_and_a_request_its_form(home: Home) -> None:
    outcomes, decisions = bearer(home, "a", "outcomes"), bearer(home, "b", "decisions")
    assert checked(home, "D0", headers=decisions) == {"D0": []}
    with care_service(home, UK) as caller:
        path, body = "/v1/decisions/check", {"decision_ids": ["D0"]}
        assert caller.post(path, json=body, headers=outcomes).status_code == 403
        wrong = caller.post(path, json={"decision_ids": []}, headers=decisions)
        assert problem(wrong, 422)["errors"][0]["field"] == "decision_ids"
