"""What a person is told: beyond what is typical of a kind of line, of what applies and is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from features.fields import SERVICES, VIEWS
from holdfast.documents import read_document, to_document
from models.reasons.basis import PLAIN, ReasonBasis
from models.reasons.explain import Explanation
from models.reasons.told import (
    _REPEATS,
    LEAST_TYPICAL_ROWS,
    tellable,
    told,
    typical_contributions,
)
from models.words.forms import FORMS
from training.operator.columns import meanings_of, reason_basis_of

FEATURES = ("days_to_commitment_end", "drops_28d", "days_since_recharge", "recharges_91d")
BASIS = ReasonBasis(
    strata={
        "days_to_commitment_end": ("postpaid", "fixed"),
        "days_since_recharge": ("prepaid",),
        "recharges_91d": ("prepaid",),
    },
    null_facts=("days_to_commitment_end", "days_since_recharge"),
)
NAN = np.nan


def test_what_cannot_apply_and_what_nobody_knows_is_not_told() -> None:
    rows = np.array(
        [
            [NAN, 2.0, NAN, 0.0],  # prepaid, never topped up: a fact
            [NAN, NAN, NAN, NAN],  # prepaid, and the table of top-ups was not there
            [NAN, 2.0, 5.0, 1.0],  # postpaid without a minimum term: a fact
            [30.0, 2.0, 5.0, 1.0],  # of no stratum: everything may apply
        ]
    )
    strata = np.array(["prepaid", "prepaid", "postpaid", ""])
    assert tellable(rows, FEATURES, BASIS, strata).tolist() == [
        [False, True, True, True],
        [False, False, False, False],
        [True, True, False, False],
        [True, True, True, True],
    ]
    # In a team's own table everything applies, and what is missing is unknown.
    assert tellable(rows, FEATURES, PLAIN, strata).tolist() == (~np.isnan(rows)).tolist()


def test_what_all_lines_of_a_kind_have_in_common_is_no_reason() -> None:
    """Prepaid lines all lose 0.6 by their billing type; only one has dropped calls."""
    rows = np.array([[NAN, 9.0, 1.0, 4.0], [NAN, 0.0, 1.0, 4.0]])
    explanation = Explanation(np.full(2, -2.0), np.array([[0.6, 0.9, 0.1, 0.0]] * 2))
    explanation.contributions[1, 1] = 0.0
    typical = {"": (0.0, 0.0, 0.0, 0.0), "prepaid": (0.6, 0.1, 0.1, 0.0)}
    strata = np.array(["prepaid", "prepaid"])
    of_lines = told(explanation, rows, FEATURES, BASIS, strata, typical)
    assert np.allclose(of_lines.contributions, [[0, 0.8, 0, 0], [0, -0.1, 0, 0]])
    assert np.allclose(of_lines.margin, explanation.margin)
    # A stratum that was too small is compared with everybody.
    of_fixed = told(explanation, rows, FEATURES, BASIS, np.array(["fixed"] * 2), typical)
    assert np.allclose(of_fixed.contributions, [[0.6, 0.9, 0, 0], [0.6, 0, 0, 0]])


@settings(max_examples=60)
@given(data=st.data())
def test_told_contributions_add_up_to_the_margin_and_are_only_of_what_is_tellable(
    data: st.DataObject,
) -> None:
    count = data.draw(st.integers(1, 6))
    numbers = st.floats(-5, 5)
    shape = (count, len(FEATURES))
    rows = data.draw(arrays(float, shape, elements=numbers | st.just(NAN)))
    explanation = Explanation(
        data.draw(arrays(float, count, elements=numbers)),
        data.draw(arrays(float, shape, elements=numbers)),
    )
    strata = np.array(
        data.draw(
            st.lists(st.sampled_from(["", "prepaid", "fixed"]), min_size=count, max_size=count)
        )
    )
    typical = {"": (0.1, 0.0, -0.2, 0.3), "prepaid": (0.5, 0.5, 0.5, 0.5)}
    before = explanation.contributions.copy()
    of_people = told(explanation, rows, FEATURES, BASIS, strata, typical)
    assert np.allclose(of_people.margin, explanation.margin, atol=1e-9)
    assert (of_people.contributions[~tellable(rows, FEATURES, BASIS, strata)] == 0).all()
    assert np.array_equal(explanation.contributions, before)


def test_a_line_that_was_not_used_at_all_is_one_reason_and_not_three() -> None:
    features = ("data_gb_7d", "zero_use_days_7d", "minutes_7d", "tenure_days")
    rows = np.array([[0.0, 7.0, 0.0, 90.0], [0.0, 6.0, 0.0, 90.0], [0.3, 7.0, 0.0, 90.0]])
    strata = np.array(["", "", ""])
    explanation = Explanation(np.zeros(3), np.tile([0.25, 0.5, 0.125, 1.0], (3, 1)))
    of_people = told(explanation, rows, features, PLAIN, strata, {})
    assert of_people.contributions.tolist() == [
        [0.0, 0.875, 0.0, 1.0],
        [0.25, 0.5, 0.125, 1.0],  # on one day there was a message, but no call and no data
        [0.25, 0.625, 0.0, 1.0],  # what was used counts
    ]
    assert (of_people.margin == explanation.margin).all()
    prepaid = ReasonBasis(strata={"zero_use_days_7d": ("prepaid",)}, null_facts=())
    fixed = told(explanation, rows, features, prepaid, np.array(["fixed"] * 3), {})
    assert fixed.contributions[0].tolist() == [0.25, 0.0, 0.125, 1.0]


def test_facts_and_what_repeats_them_are_features_with_words() -> None:
    for fact, (_, repeats) in _REPEATS.items():
        assert {fact, *repeats} <= FORMS.keys()


def test_typical_contributions_are_weighted_means_of_strata_with_enough_rows() -> None:
    many, few = LEAST_TYPICAL_ROWS, LEAST_TYPICAL_ROWS - 1
    contributions = np.concatenate([np.full((many, 1), 1.0), np.full((few, 1), 4.0)])
    contributions[0], weight = 2.0, np.ones(many + few)
    weight[0] = many + 1.0  # as much as all other rows of its stratum, and 2 more
    strata = np.array(["prepaid"] * many + ["fixed"] * few)
    typical = typical_contributions(
        Explanation(np.zeros(many + few), contributions), strata, weight, ""
    )
    assert set(typical) == {"", "prepaid"}
    expected = (2.0 * (many + 1) + (many - 1)) / (2 * many)
    assert typical["prepaid"] == pytest.approx((expected,), abs=1e-6)


@pytest.mark.parametrize("service", ["churn_v1", "dissatisfaction_v1", "contact_v1"])
def test_a_basis_is_of_the_features_of_its_service_and_reads_back(service: str) -> None:
    typical = {"30": {"": (0.25, 0.0)}}
    basis = reason_basis_of(service, typical)
    names = {name for view in SERVICES[service] for name in VIEWS[view].columns}
    assert {*basis.strata, *basis.null_facts} <= names
    assert read_document(ReasonBasis, to_document(basis), "reasons.json") == basis


def test_no_prepaid_line_is_told_of_a_minimum_term_or_a_bill() -> None:
    features = tuple(meaning.name for meaning in meanings_of("churn_v1", "churn"))
    rows = np.full((1, len(features)), NAN)
    rows[0, features.index("incidents_28d")] = 0.0
    says = tellable(rows, features, reason_basis_of("churn_v1"), np.array(["prepaid"]))
    names = {name for name, is_told in zip(features, says[0].tolist(), strict=True) if is_told}
    assert not names & {"termination_fee", "days_to_commitment_end", "last_bill", "bill_vs_own"}
    assert "days_since_incident" in names  # none in half a year: a fact about any line
