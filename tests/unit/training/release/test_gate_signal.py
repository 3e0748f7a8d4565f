"""What the gate says where it cannot know whether anything was found."""

from tests.builders.gate_documents import FEATURES, SERVICE, documents
from training.evaluation.assessment import ASSESSMENT
from training.release.evidence import ModelEvidence
from training.release.gate import evaluate
from training.settings import GateSettings


def test_a_figure_that_is_missing_is_not_called_nothing_found() -> None:
    stored = documents()
    for horizon in stored[ASSESSMENT].values():
        del horizon["metrics"]["lift_capacity"]
    evidence = ModelEvidence(
        name="churn", service=SERVICE, features=FEATURES, has_strata=True, documents=stored
    )
    verdict = evaluate(evidence, None, GateSettings())
    assert {reason.rule for reason in verdict.reasons} == {"complete"}
