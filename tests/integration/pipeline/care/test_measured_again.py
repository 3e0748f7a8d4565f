"""A campaign measured again: what was approved and what was shown stand, whatever changes later."""

from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from care.ledger.approving import require_same_terms
from care.settings import CareSettings
from commands.main import app
from features.retained.kept_since import KeptSince
from features.retained.old_rows import forget_old_rows
from holdfast.errors import InputError
from holdfast.home import Home
from pipeline.care.effects import measured_actions
from pipeline.care.pages import write_effect
from pipeline.care.workspace import care_of
from reports.care.words import headline, meaning
from tests.builders.drawn_campaign import (
    FEATURES,
    HOUSEHOLDS,
    LABELS,
    NAME,
    change_file,
    home_with,
    measured,
    more_lost_in_control,
    night_of_care,
    tables,
)
from tests.builders.line_tables import day


@pytest.mark.parametrize(
    ("approved", "edited", "told"),
    [
        ({"narrowest_at": 500}, {"narrowest_at": None}, "narrowest_at: must stay 500, as approved"),
        ({}, {"outcome": "no_repeat_contact"}, "outcome: must stay 'stayed', as approved"),
        ({}, {"outcome_days": 60}, "outcome_days: must stay 30, as approved"),
        ({}, {"looks": [str(day(80).date())]}, r"looks: must stay \[\], as approved"),
        ({}, {"ends_on": str(day(3).date())}, "ends_on: must stay .* which has passed"),
        (
            {"looks": [str(day(120).date())], "ends_on": str(day(100).date())},
            {"ends_on": str(day(140).date())},
            "ends_on: must stay .* since looks are planned",
        ),
    ],
)
def test_a_file_edited_after_the_approval_measures_nothing_else(
    tmp_path: Path, approved: dict[str, object], edited: dict[str, object], told: str
) -> None:
    stated = {"outcome": "stayed", "looks": [], "narrowest_at": 0, **approved}
    home = home_with(tmp_path, tables(more_lost_in_control), **stated)
    before = measured(home, day(80))
    path = home.care / "campaigns" / f"{NAME}.toml"
    as_approved = path.read_text(encoding="utf-8")
    change_file(home, **edited)
    with pytest.raises(InputError, match=told):
        measured(home, day(80))
    with care_of(home, CareSettings(jurisdiction="EU")) as care:
        known = measured_actions(care, LABELS, FEATURES, lambda: day(80))
    assert known.actions == ()
    assert list(known.not_measured) == [NAME]
    ran = CliRunner().invoke(app, ["care", "effects", "--home", str(home.root)])
    assert ran.exit_code == 0
    assert ran.stdout.startswith(f"{NAME} was not measured: campaign {NAME}: ")
    path.write_text(as_approved, encoding="utf-8")
    assert measured(home, day(80)) == before


def test_an_end_that_lies_ahead_moves_with_a_plan_alone(tmp_path: Path) -> None:
    """Moved to the past and put back, it would be one more look."""
    home = home_with(tmp_path, tables(more_lost_in_control), ends_on=str(day(20).date()))
    change_file(home, ends_on=str(day(25).date()))
    with care_of(home, CareSettings(jurisdiction="EU")) as care:
        campaign = care.campaign(NAME)
        require_same_terms(care.ledger, campaign, day(20).date(), is_planned=True)
        with pytest.raises(InputError, match=r"ends_on: must stay .* which has passed"):
            require_same_terms(care.ledger, campaign, day(22).date(), is_planned=True)
    with pytest.raises(InputError, match=r"ends_on: must stay .* until a plan with another end"):
        measured(home, day(20))


def test_each_night_updates_a_campaign_that_is_read_on_any_day(tmp_path: Path) -> None:
    def drawn_on(number: int) -> float:
        return 7.0 * (number % 4)

    def lost_on(number: int) -> float | None:
        lost = more_lost_in_control(number)
        return None if lost is None else lost + drawn_on(number)

    home = home_with(tmp_path, tables(lost_on), drawn_on=drawn_on, narrowest_at=500)
    told = {}
    for at in (75, 76, 95, 96):
        is_told = night_of_care(home, day(at)).measured == (NAME,)
        with care_of(home, CareSettings(jurisdiction="EU")) as care:
            stored = care.ledger.measured.campaign(NAME)
        assert stored is not None
        told[at] = is_told, stored[1]["looks"][0]["households"], stored[1]["effect"]
    # Two of the four days of draws have matured by day 75, all by day 95; nights between show no more.
    assert [one[:2] for one in told.values()] == [
        *((True, HOUSEHOLDS // 2), (False, HOUSEHOLDS // 2)),
        *((True, HOUSEHOLDS), (False, HOUSEHOLDS)),
    ]
    assert told[75][2] != told[95][2]
    newest = measured(home, day(95)).effect
    assert newest is not None
    assert told[95][2] == asdict(newest)


def forget_rows_before(home: Home, at: datetime) -> None:
    """Raw rows go by their age, as a night lets them."""
    kept = KeptSince(raw=at)
    kept.write(home.kept_since)
    assert sum(one.rows for one in forget_old_rows(home.raw, kept)) > 0


@pytest.mark.parametrize(
    "rows_since",
    [
        # Losses are gone, states of lines are not.
        day(60),
        # What came of the households is there, but for the year in which late rows were observed.
        day(-100),
    ],
)
def test_rows_that_went_by_their_age_change_no_recorded_effect(
    tmp_path: Path, rows_since: datetime
) -> None:
    made = tables(more_lost_in_control)
    # Told late, long before the campaign: outcomes are waited for longer.
    for number in range(400):
        made.line(f"old{number}", customer_id="C0")
        made.loss(f"old{number}", "cancellation", -200, arrived=-145, customer_id="C0")
    home = home_with(tmp_path, made)
    assert measured(home, day(80)).known_on == day(1 + 30 + 55)
    assert night_of_care(home, day(90)).measured == (NAME,)
    before = measured(home, day(95))
    assert before.effect is not None
    forget_rows_before(home, rows_since)
    after = measured(home, day(180))
    assert (after.to_json(), after.by_day) == (before.to_json(), before.by_day)
    assert after.as_of == day(90)
    with care_of(home, CareSettings(jurisdiction="EU")) as care:
        (action,) = measured_actions(care, LABELS, FEATURES, lambda: day(180)).actions
        # As a job does.
        assert not care.ledger.measured.record_campaign(NAME, after.to_json(), day(180))
        page = write_effect(care, after)
    assert action.effect is not None
    assert action.effect.value == pytest.approx(before.effect.value)
    assert "Who had left by day" in page.read_text(encoding="utf-8")


def test_an_effect_that_nobody_recorded_is_not_counted_without_its_rows(tmp_path: Path) -> None:
    home = home_with(tmp_path, tables(more_lost_in_control))
    night_of_care(home, day(50))
    forget_rows_before(home, day(60))
    known = measured(home, day(180))
    assert (known.effect, known.why_not, known.known_on) == (None, "rows_gone", None)
    assert (known.label, known.looks) == ("assumed", ())
    assert headline(known) == "No effect can be measured any more"
    assert meaning(known)[0].startswith("Rows of the raw tables")
