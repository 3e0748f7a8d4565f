"""Calibrations of the served boosters, beside those of the evaluated ones."""

from dataclasses import replace

import pytest

from reports.training.report import render_model_report
from tests.builders.assessments import facts, operator_model
from tests.builders.html_page import Page
from tests.builders.model_report import FEATURES, PASSED, read
from training.release.facts import FittedFacts, TrainingFacts


def fitted_again(used: bool) -> TrainingFacts:
    known = facts(features=FEATURES)
    ours = FittedFacts(
        members={}, explanation_cost={}, folds={}, calibrations=known.evaluated_calibrations
    )
    isotonic = {"chosen": "isotonic", "log_loss": {"isotonic": 0.14}}
    theirs = replace(ours, calibrations=dict.fromkeys(ours.calibrations, isotonic))
    boosters = {"evaluated": ours, "served": theirs}
    if not used:
        boosters = {"evaluated": ours, "served": ours, "refitted": theirs}
    return replace(known, fitted=boosters)


def test_the_page_shows_both() -> None:
    text = read(operator_model(known=fitted_again(True))).texts["making"]
    assert "Calibration, evaluated Calibration, served" in text
    assert "within 30 days prepaid beta isotonic platt 0.15" in text
    assert "An explanation of the served boosters visits 4,300 leaves" in text


@pytest.mark.parametrize("known", [fitted_again(False), facts(features=FEATURES)])
def test_the_page_shows_one_where_the_evaluated_boosters_score(known: TrainingFacts) -> None:
    text = read(operator_model(known=known)).texts["making"]
    assert "isotonic" not in text
    assert "served" not in text.replace("observed", "")
    assert "prepaid beta platt 0.15" in text


@pytest.mark.parametrize("language", ["zh-Hans", "zh-Hant"])
def test_it_has_words_in_chinese(language: str) -> None:
    model = operator_model(known=fitted_again(True))
    page = Page(render_model_report(model, PASSED, "3", None, language))
    assert "calibrations" not in page.texts["making"]
