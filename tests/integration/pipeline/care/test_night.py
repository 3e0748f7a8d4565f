"""What a night does about care: it plans what was approved in advance, and gives back what was done."""

import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from care.ledger.rows import DecisionRow, OutcomeRow, Verdicts
from care.model import Arm
from care.settings import CareSettings
from features.intake.expectations import Expectations
from features.retained.own_decisions import OWN_CARE_PART
from holdfast.clock import system_clock
from holdfast.errors import InputError
from holdfast.home import Home
from pipeline.care.approve import approve_campaign, approve_nightly, end_nightly
from pipeline.care.nightly.export import export_care
from pipeline.care.nightly.matured import record_matured
from pipeline.care.nightly.night import CareFailedError, CareOfNight, NightlyCampaign, NightOfCare
from pipeline.care.plan import plan_campaign
from pipeline.care.workspace import care_of
from pipeline.features import take_in
from pipeline.night.nightly import run_night
from pipeline.night.options import NightOptions
from reports.night.sentences import told
from serving.access.key_store import KeyStore
from tests.builders.care_home import NOON, SETTINGS
from tests.builders.ledger_rows import ANA, decision_row, plan_row
from tests.builders.night import FEATURES, NIGHT, NIGHT_CONFIG, ONLINE
from training.labelling.care.exposure import care_exposure
from training.labelling.history import RawHistory
from training.settings import LONGEST_SETTLE_DAYS, LabelSettings
from training.uplift.contacts import OUTCOME_DAYS, randomised_actions, select_contacts

LABELS = LabelSettings()
# Rows of drawn tables arrive as late as may be waited for.
LONG_AGO = NIGHT - timedelta(days=OUTCOME_DAYS + LABELS.inactivity_days + LONGEST_SETTLE_DAYS + 8)


def noon() -> datetime:
    return NOON


def care_of_night(home: Home, settings: CareSettings = SETTINGS) -> CareOfNight:
    return CareOfNight(home, settings, FEATURES, LABELS, noon, system_clock)


def ran(home: Home, *, may_run: bool = True, has_doubts: bool = False) -> NightOfCare:
    return care_of_night(home).run(may_run=may_run, has_doubts=has_doubts)


def allow(home: Home, messages: int = 1000, cost: float = 1e6) -> None:
    KeyStore(home, system_clock).create("ana", ["care:approve"], person="Ana")
    with care_of(home, SETTINGS) as care:
        approve_nightly(care, "calls", ANA, messages, cost, noon)


def why(campaign: NightlyCampaign) -> str | None:
    return None if campaign.why is None else campaign.why.code


def test_a_night_plans_what_a_person_approved_in_advance(home: Home) -> None:
    assert not care_of_night(home).is_there
    allow(home)
    assert care_of_night(home).is_there
    (campaign,) = ran(home).campaigns
    assert (campaign.what, why(campaign)) == ("approved", None)
    assert campaign.sent > 0
    with care_of(home, SETTINGS) as care:
        approval = care.ledger.approvals.of_plan(str(campaign.plan_id))
        assert approval is not None
        assert (approval.by.name, approval.by.how, approval.by.key) == ("Ana", "rule", "ana")
        assert care.ledger.states("calls")["approved"] == campaign.sent
        measured = care.ledger.measured.campaign("calls")
    assert measured is None
    # The next run of the same night measures what there is, and plans nobody again.
    again = ran(home)
    assert again.measured == ("calls",)
    assert again.campaigns[0].what == "nobody"
    assert ran(home).measured == ()


@pytest.mark.parametrize(
    ("messages", "cost", "has_doubts", "reason"),
    [
        (1, 1e6, False, "over_messages"),
        (1000, 0.01, False, "over_cost"),
        (1000, 1e6, True, "night_has_doubts"),
    ],
)
def test_a_plan_waits_for_a_person(
    home: Home, messages: int, cost: float, has_doubts: bool, reason: str
) -> None:
    allow(home, messages, cost)
    (campaign,) = ran(home, has_doubts=has_doubts).campaigns
    assert (campaign.what, why(campaign)) == ("waits", reason)
    with care_of(home, SETTINGS) as care:
        assert care.ledger.states("calls").keys() == {"planned", "withheld"}
        approval = approve_campaign(care, "calls", ANA, None, noon)
        assert approval.to_send == campaign.sent


def test_a_plan_waits_where_the_key_of_who_approved_it_in_advance_is_revoked(home: Home) -> None:
    allow(home)
    KeyStore(home, system_clock).revoke("ana")
    (campaign,) = ran(home).campaigns
    assert (campaign.what, why(campaign)) == ("waits", "approver_gone")


def test_no_plan_is_made_where_no_care_may_run(home: Home) -> None:
    allow(home)
    (campaign,) = ran(home, may_run=False).campaigns
    assert (campaign.what, why(campaign)) == ("not_planned", "care_may_not_run")
    with care_of(home, SETTINGS) as care:
        assert care.ledger.plans() == []


def test_what_has_changed_since_is_not_approved_by_the_rule(home: Home) -> None:
    allow(home)
    path = home.care / "campaigns" / "calls.toml"
    path.write_text(path.read_text().replace("1000", "900"), encoding="utf-8")
    (campaign,) = ran(home).campaigns
    assert (campaign.what, why(campaign)) == ("waits", "rule_outdated")


def test_a_campaign_whose_file_was_edited_stops_no_other(home: Home) -> None:
    allow(home)
    ran(home)
    path = home.care / "campaigns" / "calls.toml"
    edited = path.read_text().replace("= 0.3", "= 0.4")
    (path.parent / "others.toml").write_text(edited, encoding="utf-8")
    with care_of(home, SETTINGS) as care:
        approve_nightly(care, "others", ANA, 1000, 1e6, noon)
    path.write_text(edited, encoding="utf-8")
    night = ran(home)
    assert night.measured == ()
    assert night.not_measured.keys() == {"calls"}
    assert "control_share: must stay 0.3, as approved" in night.not_measured["calls"]
    assert [campaign.what for campaign in night.campaigns] == ["not_planned", "nobody"]
    assert "calls: not measured" in told(night.told())
    assert night.to_json()["not_measured"] == night.not_measured


def test_a_rule_ends_and_ceilings_have_rules(home: Home) -> None:
    with care_of(home, SETTINGS) as care:
        with pytest.raises(InputError, match="--most-messages: must be at least 1"):
            approve_nightly(care, "calls", ANA, 0, 1.0, noon)
        with pytest.raises(InputError, match="--most-cost: must be a number of at least 0"):
            approve_nightly(care, "calls", ANA, 1, float("nan"), noon)
        assert not end_nightly(care, "calls", ANA, noon)
        approve_nightly(care, "calls", ANA, 1, 1.0, noon)
        assert end_nightly(care, "calls", ANA, noon)
    assert ran(home).campaigns == ()


def test_a_model_in_shadow_needs_a_person(home: Home) -> None:
    allow(home)
    with care_of(home, SETTINGS) as care:
        planned = plan_campaign(care, "calls", FEATURES, noon)
        shadow = replace(planned.row, about=planned.row.about | {"scores_as": "shadow"})
        (rule,) = care.ledger.approvals.rules()
        waits = care_of_night(home)._why_it_waits(
            care, rule, replace(planned, row=shadow), outdated=False, has_doubts=False
        )
    assert waits is not None
    assert waits.code == "ranked_by_shadow"


def test_a_ledger_that_does_not_answer_is_said(home: Home) -> None:
    nowhere = SETTINGS.model_copy(update={"ledger": "sqlite:////nowhere/care.db"})
    with pytest.raises(CareFailedError):
        care_of_night(home, nowhere).run(may_run=True, has_doubts=False)


def test_a_whole_night_says_what_care_did(home: Home, night_operator: Path) -> None:
    allow(home)
    config = NIGHT_CONFIG.model_copy(update={"care": SETTINGS})
    options = NightOptions(source=str(night_operator / "raw"))
    night = run_night(*(home, options, config), clock=noon, online=ONLINE, care=care_of_night(home))
    step = night.step("care")
    assert step is not None
    assert night.error is None
    (campaign,) = step.to_json()["result"]["campaigns"]
    assert campaign["campaign_id"] == "calls"
    assert "calls" in step.about
    # With a ledger that is gone, scores stand and the night has a doubt.
    lost = SETTINGS.model_copy(update={"ledger": "sqlite:////nowhere/care.db"})
    again = run_night(
        *(home, NightOptions(first_step="care"), config),
        clock=noon,
        online=ONLINE,
        care=care_of_night(home, lost),
    )
    assert again.verdict == "doubts"
    assert any("care was left out" in doubt for doubt in again.doubts)


def decided(home: Home, count: int = 60) -> list[DecisionRow]:
    """Decisions about lines of the raw tables, drawn into arms long ago."""
    lines = pl.read_parquet(home.raw / "subscriptions" / "*.parquet")
    there = lines.sort("subscription_id").unique("subscription_id", maintain_order=True)
    rows = []
    for number, line in enumerate(there.head(count).iter_rows(named=True)):
        arm = Arm.CONTROL if number % 3 == 0 else Arm.TREATMENT
        changed = {
            "household_id": f"H{number}",
            "customer_id": line["customer_id"],
            "subscription_id": line["subscription_id"],
            "action": "our_call",
            "action_class": "service",
            "channel": None if arm == Arm.CONTROL else "sms",
            "arm": arm.name.lower(),
            "propensity": 1 / 3 if arm == Arm.CONTROL else 2 / 3,
        }
        is_sent = arm == Arm.TREATMENT
        changed["send_after"] = LONG_AGO if is_sent else None
        changed["send_before"] = LONG_AGO + timedelta(days=7) if is_sent else None
        rows.append(decision_row(number, **changed))
    return rows


def test_our_own_care_is_given_back_to_labels_and_uplift(home: Home, night_operator: Path) -> None:
    rows = decided(home)
    sent = [row.decision_id for row in rows if row.channel is not None]
    with care_of(home, SETTINGS) as care:
        plan = replace(plan_row("ours-1", "ours"), made_at=LONG_AGO)
        care.ledger.record_plan(plan, {"priority": 1}, rows)
        # What was not approved did not happen.
        other = [decision_row(900, customer_id=rows[0].customer_id)]
        care.ledger.record_plan(plan_row("not-1", "not"), {"priority": 1}, other)
        care.ledger.approve("ours-1", "d" * 64, ANA, LONG_AGO + timedelta(hours=1))
        claims = care.ledger.outbox.claim(LONG_AGO + timedelta(hours=2), 99, lambda _: Verdicts())
        assert care.ledger.outbox.handed_over(claims, LONG_AGO + timedelta(hours=2)) == len(sent)
        answered = LONG_AGO + timedelta(days=1)
        told = OutcomeRow(
            decision_id=sent[0],
            outcome="answered",
            value=1.0,
            happened_at=answered,
            reported_at=answered + timedelta(days=2),
        )
        care.ledger.record_outcomes([told])
        assert record_matured(home, care.ledger, LABELS, NOON) == len(rows)
        assert record_matured(home, care.ledger, LABELS, NOON) == 0
        matured = {one.decision_id: one.is_lost for one in care.ledger.measured.matured()}
        known = {name for name, is_lost in matured.items() if is_lost is not None}
        counts = export_care(home, care.ledger)
        path = home.exported_care / "care_contacts" / OWN_CARE_PART
        before = path.stat().st_mtime_ns
        assert export_care(home, care.ledger) == counts
        assert path.stat().st_mtime_ns == before
    # Whoever was reached is told a second time; the first stays.
    assert counts["care_contacts"] == len(rows) + 1
    assert counts["care_outcomes"] == len(known) + 1

    raw = Path(shutil.copytree(night_operator / "raw", home.root / "given"))
    expectations = Expectations(NIGHT_CONFIG.expectations, night=NIGHT)
    report = take_in(home, str(raw), now=NIGHT, expectations=expectations)
    assert report.night is not None
    assert report.night.doubts == ()
    for name in ("care_contacts", "care_outcomes"):
        assert pq.read_metadata(home.raw / name / OWN_CARE_PART).num_rows == counts[name]

    history = RawHistory(home.raw, NOON)
    assert "our_call" in randomised_actions(history)
    contacts = select_contacts(history, "our_call").rows
    assert set(contacts["contact_id"]) == known
    by_id = {row.decision_id: row for row in rows}
    for contact in contacts.iter_rows(named=True):
        row = by_id[contact["contact_id"]]
        assert (contact["arm"], contact["propensity"]) == (row.arm, row.propensity)
        assert contact["campaign_id"] == "ours"
        assert contact["lost"] == float(bool(matured[row.decision_id]))

    frame = pl.DataFrame(
        {
            "customer_id": [row.customer_id for row in rows],
            "household": [row.household_id for row in rows],
            "subscription_id": [row.subscription_id for row in rows],
            "cutoff": [LONG_AGO - timedelta(days=3)] * len(rows),
            "label_end": [LONG_AGO + timedelta(days=1)] * len(rows),
        },
        schema_overrides={
            "cutoff": pl.Datetime("us", "UTC"),
            "label_end": pl.Datetime("us", "UTC"),
        },
    )
    exposure = care_exposure(history, frame, {90: pl.col("label_end")})
    treated = [row.channel is not None for row in rows]
    assert (exposure.touched | ~pl.Series(treated).to_numpy()).all()
    control = ~pl.Series(treated).to_numpy() & ~exposure.touched
    # Rows in control stand for those that our care touched, too: 1 / (1/3). Some lines have contacts
    # of other systems as well.
    assert np.isclose(exposure.horizons[90].control_weight[control], 3).mean() > 0.9


def test_consents_that_came_by_request_reach_the_raw_tables(
    home: Home, night_operator: Path
) -> None:
    from care.consents import ConsentStatement

    customers = pq.read_table(home.raw / "customers", columns=["customer_id"])
    one = ConsentStatement(
        customer_id=customers["customer_id"][0].as_py(),
        purpose="profiling",
        channel="any",
        is_granted=False,
        happened_at=NIGHT - timedelta(hours=5),
    )
    stranger = replace(one, customer_id="nobody")
    with care_of(home, SETTINGS) as care:
        care.ledger.consents.record([one, stranger], "request", NIGHT - timedelta(hours=4))
        care.ledger.consents.record([replace(one, channel="sms")], "event", NIGHT)
        assert export_care(home, care.ledger)["consents"] == 1
    take_in(home, str(night_operator / "raw"), now=NIGHT)
    given = pq.read_table(home.raw / "consents" / OWN_CARE_PART).to_pylist()
    assert [(row["customer_id"], row["state"]) for row in given] == [(one.customer_id, "withdrawn")]
