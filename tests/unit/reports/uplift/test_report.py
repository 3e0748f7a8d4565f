"""The uplift report and its words: what it says, that it stands alone, and that names of a table
are text to it.
"""

import re
from dataclasses import replace
from types import SimpleNamespace

import pytest

from reports.uplift import words
from reports.uplift.plots import qini_figure
from reports.uplift.report import render_uplift
from reports.uplift.words import Unit
from reports.words.texts import texts
from tests.builders.experiments import experiment
from tests.builders.html_page import Page, check_page
from training.evaluation.assessment import Estimate
from training.uplift.balance import Imbalance
from training.uplift.estimate import evaluate_experiment
from training.uplift.result import ActionUplift, Trait
from training.uplift.settings import UpliftSettings

HOSTILE = "<script>alert(1)</script>"
SETTINGS = UpliftSettings(folds=3, repeats=1)


@pytest.fixture(scope="module")
def evaluated() -> SimpleNamespace:
    changed = replace(
        experiment(rows=1_500, spread=0.15),
        name=f"{HOSTILE}.csv",
        arms=("对照", HOSTILE),
        labels=("f0", "套餐 <b>", "f2", "f3", "f4", "f5"),
        left_out={"arm is blank": 12, "outcome not known yet": 1},
    )
    changed = replace(
        changed,
        marks={"treated by another action before the outcome was known": changed.outcome > 0},
    )
    return SimpleNamespace(
        experiment=changed,
        actions=evaluate_experiment(changed, SETTINGS).actions,
        imbalances=(Imbalance(HOSTILE, "spent & gone", 9.87), Imbalance("call", None, -5.0)),
        notes=("control is '对照', by its name",),
        adjusted_by=changed.labels,
        clusters=1_500,
    )


@pytest.fixture(scope="module")
def html(evaluated: SimpleNamespace) -> str:
    return render_uplift("客户.csv", [evaluated], {"data_gift": "too few <rows>"}, SETTINGS)


def test_it_says_both_verdicts_and_what_they_rest_on(html: str, evaluated: SimpleNamespace) -> None:
    page = Page(html)
    (action,) = evaluated.actions
    assert action.verdict in page.text
    assert "no detectable uplift" in page.text
    unit = Unit(True)
    for estimate in (
        action.average,
        action.qini,
        action.autoc,
        action.groups[-1].effect,
        action.policies[-1].gain,
    ):
        assert unit.effect(estimate.value) in page.text
        assert unit.between(estimate) in page.text
    for policy in action.policies:
        assert words.POLICIES[policy.name] in page.text
    assert "12 rows: arm is blank" in page.text
    assert "1 row: outcome not known yet" in page.text
    assert "too few <rows>" in page.text
    assert "f0, 套餐 <b>, f2, f3, f4, f5. A column that the action may have changed" in page.text
    assert "spent & gone differs between" in page.text
    assert "has fewer rows than its propensities give, by 5.0 standard errors" in page.text


def test_every_effect_says_whether_it_is_randomised_or_estimated(html: str) -> None:
    page = Page(html)
    assert page.text.count("randomised") >= 3
    assert "Predictions are estimated" in page.text
    assert "Assumed" in page.texts["reading"]


@pytest.mark.parametrize("language", ("zh-Hans", "zh-Hant"))
def test_in_chinese_only_notes_on_the_data_are_english(
    evaluated: SimpleNamespace, language: str
) -> None:
    renamed = replace(
        evaluated.experiment,
        name="实验",
        arms=("对照", "优惠"),
        labels=tuple(f"列{place}" for place in range(6)),
        outcome_name="留下",
    )
    named = {
        "experiment": renamed,
        "actions": evaluate_experiment(renamed, SETTINGS).actions,
        "adjusted_by": renamed.labels,
        "imbalances": (Imbalance("优惠", "费用", 9.87), Imbalance("优惠", None, -5.0)),
    }
    chosen = SimpleNamespace(**vars(evaluated) | named)
    html = render_uplift("表", [chosen], {"流量": "too few"}, SETTINGS, texts(language))
    html = re.sub(r'<(\w+) lang="en">.*?</\1>|<style.*?</style>', " ", html, flags=re.S)
    assert not re.search(r'(label|title)="[A-Za-z]', html)
    left = set(re.findall("[A-Za-z]{2,}", re.sub("<[^>]*>", " ", html)))
    assert left <= {
        "AUTOC",
        "Qini",
        "HOLDFAST",
        "UPLIFT",
        "CAPACITY",
        "SHARE",
        "drop",
        "holdfast",
        "uplift",
    }


def test_every_verdict_can_be_translated(evaluated: SimpleNamespace) -> None:
    (action,) = evaluated.actions
    good, bad, none = (Estimate(value, value - 0.01, value + 0.01) for value in (0.1, -0.1, 0.0))
    verdicts = {
        replace(action, average=average, qini=qini, ranked=ranked).verdict
        for average in (good, bad, none)
        for qini in (good, none)
        for ranked in (True, False)
    }
    assert verdicts == set(words.VERDICTS)


def test_the_page_stands_alone_and_names_are_text(html: str) -> None:
    check_page(html)
    assert HOSTILE not in html
    assert HOSTILE in Page(html).text
    assert "套餐 <b>" in Page(html).text


def test_the_same_findings_give_the_same_bytes(html: str, evaluated: SimpleNamespace) -> None:
    assert render_uplift("客户.csv", [evaluated], {"data_gift": "too few <rows>"}, SETTINGS) == html


def test_the_curve_is_drawn_from_nobody_to_everybody(evaluated: SimpleNamespace) -> None:
    (axes,) = qini_figure(evaluated.actions[0], 100.0, "points").axes
    (curve,) = [line for line in axes.lines if line.get_label() == "by predicted uplift"]
    x, y = curve.get_data()
    assert (x[0], y[0], x[-1]) == (0.0, 0.0, 1.0)
    assert y[-1] == pytest.approx(100 * evaluated.actions[0].curve[-1].gain.value)


@pytest.mark.parametrize(
    ("binary", "value", "text"),
    [
        (True, 0.01234, "+1.23"),
        (True, -0.0002, "−0.02"),
        (True, 0.00001, "0.00"),
        (False, -12.3456, "−12.35"),
        (False, 0.0, "0"),
    ],
)
def test_effects_have_a_sign_and_nothing_has_none(binary: bool, value: float, text: str) -> None:
    assert Unit(binary).effect(value) == text


def test_outcomes_and_traits_in_words() -> None:
    assert Unit(True).outcome(0.98765) == "98.77\N{NO-BREAK SPACE}%"
    assert Unit(False).outcome(1234.5) == "1,234"
    assert (
        words.trait(Trait(feature="tenure", category=None, here=812.4, elsewhere=1420.0))
        == "tenure: 812, others 1,420"
    )
    assert (
        words.trait(Trait(feature="plan", category="plus", here=0.2, elsewhere=0.61))
        == "plan = plus: 20%, others 61%"
    )


def test_verdicts_in_a_word(evaluated: SimpleNamespace) -> None:
    first: ActionUplift = evaluated.actions[0]
    good, bad, none = Estimate(1, 0.5, 1.5), Estimate(-1, -1.5, -0.5), Estimate(0, -1, 1)
    assert [words.works(replace(first, average=average)) for average in (good, bad, none)] == [
        "yes",
        "no, it does harm",
        "not shown",
    ]
    assert [words.targetable(replace(first, qini=qini)) for qini in (good, bad, none)] == [
        "yes",
        "not shown",
        "not shown",
    ]
