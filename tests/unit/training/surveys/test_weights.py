"""Survey weights: what design decided is undone, weights keep their bounds, and answers come to
look like invitations.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from holdfast.errors import InputError
from training.labelling.care.balance import balance
from training.settings import SurveySettings
from training.surveys.weights import survey_weights

SETTINGS = SurveySettings()
probabilities = st.lists(st.tuples(st.floats(1e-6, 1), st.floats(1e-6, 1)), min_size=1, max_size=60)


@given(probabilities, st.floats(0.51, 1), st.floats(1, 100))
def test_weights_are_positive_with_mean_one_and_clipped(
    drawn: list[tuple[float, float]], quantile: float, most: float
) -> None:
    sampling, answering = (np.array(values) for values in zip(*drawn, strict=True))
    weighted = survey_weights(
        1 / sampling, answering, SurveySettings(weight_quantile=quantile, weight_most=most)
    )
    for weight in (weighted.design, weighted.combined):
        assert (weight > 0).all()
        assert weight.mean() == pytest.approx(1)
    assert (weighted.response >= 1).all()
    assert (weighted.response <= weighted.clip).all()
    assert 1 <= weighted.clip <= most
    np.testing.assert_array_equal(
        weighted.response[~weighted.clipped], (1 / answering)[~weighted.clipped]
    )
    assert (1 / answering[weighted.clipped] > weighted.clip).all()
    assert 1 <= weighted.effective_answers <= len(drawn) * (1 + 1e-9)
    np.testing.assert_allclose(
        weighted.combined / weighted.combined[0],
        weighted.design * weighted.response / (weighted.design * weighted.response)[0],
    )


def test_equal_chances_need_no_weights() -> None:
    weighted = survey_weights(np.full(50, 3.0), np.full(50, 0.2), SETTINGS)
    np.testing.assert_allclose(weighted.combined, 1)
    diagnostics = weighted.diagnostics()
    assert (diagnostics.effective_rows, diagnostics.design_effective_rows) == (
        pytest.approx(50),
        pytest.approx(50),
    )
    assert diagnostics.clipped_share == 0
    assert diagnostics.least == diagnostics.median == diagnostics.most == pytest.approx(1)


def test_a_few_large_weights_are_reported() -> None:
    answering = np.full(1000, 0.5)
    answering[:30] = 0.001
    diagnostics = survey_weights(
        np.ones(1000), answering, SurveySettings(weight_quantile=0.98, weight_most=20)
    ).diagnostics()
    assert diagnostics.clip == 20
    assert diagnostics.clipped_share == pytest.approx(0.03)
    assert diagnostics.effective_rows < 500


def test_weights_correct_for_who_was_invited_and_who_answers() -> None:
    random = np.random.default_rng(5)
    rows = 300_000
    app, business = random.normal(size=rows), random.random(rows) < 0.2
    sampling = np.where(business, 0.8, 0.2)
    answering = expit(-1 + 0.7 * app)
    low = random.random(rows) < expit(-1.5 - app - business)
    invited = random.random(rows) < sampling
    answered = random.random(rows) < answering
    responding = invited & answered
    weighted = survey_weights(
        1 / sampling[responding],
        answering[responding],
        SurveySettings(weight_quantile=1, weight_most=1000),
    )
    truth = low.mean()
    assert abs(low[responding].mean() - truth) > 0.03
    assert np.average(low[responding], weights=weighted.combined) == pytest.approx(truth, abs=0.01)
    matrix = np.column_stack([app, business, random.normal(size=rows)])[invited]
    before = balance(
        matrix,
        ["app", "business", "noise"],
        answered[invited],
        1 / sampling[invited],
        weighted.combined,
    )
    by_name = {one.column: one for one in before}
    assert before[0].column == "app"
    assert by_name["app"].before > 0.3
    assert abs(by_name["app"].after) < 0.05
    assert by_name["app"].asked == pytest.approx(0, abs=0.05)
    assert abs(by_name["noise"].before) < 0.05


def test_what_is_missing_is_compared_too() -> None:
    answered = np.array([True, True, False, False])
    matrix = np.array([[np.nan, 1.0], [2.0, 1.0], [4.0, 1.0], [4.0, 1.0]])
    weights = np.ones(2)
    weighted = {
        one.column: one for one in balance(matrix, ["x", "constant"], answered, np.ones(4), weights)
    }
    assert set(weighted) == {"x", "x missing"}
    assert weighted["x missing"].asked == pytest.approx(0.25)
    assert weighted["x missing"].before > 0
    assert weighted["x"].before < 0


@pytest.mark.parametrize(
    "design, answering, message",
    [
        ([], [], "answers: there must be at least one"),
        ([0.0], [0.5], r"design: must be positive \(got 0.0\)"),
        ([float("inf")], [0.5], "design"),
        ([0.5], [1.5], "answering_probability"),
        ([0.5], [float("nan")], "answering_probability"),
    ],
)
def test_wrong_input_is_named(design: list[float], answering: list[float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        survey_weights(np.array(design), np.array(answering), SETTINGS)


def test_an_answer_at_several_cutoffs_is_one_answer() -> None:
    answer = np.repeat(np.arange(40), 3)
    once = survey_weights(np.ones(40), np.full(40, 0.5), SETTINGS).diagnostics()
    thrice = survey_weights(np.ones(120), np.full(120, 0.5), SETTINGS, answer).diagnostics()
    assert (once.rows, once.answers, once.effective_rows) == (40, 40, pytest.approx(40))
    assert (thrice.rows, thrice.answers) == (120, 40)
    assert thrice.effective_rows == pytest.approx(40)
    assert thrice.design_effective_rows == pytest.approx(40)
