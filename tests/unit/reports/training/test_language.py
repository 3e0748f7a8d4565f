"""The page in Chinese: nothing is in English but what the page says to be so, and names."""

import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from features.fields import VIEWS
from holdfast.sentences import as_written, sentence
from models.targets import TARGETS
from reports.training import words
from reports.training.making import timeline
from reports.training.words import refusals, target_words
from reports.words.exclusions import excluded_words
from reports.words.feature_words import about_words, unit_words
from reports.words.texts import texts
from tests.builders.assessments import assessment, facts, operator_model, survey_assessment
from tests.builders.html_page import Page
from tests.builders.model_report import FEATURES, NO_CHAMPION, PASSED, SURVEY, refused, render_in
from tests.builders.sentences import every_sentence
from training.evaluation.assessment import ANSWER_RANKINGS, ANSWERS_VARY
from training.evaluation.leaks import Flag
from training.evaluation.metrics import METRICS
from training.labelling.population import LINE_EXCLUSIONS
from training.operator.model import OperatorModel
from training.release.facts import ChampionComparison
from training.release.sentences import TEMPLATES
from training.release.verdict import Finding, Verdict, of_horizon, of_stratum, sentence_of
from training.surveys.dataset import WEIGHTS
from training.surveys.reminder import OUTCOMES

CHINESE = ("zh-Hans", "zh-Hant")
TERMS = frozenset(
    {"AUC", "Beta", "Brier", "ECE", "EMPC", "Platt", "SHA", "SHAP", "et al", "Verbraken"}
    | {"holdfast train", "holdfast features materialize", "holdfast models promote"}
    | {"holdfast features build"}
    | {"HOLDFAST_LABEL_TEST_SHARE", "HOLDFAST_TUNING_EXPLANATION_PRICE", "COLUMN", "REASON"}
    | {"explain-flag", "trials"}
)
"""What a data scientist in China writes in Latin letters, and what is typed."""
NAMES = frozenset(
    {"churn", "csat_low", "odd", "north", "south", "east", "west", "islands", "en", "zh"}
    | {
        "CN",
        "TW",
        "survey answers",
        "model",
        "odd reason",
        "days",
        "reason",
        "What feature",
        "says",
    }
)
"""Names of the made-up operator and of made-up features and reasons."""


def left_in_english(html: str) -> set[str]:
    """Latin words of a page outside of what it marks as English, and of what is typed."""
    html = re.sub(r"<style.*?</style>|<code.*?</code>|<!--.*?-->", " ", html, flags=re.S)
    html = re.sub(r'<ul class="worded" lang="[^"]*">.*?</ul>', " ", html, flags=re.S)
    html = re.sub(r'<(bdi|li)( [^>]*)?lang="en"[^>]*>.*?</\1>', " ", html, flags=re.S)
    shown = re.findall(r'(?:label|title|alt)="([^"]*)"', html)
    text = " ".join([*shown, re.sub("<[^>]*>", " ", html)]).replace("&nbsp;", " ")
    for known in sorted(TERMS | NAMES, key=len, reverse=True):
        text = re.sub(rf"(?<![A-Za-z]){known}(?![A-Za-z])", " ", text)
    return set(re.findall("[A-Za-z]{2,}", text))


def pages() -> dict[str, tuple[OperatorModel, Verdict, str | None]]:
    one: dict[str, Any] = {"horizons_days": (90,), "features": FEATURES}
    flags = (Flag("f1", "single_column", 0.97), Flag(None, "too_good", 0.98))
    off = assessment(
        90, champion=None, top_decile_off=0.08, flagged=[("region", "islands")], months=1
    )
    gate = [
        *(
            Finding(rule, "90", sentence("positives", positives=3, fewest=200))
            for rule in words._RULES
        ),
        *(Finding("complete", "90", found) for found in every_sentence(TEMPLATES)),
    ]
    poll = operator_model(
        {"90": survey_assessment()},
        facts(target="csat_low", strata=(), weights=WEIGHTS, **one),
    )
    everybody = np.full(len(poll.sample.stratum), "all")
    gone = ChampionComparison(
        number="2", comparable=False, why=sentence("without_horizons", days=[60])
    )
    bare = facts(
        target="odd",
        horizons_days=(),
        features=FEATURES,
        strata=(),
        slices=(),
        choices={},
        excluded={},
        cutoffs={},
        explanation_cost={},
        additivity_error={},
        champion=gone,
    )
    return {
        "better": (operator_model(), Verdict(True, (), {"f1": "已知"}), "3"),
        "refused": (
            operator_model({"90": off}, facts(champion=NO_CHAMPION, flags=flags, **one)),
            refused(*gate),
            "3",
        ),
        "survey": (
            replace(poll, sample=replace(poll.sample, stratum=everybody)),
            PASSED,
            None,
        ),
        "bare": (
            operator_model(
                {"": assessment(None, champion=None, strata=(), slices={}, months=0)}, bare
            ),
            PASSED,
            "3",
        ),
    }


@pytest.mark.parametrize("language", CHINESE)
@pytest.mark.parametrize("name", ["better", "refused", "survey", "bare"])
def test_in_chinese_only_what_is_marked_is_english(name: str, language: str) -> None:
    model, verdict, number = pages()[name]
    html = render_in(language, model, verdict, number, SURVEY)
    assert f'<html lang="{language}">' in html
    assert left_in_english(html) == set()


def test_the_check_finds_english() -> None:
    model, verdict, number = pages()["better"]
    assert {"How", "ranks", "version"} <= left_in_english(render_in("en", model, verdict, number))


def test_features_are_described_in_the_language_of_the_page() -> None:
    chinese = texts("zh-Hans")
    for view in VIEWS.values():
        for feature in view.features:
            assert about_words(feature.about, chinese) == chinese.gettext(feature.about)
            assert unit_words(feature.unit, chinese) == chinese.gettext(f"unit {feature.unit}")
            assert (about_words(feature.about), unit_words(feature.unit)) == (
                feature.about,
                feature.unit,
            )
    assert unit_words("points", chinese) == "分"
    own = "Visits of our shops"
    assert (about_words(own, chinese), unit_words(own, chinese)) == (own, own)


def test_what_the_gate_found_is_worded_in_the_language_of_the_page() -> None:
    horizon_90 = of_horizon(
        "90", of_stratum("prepaid", sentence("few_deciles", fewest=3, deciles=1))
    )
    stored = [
        Finding("complete", "90", horizon_90),
        Finding("months", "", sentence("months", days=0, fewest=28, setting="X")),
        Finding("slope", "", as_written("as an earlier release stored it")),
    ]
    again = json.loads(json.dumps(Verdict(False, tuple(stored)).to_json()))
    found = [sentence_of(reason) for reason in again["reasons"]]
    assert [words.found_words(one, texts("zh-Hans")) for one in found] == [
        "90天：预付费：至少要有3个十分位组，而不是1个",
        "测试期的截止时点跨0天；至少需要28天（X）",
        "as an earlier release stored it",
    ]


def test_figures_read_as_in_china() -> None:
    page = Page(render_in("zh-Hans", operator_model(), PASSED, "3", SURVEY))
    assert "churn，第3版。与正在使用的第2版比较。" in page.texts["head"]
    assert "任取90天内流失的一项业务和未出现此结果的另一个。" in page.texts["head"]
    assert "第2版为76.5次" in page.texts["head"]
    assert "观察值/期望值" in page.texts["calibration"]
    assert "0.780（0.768至0.792）" in page.texts["better"]
    assert "80,000条记录用于拟合、20,000条记录用于调参" in page.texts["making"]
    windows = timeline(operator_model().facts, texts("zh-Hans"))
    assert windows is not None
    assert "2025年2月" in {text for _, text in windows.marks}


def test_what_targets_and_metrics_are_about_is_as_they_say() -> None:
    abouts = {metric.about for metric in METRICS.values()}
    abouts |= {*ANSWER_RANKINGS.values(), ANSWERS_VARY, *OUTCOMES.values()}
    assert abouts | {target.about for target in TARGETS.values()} | {WEIGHTS} == words._ABOUT
    assert {words.plain(name) for name in METRICS} <= words._NAMES
    assert set(words._TARGETS) == set(TARGETS)


def test_every_rule_reason_and_target_has_words() -> None:
    chinese = texts("zh-Hans")
    for target in TARGETS:
        assert target_words(target, chinese).outcome != target_words(target).outcome
    for reason in LINE_EXCLUSIONS:
        assert excluded_words(reason, chinese) != excluded_words(reason)
    found = refusals(
        refused(Finding("slope", "", as_written("x")), Finding("new_rule", "", as_written("y"))),
        chinese,
    )
    assert [(one.title, bool(one.remedy)) for one in found] == [
        ("概率过于极端或过于保守", True),
        ("New rule", False),
    ]
