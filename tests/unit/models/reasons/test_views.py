"""Views of reasons against sums by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import InputError
from models.reasons.explain import Explanation
from models.reasons.meaning import FeatureMeaning
from models.reasons.views import cohort_view, global_view


def meaning(
    name: str, reason: str, driver: str, actionable: bool, unit: str = "days"
) -> FeatureMeaning:
    return FeatureMeaning(name, "", unit, driver, actionable, "none", reason)


MEANINGS = (
    meaning("drop_days_28d", "drops", "network", True),
    meaning("drops_28d", "drops", "network", False),
    meaning("monthly_fee", "fee", "price", False, "currency per month"),
    meaning("constant", "constant", "table", False),
)
EXPLANATION = Explanation(
    np.full(3, -1.0), np.array([[0.3, 0.1, -1.0, 0.0], [-0.3, 0.3, 0.5, 0.0], [0.2, 0.2, 0.0, 0.0]])
)
MATRIX = np.array([[5.0, 9.0, 20.0, 1.0], [0.0, 1.0, 60.0, 1.0], [4.0, np.nan, 30.0, 1.0]])


def test_the_global_view_weighs_groups_not_features() -> None:
    view = global_view(EXPLANATION, MEANINGS)
    assert view.rows == 3
    assert [(strength.key, strength.driver) for strength in view.reasons] == [
        ("fee", "price"),
        ("drops", "network"),
        ("constant", "table"),
    ]
    fee, drops, constant = view.reasons
    # Within a reason contributions cancel out before they are weighed.
    assert (fee.mean, drops.mean) == pytest.approx((0.5, 0.8 / 3))
    assert (fee.share, drops.share) == pytest.approx(
        (0.5 / (0.5 + 0.8 / 3), 0.8 / 3 / (0.5 + 0.8 / 3))
    )
    assert (fee.raising, drops.raising) == pytest.approx((1 / 3, 2 / 3))
    assert drops.actionable == pytest.approx(0.8 / 1.4)
    assert (constant.mean, constant.share, constant.raising, constant.actionable) == (0, 0, 0, 0)
    assert [strength.key for strength in view.drivers] == ["price", "network", "table"]


def test_a_cohort_differs_from_the_rest_by_its_reasons() -> None:
    view = cohort_view(EXPLANATION, MATRIX, MEANINGS, np.array([True, False, True]))
    assert (view.cohort_rows, view.rest_rows) == (2, 1)
    fee, drops, constant = view.contrasts
    assert (fee.key, fee.difference, fee.cohort_value, fee.rest_value) == ("fee", -1.0, 25.0, 60.0)
    assert (drops.key, drops.feature, drops.unit) == ("drops", "drop_days_28d", "days")
    assert (drops.cohort, drops.rest) == pytest.approx((0.4, 0.0))
    assert (drops.cohort_value, drops.rest_value, drops.cohort_missing) == (4.5, 0.0, 0.0)
    assert constant.difference == 0


def test_a_value_that_nobody_has_is_missing_from_the_contrast() -> None:
    matrix = MATRIX.copy()
    matrix[:, 2] = [np.nan, 60.0, np.nan]
    fee = cohort_view(EXPLANATION, matrix, MEANINGS, np.array([True, False, True])).contrasts[0]
    assert np.isnan(fee.cohort_value)
    assert (fee.rest_value, fee.cohort_missing, fee.rest_missing) == (60.0, 1.0, 0.0)


@given(st.integers(0, 10_000), st.integers(2, 30))
def test_views_add_up(seed: int, rows: int) -> None:
    random = np.random.default_rng(seed)
    explanation = Explanation(random.normal(size=rows), random.normal(size=(rows, 4)))
    mask = np.arange(rows) < random.integers(1, rows)
    view = cohort_view(explanation, random.normal(size=(rows, 4)), MEANINGS, mask)
    bases = explanation.base[mask].mean() - explanation.base[~mask].mean()
    differences = sum(contrast.difference for contrast in view.contrasts)
    assert view.cohort_margin - view.rest_margin == pytest.approx(bases + differences, abs=1e-9)
    whole = global_view(explanation, MEANINGS)
    for strengths in (whole.reasons, whole.drivers):
        assert sum(strength.share for strength in strengths) == pytest.approx(1)
        assert [strength.mean for strength in strengths] == sorted(
            (strength.mean for strength in strengths), reverse=True
        )
        assert all(0 <= strength.actionable <= 1 for strength in strengths)


@pytest.mark.parametrize("mask", [[True, True, True], [False, False, False], [True, False]])
def test_a_cohort_needs_rows_on_both_sides(mask: list[bool]) -> None:
    with pytest.raises(InputError) as caught:
        cohort_view(EXPLANATION, MATRIX, MEANINGS, np.array(mask))
    assert caught.value.field == "mask"


def test_a_view_needs_rows_and_meanings() -> None:
    with pytest.raises(InputError, match="at least one row"):
        global_view(Explanation(np.empty(0), np.empty((0, 4))), MEANINGS)
    with pytest.raises(InputError, match="must be those of the 4 features"):
        global_view(EXPLANATION, MEANINGS[1:])
