import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.world.draws import Draws, pick, whole

seeds, blocks, weeks = st.integers(0, 2**63 - 1), st.integers(0, 50), st.integers(-52, 260)


@given(seeds, blocks, weeks)
def test_an_address_has_one_number_whatever_was_drawn_before(
    seed: int, block: int, week: int
) -> None:
    first, second = Draws(seed, block), Draws(seed, block)
    second.uniform("something else", week, 7)
    assert (first.uniform("use", week, 50) == second.uniform("use", week, 50)).all()
    assert (first.normal("use", week, 50) == second.normal("use", week, 50)).all()


@given(seeds, blocks, weeks)
def test_addresses_differ_by_seed_purpose_block_and_week(seed: int, block: int, week: int) -> None:
    here = Draws(seed, block).uniform("use", week, 20)
    for other in (
        Draws(seed ^ 1, block).uniform("use", week, 20),
        Draws(seed, block + 1).uniform("use", week, 20),
        Draws(seed).uniform("use", week, 20),
        Draws(seed, block, replica=1).uniform("use", week, 20),
        Draws(seed, block).uniform("use", week + 1, 20),
        Draws(seed, block).uniform("talk", week, 20),
    ):
        assert (here != other).any()


def test_an_address_keeps_its_number() -> None:
    numbers = [Draws(7, 2).uniform("use", week, 1)[0] for week in (0, 41)]
    assert numbers == pytest.approx([0.66438681, 0.57221228])


@given(seeds, blocks)
def test_replicas_have_the_same_numbers_of_events(seed: int, block: int) -> None:
    here, there = Draws(seed, block), Draws(seed, block, replica=1)
    assert (here.at("taste", np.arange(30)) == there.at("taste", np.arange(30))).all()


@given(seeds, st.permutations(range(30)))
def test_an_event_s_number_follows_its_identity_not_its_place(seed: int, order: list[int]) -> None:
    draws, places = Draws(seed, 0), np.array(order)
    numbers = draws.at("issue", np.arange(30), 4)
    assert (numbers > 0).all()
    assert (numbers < 1).all()
    assert (draws.at("issue", places, 4) == numbers[places]).all()
    assert len(np.unique(numbers)) == 30


def test_hashed_numbers_are_uniform() -> None:
    numbers = Draws(7).at("issue", np.arange(200_000), 3)
    counts = np.histogram(numbers, bins=20, range=(0, 1))[0]
    assert np.abs(counts / 10_000 - 1).max() < 0.04


@given(st.lists(st.floats(0, 6), min_size=1, max_size=40), seeds)
def test_whole_numbers_lie_next_to_their_mean(means: list[float], seed: int) -> None:
    mean = np.array(means)
    counts = whole(mean, Draws(seed).uniform("drops", 0, len(mean)).astype(float))
    assert (np.abs(counts - mean) <= 1).all()


@given(
    st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=40),
    st.lists(st.floats(0.0, 3), min_size=2, max_size=6),
)
def test_what_has_no_weight_is_never_picked(luck: list[float], weights: list[float]) -> None:
    given_weights = np.array([*weights, 1.0])
    chosen = pick(np.array(luck), given_weights)
    assert (given_weights[chosen] > 0).all()
