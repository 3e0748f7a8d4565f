"""The pages of a campaign: what they say, and that they say no more than was shown."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from care.campaign import Campaign
from care.catalogue import DEFAULT_CATALOGUE, read_catalogue
from care.jurisdiction import jurisdiction
from care.ledger.export import REACHED
from care.ledger.rows import ApprovalRow, Approver
from care.looks import Matured, read_looks
from care.measurement import ANSWERED, Measurement
from care.policy import reason_codes
from features.contracts.vocabulary import CONTACT_CHANNELS, OUTCOMES
from reports.care import words
from reports.care.effect import checks, render_effect
from reports.care.plan import render_plan
from reports.care.words import headline, meaning
from reports.words.texts import texts
from tests.builders.html_page import Page, check_page
from tests.builders.ledger_rows import plan_row
from tests.builders.measurements import CAMPAIGN, READ_AT, measurement, outcomes

CHINESE = ("zh-Hans", "zh-Hant")
NAMES = {
    "English",
    "UTC",
    "EUR",
    "spring",
    "courtesy",
    "call",
    "Tan",
    "EU",
    "churn",
    "version",
    "App",
}
HOSTILE = "<script>alert(1)</script>"
CATALOGUE = read_catalogue(DEFAULT_CATALOGUE, jurisdiction("EU"))

SIZING: dict[str, object] = {
    "expected_stay": 0.86,
    "expected_stay_low": 0.81,
    "expected_stay_high": 0.9,
    "level": "assumed",
    "half_width": 0.024,
    "assumed": 0.01,
    "needed": 57_909,
}
ABOUT = {
    "proposed": 9_000,
    "sent": 3_940,
    "control": 985,
    "holdout": 140,
    "refused": {"no_consent": 3_000, "household_cap": 935},
    "channels": {"phone": 3_940},
    "model": "churn version 3",
    "scores_at": "2026-03-01T00:00:00+00:00",
    "jurisdiction": "EU",
    "sizing": SIZING,
}


FOR_90_DAYS = replace(CAMPAIGN, outcome_days=90)
"""Counted over the days on which the catalogue assumes effects."""


def plan_page(
    campaign: Campaign = FOR_90_DAYS,
    approved: ApprovalRow | None = None,
    language: str = "en",
    **changed: object,
) -> str:
    plan = replace(plan_row(), about={**ABOUT, **changed})
    return render_plan(plan, campaign, CATALOGUE, approved, texts(language))


def not_matured(campaign: Campaign = FOR_90_DAYS) -> Measurement:
    return measurement(
        campaign=campaign,
        effect=None,
        why_not="not_matured",
        known_on=datetime(2026, 6, 7, tzinfo=UTC),
        looks=(),
        by_day=(),
        groups=(),
    )


def looked_at() -> Measurement:
    known = []
    for number, part in enumerate((0.3, 0.6, 1.0)):
        outcome, arm = outcomes(0.05, 5_000)
        size = int(5_000 * part) if number else 100
        known.append(Matured(READ_AT, outcome[:size], arm[:size], part))
    campaign = replace(CAMPAIGN, looks=("2026-05-01", "2026-05-20"))
    looks = tuple(read_looks("planned_looks", known, 0))
    return measurement(0.05, campaign=campaign, looks=looks, effect=looks[-1].effect, groups=())


def left_in_english(html: str) -> set[str]:
    """Latin words outside of what is marked as English, and of what is typed."""
    html = re.sub(
        r"<style.*?</style>|<code.*?</code>|<dd lang=\"en\".*?</dd>", " ", html, flags=re.S
    )
    shown = re.findall(r'aria-label="([^"]*)"|data-label="([^"]*)"', html)
    text = " ".join([*(one for pair in shown for one in pair), re.sub("<[^>]*>", " ", html)])
    return set(re.findall("[A-Za-z]{2,}", text)) - NAMES


PAGES = {
    "works": lambda language: render_effect(measurement(0.06), texts(language)),
    "not shown": lambda language: render_effect(measurement(0.0), texts(language)),
    "harms": lambda language: render_effect(measurement(-0.06), texts(language)),
    "not matured": lambda language: render_effect(not_matured(), texts(language)),
    "looks": lambda language: render_effect(looked_at(), texts(language)),
    "not matured, other days": lambda language: render_effect(
        not_matured(CAMPAIGN), texts(language)
    ),
    "plan": lambda language: plan_page(language=language),
    "plan for other days": lambda language: plan_page(
        CAMPAIGN, language=language, sizing={**SIZING, "horizon_days": 60}, without_risk=12
    ),
    "plan without predictions": lambda language: plan_page(
        language=language, sizing=None, without_risk=4_925
    ),
}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_stands_alone_in_every_language(page: str) -> None:
    check_page(PAGES[page]("en"))
    for language in CHINESE:
        html = PAGES[page](language)
        check_page(html)
        assert f'lang="{language}"' in html
        assert left_in_english(html) == set()


def test_every_code_has_words() -> None:
    assert tuple(words.RULES) == reason_codes()
    assert set(words.REPORTED) == set(OUTCOMES) >= REACHED > ANSWERED
    assert tuple(words.CHANNELS) == CONTACT_CHANNELS


def test_a_plan_shows_its_texts_in_all_languages_and_no_fact_of_a_customer() -> None:
    campaign = replace(CAMPAIGN, action="plan_fit_offer")
    html = plan_page(campaign)
    page = Page(html)
    shown = page.texts["messages"]
    assert "SMS, email, app" in shown
    operator = CATALOGUE.operator
    for language in ("en", "zh-Hans", "zh-Hant"):
        assert operator.opt_out[language] in shown
    assert operator.sender in shown
    assert html.count('<code class="fact">saving_on_best_plan</code>') >= 3
    assert "{{" not in html
    assert "no longer those" not in shown
    other = plan_page(campaign, wording="of before")
    assert "no longer those of the plan" in Page(other).texts["messages"]


def test_an_effect_below_zero_is_told_as_what_was_lost() -> None:
    page = Page(render_effect(measurement(-0.06)))
    assert "points, of lines that stayed 30 days" in page.text
    assert "households lost by it" in page.text
    assert "households kept" not in page.text
    assert "more lines" not in page.text


def test_what_works_is_said_with_its_interval_and_what_it_cost() -> None:
    measured = measurement(0.06)
    effect = measured.effect
    assert effect is not None
    page = Page(render_effect(measured))
    assert "It works" in page.texts["head"]
    assert f"{100 * effect.value:.1f} more stayed 30 days" in page.text
    assert f"hardly fewer than {100 * effect.low:.1f} more" in page.text
    assert "randomised" in page.texts["head"]
    assert "assumed" not in page.texts["head"]
    kept = round(effect.value * effect.treatment)
    assert f"households kept, of {effect.treatment:,} to be cared for {kept}" in page.text
    assert "for each household kept" in page.text
    assert "M. Tan, 2026-03-01" in page.text
    assert "7f3a91c2" in page.text


def test_no_effect_is_not_called_none_and_nothing_is_said_to_be_kept_for_money() -> None:
    page = Page(render_effect(measurement(0.0)))
    assert "No effect is shown" in page.texts["head"]
    assert "That is no proof that there is none" in page.text
    assert "no good effect is shown" in page.text
    assert "It works" not in page.text


def test_before_it_has_matured_it_says_when_and_calls_the_effect_assumed() -> None:
    html = render_effect(not_matured())
    page = Page(html)
    assert "Not known yet" in page.texts["head"]
    assert "The effect may be read on 2026-06-07, and not before." in page.text
    assert "assumed" in page.texts["head"]
    assert "randomised" not in page.texts["head"]
    assert {"by-day", "for-whom", "looks", "needed"}.isdisjoint(page.texts)


@pytest.mark.parametrize(
    "why, belief, words_shown",
    [
        ("ratio", {"sample_ratio_ok": False, "ratio_chance": 2e-7}, "lots did not fall as drawn"),
        ("not_drawn", {"arms_as_drawn": False}, "in another arm than the secret salt draws"),
        ("no_control", {"control_share": 0.0}, "nothing was withheld by lot"),
    ],
)
def test_what_cannot_be_believed_claims_nothing(
    why: str, belief: dict[str, object], words_shown: str
) -> None:
    doubtful = replace(not_matured(), why_not=why, belief=replace(measurement().belief, **belief))
    page = Page(render_effect(doubtful))
    assert words_shown in page.text
    assert "No effect can be" in page.texts["head"]
    assert "may be read on 2026" not in " ".join(meaning(doubtful))


def test_contamination_is_told_and_what_it_does() -> None:
    belief = replace(measurement().belief, others={"treatment": 0, "control": 60, "holdout": 0})
    alarms = [check.text for check in checks(measurement(belief=belief)) if not check.is_ok]
    assert len(alarms) == 1
    assert "the effect looks smaller than it is" in alarms[0]
    assert all(check.is_ok for check in checks(measurement()))


def test_few_households_are_no_reason_while_a_look_is_to_come() -> None:
    few = replace(not_matured(), why_not="too_few")
    assert headline(few) == "Not known yet"
    assert headline(replace(few, known_on=None)) == "Too few households"
    assert "fewer than 100" in " ".join(meaning(replace(few, known_on=None)))


@pytest.mark.parametrize(
    ("control", "said"), [(0.063, "by more than chance"), (0.04, "by no more than chance")]
)
def test_who_is_lost_at_day_0_is_explained(control: float, said: str) -> None:
    measured = measurement()
    first = replace(measured.by_day[0], treatment=0.032, control=control, chance=0.02)
    page = Page(render_effect(replace(measured, by_day=(first, *measured.by_day[1:]))))
    assert "Day 0 begins at 3.2" in page.texts["by-day"]
    assert said in page.texts["by-day"]
    assert "Day 0" not in Page(render_effect(measured)).texts["by-day"]


def test_looks_are_shown_each_with_its_interval() -> None:
    measured = looked_at()
    page = Page(render_effect(measured))
    assert measured.stopped_on is not None
    assert "too few" in page.texts["looks"]
    assert "could have been stopped" in page.texts["looks"]
    assert "each is wider than that of a single look" in page.texts["looks"]
    assert "looks" not in Page(render_effect(measurement())).texts


def test_a_margin_is_money_and_says_nothing_of_lines() -> None:
    campaign = replace(CAMPAIGN, outcome="margin", outcome_days=90)
    page = Page(render_effect(measurement(0.06, campaign=campaign, by_day=())))
    assert "of margin per household in 90 days" in page.text
    assert "more stayed" not in page.text
    assert "mean margin of a household in control" in page.text


def test_names_are_text() -> None:
    row = replace(measurement().approved[0], by=Approver(name=HOSTILE, how="key"))
    funnel = replace(measurement().funnel, refused={HOSTILE: 3})
    html = render_effect(measurement(approved=(row,), funnel=funnel))
    check_page(html)
    assert "<script>" not in html
    assert "<script>" not in plan_page(approved=row)


def test_a_plan_says_what_it_will_send_and_see_before_anybody_approves_it() -> None:
    page = Page(plan_page())
    assert "3,940 are to be sent a message, and 985 like them are withheld by lot" in page.text
    assert "Nothing is sent yet." in page.text
    assert "reach 2.4 points to either side" in page.text
    assert "The assumed effect is +1.0 points" in page.text
    assert "about 57,900 are needed. Extend the campaign, or claim nothing." in page.text
    assert "holdfast care approve spring --digest dddddddd" in " ".join(page.text.split())
    assert "€19,700" in page.text
    assert "3,940 by phone" in page.text
    assert "no consent to offers through this channel 3,000" in page.text


def test_a_plan_shows_the_band_of_those_who_are_expected_to_stay() -> None:
    def expected(sizing: dict[str, object]) -> str:
        return " ".join(Page(plan_page(sizing=sizing)).texts["sizing"].split())

    assert "86.0 % (81.0 % to 90.0 %, assumed) are expected to stay" in expected(SIZING)
    judged = "86.0 % (81.0 % to 90.0 %) are expected to stay"
    assert judged in expected({**SIZING, "level": "judged"})
    earlier = ("expected_stay", "half_width", "assumed", "needed")
    assert "86.0 % are expected to stay" in expected({name: SIZING[name] for name in earlier})


def test_no_effect_is_told_that_is_assumed_of_other_days() -> None:
    sizing = Page(plan_page(CAMPAIGN)).texts["sizing"]
    assert "Effects are assumed on staying for 90 days, not for 30: none is told here." in sizing
    assert "are needed" not in sizing
    assert "does not predict" not in sizing
    head = Page(render_effect(not_matured(CAMPAIGN))).texts["head"]
    assert "effects are assumed on staying for 90 days" in head
    assert "+1.0" not in head
    assert "+1.0" in Page(render_effect(not_matured())).texts["head"]
    needed = {
        days: Page(render_effect(measurement(0.0, campaign=campaign))).texts["needed"]
        for days, campaign in ((30, CAMPAIGN), (90, FOR_90_DAYS))
    }
    assert "assumed" in needed[90]
    assert "assumed" not in needed[30]


def test_a_plan_says_of_which_days_its_predictions_are() -> None:
    page = Page(plan_page(CAMPAIGN, sizing={**SIZING, "horizon_days": 60}))
    told = "does not predict 30 days: these figures rest on its predictions of 60 days"
    assert told in page.texts["sizing"]
    same = Page(plan_page(CAMPAIGN, sizing={**SIZING, "horizon_days": 30}))
    assert "does not predict" not in same.texts["sizing"]


def test_an_approved_plan_says_who_approved_it() -> None:
    page = Page(plan_page(approved=measurement().approved[0]))
    assert "It was approved by M. Tan." in page.text
    assert "--by NAME" not in page.text


def test_a_plan_that_can_show_nothing_says_so() -> None:
    none = Page(plan_page(replace(CAMPAIGN, control_share=0.0), sizing=None))
    assert "no effect can be measured" in none.texts["sizing"]
    margin = Page(plan_page(replace(CAMPAIGN, outcome="margin"), sizing=None))
    assert "How far this outcome varies is not predicted" in margin.texts["sizing"]
    enough = Page(plan_page(sizing={**SIZING, "assumed": 0.05, "needed": 2_000}))
    assert "too few households" not in enough.texts["sizing"]


def test_without_an_assumed_effect_no_chance_is_told_to_show_it() -> None:
    assert "Chance to show" in PAGES["plan"]("en")
    assert "Chance to show" not in PAGES["plan for other days"]("en")
