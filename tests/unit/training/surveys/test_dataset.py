"""Who answers is learned from before the test period: the one that rows are split by."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.labelling.cutoffs import start_of_test
from training.labelling.dataset import Dataset
from training.labelling.history import utc
from training.labelling.periods import period_split
from training.settings import LabelSettings


def answers(cutoffs: np.ndarray) -> Dataset:
    rows = len(cutoffs)
    names = np.array([f"c{number}" for number in range(rows)])
    return Dataset(
        target="contact_csat_low",
        service="contact_v1",
        features=("a",),
        ids=names,
        customers=names,
        cutoffs=cutoffs,
        label_ends=cutoffs + np.timedelta64(21, "D"),
        complete=np.ones(rows, dtype=bool),
        matrix=np.zeros((rows, 1)),
        labels={7: (np.arange(rows) % 2).astype(float)},
        weight=np.ones(rows),
        slices={},
        holdout=np.zeros(rows, dtype=bool),
        excluded={},
    )


@given(st.integers(0, 2**32), st.floats(0.1, 0.4))
def test_contacts_are_split_at_the_time_that_the_response_model_is_fitted_until(
    seed: int, share: float
) -> None:
    """Every contact has a moment of its own: the latest share of them is the test period."""
    random = np.random.default_rng(seed)
    moments = np.datetime64("2025-01-01", "us") + np.sort(
        random.integers(0, 300 * 86_400_000_000, 4000)
    ).astype("timedelta64[us]")
    settings = LabelSettings(test_share=share)
    split = period_split(answers(moments), settings)
    start = utc(start_of_test(moments, settings))
    assert start == utc(moments[split.test].min())
    assert len(split.test) == pytest.approx(share * len(moments), abs=1)
    assert utc((moments + np.timedelta64(21, "D"))[split.fit].max()) < start


def test_even_few_rows_have_a_test_period() -> None:
    moments = np.array(["2025-01-01", "2025-02-01"], dtype="datetime64[us]")
    assert start_of_test(moments, LabelSettings()) == moments[1]
