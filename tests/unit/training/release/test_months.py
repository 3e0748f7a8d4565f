"""A test period of one month says nothing of another: such a version is shadow at most."""

from tests.builders.gate_documents import FEATURES, SERVICE, documents, facts
from training.release.evidence import ModelEvidence
from training.release.gate import SHADOW_RULES, evaluate
from training.release.verdict import Verdict
from training.settings import GateSettings


def ask(test_cutoffs: tuple[str, ...], settings: GateSettings) -> Verdict:
    cutoffs = {**facts().cutoffs, "test": test_cutoffs}
    evidence = ModelEvidence(
        name="churn",
        service=SERVICE,
        features=FEATURES,
        has_strata=True,
        documents=documents(facts(cutoffs=cutoffs)),
    )
    return evaluate(evidence, None, settings)


def test_a_test_period_of_one_month_is_shadow_at_most() -> None:
    one = ("2025-03-31T00:00:00",)
    verdict = ask(one, GateSettings())
    (reason,) = verdict.reasons
    assert (reason.rule, verdict.passed, verdict.beyond(SHADOW_RULES)) == ("months", False, ())
    assert reason.message == (
        "the cut-offs of the test period span 0 days; at least 28 are needed"
        " (HOLDFAST_GATE_FEWEST_TEST_DAYS)"
    )
    assert ask(one, GateSettings(fewest_test_days=0)).passed


def test_two_cutoffs_four_weeks_apart_suffice() -> None:
    two = ("2025-03-31T00:00:00", "2025-03-03T00:00:00")
    assert ask(two, GateSettings()).passed
    assert [one.rule for one in ask(two, GateSettings(fewest_test_days=29)).reasons] == ["months"]
