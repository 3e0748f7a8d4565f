"""Each fact of boosters names which they are: evaluated, served, or fitted again and not used."""

import json
from dataclasses import replace
from typing import Any

from holdfast.documents import read_document, to_document
from tests.builders.gate_documents import documents, facts
from training.release.facts import (
    PARAMETER_SETS,
    TRAINING,
    FittedFacts,
    MemberFacts,
    TrainingFacts,
)
from training.release.model_card import model_card
from training.release.refit import REFIT, HorizonRefit, PairFigures, RefitFacts

SETS = [{"num_leaves": 16, "learning_rate": 0.05}, {"num_leaves": 31, "learning_rate": 0.05}]
SECOND = "; averaged with boosters with num_leaves 31"
OLD = {"calibrations": {"90": {"chosen": "beta", "log_loss": {"beta": 0.1}}}}


def fitted(kind: str, folds: int = 5, left_out: tuple[str, ...] = ()) -> FittedFacts:
    """Boosters of two horizons, of two parameter sets but where the second was left out."""
    members = (MemberFacts(parameter_set=0, rounds=70), MemberFacts(parameter_set=1, rounds=50))
    return FittedFacts(
        members={name: members[: 1 if name in left_out else 2] for name in ("30", "90")},
        explanation_cost={"30": 1900, "90": 1900},
        folds={"30": folds, "90": folds},
        calibrations={
            name: {"chosen": kind, "log_loss": {kind: 0.1}} for name in ("30", "90", "90/prepaid")
        },
    )


def card(known: TrainingFacts, **others: Any) -> str:
    return model_card("churn", "7", documents(known) | others, None)


def of(boosters: dict[str, FittedFacts]) -> TrainingFacts:
    return facts(choices={PARAMETER_SETS: SETS}, fitted=boosters)


def test_served_calibrations_are_kept_and_shown_beside_the_evaluated_ones() -> None:
    known = of({"evaluated": fitted("platt"), "served": fitted("beta", folds=3)})
    stored = json.loads(json.dumps(to_document(known)))
    assert read_document(TrainingFacts, stored, TRAINING) == known
    assert known.served_calibrations["90/prepaid"]["chosen"] == "beta"
    text = card(known)
    for line in (
        "- calibrations of the evaluated boosters: 30 days platt; 90 days platt; 90 days, prepaid platt",
        "- calibrations of the served boosters: 30 days beta; 90 days beta; 90 days, prepaid beta",
        "- boosting rounds of the served boosters: 30 days 120, 90 days 120",
        "- leaves that an explanation of the served boosters visits: ",
        "5 folds of customers; calibrations of the served boosters on those of all labelled rows: 3 folds",
    ):
        assert line in text


def test_of_a_refit_that_is_not_used_nothing_is_called_served() -> None:
    ours = fitted("platt")
    known = of({"evaluated": ours, "served": ours, "refitted": fitted("beta")})
    assert known.served_calibrations == {}
    known = replace(known, rows=known.rows | {"newer": 300}, cutoffs=known.cutoffs)
    pair = PairFigures(rows=9, rank_correlation=0.5, level=1.0, shifts={})
    one = HorizonRefit(
        rows={"evaluated": 900, "served": 1_200},
        cross_fitted=pair,
        log_loss={"evaluated": 0.2, "served": 0.2},
        snapshot=None,
    )
    until = {"evaluated": "2025-06-02T00:00:00+00:00", "served": "2025-12-01T00:00:00+00:00"}
    refit = RefitFacts(until=until, snapshot_at=None, horizons={"90": one})
    text = card(known, **{REFIT: to_document(refit.not_used())})
    assert "| newer, of which nothing that scores has learnt | 300 |" in text
    assert "calibrations of the evaluated boosters: 30 days platt" in text
    assert "beta" not in text
    assert "of the served boosters" not in text
    used = card(known, **{REFIT: to_document(refit)})
    assert "| newer | 300 |" in used


def test_the_members_that_are_there_are_told() -> None:
    every = card(of({"evaluated": fitted("platt")}))
    assert f"- parameters: learning_rate 0.05, num_leaves 16{SECOND}\n" in every
    none = card(of({"evaluated": fitted("platt", left_out=("30", "90"))}))
    assert "- parameters: learning_rate 0.05, num_leaves 16\n" in none
    some = card(of({"evaluated": fitted("platt", left_out=("90",))}))
    assert f"{SECOND} (30 days)\n" in some
    # What scores counts, not what was evaluated.
    both = {"evaluated": fitted("platt"), "served": fitted("platt", left_out=("30",))}
    assert f"{SECOND} (90 days)\n" in card(of(both))


def test_versions_made_before_are_still_read() -> None:
    known = facts(choices={PARAMETER_SETS: SETS, **OLD, "cross_fitted_folds": {"90": 3}})
    stored = json.loads(json.dumps(to_document(known)))
    del stored["fitted"]
    read = read_document(TrainingFacts, stored, TRAINING)
    assert read == known
    assert (read.evaluated_calibrations, read.served_calibrations) == (OLD["calibrations"], {})
    text = card(read)
    assert "calibrations of the evaluated boosters: 90 days beta" in text
    assert f"{SECOND}, where the limit of leaves allowed them" in text
    assert ": 3 folds of customers" in text
