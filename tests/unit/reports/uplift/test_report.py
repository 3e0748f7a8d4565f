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
from tests.builders.experiments import evaluate, experiment
from tests.builders.html_page import Page, check_page
from training.evaluation.assessment import Estimate
from training.uplift.balance import Imbalance, OutcomeLike
from training.uplift.result import ActionUplift, Finding, TakenLook, Trait
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
        actions=evaluate(changed, SETTINGS).actions,
        imbalances=(Imbalance(HOSTILE, "spent & gone", 9.87), Imbalance("call", None, -5.0)),
        evidence="randomised",
        outcome_like=(OutcomeLike("left & why", 0.97), OutcomeLike("fee", 0.88, of_missing=True)),
        notes=("control is '对照', by its name",),
        adjusted_by=changed.labels,
        clusters=1_500,
    )


@pytest.fixture(scope="module")
def html(evaluated: SimpleNamespace) -> str:
    return render_uplift("客户.csv", [evaluated], {"data_gift": "too few <rows>"}, SETTINGS)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.001, 0.03, "Predicted uplift is the better rule here."),
        (-0.02, 0.01, "it is not shown which of the two rules is better"),
        (-0.03, -0.001, "The worst predicted outcome is the better rule here: choose by it."),
    ],
)
def test_it_says_whether_predicted_uplift_beats_choosing_by_the_worst_predicted_outcome(
    evaluated: SimpleNamespace, low: float, high: float, said: str
) -> None:
    (action,) = evaluated.actions
    policies = tuple(
        replace(one, over_riskiest=Estimate((low + high) / 2, low, high))
        if one.name == "model"
        else one
        for one in action.policies
    )
    shown = SimpleNamespace(**{**vars(evaluated), "actions": (replace(action, policies=policies),)})
    assert said in Page(render_uplift("a.csv", [shown], {}, SETTINGS)).text


def test_it_says_both_verdicts_and_what_they_rest_on(html: str, evaluated: SimpleNamespace) -> None:
    page = Page(html)
    (action,) = evaluated.actions
    assert "not enough data yet, and is targetable" in page.text
    assert "Give --break-even or --detect" in page.text
    assert "left & why alone nearly tells the outcome (0.97)" in page.text
    assert "fee is missing for one outcome far more often" in page.text
    unit = Unit(True)
    for estimate in (
        action.average,
        action.qini,
        action.autoc,
        action.groups[-1].effect,
        action.policies[-1].gain,
    ):
        assert estimate is not None
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
        "actions": evaluate(renamed, SETTINGS).actions,
        "adjusted_by": renamed.labels,
        "imbalances": (Imbalance("优惠", "费用", 9.87), Imbalance("优惠", None, -5.0)),
        "outcome_like": (OutcomeLike("原因", 0.97), OutcomeLike("费", 0.88, of_missing=True)),
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
        "break",
        "even",
        "detect",
        "randomised",
        "propensity",
        "holdfast",
        "uplift",
    }


def test_of_observational_rows_the_page_says_so_before_any_figure_and_claims_nothing(
    evaluated: SimpleNamespace,
) -> None:
    unsaid = replace(evaluated.experiment, drawn_at_random=None)
    (action,) = evaluated.actions
    plain = replace(action, finding=Finding(), groups=(), policies=(), curve=())
    parts = {"experiment": unsaid, "actions": (plain,), "evidence": "observational"}
    seen = SimpleNamespace(**vars(evaluated) | parts | {"imbalances": (), "outcome_like": ()})
    page = Page(render_uplift("t.csv", [seen], {}, SETTINGS))
    warned = page.text.index("Nobody says that arms were drawn at random")
    assert warned < page.text.index(Unit(True).effect(action.average.value))
    assert "no verdict: observational" in page.text
    assert "It is not known what of this the action did" in page.text
    for claim in (
        "contact harms",
        "The action harms",
        "Qini curve",
        "The outcome of the treated is",
    ):
        assert claim not in page.text


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


def of(evaluated: SimpleNamespace, **values: object) -> ActionUplift:
    """The action with another finding."""
    first: ActionUplift = evaluated.actions[0]
    finding = Finding(evidence="randomised", actions=5, **values)  # type: ignore[arg-type]
    return replace(first, finding=finding, average=Estimate(0.02, 0.01, 0.03))


def test_verdicts_in_words(evaluated: SimpleNamespace) -> None:
    assert [words.verdict(of(evaluated, verdict=word)) for word in words.VERDICTS] == [
        "works",
        "does harm",
        "too small to matter",
        "not enough data yet",
    ]
    first: ActionUplift = evaluated.actions[0]
    assert words.verdict(replace(first, finding=Finding())) == "no verdict: observational"
    assert words.targetable(replace(first, finding=Finding())) == "not asked"
    assert [words.targetable(of(evaluated, targetable=value)) for value in (True, False)] == [
        "yes",
        "not shown",
    ]


def test_how_many_more_are_needed_is_told_for_a_named_effect_only(
    evaluated: SimpleNamespace,
) -> None:
    unit = Unit(True)
    few = {"verdict": "not_enough_data", "sought": 0.01}
    assert words.more_needed(of(evaluated, **few, more_needed=12_345), unit).startswith(
        "About 13,000 more customers or households are needed to find an effect of +1.00 points"
    )
    assert "neither shown nor ruled out" in words.more_needed(
        of(evaluated, **few, more_needed=0), unit
    )
    assert "Give --break-even" in words.more_needed(of(evaluated, verdict="not_enough_data"), unit)
    assert words.more_needed(of(evaluated, verdict="works"), unit) == ""


def test_why_nothing_may_be_claimed_is_told_in_place_of_what_is_needed(
    evaluated: SimpleNamespace,
) -> None:
    few = {"verdict": "not_enough_data", "sought": 0.01}
    told = {
        "too_few_clusters": "3 customers or groups, which count as 2.9 of one size; each arm needs 20",
        "not_a_planned_look": "this look is none of those that were planned",
        "beyond_last_look": "has grown beyond its last planned look",
    }
    for why, sentence in told.items():
        action = of(evaluated, **few, why_not=why)
        arm = replace(action.treatment, clusters=3, effective_clusters=2.98)
        action = replace(action, treatment=arm, unadjusted=Estimate(0.02, 0.01, 0.03))
        assert sentence in words.why_not(action)
        assert words.more_needed(action, Unit(True)) == words.jointly(action) == ""
        assert words.unadjusted(action) == "its interval lies above zero"
        section = replace(action, average=Estimate(0.02, -0.01, 0.05))
        changed = SimpleNamespace(**{**vars(evaluated), "actions": (section,)})
        page = Page(render_uplift("客户.csv", [changed], {}, SETTINGS))
        assert sentence in page.text
        assert "its interval lies above zero" in page.text
        assert "alone it shows" not in page.text
    assert words.why_not(of(evaluated, **few)) == ""


@pytest.mark.parametrize(
    ("looks", "expected", "do"),
    [
        ("once", None, "Use --looks any from now on"),
        ("2000,4000", None, "Go on with that plan."),
        ("any", 5_000, "--looks any and HOLDFAST_UPLIFT_EXPECTED_CLUSTERS=5000, as then"),
    ],
)
def test_an_earlier_look_is_told_and_what_to_do(
    evaluated: SimpleNamespace, looks: str, expected: int | None, do: str
) -> None:
    earlier = TakenLook(
        treatment="arm",
        outcome="stayed",
        control="none",
        action="call",
        clusters=2_000,
        looks=looks,
        expected=expected,
        data="0",
        at="2026-05-03T10:00:00+00:00",
        evidence="randomised",
        verdict="works",
        why_not=None,
        targetable=False,
    )
    barred = {"verdict": "not_enough_data", "why_not": "looked_before", "earlier_look": earlier}
    action = of(evaluated, **barred)
    told = words.why_not(action)
    assert f"on 2026-05-03 at 2,000 customers or households with --looks {looks} (works)" in told
    assert do in told
    assert "give another directory with --out" in told
    changed = SimpleNamespace(**{**vars(evaluated), "actions": (action,)})
    assert do in Page(render_uplift("客户.csv", [changed], {}, SETTINGS)).text
    chinese = words.why_not(action, texts("zh-Hant"))
    assert not set(re.findall("[a-z]{2,}", chinese)) - {"looks", "any", "once", "out"}


def test_an_interval_above_zero_among_five_is_explained(evaluated: SimpleNamespace) -> None:
    assert "of 5 actions" in words.jointly(of(evaluated, verdict="not_enough_data"))
    assert words.jointly(of(evaluated, verdict="works")) == ""


def test_whether_what_works_is_worth_its_cost(evaluated: SimpleNamespace) -> None:
    unit = Unit(True)
    assert "lies above the break-even effect of +0.50 points" in words.break_even(
        of(evaluated, verdict="works", break_even=0.005), unit
    )
    assert "not shown that it reaches the break-even effect of +2.50 points" in words.break_even(
        of(evaluated, verdict="works", break_even=0.025), unit
    )
    assert words.break_even(of(evaluated, verdict="works"), unit) == ""
