"""Earlier looks: the plan of the first one holds for all others, whatever was forgotten to be said."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import InputError
from tests.builders.experiments import experiment
from training.uplift.earlier import EarlierLooks, look_at
from training.uplift.looks import ONLY_LOOK, ONLY_ONCE, Look, Looks
from training.uplift.result import ActionLook, TakenLook

NOW = datetime(2026, 5, 3, tzinfo=UTC)
ONCE, PLAN = "once", "2000,4000,8000"


def look(clusters: int, looks: str = ONCE, **other: str) -> ActionLook:
    """A look at so many customers; data grow with them."""
    named = {"treatment": "arm", "outcome": "stayed", "control": "none", "action": "call"}
    return ActionLook(
        **named | {"data": str(clusters)} | other,  # type: ignore[arg-type]
        clusters=clusters,
        looks="any" if looks.startswith("any") else looks,
        expected=int(looks.removeprefix("any")) if looks.startswith("any") else None,
    )


def taken(*looks: ActionLook) -> EarlierLooks:
    found = {"evidence": "randomised", "verdict": None, "why_not": None, "targetable": None}
    return EarlierLooks().adding(
        TakenLook(**vars(one), **found, at=f"2026-05-{day:02}")  # type: ignore[arg-type]
        for day, one in enumerate(looks, 1)
    )


@pytest.mark.parametrize(
    ("before", "now", "allowed"),
    [
        ([], (6_000, ONCE), True),
        ([(2_000, ONCE)], (6_000, ONCE), False),
        ([(6_000, ONCE)], (2_000, ONCE), False),
        ([(2_000, ONCE)], (4_000, PLAN), False),
        ([(2_000, ONCE)], (2_000, PLAN), False),
        ([(2_000, ONCE)], (6_000, "any10000"), True),
        ([(2_000, PLAN)], (6_000, "any10000"), False),
        ([(2_000, ONCE), (2_000, PLAN)], (6_000, "any10000"), True),
        ([(2_000, "any10000")], (6_000, "any10000"), True),
        ([(2_000, "any10000")], (6_000, "any6000"), False),
        ([(2_000, ONCE), (3_000, "any10000")], (6_000, "any6000"), False),
        ([(2_000, "any10000")], (6_000, ONCE), False),
        ([(2_000, "any10000")], (2_000, ONCE), False),
        ([(2_000, PLAN)], (4_000, PLAN), True),
        ([(2_000, PLAN), (3_000, ONCE)], (4_000, PLAN), True),
        ([(2_000, PLAN)], (4_000, "2000,4000,8000,12000"), False),
        ([(2_000, PLAN)], (3_000, "3000,8000"), False),
        # It ends early; once, and with the looks before it as they were.
        ([(2_000, PLAN)], (3_500, "2000,3500"), True),
        ([(2_000, PLAN)], (7_000, "2000,4000,7000"), True),
        ([(2_000, PLAN)], (7_000, "7000"), True),
        ([(2_000, PLAN), (3_000, "2000,3000")], (3_500, "2000,3500"), False),
        ([(2_000, PLAN), (3_000, "2000,3000")], (4_000, PLAN), False),
        ([(2_000, PLAN)], (3_500, "2500,3500"), False),
    ],
)
def test_the_plan_of_the_first_look_holds(
    before: list[tuple[int, str]], now: tuple[int, str], allowed: bool
) -> None:
    earlier = taken(*(look(*one) for one in before))
    barring = earlier.barring(look(*now))
    assert (barring is None) is allowed
    if barring is not None:
        any_first = now[1].startswith("any") and PLAN not in (look for _, look in before)
        first = next(one for one in earlier.looks if one.expected or not any_first)
        assert barring == first


def test_the_same_look_again_is_no_further_look() -> None:
    first, second = look(2_000), look(6_000)
    earlier = taken(first, second)
    assert earlier.barring(first) is None
    assert earlier.before(first) == ()
    assert earlier.before(second) == earlier.looks[:1]
    assert earlier.barring(second) == earlier.looks[0]
    again = replace(earlier.looks[0], at="2027-01-01")
    assert earlier.adding([again]) == earlier
    told = replace(again, verdict="works")
    assert earlier.adding([told]).looks[0] == replace(told, at=earlier.looks[0].at)


@pytest.mark.parametrize("name", ["treatment", "outcome", "control", "action"])
def test_other_names_are_another_experiment(name: str) -> None:
    assert taken(look(2_000)).barring(look(6_000, **{name: "other"})) is None


def test_data_are_who_had_which_outcome_whatever_else_is_known_of_them() -> None:
    drawn = experiment(rows=600, cluster=3)
    seen = replace(ONLY_LOOK, clusters=200)
    digest = look_at(drawn, 0, seen).data
    order = np.random.default_rng(1).permutation(600)
    alike = [
        drawn.rows(order),
        drawn.without({"f0"}),
        replace(drawn, cluster=np.arange(600)),
        replace(drawn, propensity=np.full(600, 0.5)),
    ]
    assert {look_at(one, 0, seen).data for one in alike} == {digest}
    fewer = drawn.rows(np.arange(599))
    flipped = replace(
        drawn, outcome=np.where(np.arange(600) == 7, 1 - drawn.outcome, drawn.outcome)
    )
    assert digest not in {look_at(one, 0, seen).data for one in (fewer, flipped)}


@given(
    st.sampled_from(["once", "any", "2000,4000", "100"]),
    st.integers(100, 20_000),
)
def test_a_plan_is_kept_as_it_was_given(text: str, expected: int) -> None:
    plan = Looks.read(text, expected)
    assert plan.told == text
    drawn = look_at(experiment(rows=400), 0, Look(clusters=400, looks=plan))
    assert drawn.plan == plan


def test_they_are_kept_in_a_file_that_only_changes_with_them(tmp_path: Path) -> None:
    path = tmp_path / "looks.json"
    assert EarlierLooks.read(path) == EarlierLooks()
    earlier = taken(look(2_000, PLAN), look(4_000, "any10000"))
    earlier.write(path)
    assert EarlierLooks.read(path) == earlier
    written = path.stat().st_mtime_ns
    earlier.write(path)
    assert path.stat().st_mtime_ns == written


@pytest.mark.parametrize("text", ["{", "{}", '{"format": 9, "looks": []}', '{"looks": [1]}'])
def test_a_damaged_file_is_refused_and_not_forgotten(tmp_path: Path, text: str) -> None:
    (tmp_path / "looks.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"looks\.json"):
        EarlierLooks.read(tmp_path / "looks.json")


def test_a_look_is_at_the_experiment_that_its_arms_and_outcome_name() -> None:
    drawn = replace(experiment(rows=400), treatment="arm")
    made = look_at(drawn, 0, Look(clusters=400, looks=ONLY_ONCE))
    assert made.subject == ("arm", "retained", "control", "call")
