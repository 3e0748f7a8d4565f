"""A campaign on a home: planned, approved, handed over as a file, answered and measured."""

import csv
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from care.consents import ConsentStatement
from care.delivery.files import COLUMNS
from care.delivery.receivers import Files, Receivers
from care.ledger.forget import ERASED
from care.ledger.rows import OutcomeRow
from care.policy import NO, UNKNOWN, YES
from features.contracts.tables import TABLES
from features.contracts.vocabulary import CONTACT_CHANNELS
from features.live.event import read_event
from features.live.store import LiveStore
from features.online.service import online_directory
from features.operator.repository import OperatorRepository
from features.packed.store import PackedStore
from holdfast.errors import InputError
from holdfast.home import Home
from models.targets import TARGETS
from pipeline.care.approve import approve_campaign
from pipeline.care.consents import merge_consents
from pipeline.care.delivery.relays import Delivery
from pipeline.care.delivery.send import Sent, send_due
from pipeline.care.measure import measure_campaign
from pipeline.care.outcomes import take_in_outcomes
from pipeline.care.plan import PlannedCampaign, plan_campaign
from pipeline.care.workspace import CareWorkspace, care_of
from pipeline.night.score import score_everybody
from pipeline.privacy.erase import erase_people
from pipeline.privacy.export import export_person
from tests.builders.care_home import CAMPAIGN, NOON, SETTINGS
from tests.builders.clocks import clock_at
from tests.builders.ledger_rows import ANA
from tests.builders.night import (
    CONFIG,
    FEATURES,
    NIGHT,
    ONLINE,
    make_operator_version,
    register_champion,
)
from tests.builders.screenings import write_screenings
from training.labelling.history import RawHistory
from training.labelling.maturity import LabelMaturity
from training.settings import LabelSettings


def noon() -> datetime:
    return NOON


def next_day() -> datetime:
    """Quiet hours have ended everywhere."""
    return NOON + timedelta(days=1)


def sent_now(care: CareWorkspace, format: Literal["csv", "parquet"] = "csv") -> Sent:
    """All that is due handed over as a file."""
    receivers = Receivers(files=Files(format=format))
    files = Delivery(receivers=receivers, secrets={}, clock=next_day, machine_clock=next_day)
    return send_due(care, files, FEATURES)


def planned(care: CareWorkspace, name: str = "calls") -> PlannedCampaign:
    return plan_campaign(care, name, FEATURES, noon)


def approved(care: CareWorkspace) -> PlannedCampaign:
    plan = planned(care)
    approve_campaign(care, "calls", ANA, plan.row.digest[:8], noon)
    return plan


def test_a_campaign_goes_its_whole_way(home: Home, tmp_path: Path) -> None:
    with care_of(home, SETTINGS) as care:
        plan = planned(care)
        counts = plan.counts
        assert counts.proposed == counts.intended + sum(counts.refused.values())
        assert counts.sent >= 3
        assert counts.control >= 1
        assert counts.holdout == 0
        assert sent_now(care).path is None
        with pytest.raises(InputError, match="digest: must be that of the plan"):
            approve_campaign(care, "calls", ANA, "00000000", noon)
        approval = approve_campaign(care, "calls", ANA, plan.row.digest[:8], noon)
        assert (approval.to_send, approval.by) == (counts.sent, ANA)
        sent = sent_now(care)
        assert sent.states == {"handed_over": counts.sent, "withheld": counts.control}
        assert sent.path is not None
        with sent.path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert tuple(rows[0]) == COLUMNS
        assert len({row["decision_id"] for row in rows}) == len(rows) == counts.sent
        assert all("{" not in row["message"] and row["message"] for row in rows)
        assert all(int(row["consent_revision"]) >= 0 for row in rows)
        assert all(next_day() <= datetime.fromisoformat(row["send_after"]) for row in rows)
        assert sent_now(care).path is None

        told = tmp_path / "told.csv"
        first = rows[0]["decision_id"]
        told.write_text(
            "decision_id,outcome,value,happened_at\n"
            f"{first},answered,1,2025-05-05T11:00:00Z\nX,answered,1,2025-05-05T11:00:00Z\n",
            encoding="utf-8",
        )
        taken = take_in_outcomes(care, told, next_day)
        assert (taken.rows, taken.new, taken.unknown) == (2, 1, ("X",))
        assert take_in_outcomes(care, told, next_day).new == 0

        measured = measure_campaign(care, "calls", LabelSettings(), FEATURES, noon)
        assert measured.effect is None
        maturity = LabelMaturity.of(RawHistory(home.raw, NOON), LabelSettings())
        late = maturity.of_all_lines(LabelSettings().inactivity_days)
        assert late > timedelta(days=37), "rows of this operator come later than a week"
        assert measured.known_on == datetime(2025, 6, 1, tzinfo=UTC) + timedelta(days=30) + late
        funnel = measured.funnel
        assert (funnel.intended, funnel.withheld) == (counts.intended, counts.control)
        assert (funnel.proposed, funnel.sent) == (counts.proposed, counts.sent)
        assert funnel.refused == counts.refused
        assert funnel.reported == {"answered": 1}
        assert measured.belief.sample_ratio_ok
        assert measured.belief.arms_as_drawn

        def later() -> datetime:
            return NOON + timedelta(days=180)

        matured = measure_campaign(care, "calls", LabelSettings(), FEATURES, later)
        # Whoever was scored was at risk: unknown are only those that ended for an unknown reason.
        assert matured.known_on is None
        assert matured.belief.without_outcome < matured.funnel.intended
        assert matured.effect is None


def test_what_is_compared_cannot_be_changed_once_a_plan_was_approved(home: Home) -> None:
    file = home.care / "campaigns" / "calls.toml"
    before = file.read_text(encoding="utf-8")
    with care_of(home, SETTINGS) as care:
        page = planned(care).page
        assert "by nobody yet" in page.read_text(encoding="utf-8")
        file.write_text(before.replace("= 0.3", "= 0.4"), encoding="utf-8")
        # Nobody has approved anything so far.
        page = approved(care).page
        assert "approved by Ana" in page.read_text(encoding="utf-8")
        file.write_text(before, encoding="utf-8")
        with pytest.raises(InputError, match=r"calls: control_share: must stay 0.4, as approved"):
            planned(care)
        file.write_text(before.replace("= 0.3", '= 0.4\nlooks = ["2025-07-01"]'), encoding="utf-8")
        with pytest.raises(InputError, match=r"calls: looks: must stay \[\], as approved"):
            planned(care)
        file.write_text(before.replace("= 0.3", "= 0.4").replace("05-31", "06-30"))
        with pytest.raises(InputError, match="ends_on: must stay 2025-05-31, which has passed"):
            plan_campaign(care, "calls", FEATURES, lambda: NOON + timedelta(days=40))
        # While it runs, it may still be extended.
        assert planned(care).is_new


def test_the_same_plan_is_the_same(home: Home) -> None:
    with care_of(home, SETTINGS) as care:
        one, again = planned(care), planned(care)
        assert one.is_new
        assert not again.is_new
        assert again.row == one.row
        table = pq.read_table(home.care / "plans" / f"{one.row.plan_id}.parquet")
        assert len(table) == one.counts.proposed


def test_who_was_drawn_is_not_drawn_again_before_the_action_has_cooled_down(home: Home) -> None:
    with care_of(home, SETTINGS) as care:
        first = approved(care)
        again = planned(care)
        # Controls wait as those do who were sent something.
        assert again.counts.intended == 0
        assert again.counts.refused["cool_down"] >= first.counts.intended


def test_who_wants_no_contact_since_the_plan_is_not_sent_anything(home: Home) -> None:
    with care_of(home, SETTINGS) as care:
        plan = approved(care)
        sent = [row for _, row in care.ledger.decisions("calls") if row.channel is not None]
        one = sent[0].customer_id
        withdrawn = ConsentStatement(
            customer_id=one,
            purpose="any_contact",
            channel="any",
            is_granted=False,
            happened_at=NOON + timedelta(hours=1),
        )
        care.ledger.consents.record([withdrawn], "event", NOON)
        states = sent_now(care).states
        about_one = sum(row.customer_id == one for row in sent)
        assert states["refused"] == about_one
        assert states["handed_over"] == plan.counts.sent - about_one


def test_all_that_may_be_sent_is_sent_however_many_are_refused_before_it(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.care.delivery.send._AT_ONCE", 2)
    with care_of(home, SETTINGS) as care:
        approved(care)
        names = [row.decision_id for _, row in care.ledger.decisions("calls") if row.channel]
        last = sorted(names)[-1]
        withdrawn = [
            ConsentStatement(
                customer_id=row.customer_id,
                purpose="any_contact",
                channel="any",
                is_granted=False,
                happened_at=NOON + timedelta(hours=1),
            )
            for _, row in care.ledger.decisions("calls")
            if row.decision_id != last
        ]
        care.ledger.consents.record(withdrawn, "event", NOON)
        states = sent_now(care).states
        assert len(names) > 3
        assert "approved" not in states
        assert (states["refused"], states["handed_over"]) == (len(names) - 1, 1)


def test_a_text_is_sent_as_it_was_approved_or_not_at_all(home: Home) -> None:
    with care_of(home, SETTINGS) as care:
        plan = approved(care)
        file = home.care / "catalogue.toml"
        before = file.read_text(encoding="utf-8")
        file.write_text(before.replace('sender = "', 'sender = "Another '), encoding="utf-8")
    with care_of(home, SETTINGS) as care:
        assert sent_now(care).states["dead"] == plan.counts.sent
        other = planned(care)
        file.write_text(before, encoding="utf-8")
        assert other.row.digest != plan.row.digest
    with care_of(home, SETTINGS) as care:
        care.ledger.outbox.replay("Ana", NOON)
        assert sent_now(care).states["handed_over"] == plan.counts.sent


def test_who_gives_notice_after_the_plan_is_not_cared_for_as_at_risk(home: Home) -> None:
    with care_of(home, SETTINGS) as care:
        plan = approved(care)
        sent = [row for _, row in care.ledger.decisions("calls") if row.channel is not None]
        happened, tomorrow = NOON + timedelta(hours=1), NOON + timedelta(days=2)
        steps = [(sent[0], "given", happened), (sent[1], "given", tomorrow)]
        steps += [(sent[2], "given", happened), (sent[2], "withdrawn", happened)]
        rows = [
            {
                "notice_id": row.decision_id,
                "subscription_id": row.subscription_id,
                "status": status,
                "happened_at": at,
                "arrived_at": at,
            }
            for row, status, at in steps
        ]
        (home.raw / "notices").mkdir(exist_ok=True)
        table = pa.Table.from_pylist(rows, TABLES["notices"].arrow_schema)
        pq.write_table(table, home.raw / "notices" / "by_hand.parquet")
        states = sent_now(care).states
        assert states["refused"] == 1
        assert states["handed_over"] == plan.counts.sent - 1
        assert sent[0].decision_id not in care.ledger.handed_over("calls")


def test_offers_by_phone_need_a_comparison_with_registers_when_planned_and_when_sent(
    home: Home,
) -> None:
    file = home.care / "catalogue.toml"
    text = file.read_text(encoding="utf-8")
    offer = text.index("[actions.plan_fit_offer]")
    by_phone = text[offer:].replace('["sms", "email", "app"]', '["phone"]', 1)
    file.write_text(text[:offer] + by_phone, encoding="utf-8")
    campaign = CAMPAIGN.replace("courtesy_call", "plan_fit_offer").replace("= 0.3", "= 0.1")
    (home.care / "campaigns" / "offers.toml").write_text(campaign, encoding="utf-8")
    raw = pa.concat_tables(map(pq.read_table, (home.raw / "customers").glob("*.parquet")))
    people = sorted(set(raw["customer_id"].to_pylist()))
    with care_of(home, SETTINGS) as care:
        merge_consents(home, care.ledger, NOON)
        care.ledger.consents.record(
            [
                ConsentStatement(
                    customer_id=one,
                    purpose=purpose,
                    channel="any",
                    is_granted=True,
                    happened_at=NOON,
                )
                for one in people
                for purpose in ("offers", "any_contact", "profiling")
            ],
            "request",
            NOON,
        )
        # Drawn comparisons are with many registers, long ago.
        shutil.rmtree(home.raw / "do_not_call_screenings")
        assert planned(care, "offers").counts.refused["do_not_call"] > 3
        write_screenings(home.raw, *((one, "TPS", "not_listed", NOON) for one in people))
        plan = planned(care, "offers")
        assert "do_not_call" not in plan.counts.refused
        assert plan.counts.sent >= 2
        approve_campaign(care, "offers", ANA, None, noon)
        sent = [row for _, row in care.ledger.decisions("offers") if row.channel == "phone"]
        assert len(sent) == plan.counts.sent
        since = (sent[0].customer_id, "TPS", "listed", NOON + timedelta(hours=1))
        write_screenings(home.raw, since, name="later")
        sent_now(care)
        about_one = {row.decision_id for row in sent if row.customer_id == sent[0].customer_id}
        assert care.ledger.handed_over("offers") == {row.decision_id for row in sent} - about_one


def test_notice_that_came_as_an_event_since_the_night_is_asked_as_a_decision_leaves(
    home: Home,
) -> None:
    with care_of(home, SETTINGS) as care:
        plan = approved(care)
        sent = [row for _, row in care.ledger.decisions("calls") if row.channel is not None]
        store = PackedStore(online_directory(OperatorRepository(home).directory))
        live = LiveStore(store, lambda: NOON)
        step = {"happened_at": NOON, "arrived_at": NOON, "ends_at": None, "channel": None}
        row = {"notice_id": "n", "subscription_id": sent[0].subscription_id, "status": "given"}
        assert live.apply_all([read_event("notices", row | step)]).fates == (("taken",),)
        assert sent_now(care).states["refused"] == 1
        assert care.ledger.handed_over("calls") == {row.decision_id for row in sent[1:]}
        assert len(sent) == plan.counts.sent


def test_consents_of_the_raw_tables_are_in_the_ledger_before_a_plan(home: Home) -> None:
    rows = pa.concat_tables(map(pq.read_table, (home.raw / "consents").glob("*.parquet")))
    keys = rows.select(["customer_id", "purpose", "channel", "happened_at", "state"])
    with care_of(home, SETTINGS) as care:
        planned(care)
        people = sorted(set(rows["customer_id"].to_pylist()))
        assert len(care.ledger.consents.about(people)) == len(set(map(str, keys.to_pylist())))
        again = merge_consents(home, care.ledger, NOON)
        assert (again.new, again.is_unchanged) == (0, True)


def test_the_ledger_s_consents_are_what_the_features_say(home: Home) -> None:
    with care_of(home, SETTINGS) as care:
        merge_consents(home, care.ledger, NOON)
        consents = care.ledger.consents.in_force(NIGHT)
    table = pq.read_table(OperatorRepository(home).tables / "consent_live" / "newest.parquet")
    customers = table["customer_id"].to_numpy(zero_copy_only=False).astype(str)
    codes = {None: UNKNOWN, 0: NO, 1: YES}
    for channel in CONTACT_CHANNELS:
        granted = [codes[one] for one in table[f"offers_consent_{channel}"].to_pylist()]
        assert consents.granted("offers", channel, customers).tolist() == granted
        refused = [NO if one else YES for one in table[f"do_not_contact_{channel}"].to_pylist()]
        assert consents.may_contact(channel, customers).tolist() == refused
    objects = [NO if one else YES for one in table["profiling_objection"].to_pylist()]
    assert consents.permits("profiling", customers).tolist() == objects


def test_nobody_is_ranked_by_a_version_that_does_not_score_any_more(home: Home) -> None:
    version = make_operator_version(home, TARGETS["churn"], seed=2)
    number = register_champion(home, version)
    with care_of(home, SETTINGS) as care:
        with pytest.raises(InputError, match=f"must be of version {number}, which is champion now"):
            planned(care)
        score_everybody(home, CONFIG, clock=clock_at(NIGHT), online=ONLINE)
        assert planned(care).counts.proposed > 0


def test_a_person_halts_care(home: Home) -> None:
    with care_of(home, SETTINGS) as care:
        care.ledger.halt("Ana", NOON)
        assert planned(care).counts.refused.keys() == {"care_halted"}
        care.ledger.halt("Ana", NOON, is_halted=False)
        approved(care)
        care.ledger.halt("Ana", NOON)
        assert sent_now(care).path is None


def test_offers_need_consent_and_are_withheld_from_the_holdout(home: Home) -> None:
    offer = CAMPAIGN.replace("courtesy_call", "plan_fit_offer")
    (home.care / "campaigns" / "offer.toml").write_text(offer, encoding="utf-8")
    settings = SETTINGS.model_copy(update={"holdout_share": 0.2})
    with care_of(home, settings) as care:
        counts = planned(care, "offer").counts
    assert counts.refused["no_consent"] > 0
    assert counts.intended + sum(counts.refused.values()) == counts.proposed


def test_days_and_folders_of_scores_are_the_operators(home: Home) -> None:
    # The snapshot's midnight in UTC is still the day before in New York.
    note = OperatorRepository(home).directory / "time_zone.json"
    note.write_text('{"time_zone": "America/New_York"}', encoding="utf-8")
    (scores,) = home.score_sets.glob("at=*")
    scores.rename(scores.with_name("at=2025-05-03"))
    with care_of(home, SETTINGS) as care:
        assert planned(care).counts.proposed > 0
        with pytest.raises(InputError, match=r"only \(got '2025-04-30'\)"):
            plan_campaign(care, "calls", FEATURES, lambda: datetime(2025, 5, 1, 3, tzinfo=UTC))


def test_a_campaign_runs_on_its_days_only(home: Home) -> None:
    with care_of(home, SETTINGS) as care:
        with pytest.raises(InputError, match="is planned from 2025-05-01 to 2025-05-31 only"):
            plan_campaign(care, "calls", FEATURES, lambda: NOON + timedelta(days=40))
        with pytest.raises(InputError, match="CAMPAIGN: must be one of calls"):
            planned(care, "cals")
        with pytest.raises(InputError, match="must have a plan"):
            approve_campaign(care, "calls", ANA, None, noon)


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_who_is_erased_is_gone_from_care_too(home: Home, format: Literal["csv", "parquet"]) -> None:
    with care_of(home, SETTINGS) as care:
        plan = approved(care)
        file = sent_now(care, format).path
        decided = care.ledger.decisions("calls")
        sent = next(row for _, row in decided if row.channel is not None)
        person = sent.customer_id
        answered = OutcomeRow(
            decision_id=sent.decision_id,
            outcome="answered",
            value=1.0,
            happened_at=next_day(),
            reported_at=next_day(),
        )
        care.ledger.record_outcomes([answered])
        told = export_person(home, person, now=NOON, language="en").document["care"]
        (outcome,) = next(one["outcomes"] for one in told if one["decision_id"] == sent.decision_id)
        assert (outcome["outcome"], outcome["value"]) == ("answered", 1.0)
        assert outcome["happened_at"] == next_day().isoformat()
        assert [one["decision_id"] for one in told] == [
            row.decision_id for _, row in decided if row.customer_id == person
        ]
    assert erase_people(home, [person], now=NOON, dry_run=True).rows["care"] > 0
    erased = erase_people(home, [person], now=NOON)
    assert erased.rows["care"] > 0
    assert file is not None
    assert person.encode() not in file.read_bytes()
    # An account that is shared stays elsewhere with the others.
    assert [one for one in erased.findings or () if one.path.startswith("care/")] == []
    with care_of(home, SETTINGS) as care:
        after = care.ledger.decisions("calls")
        assert len(after) == len(decided) == plan.counts.intended
        assert ERASED in {row.customer_id for _, row in after}
        assert [row.arm for _, row in after] == [row.arm for _, row in decided]


def test_a_ledger_elsewhere_is_reached_too(home: Home, tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"ledger": f"sqlite:///{tmp_path}/elsewhere.db"})
    customers = pq.read_table(home.raw / "customers", columns=["customer_id"])
    person = customers["customer_id"][0].as_py()
    said = ConsentStatement(
        customer_id=person,
        purpose="offers",
        channel="sms",
        is_granted=True,
        happened_at=NIGHT,
    )
    with care_of(home, settings) as care:
        care.ledger.consents.record([said], "request", NOON)
    assert not (home.care / "ledger.db").exists()
    told = export_person(home, person, now=NOON, language="en", care=settings).document
    assert [one["source"] for one in told["consents"]] == ["request"]
    assert export_person(home, person, now=NOON, language="en").document["consents"] == []
    assert erase_people(home, [person], now=NOON, care=settings).rows["care"] == 1
    with care_of(home, settings) as care:
        assert care.ledger.consents.about([person]) == []
