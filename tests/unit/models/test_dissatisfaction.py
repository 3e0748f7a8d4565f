"""The three targets, who is silent, and what answering because of satisfaction can do to a
figure.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit

from holdfast.errors import InputError
from models.dissatisfaction import (
    TARGETS,
    calibration_band,
    is_silent,
    odds_ratio_that_explains,
    prevalence_at,
    prevalence_band,
    tilted_weights,
)


def answers(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows = draw(st.integers(4, 40))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    label = np.concatenate([[0.0, 1.0], (random.random(rows - 2) < 0.3).astype(float)])
    return label, random.uniform(0.1, 5, rows), 1 + random.gamma(1.5, 2, rows)


answered = st.composite(answers)()


@pytest.mark.parametrize(
    "name, scale, dissatisfied, content",
    [
        ("csat_low", (1, 5), (1, 2), (3, 4, 5)),
        ("csat_low", (0, 10), (0, 1, 2), (3, 7, 10)),
        ("csat_low", (1, 7), (1, 2), (3, 4, 7)),
        ("csat_low", (5, 1), (5, 4), (3, 2, 1)),
        ("contact_csat_low", (1, 5), (1, 2), (3, 4, 5)),
        ("nps_detractor", (0, 10), (0, 3, 6), (7, 8, 10)),
        ("nps_detractor", (1, 5), (1, 2, 3), (4, 5)),
    ],
)
def test_scores_of_any_scale_are_mapped(
    name: str, scale: tuple[int, int], dissatisfied: tuple[int, ...], content: tuple[int, ...]
) -> None:
    score = np.array([*dissatisfied, *content], dtype=float)
    low, high = (np.full(len(score), float(end)) for end in scale)
    expected = [1.0] * len(dissatisfied) + [0.0] * len(content)
    assert TARGETS[name].label(score, low, high).tolist() == expected


def test_a_score_off_its_scale_is_no_answer() -> None:
    score = np.array([0.0, 6.0, 3.0, np.nan])
    labels = TARGETS["csat_low"].label(
        score, np.array([1.0, 1.0, 3.0, 1.0]), np.array([5.0, 5.0, 3.0, 5.0])
    )
    assert np.isnan(labels).all()


def test_targets_are_never_pooled() -> None:
    assert set(TARGETS) == {"csat_low", "nps_detractor", "contact_csat_low"}
    assert all(target.name == name for name, target in TARGETS.items())
    assert len({(one.survey, one.instrument, one.dimension) for one in TARGETS.values()}) == len(
        TARGETS
    )


def test_silent_is_who_gave_no_answer() -> None:
    assert is_silent(np.array([0.0, 181.9, np.nan])).tolist() == [False, False, True]


@given(answered, st.floats(1, 50))
def test_the_band_holds_the_weighted_share_and_widens(
    drawn: tuple[np.ndarray, ...], odds_ratio: float
) -> None:
    label, design, response = drawn
    weighted = np.average(label, weights=design * response)
    narrow, wide = (
        prevalence_band(label, design, response, ratio) for ratio in (odds_ratio, odds_ratio * 1.5)
    )
    assert narrow.estimate == pytest.approx(weighted)
    assert wide.low <= narrow.low <= narrow.estimate <= narrow.high <= wide.high
    assert 0 < wide.low <= wide.high < 1
    assert weighted in narrow


@given(answered, st.floats(-4, 4))
def test_a_tilt_moves_the_share_one_way_only(drawn: tuple[np.ndarray, ...], tilt: float) -> None:
    label, design, response = drawn
    assert (
        prevalence_at(label, design, response, tilt)
        >= prevalence_at(label, design, response, tilt + 0.5) - 1e-12
    )
    assert (tilted_weights(label, design, response, tilt) >= design - 1e-12).all()
    expected = np.full(len(label), 0.3)
    np.testing.assert_allclose(
        tilted_weights(label, design, response, 0.0, expected), design * response
    )


@given(answered, st.floats(-3, 3))
def test_the_odds_ratio_behind_a_share_is_found_again(
    drawn: tuple[np.ndarray, ...], tilt: float
) -> None:
    label, design, response = drawn
    share = prevalence_at(label, design, response, tilt)
    explaining = odds_ratio_that_explains(share, label, design, response)
    assert explaining is not None
    assert prevalence_at(label, design, response, float(np.log(explaining))) == pytest.approx(
        share, abs=1e-6
    )
    assert odds_ratio_that_explains(1.0, label, design, response) is None


@given(answered, st.floats(1, 20))
def test_calibration_moves_with_the_share(drawn: tuple[np.ndarray, ...], odds_ratio: float) -> None:
    label, design, response = drawn
    probability = np.linspace(0.1, 0.6, len(label))
    band = calibration_band(label, probability, design, response, odds_ratio)
    weight = design * response
    assert band.estimate == pytest.approx((weight * label).sum() / (weight * probability).sum())
    assert band.low <= band.estimate <= band.high


def test_where_everybody_answers_there_is_nothing_to_be_unsure_of() -> None:
    label = np.array([1.0, 0.0, 0.0, 1.0, 0.0])
    band = prevalence_band(label, np.ones(5), np.ones(5), 10.0)
    assert band.low == band.estimate == band.high == pytest.approx(0.4)


def test_the_tilt_undoes_answers_that_depend_on_dissatisfaction() -> None:
    """With the true odds ratio the share among all comes out right, where the weighted share of the
    answers does not.
    """
    random = np.random.default_rng(3)
    rows, tilt = 200_000, np.log(3.0)
    look = random.normal(size=rows)
    chance = expit(-1.5 + look)
    label = (random.random(rows) < chance).astype(float)
    odds = logit(0.2) + 0.5 * look
    answers = random.random(rows) < expit(odds + tilt * label)
    answering = expit(odds) * (1 - chance) + expit(odds + tilt) * chance
    among_answers = chance * expit(odds + tilt) / answering
    answered, design, response = label[answers], np.ones(int(answers.sum())), 1 / answering[answers]
    truth = label.mean()
    assert prevalence_at(answered, design, response, 0.0) > truth + 0.05
    assert prevalence_at(answered, design, response, tilt, among_answers[answers]) == pytest.approx(
        truth, abs=0.006
    )
    explaining = odds_ratio_that_explains(truth, answered, design, response, among_answers[answers])
    assert explaining == pytest.approx(3.0, rel=0.1)
    assert truth in prevalence_band(answered, design, response, 4.0, among_answers[answers])
    assert truth not in prevalence_band(answered, design, response, 1.5, among_answers[answers])


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"odds_ratio": 0.5}, "odds_ratio: must be at least 1"),
        ({"odds_ratio": float("nan")}, "odds_ratio"),
        ({"label": np.array([1.0, np.nan])}, "label: must be 0 or 1"),
        ({"label": np.array([])}, "label: must hold at least one answer"),
        ({"design": np.array([1.0, 0.0])}, "design"),
        ({"response": np.array([1.0, 0.5])}, "response: must be one weight of at least 1"),
        ({"expected": np.array([0.5, 1.5])}, "expected"),
    ],
)
def test_wrong_input_is_named(changed: dict[str, object], message: str) -> None:
    right = {
        "label": np.array([1.0, 0.0]),
        "design": np.ones(2),
        "response": np.full(2, 3.0),
        "odds_ratio": 2.0,
    }
    with pytest.raises(InputError, match=message):
        prevalence_band(**{**right, **changed})  # type: ignore[arg-type]
