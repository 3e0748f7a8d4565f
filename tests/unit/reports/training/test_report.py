"""The page and its sections."""

import re
from dataclasses import replace

import numpy as np
import pytest

from holdfast.errors import InputError
from holdfast.sentences import as_written
from models.reasons.meaning import FeatureMeaning
from models.reasons.views import global_view
from reports.kit.page import environment
from reports.training import figures as model_figures
from reports.training.comparison import BASELINES
from reports.training.report import render_model_report
from reports.words.exclusions import excluded_words
from tests.builders.assessments import (
    assessment,
    care_facts,
    estimate,
    facts,
    operator_model,
    survey_assessment,
)
from tests.builders.html_page import Page, check_page
from tests.builders.model_report import (
    FEATURES,
    PASSED,
    SURVEY,
    read,
    refused,
    render_in,
)
from training.evaluation.leaks import Flag
from training.labelling.population import LINE_EXCLUSIONS
from training.release.verdict import Finding

HOSTILE = "<script>alert(1)</script>"
ODD = ("地区", HOSTILE, "\"quoted\" & 'so'", "{{ 7 * 7 }}", "</style></title>")


@pytest.fixture(scope="module")
def html() -> str:
    return render_model_report(operator_model(), PASSED, "3", SURVEY)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_the_page_stands_alone_and_is_small(html: str) -> None:
    check_page(html)
    assert len(html.encode()) < 1_500_000


def test_the_same_arguments_give_the_same_bytes(html: str) -> None:
    assert render_model_report(operator_model(), PASSED, "3", SURVEY) == html


def test_every_figure_of_every_baseline_is_there(page: Page) -> None:
    text, assessed = page.texts["better"], operator_model().assessments["60"]
    for name, ours in assessed.metrics.items():
        row = f"{name.replace('_', ' ')} {model_figures.interval(ours, 4)}"
        for baseline in map(assessed.baselines.__getitem__, BASELINES):
            row += f" {model_figures.interval(baseline.metrics[name], 4)}"
            row += f" {model_figures.interval(baseline.difference[name], 4, sign=True)}"
        assert row in text


def test_slices_say_for_whom_it_is_better_or_worse_than_the_champion() -> None:
    known = facts(horizons_days=(90,), features=FEATURES)
    assessed = assessment(90, champion=0.78)
    regions = assessed.slices["region"]
    lower = {"north": -0.01, "south": 0.0, "east": 0.01}
    shifted = {
        name: replace(regions[name], difference={"champion": estimate(shift, 0.005)})
        for name, shift in lower.items()
    }
    tiny = replace(
        assessed.slices["age_band"]["unknown"], difference={"champion": estimate(-0.5, 0.005)}
    )
    text = read(
        operator_model(
            {"90": replace(assessed, slices={"region": {**shifted, "tiny": tiny}})}, known
        )
    ).texts["where"]
    assert "Compared with version 2 It is clearly better for region north." in text
    assert "It is clearly worse for: region east: −7.1 % (−10.7 to −3.6)" in text
    assert "north 173 of 4,800 (58 customers) +6.2 (+3.1 to +9.4)" in text
    assert "tiny too few customers" in text
    text = read(
        operator_model(
            {"90": replace(assessed, slices={"region": {"south": shifted["south"]}})}, known
        )
    ).texts["where"]
    assert "It is not clearly better or worse for any slice." in text


def test_slices_say_where_it_ranks_much_worse_than_elsewhere() -> None:
    known = facts(horizons_days=(90,), features=FEATURES)
    flagged = [("region", "islands"), ("segment", "sole_trader")]
    text = read(operator_model({"90": assessment(90, flagged=flagged)}, known)).texts["where"]
    assert "segment sole trader: AUC 0.69" in text
    assert (
        "region islands: AUC 0.69 (0.66 to 0.72), minus that of all others −0.09 (−0.13 to −0.05)"
        in text
    )
    assert "Of 23 slices, about 1 would look clearly better or worse by chance alone" in text
    text = read(operator_model({"90": assessment(90)}, known)).texts["where"]
    assert "the AUC of no slice is clearly lower by more than 0.02" in text
    text = read(operator_model({"90": assessment(90, slices={"region": ()})}, known)).texts["where"]
    assert "No slice has enough customers" in text


def test_positives_are_told_by_row_and_by_customer(page: Page) -> None:
    assert ", of 288 customers" not in page.texts["head"]
    beside = "Beside each: how many of its subscriptions were lost, and of how many customers (in brackets)."
    assert page.texts["where"].count(beside) == 2
    assert page.texts["calibration"].count(beside) == 2
    assert "864 of 24,000 (288 customers)" in page.texts["calibration"]
    assert (
        "864 of 24,000 subscriptions. Those with the outcome belong to 288 customers."
        in page.texts["calibration"]
    )
    known = facts(horizons_days=(90,), features=FEATURES)
    counted = replace(assessment(90), positive_customers=288)
    text = read(operator_model({"90": counted}, known)).texts["head"]
    assert "of 24,000 test rows (9,500 customers) were lost within 90 days: 864, of 288" in text
    # As assessments and training facts from before have it.
    before = replace(
        counted, strata={"all": replace(counted.strata["all"], positive_customers=None)}
    )
    care = {name: figure for name, figure in care_facts(True).items() if "customers" not in name}
    known = replace(known, choices={**known.choices, "dataset": {"care": {"90": care}}})
    texts = read(operator_model({"90": before}, known)).texts
    assert "864 of 24,000 subscriptions. All 10 tenths" in texts["calibration"]
    assert "within 90 days 1,200 800 122,000 110,500 – – 2.8" in texts["making"]


def test_calibration_of_every_stratum_and_head_is_told(page: Page) -> None:
    text = page.texts["calibration"]
    for days in (30, 60, 90):
        for stratum in ("All", "Postpaid", "Prepaid", "Fixed"):
            assert f"{stratum}, within {days} days" in text
    assert "All 10 tenths are within the joint bounds" in text
    off = {"90": assessment(90, top_decile_off=0.08)}
    text = read(operator_model(off, facts(horizons_days=(90,), features=FEATURES))).texts[
        "calibration"
    ]
    assert "1 of 10 tenths is outside the joint bounds" in text


def test_care_is_told_in_hundreds_and_in_profit(page: Page) -> None:
    text = page.texts["care"]
    assert "The capacity of care is 5 % of the subscriptions" in text
    assert "15 this model 15.1 (14.0 to 16.2)" in text
    assert "14 version 2 14.4 (13.3 to 15.5)" in text
    assert "4 picked at random 3.6" in text
    assert (
        "a subscription that stays is worth 200, an accepted offer costs 10, a contact costs 1"
        in text
    )
    assert "30 % of those that would be lost accept" in text
    assert "this model 42 % (39 to 45)" in text


def test_decay_and_holdout(page: Page) -> None:
    text = page.texts["lasting"]
    assert "0.780 (0.760 to 0.800) after 4 months, 0.768 (0.748 to 0.788) after 7" in text
    assert "holdout 0.776 (0.764 to 0.788)" in text
    short = replace(assessment(90, months=1), holdout=None)
    text = read(operator_model({"90": short}, facts(horizons_days=(90,), features=FEATURES))).texts[
        "lasting"
    ]
    assert "The whole test period is 4 months of 28 days after" in text
    assert "The test period has too few of them" in text
    bare = read(
        operator_model(
            {"90": assessment(90, months=0)}, facts(horizons_days=(90,), features=FEATURES)
        )
    )
    assert "the test rows have no time" in bare.texts["lasting"]


def test_what_drives_risk_is_told_by_driver_by_reason_and_for_a_few_rows(page: Page) -> None:
    text, model = page.texts["drivers"], operator_model()
    shares = [
        strength.share for strength in global_view(model.sample.explanation, model.meanings).drivers
    ]
    for share in shares:
        assert f"{100 * share:.1f} %" in text
    assert "reason_0" in text
    assert "Network: mostly f1 (days). What feature 1 says." in text
    assert "How the riskiest tenth differs" in text
    top = int(np.argmax(model.sample.probability))
    assert (
        f"{100 * model.sample.probability[top]:.1f} % {model.sample.stratum[top]}, band high ▲"
        in text
    )
    assert "简体中文, 繁體中文" in text
    assert "f1 " in text.split("Single features")[1]


def test_examples_are_told_in_the_language_asked_for() -> None:
    model = operator_model()
    html = render_in("zh-TW", model)
    lists = re.findall(r'<ul class="worded" lang="([^"]*)">', html)
    assert lists[:3] == ["zh-Hant", "en", "zh-Hans"]
    assert "網路" in html or "網絡" in html
    with pytest.raises(InputError, match="language"):
        render_in("xx", model)


def test_a_model_that_nothing_moves() -> None:
    model = operator_model()
    still = replace(
        model.sample.explanation,
        contributions=np.zeros_like(model.sample.explanation.contributions),
    )
    same = np.full(len(model.sample.probability), 0.05)
    page = read(replace(model, sample=replace(model.sample, explanation=still, probability=same)))
    assert "No feature changes the predictions" in page.texts["drivers"]


def test_how_it_was_made(page: Page) -> None:
    text = page.texts["making"]
    assert "80,000 rows for fitting, 20,000 rows for tuning" in text
    assert "6 cut-offs from 2025-01-06 to 2025-06-06; their labels end on 2025-09-11" in text
    assert "too new: not enough history 2,400" in text
    assert "odd reason 3" in text
    assert "Within 30 days it is not shown" not in text
    assert (
        "Within 90 days it is not shown that the correction works. For 3.4 % of all rows, care by a"
        " rule leaves so few like them untouched that nobody represents them. With their weights,"
        " the rows left differ from all rows in 2 columns, most in contacts_28d: by 0.17 standard"
        " deviations."
    ) in text.replace("\xa0", " ").replace("\u202f", " ")
    assert "within 30 days 1,200 800 122,000 110,500 41,000 36,200 2.8 0.31 0.04" in text
    assert excluded_words("use_unknown") == "prepaid, and its use is not known"
    # As versions trained before call inactive lines.
    assert excluded_words("silent") == excluded_words("inactive")
    named = {
        *LINE_EXCLUSIONS,
        "other_billing_type",
        "in_gap",
        "incomplete",
        "censored",
        "care",
        "purged",
        "not_at_risk",
    }
    assert not [
        reason
        for reason in named
        if excluded_words(reason) == reason.replace("_", " ") and reason not in ("suspended",)
    ]
    assert "test lines" not in text
    assert "Prepaid has its own booster within 30, 60 and 90 days" in text
    assert "An explanation visits 4,300 leaves" in text
    assert "21 features may change the risk in one direction only" in text
    assert "with 0.7790 0.14210 180 without 0.7810 0.14190 170" in text
    assert "12 trials, 4 of them stopped early" in text
    assert (
        "within 30 days prepaid beta platt 0.15000, beta 0.14970 its own: 0.1490 against 0.1500 shared"
        in text
    )
    foot = page.texts["foot"]
    for word in ("ab" * 32, "cd" * 32, "0123456789abcdef", "20260101", "2026-01-15T10:00:00+00:00"):
        assert word in foot


def test_the_days_of_inactivity_are_shown_if_they_are_known() -> None:
    days = [
        {"days": 15, "lines": 9, "lost": 0.31, "back": 0.7},
        {"days": 90, "lines": 9, "lost": 0.1, "back": None},
    ]
    text = read(operator_model(documents={"inactivity.json": days})).texts["making"]
    assert "15 days 31.0 %, 70.0 % used again" in text
    assert "90 days 10.0 %, not known used again" in text
    assert "days of inactivity" not in read(operator_model()).texts["making"]


def test_the_survey_section(page: Page) -> None:
    text = page.texts["survey"]
    assert "6,300 " in text
    assert "33.3 %" in text
    assert "all who were asked 2,100 of 6,300 answered 20.0 % (14.0 % to 28.0 %)" in text
    assert "up to 2 times higher or lower" in text
    assert "Estimated on one side from a reminder drawn at random" in text
    assert "The band is narrowed to odds ratios from 0.90 to 2.00." in text
    assert "test period 1.04 (0.81 to 1.33)" in text
    assert "survey answers 182d +0.45 → −0.05" in text
    assert "rows 17,480 invitations 6,200 answers 2,050 rounds 80" in text
    assert "Columns outside it: 14 before, 2 after." in text
    assert "survey" not in read(operator_model()).texts
    assert "Who answered" in read(operator_model(), survey={}).texts["survey"]


def test_answers_are_ranked_for_those_who_gave_them_and_for_all() -> None:
    text = read(operator_model({"90": survey_assessment()})).texts["better"]
    assert "Unweighted AUC, of those who answered: all answers count the same 0.810" in text
    assert "predict who answers 0.780" in text
    assert "lasting satisfaction may be ranked better than they say." in text
    assert "Unweighted" not in read(operator_model()).texts["better"]


def test_satisfaction_is_called_so_and_has_no_profit() -> None:
    known = facts(target="csat_low", horizons_days=(90,), features=FEATURES, strata=())
    model = operator_model({"90": assessment(90, strata=())}, known)
    sample = replace(model.sample, stratum=np.full(len(model.sample.stratum), "all"))
    page = read(replace(model, sample=sample))
    assert (
        "Take one customer who is dissatisfied within 90 days and one who is not."
        in page.texts["head"]
    )
    assert "of those are dissatisfied 14 to 16 % 15 %" in page.texts["head"]
    assert "profit" not in page.texts["head"] + page.texts["care"]
    assert "customer, band high" in page.texts["drivers"]


def test_rare_values_take_one_row_and_are_counted_where_there_are_many() -> None:
    known = facts(horizons_days=(90,), features=FEATURES)
    assessed = assessment(90)
    rare = assessed.slices["age_band"]["unknown"]
    some = {"a_b": rare, "18_24": rare, "north": assessed.slices["region"]["north"]}
    text = read(operator_model({"90": replace(assessed, slices={"region": some})}, known)).texts[
        "where"
    ]
    assert "north 173 of 4,800 (58 customers)" in text
    assert "a b, 18–24 too few customers" in text
    many = {**some, "c": rare, "d": rare}
    text = read(operator_model({"90": replace(assessed, slices={"region": many})}, known)).texts[
        "where"
    ]
    assert "4 values too few customers" in text


def test_a_target_without_horizon_strata_and_choices() -> None:
    known = facts(
        target="odd",
        horizons_days=(),
        features=FEATURES,
        strata=(),
        choices={},
        excluded={},
        explanation_cost={},
        additivity_error={},
    )
    page = read(
        operator_model(
            {"": assessment(None, strata=(), slices={})}, replace(known, cutoffs={}, slices=())
        )
    )
    assert "positive for odd" in page.texts["head"]
    assert "Windows" not in page.texts["making"]
    assert "Care exposure" not in page.texts["making"]


def test_figures_that_cannot_be_told_are_said_to_be_so() -> None:
    known = facts(horizons_days=(90,), features=FEATURES)
    assessed = assessment(90)
    kept = {"auc": assessed.metrics["auc"], "log_loss": assessed.metrics["log_loss"]}
    page = read(operator_model({"90": replace(assessed, metrics=kept)}, known))
    assert "not known" in page.texts["head"]
    assert "not known" in page.texts["better"]


def test_names_and_values_of_the_team_are_text(page: Page) -> None:
    described = tuple(
        FeatureMeaning(f"f{place}", word, word, "network", True, "none", word)
        for place, word in enumerate((*ODD, *ODD))
    )
    names = tuple(meaning.name for meaning in described)
    flags = tuple(
        Flag(word, kind, 0.9)
        for word in ODD
        for kind in ("single_column", "missingness", "id_like")
    )
    heads = {
        "90": assessment(90, slices={"region": ODD}, flagged=[("region", word) for word in ODD[:3]])
    }
    known = facts(
        horizons_days=(90,),
        features=names,
        flags=flags,
        excluded=dict.fromkeys(ODD, 3),
        weights=HOSTILE,
        made_at=HOSTILE,
    )
    verdict = refused(*(Finding("leaks", word, as_written(word)) for word in ODD))
    hostile = read(operator_model(heads, known, described=described), verdict)
    assert {tag for tag, _ in hostile.elements} <= {tag for tag, _ in page.elements} | {"code"}
    for section in ("head", "where", "drivers", "suspicious", "making"):
        for word in ODD:
            assert word in hostile.texts[section]


def test_no_cause_and_no_effect_is_claimed(page: Page) -> None:
    for section in ("head", "drivers", "care"):
        assert not re.search(
            r"\b(because|causes?d?|due to|leads? to)\b", page.texts[section], re.IGNORECASE
        )
    assert "No effect of care is shown here" in page.texts["care"]


def test_every_template_escapes_what_it_is_given() -> None:
    assert environment().autoescape is True
