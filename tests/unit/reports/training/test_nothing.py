"""The report of a training that found nothing, and where it goes."""

from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.home import Home
from pipeline.train import Trained
from pipeline.training_record import report_nothing
from tests.builders.assessments import estimate, operator_model
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
    verdict, report = report_nothing(Home(tmp_path), model, "en")
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


def test_a_model_that_was_found_has_no_such_words(tmp_path: Path) -> None:
    _, report = report_nothing(Home(tmp_path), operator_model(), "zh-Hans")
    assert "没有注册任何版本" not in report.read_text(encoding="utf-8")
