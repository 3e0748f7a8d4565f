"""The report of a training that found nothing, and where it goes."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from commands.train import _print_training
from holdfast.home import Home
from pipeline.train import Trained
from pipeline.training_record import report_nothing
from reports.training.report import render_model_report
from tests.builders.assessments import estimate, operator_model
from tests.builders.clocks import clock_at
from tests.builders.html_page import Page
from tests.builders.model_report import PASSED, without_lift
from training.operator.model import OperatorModel


def poor(half: float) -> OperatorModel:
    """A model whose AUC is that of a random order, with an interval of a given half-width."""
    model = operator_model()
    return replace(
        model,
        assessments={
            horizon: replace(assessment, metrics=assessment.metrics | {"auc": estimate(0.51, half)})
            for horizon, assessment in model.assessments.items()
        },
    )


@pytest.mark.parametrize(
    ("half", "title", "enough"),
    [
        (0.03, "Nothing found: it predicts no better than chance", True),
        (0.2, "Not enough data yet: it is not shown to predict better than chance", False),
    ],
)
def test_no_version_is_registered_and_the_page_says_so(
    tmp_path: Path, half: float, title: str, enough: bool
) -> None:
    model = poor(half)
    verdict, report = report_nothing(Home(tmp_path), model, "en", clock=clock_at())
    page = report.read_text(encoding="utf-8")
    assert f"<h1>{title}" in page
    assert "no version was registered" in page
    assert not verdict.passed
    trained = Trained(
        model=model, number=None, verdict=verdict, report=report, card=None, seconds=1.0
    )
    result = trained.to_json()
    assert (result["verdict"], result["model_version"], result["model_card"]) == (
        "nothing_found",
        None,
        None,
    )
    assert result["enough_data"] is enough
    assert result["log_loss"] == pytest.approx(
        list(model.assessments.values())[-1].metrics["log_loss"].value
    )


def test_a_model_that_was_found_has_no_such_words() -> None:
    page = render_model_report(operator_model(), PASSED, None, None, "zh-Hans")
    assert "没有注册任何版本" not in page


@pytest.mark.parametrize("language", ["en", "zh-Hans"])
def test_nothing_found_and_a_passed_gate_never_stand_on_one_page(language: str) -> None:
    """Whatever the gate said."""
    text = Page(render_model_report(without_lift(), PASSED, None, None, language)).text.lower()
    assert "holdfast models promote" not in text
    words = {
        "en": ("promot", "passes the gate", " served", "this version", "the version"),
        "zh-Hans": ("通过准入检验", "发布", "本版本"),
    }
    assert [word for word in words[language] if word in text] == []


def test_nothing_found_and_a_passed_gate_never_stand_in_one_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = without_lift()
    verdict, report = report_nothing(Home(tmp_path), model, "en", clock=clock_at())
    assert [finding.rule for finding in verdict.reasons] == ["nothing_found"]
    trained = Trained(
        model=model, number=None, verdict=verdict, report=report, card=None, seconds=1.0
    )
    result = trained.to_json()
    assert (result["verdict"], result["gate"]["passed"]) == ("nothing_found", False)
    assert (result["model_version"], result["refit"]) == (None, None)
    assert not {
        word
        for word in ("promote", " served", '"served"', "explain-flag")
        if word in json.dumps(result)
    }
    _print_training(trained, None)
    printed = " ".join(capsys.readouterr().out.split())
    assert printed.startswith("churn, nothing registered: tested on")
    assert "Not enough data yet" in printed or "no better than chance" in printed
    assert "No version was registered" in printed
    assert "minus that of the share of each billing type" in printed
    assert "minus that of a logistic regression" in printed
    for word in ("promote", "gate", " score", " serve", "learnt until"):
        assert word not in printed.replace(str(report), "")
