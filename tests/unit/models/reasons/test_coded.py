import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from holdfast.arrays import Floats
from holdfast.errors import InputError
from models.reasons import coded
from models.reasons.coded import strongest_reasons
from models.reasons.explain import LEAST_CONTRIBUTION, Explanation, by_reason
from models.reasons.groups import group_features
from models.reasons.meaning import FeatureMeaning

KEYS = st.lists(st.sampled_from(["price", "network", "service"]), max_size=6)


def meanings(keys: list[str]) -> list[FeatureMeaning]:
    return [
        FeatureMeaning(f"f{place}", "", "", "network", True, "none", key)
        for place, key in enumerate(keys)
    ]


def explanation(contributions: Floats) -> Explanation:
    return Explanation(np.zeros(len(contributions)), contributions)


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[str], Floats]:
    keys, rows = draw(KEYS), draw(st.integers(0, 4))
    # Their sums are exact, so that equal ones are equal.
    values = st.sampled_from([-1.0, -0.25, -(2.0**-8), 0.0, 2.0**-9, 0.25, 0.5, 1.0])
    return keys, draw(arrays.arrays(np.float64, (rows, len(keys)), elements=values))


def one_by_one(
    keys: list[str], row: Floats, count: int, only: coded.Effect | None
) -> list[tuple[int, float]]:
    """The strongest reasons of a row, as one would look for them by hand."""
    sums = {key: sum(c for k, c in zip(keys, row, strict=True) if k == key) for key in keys}
    sign = {None: None, "raises": 1, "lowers": -1}[only]
    strength = {key: abs(total) if sign is None else sign * total for key, total in sums.items()}
    wanted = sorted(sums, key=lambda key: -strength[key])[:count]
    reasons = []
    for key in wanted:
        if strength[key] >= LEAST_CONTRIBUTION:
            of_key = [place for place, other in enumerate(keys) if other == key]
            direction = 1 if sums[key] > 0 else -1
            reasons.append((max(of_key, key=lambda place: row[place] * direction), sums[key]))
    return reasons


@given(cases(), st.integers(1, 4), st.sampled_from([None, "raises", "lowers"]))
def test_the_strongest_reasons_are_those_found_by_hand(
    case: tuple[list[str], Floats], count: int, only: coded.Effect | None
) -> None:
    keys, contributions = case
    strongest = strongest_reasons(explanation(contributions), meanings(keys), count, only=only)
    for features, sums, row in zip(
        strongest.features, strongest.contributions, contributions, strict=True
    ):
        by_hand = one_by_one(keys, row, count, only)
        told = [place for place in features.tolist() if place >= 0]
        assert told == [place for place, _ in by_hand]
        assert sums[: len(told)].tolist() == pytest.approx([total for _, total in by_hand])
        assert np.isnan(sums[len(told) :]).all()


def test_reasons_of_a_row_do_not_depend_on_the_rows_beside_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = [f"reason {place % 7}" for place in range(40)]
    contributions = np.random.default_rng(1).normal(size=(25, 40))
    together = strongest_reasons(explanation(contributions), meanings(keys), 5)
    monkeypatch.setattr(coded, "_BLOCK_ROWS", 10)
    in_blocks = strongest_reasons(explanation(contributions), meanings(keys), 5)
    alone = [
        strongest_reasons(explanation(contributions[[row]]), meanings(keys), 5) for row in range(25)
    ]
    for other in (
        in_blocks.contributions,
        np.concatenate([one.contributions for one in alone]),
    ):
        assert other.tobytes() == together.contributions.tobytes()
    assert np.array_equal(in_blocks.features, together.features)
    assert np.array_equal(np.concatenate([one.features for one in alone]), together.features)


def test_meanings_of_other_columns_are_refused() -> None:
    with pytest.raises(InputError, match="meanings: must be those of the 2 features"):
        strongest_reasons(explanation(np.zeros((1, 2))), meanings(["price"]), 3)


@given(cases())
def test_groups_hold_each_feature_once_and_add_up(case: tuple[list[str], Floats]) -> None:
    keys, contributions = case
    groups = group_features(keys)
    assert sorted(place for of in groups.members for place in of) == list(range(len(keys)))
    grouped = by_reason(explanation(contributions), meanings(keys))
    assert grouped.names == tuple(dict.fromkeys(keys))
    assert grouped.contributions.sum(axis=1) == pytest.approx(contributions.sum(axis=1))
