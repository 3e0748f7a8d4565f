"""The gate refuses a refit that is not the model that was evaluated."""

from dataclasses import replace
from typing import Any

import pytest

from holdfast.documents import to_document
from training.release.refit import (
    REFIT,
    HorizonRefit,
    PairFigures,
    RefitFacts,
    read_refit,
    refit_findings,
    unlike,
)

PAIR = PairFigures(rows=900, rank_correlation=0.93, level=1.4, shifts={"billing_type/prepaid": 1.1})
ALIKE = HorizonRefit(
    rows={"evaluated": 900, "served": 1_200},
    cross_fitted=PAIR,
    log_loss={"evaluated": 0.2, "served": 0.199},
    snapshot=PAIR,
)


def documents(one: HorizonRefit = ALIKE) -> dict[str, Any]:
    facts = RefitFacts(
        until={"evaluated": "2025-06-02T00:00:00+00:00", "served": "2025-12-01T00:00:00+00:00"},
        snapshot_at="2026-03-02T00:00:00+00:00",
        horizons={"90": one},
    )
    return {REFIT: to_document(facts)}


def messages(changed: dict[str, Any], horizons: tuple[str, ...] = ("90",)) -> list[str]:
    findings = list(refit_findings(changed, horizons))
    assert {finding.rule for finding in findings} <= {"refit"}
    return [finding.message for finding in findings]


def test_a_refit_that_is_alike_passes_whatever_its_level_and_so_does_a_version_without_one() -> (
    None
):
    assert messages(documents()) == messages({}) == []
    assert messages(documents(replace(ALIKE, snapshot=None))) == []
    facts = read_refit(documents())
    assert facts is not None
    assert facts.horizons == {"90": ALIKE}


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"cross_fitted": replace(PAIR, rank_correlation=0.7)}, "rank correlation 0.70"),
        ({"snapshot": replace(PAIR, rank_correlation=0.5)}, "rank correlation 0.50"),
        (
            {"snapshot": replace(PAIR, shifts={"billing_type/prepaid": 1.4})},
            "where billing_type is prepaid 1.40 times",
        ),
        ({"cross_fitted": replace(PAIR, shifts={"region/north": 0.7})}, "north 0.70 times"),
        ({"log_loss": {"evaluated": 0.2, "served": 0.21}}, "log loss 0.21000 against 0.20000"),
        ({"log_loss": {"served": 0.2}}, "was not compared"),
    ],
)
def test_a_refit_that_is_another_model_is_refused(changes: dict[str, Any], words: str) -> None:
    (message,) = messages(documents(replace(ALIKE, **changes)))
    assert message.startswith("90 days: what was fitted again")
    assert words in message


def test_where_the_refit_is_unlike_what_was_evaluated_scores_and_why_is_said() -> None:
    unlike_it = replace(ALIKE, cross_fitted=replace(PAIR, rank_correlation=0.7))
    facts = read_refit(documents(unlike_it))
    assert facts is not None
    assert facts.told == ()
    kept = facts.not_used()
    assert kept.until["served"] == kept.until["evaluated"] == facts.until["evaluated"]
    assert kept.served_until(str) == "2025-06-02"
    assert "rank correlation 0.70, at least 0.8 is needed" in kept.in_words(str)
    assert list(refit_findings({REFIT: to_document(kept)}, ("90",))) == []
    of_horizon = kept.horizons["90"]
    assert of_horizon.rows == {"evaluated": 900, "served": 900, "refitted": 1_200}
    assert of_horizon.log_loss == {"evaluated": 0.2, "served": 0.2, "refitted": 0.199}
    assert len(list(unlike(kept, ("90",)))) == len(kept.told) == 1


def test_one_that_is_not_used_is_named_so_also_where_an_earlier_release_stored_it() -> None:
    """It kept the dates of what was fitted again as those of what is served."""
    until = {"evaluated": "2025-06-02T00:00:00+00:00", "served": "2025-12-01T00:00:00+00:00"}
    worse = {"evaluated": 0.2, "served": 0.21}
    stored = documents(replace(ALIKE, until=until, log_loss=worse))
    reset = {"evaluated": until["evaluated"], "served": until["evaluated"]}
    stored[REFIT] |= {"used": False, "until": reset}
    facts = read_refit(stored)
    assert facts is not None
    expected = {**reset, "refitted": until["served"]}
    assert facts.until == facts.horizons["90"].until == expected
    assert facts.horizons["90"].rows["served"] == facts.horizons["90"].rows["evaluated"]
    assert "log loss 0.21000 against 0.20000" in facts.in_words(str)
    assert read_refit({REFIT: to_document(facts)}) == facts
    # Without dates by horizon, nothing is said of when the refit learnt until.
    stored[REFIT]["horizons"]["90"]["until"] = {}
    facts = read_refit(stored)
    assert facts is not None
    assert facts.until == reset


@pytest.mark.parametrize("changed", [{REFIT: {"until": 3}}, {REFIT: None}])
def test_what_was_not_compared_is_refused(changed: dict[str, Any]) -> None:
    expected = "90 days: what was fitted again was not compared with what was evaluated"
    assert messages(changed) == [expected]
    assert len(messages(documents(), ("30", "90"))) == 1
