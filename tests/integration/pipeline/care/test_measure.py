"""What a campaign did, from raw tables and a ledger made by hand: planted outcomes are found."""

from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from care.ledger.rows import OutcomeRow
from care.model import Arm
from care.settings import CareSettings
from commands.main import app
from holdfast.home import Home
from pipeline.care.effects import measured_actions
from pipeline.care.measure import measure_campaign
from pipeline.care.pages import write_effect
from pipeline.care.workspace import care_of
from tests.builders.drawn_campaign import (
    FEATURES,
    HOUSEHOLDS,
    LABELS,
    NAME,
    home_with,
    is_control,
    measured,
    more_lost_in_control,
    tables,
)
from tests.builders.line_tables import day


@pytest.fixture(scope="module")
def lost_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return home_with(tmp_path_factory.mktemp("lost"), tables(more_lost_in_control))


KNOWN_ON = day(1 + 30 + 30 + 7)


def test_a_planted_effect_is_found_when_it_has_matured(lost_home: Home) -> None:
    early = measured(lost_home, KNOWN_ON - timedelta(seconds=1))
    assert (early.effect, early.why_not, early.known_on) == (None, "not_matured", KNOWN_ON)
    assert early.label == "assumed"
    assert early.looks == early.by_day == early.groups == ()
    known = measured(lost_home, KNOWN_ON)
    controls = [n for n in range(HOUSEHOLDS) if is_control(n)]
    treated = [n for n in range(HOUSEHOLDS) if not is_control(n)]
    lost = [n for n in range(HOUSEHOLDS) if more_lost_in_control(n) is not None]
    assert known.effect is not None
    assert known.effect.control_mean == pytest.approx(
        1 - len(set(controls) & set(lost)) / len(controls)
    )
    assert known.effect.treatment_mean == pytest.approx(
        1 - len(set(treated) & set(lost)) / len(treated)
    )
    assert (known.effect.treatment, known.effect.control) == (len(treated), len(controls))
    assert (known.effect.finding, known.label) == ("works", "randomised")
    assert (known.why_not, known.known_on) == (None, None)
    assert known.belief.sample_ratio_ok
    assert known.belief.arms_as_drawn
    assert known.belief.treated_share == 1.0
    assert known.funnel.refused == {"cool_down": 5}
    assert known.funnel.proposed == HOUSEHOLDS + 5
    assert (known.funnel.intended, known.funnel.sent) == (HOUSEHOLDS, len(treated))
    assert [row.by.name for row in known.approved] == ["Ana"]


def test_who_left_is_told_by_day_and_ends_at_the_effect(lost_home: Home) -> None:
    known = measured(lost_home, KNOWN_ON)
    assert known.effect is not None
    # Day 10 after the draw ends the tenth day; whoever leaves at its end has left by the eleventh.
    before, after, last = known.by_day[10], known.by_day[11], known.by_day[-1]
    assert (before.treatment, before.control) == (0.0, 0.0)
    assert after.control - after.treatment == pytest.approx(known.effect.value)
    assert (last.day, last.control) == (30, pytest.approx(1 - known.effect.control_mean))
    (group,) = [one for one in known.groups if one.kind == "billing_type"]
    assert (group.group, group.effect.value) == ("postpaid", pytest.approx(known.effect.value))
    assert group.effect.low < known.effect.low


def test_it_shows_the_same_whenever_it_is_asked(lost_home: Home) -> None:
    first, later = measured(lost_home, KNOWN_ON), measured(lost_home, day(190))
    assert later.effect == first.effect
    assert later.looks[0].at == KNOWN_ON


def test_its_page_and_its_figures_lie_in_the_home(lost_home: Home) -> None:
    with care_of(lost_home, CareSettings(jurisdiction="EU")) as care:
        page = write_effect(care, measured(lost_home, KNOWN_ON), "zh-Hant")
    assert page == lost_home.care / "effects" / f"{NAME}.html"
    assert 'lang="zh-Hant"' in page.read_text(encoding="utf-8")
    assert '"finding": "works"' in page.with_suffix(".json").read_text(encoding="utf-8")


def test_arms_that_somebody_chose_show_nothing(tmp_path: Path) -> None:
    def chosen(number: int) -> bool:
        # As many as the draw makes, and one that it does not.
        return is_control(number) if number > 1 else not is_control(number)

    home = home_with(tmp_path, tables(more_lost_in_control), arm_of=chosen)
    known = measured(home, KNOWN_ON)
    assert (known.effect, known.why_not, known.label) == (None, "not_drawn", "assumed")
    assert known.looks == ()


def test_what_other_systems_sent_is_counted_by_arm(tmp_path: Path) -> None:
    made = tables(lambda number: None)
    controls = [n for n in range(HOUSEHOLDS) if is_control(n)]
    treated = [n for n in range(HOUSEHOLDS) if not is_control(n)]
    sent = {"campaign_id": None, "action": "courtesy_call", "subscription_id": None}
    made.care(1, 5, "treatment", customer_id=f"C{controls[0]}", **sent)
    made.care(2, 6, "treatment", customer_id=f"C{controls[0]}", **sent)
    made.care(3, 31, "treatment", customer_id=f"C{controls[1]}", **sent)
    made.care(4, 5, "treatment", customer_id=f"C{treated[0]}", **sent)
    made.care(5, 5, "treatment", customer_id=f"C{controls[2]}", **{**sent, "action": "data_gift"})
    # Our own decision, as it comes back in the raw tables.
    made.add(
        "care_contacts",
        5,
        contact_id=f"D{controls[3]}",
        customer_id=f"C{controls[3]}",
        arm="treatment",
        action="courtesy_call",
    )
    belief = measured(home_with(tmp_path, made), KNOWN_ON).belief
    assert belief.others == {"treatment": 1, "control": 1, "holdout": 0}
    assert belief.contaminated == 1


def test_planned_looks_hold_together_and_show_no_single_look(tmp_path: Path) -> None:
    def drawn_on(number: int) -> float:
        return 7.0 * (number % 4)

    def lost_on(number: int) -> float | None:
        lost = more_lost_in_control(number)
        return None if lost is None else lost + drawn_on(number)

    # By the look, those of the first two days have matured.
    home = home_with(
        tmp_path,
        tables(lost_on),
        drawn_on=drawn_on,
        looks=[str(day(74).date())],
        outcome_days=30,
    )
    look, end = day(74), day(22 + 67)
    before = measured(home, look - timedelta(seconds=1))
    assert (before.why_not, before.known_on, before.looks) == ("not_matured", look, ())
    first, between, ended = (measured(home, at) for at in (look, look + timedelta(days=5), end))
    assert first.effect is not None
    assert first.looks[0].households == HOUSEHOLDS // 2
    assert (first.effect, first.known_on) == (between.effect, end)
    assert ended.looks[:1] == first.looks
    assert ended.effect is not None
    assert ended.effect.treatment + ended.effect.control == HOUSEHOLDS
    assert ended.known_on is None
    # The end comes after a look, which has spent some of the chance of a false claim.
    assert first.effect.critical > ended.effect.critical > 1.959965
    assert ended.groups == ()


def test_a_campaign_without_an_end_is_read_on_any_day(tmp_path: Path) -> None:
    home = home_with(tmp_path, tables(more_lost_in_control), narrowest_at=500)
    early = measured(home, day(60))
    assert (early.why_not, early.known_on) == ("not_matured", day(67))
    known, once = (
        measured(home, day(80)),
        measured(home_with(tmp_path / "once", tables(more_lost_in_control)), day(80)),
    )
    assert known.effect is not None
    assert once.effect is not None
    assert known.effect.value == once.effect.value
    assert known.effect.critical > 2.9
    assert once.effect.critical == pytest.approx(1.96, abs=1e-3)
    assert known.groups == ()


def test_the_margin_of_a_household_is_what_it_brings_in_less_the_contact(tmp_path: Path) -> None:
    made = tables(lambda number: None)
    for number in range(HOUSEHOLDS):
        due = {"account_id": f"A{number}", "due_at": day(40)}
        made.add("bills", -1, bill_id=f"old {number}", amount=500.0, **due)
        made.add("bills", 10, bill_id=f"new {number}", amount=40.0 + number % 7, **due)
        made.add("bills", 31, bill_id=f"late {number}", amount=500.0, **due)
    made.add("refunds", 20, refund_id="R", account_id="A0", amount=10.0)
    home = home_with(tmp_path, made, outcome="margin")
    known = measured(home, day(38))
    assert known.effect is not None
    share = FEATURES.margin_shares["postpaid"]

    def margin(members: list[int], cost: float) -> float:
        bills = sum(40.0 + n % 7 - (10.0 if n == 0 else 0.0) for n in members)
        return share * bills / len(members) - cost

    treated = [n for n in range(HOUSEHOLDS) if not is_control(n)]
    controls = [n for n in range(HOUSEHOLDS) if is_control(n)]
    assert known.effect.control_mean == pytest.approx(margin(controls, 0.0))
    assert known.effect.treatment_mean == pytest.approx(margin(treated, known.cost))
    assert known.by_day == ()


def test_who_gets_in_touch_again_is_counted_in_both_arms(tmp_path: Path) -> None:
    made = tables(lambda number: None)
    for number in range(HOUSEHOLDS):
        asked = number % 3 == 0 if is_control(number) else number % 6 == 0
        if asked:
            made.add(
                "interactions",
                12,
                interaction_id=f"I{number}",
                customer_id=f"C{number}",
                started_at=day(12),
                channel="phone",
            )
    made.add(
        "interactions",
        -2,
        interaction_id="before",
        customer_id="C1",
        started_at=day(-2),
        channel="phone",
    )
    known = measured(home_with(tmp_path, made, outcome="no_repeat_contact"), day(38))
    controls = [n for n in range(HOUSEHOLDS) if is_control(n)]
    assert known.effect is not None
    assert known.effect.control_mean == pytest.approx(
        sum(n % 3 != 0 for n in controls) / len(controls)
    )
    assert known.effect.finding == "works"


def test_reports_of_channels_are_counted_and_compared_with_nobody(tmp_path: Path) -> None:
    home = home_with(tmp_path, tables(lambda number: None))
    treated = [n for n in range(HOUSEHOLDS) if not is_control(n)]
    told = [
        OutcomeRow(
            decision_id=f"D{number}",
            outcome=outcome,
            value=value,
            happened_at=day(2),
            reported_at=day(3),
        )
        for number, outcome, value in (
            (treated[0], "opened", 1.0),
            (treated[1], "answered", 1.0),
            (treated[2], "answered", 0.0),
            (treated[3], "retained", 1.0),
        )
    ]
    with care_of(home, CareSettings(jurisdiction="EU")) as care:
        care.ledger.record_outcomes(told)
    funnel = measured(home, day(4)).funnel
    assert (funnel.reached, funnel.answered) == (2, 1)
    assert funnel.reported == {"answered": 1, "opened": 1, "retained": 1}


def test_an_interval_is_not_told_where_nobody_left(tmp_path: Path) -> None:
    known = measured(home_with(tmp_path, tables(lambda number: None)), KNOWN_ON)
    assert (known.effect, known.why_not) == (None, "too_few")


def test_an_action_is_told_over_all_its_campaigns_each_household_once(lost_home: Home) -> None:
    with care_of(lost_home, CareSettings(jurisdiction="EU")) as care:
        early, known = (
            measured_actions(care, LABELS, FEATURES, lambda at=at: at) for at in (day(5), KNOWN_ON)
        )
        alone = measure_campaign(care, NAME, LABELS, FEATURES, lambda: KNOWN_ON)
        nobody = measure_campaign(
            *(care, NAME, LABELS, FEATURES, lambda: KNOWN_ON),
            without=frozenset(f"H{number}" for number in range(HOUSEHOLDS)),
        )
    (first,), (one,) = early.actions, known.actions
    assert (first.effect, first.to_json()["label"]) == (None, "assumed")
    # The catalogue assumes effects of 90 days.
    assert (first.outcome_days, first.to_json()["assumed"]) == (30, None)
    assert (one.action, one.campaigns) == ("courtesy_call", (NAME,))
    assert one.effect is not None
    assert alone.effect is not None
    assert (one.effect.value, one.effect.campaigns) == (pytest.approx(alone.effect.value), 1)
    assert one.effect.low == pytest.approx(alone.effect.low)
    assert one.to_json()["label"] == "randomised"
    assert nobody.effect is None
    assert nobody.belief.treatment == 0


def test_commands_tell_what_the_page_does(lost_home: Home) -> None:
    told = [
        CliRunner().invoke(app, ["care", *command, "--home", str(lost_home.root)])
        for command in (["measure", NAME], ["effects"])
    ]
    assert [ran.exit_code for ran in told] == [0, 0]
    measure, effects = (ran.stdout for ran in told)
    assert f"{HOUSEHOLDS} households intended" in measure
    assert "It works. Of a hundred lines of households that were to be cared for" in measure
    assert f"Page: {lost_home.care / 'effects' / NAME}.html" in measure
    assert "randomised, 1 campaign, 600 households. It works." in effects


def test_an_arm_code_is_that_of_the_draw() -> None:
    assert [arm.name.lower() for arm in Arm] == ["treatment", "control", "holdout"]
