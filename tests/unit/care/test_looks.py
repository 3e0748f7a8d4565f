"""Looks at a campaign: which count, and how wide their intervals are."""

from datetime import timedelta

import numpy as np
import pytest

from care.looks import Look, Matured, read_looks
from care.measure import effect
from care.model import Arm
from care.sequential import spending_bounds
from tests.builders.measurements import READ_AT, outcomes


def matured(households: int, spent_by: float, true: float = 0.0, seed: int = 1) -> Matured:
    outcome, arm = outcomes(true, households, seed)
    return Matured(READ_AT + timedelta(days=100 * spent_by), outcome, arm, spent_by)


def criticals(looks: list[Look]) -> list[float | None]:
    return [None if look.effect is None else look.effect.critical for look in looks]


def test_a_single_look_is_the_usual_interval() -> None:
    (look,) = read_looks("once", [matured(3_000, 1.0)], 0)
    usual = effect(*outcomes(0.0, 3_000))
    assert look.effect is not None
    assert usual is not None
    assert look.effect.low == pytest.approx(usual.low, abs=1e-6)
    assert look.households == 3_000


def test_each_look_has_the_bound_of_its_place() -> None:
    known = [matured(1_000, 0.5), matured(2_500, 0.75), matured(4_000, 1.0)]
    bounds = spending_bounds([1_000, 2_500, 4_000], spent_by=[0.5, 0.75, 1.0])
    looks = read_looks("planned_looks", known, 0)
    np.testing.assert_allclose(criticals(looks), bounds, atol=1e-6)
    # What is shown at a look does not change once there are more.
    assert read_looks("planned_looks", known[:2], 0) == looks[:2]


def test_a_look_with_too_few_or_nothing_new_is_none_and_spends_nothing() -> None:
    known = [matured(300, 0.3), matured(1_000, 0.5), matured(1_000, 0.7), matured(4_000, 1.0)]
    looks = read_looks("planned_looks", known, 0)
    assert [look.effect is None for look in looks] == [True, False, True, False]
    alone = read_looks("planned_looks", [known[1], known[3]], 0)
    assert criticals([looks[1], looks[3]]) == criticals(alone)


def test_a_campaign_without_an_end_is_narrowest_where_it_is_declared() -> None:
    here = criticals(read_looks("any_day", [matured(4_000, 1.0)], 4_000))
    elsewhere = criticals(read_looks("any_day", [matured(4_000, 1.0)], 400))
    assert here[0] is not None
    assert elsewhere[0] is not None
    assert 2.9 < here[0] < elsewhere[0]


def test_nobody_left_is_no_effect() -> None:
    arm = np.repeat([Arm.TREATMENT, Arm.CONTROL], 500).astype(np.int8)
    stayed = np.ones(1_000)
    stayed[[0, 1, 2, 3, 4, 990]] = 0.0
    assert effect(stayed, arm) is None
    stayed[991:995] = 0.0
    assert effect(stayed, arm) is not None
