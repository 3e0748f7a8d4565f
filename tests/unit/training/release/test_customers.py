"""The gate counts positives by customer."""

from tests.builders.gate_documents import FEATURES, SERVICE, documents, facts
from training.release.evidence import ModelEvidence
from training.release.facts import ChampionComparison
from training.release.gate import SHADOW_RULES, evaluate
from training.settings import GateSettings


def test_evidence_is_counted_by_customer() -> None:
    """All positives of 199 customers, at several cut-offs each, are 199."""
    alone = ChampionComparison(number=None, comparable=False, why="")
    stored = documents(facts(champion=alone), champion=False)
    for assessment in stored["assessment.json"].values():
        assessment["positive_customers"] = 199
    evidence = ModelEvidence(
        name="churn", service=SERVICE, features=FEATURES, has_strata=True, documents=stored
    )
    verdict = evaluate(evidence, None, GateSettings())
    assert {reason.rule for reason in verdict.reasons} == {"positives"}
    assert verdict.beyond(SHADOW_RULES) == ()
    assert "199 customers with a positive in the test period" in verdict.reasons[0].message
