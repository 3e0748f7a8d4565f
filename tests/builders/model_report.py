"""The report on an operator's model, rendered for tests."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from reports.training.report import render_model_report
from tests.builders.assessments import estimate, facts, meanings, operator_model
from tests.builders.html_page import Page
from training.evaluation.leaks import Flag
from training.operator.model import OperatorModel
from training.release.facts import ChampionComparison
from training.release.refit import REFIT
from training.release.verdict import Finding, Verdict
from training.surveys.reminder import OUTCOMES

FEATURES = tuple(meaning.name for meaning in meanings())
PASSED = Verdict(passed=True, reasons=())
NO_CHAMPION = ChampionComparison(number=None, comparable=False, why="")
SURVEY: dict[str, Any] = {
    "groups": {
        name: {
            "invited": 3 * answered,
            "answered": answered,
            "dissatisfied": answered // 5,
            "prevalence_of_answers": 0.18,
            "prevalence": {
                "odds_ratio": 2.0,
                "least": 0.9,
                "most": 2.0,
                "evidence": "estimated",
                "low": 0.14,
                "estimate": 0.2,
                "high": 0.28,
            },
        }
        for name, answered in (("all", 2_100), ("silent", 900), ("heard", 1_200))
    },
    "reminder": {"outcome": "narrowed", "about": OUTCOMES["narrowed"]},
    "delivered_share": 0.97,
    "calibration": {"odds_ratio": 2.0, "low": 0.81, "estimate": 1.04, "high": 1.33},
    "weights": {"effective_rows": 1500.4, "most": 7.25, "clipped_share": 0.012},
    "response": {
        "kind": "model",
        "rows": 17_480,
        "invitations": 6_200,
        "answers": 2_050,
        "rounds": 80,
        "auc": 0.664,
        "fitted_until": None,
    },
    "unbalanced_before": 14,
    "unbalanced_after": 2,
    "balance": [{"column": "survey_answers_182d", "asked": 1.0, "before": 0.45, "after": -0.05}],
}


def refused(*findings: Finding) -> Verdict:
    return Verdict(passed=False, reasons=findings)


def read(
    model: OperatorModel,
    verdict: Verdict = PASSED,
    number: str | None = "3",
    survey: Mapping[str, Any] | None = None,
) -> Page:
    """A report without its pictures."""
    return Page(render_in("en", model, verdict, number, survey))


def render_in(
    language: str,
    model: OperatorModel,
    verdict: Verdict = PASSED,
    number: str | None = "3",
    survey: Mapping[str, Any] | None = None,
) -> str:
    """A report in some language without its pictures, which take most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reports.training.report.inline_svg", lambda figure, name: "")
        patch.setattr("reports.kit.drivers.png_base64", lambda figure: "")
        patch.setattr("reports.kit.swarm.strip_figure", lambda *arguments: None)
        for name in ("calibration_figure", "decay_figure", "tuning_figure"):
            patch.setattr(f"reports.training.report.{name}", lambda *arguments: None)
        return render_model_report(model, verdict, number, survey, language)


def without_lift() -> OperatorModel:
    """A model that the other rules of the gate pass: its AUC is clearly above that of a random order,
    the lift of the riskiest is not. It has a refit that scores, a level and a flag.
    """
    known = facts(
        features=FEATURES,
        champion=NO_CHAMPION,
        flags=(Flag(column="f1", kind="single_column", figure=0.97),),
    )
    model = operator_model(
        known=known,
        documents={
            REFIT: {
                "until": {
                    "evaluated": "2025-06-02T00:00:00+00:00",
                    "served": "2025-12-01T00:00:00+00:00",
                },
                "snapshot_at": None,
                "horizons": {},
                "used": True,
            }
        },
    )
    metrics = {"auc": estimate(0.57, 0.02), "lift_capacity": estimate(1.4, 0.5)}
    return replace(
        model,
        assessments={
            horizon: replace(assessment, metrics=assessment.metrics | metrics)
            for horizon, assessment in model.assessments.items()
        },
    )
