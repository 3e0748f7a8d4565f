"""A sample keeps every row with the outcome, and the level of every stratum."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.fitting import sampling
from training.fitting.sampling import sample_rows


@settings(max_examples=60)
@given(
    st.integers(0, 10_000), st.integers(1, 400), st.floats(0.01, 0.9), st.sampled_from([0, 5, 50])
)
def test_every_stratum_keeps_its_level(seed: int, rows: int, rate: float, fewest: int) -> None:
    random = np.random.default_rng(seed)
    label = (random.random(rows) < rate).astype(float)
    stratum, number = random.integers(0, 4, rows), random.random(rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampling, "FEWEST_NEGATIVES", fewest)
        sample = sample_rows(label, stratum, number)
    assert np.all(np.diff(sample.chosen) > 0)
    assert set(np.flatnonzero(label)) <= set(sample.chosen)
    assert sample.stands_for.min(initial=1) >= 1
    for one in range(4):
        for value in (0, 1):
            here = (stratum == one) & (label == value)
            of_sample = here[sample.chosen]
            assert sample.stands_for[of_sample].sum() == pytest.approx(here.sum())
    negatives = int((label[sample.chosen] == 0).sum())
    assert (
        negatives <= max(sampling.NEGATIVES_PER_POSITIVE * label.sum(), fewest) + 4
    )  # rounded up in each stratum


def test_few_rows_are_all_kept() -> None:
    sample = sample_rows(np.array([0.0, 1.0, 0.0]), np.zeros(3, dtype=np.int64), np.arange(3.0))
    assert sample.chosen.tolist() == [0, 1, 2]
    assert sample.stands_for.tolist() == [1, 1, 1]


def test_samples_of_two_periods_share_the_rows_of_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "FEWEST_NEGATIVES", 10)
    random = np.random.default_rng(1)
    label, number = (random.random(4_000) < 0.02).astype(float), random.random(4_000)
    stratum = np.repeat(np.arange(4), 1_000)
    earlier = sample_rows(label[:3_000], stratum[:3_000], number[:3_000]).chosen
    everything = sample_rows(label, stratum, number).chosen
    shared = np.isin(earlier, everything).mean()
    assert len(earlier) < 2_000
    assert shared > 0.85


def test_positives_and_all_rows_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "MOST_POSITIVES", 30)
    monkeypatch.setattr(sampling, "MOST_ROWS", 100)
    random = np.random.default_rng(2)
    label = (np.arange(1_000) < 200).astype(float)
    sample = sample_rows(label, np.zeros(1_000, dtype=np.int64), random.random(1_000))
    kept = label[sample.chosen]
    assert (kept.sum(), len(kept)) == (30, 100)
    assert sample.stands_for.sum() == pytest.approx(1_000)
