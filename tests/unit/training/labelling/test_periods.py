from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import InputError
from tests.builders.line_tables import CUTOFF, day
from training.labelling.cutoffs import LabelEnd, complete_within, cutoffs_for
from training.labelling.dataset import Dataset
from training.labelling.periods import FEWEST_POSITIVES, customer_share, period_split
from training.settings import LabelSettings

SETTINGS = LabelSettings()
WEEK = timedelta(weeks=1)


def _dataset(
    seed: int = 1,
    customers: int = 900,
    cutoffs: int = 9,
    weeks: int = 4,
    prepaid: float = 0.3,
    share: float = 0.2,
) -> Dataset:
    random = np.random.default_rng(seed)
    rows = customers * cutoffs
    times = np.repeat(
        np.datetime64("2025-03-03", "us") + np.arange(cutoffs) * np.timedelta64(7 * weeks, "D"),
        customers,
    )
    span = np.where(random.random(rows) < prepaid, 127, 97).astype("timedelta64[D]")
    lost = random.random(rows)
    names = np.array([f"c{number:05d}" for number in range(customers)])
    return Dataset(
        target="churn",
        service="churn_v1",
        features=("a", "b"),
        ids=np.tile(np.char.add(names, "-1"), cutoffs),
        customers=np.tile(names, cutoffs),
        cutoffs=times,
        label_ends=times + span,
        complete=np.ones(rows, dtype=bool),
        matrix=random.normal(size=(rows, 2)),
        labels={30: (lost < share / 2).astype(float), 90: (lost < share).astype(float)},
        weight=np.ones(rows),
        slices={"region": np.tile(np.where(np.arange(customers) % 2, "North", "South"), cutoffs)},
        holdout=np.zeros(rows, dtype=bool),
        excluded={"iot": 3},
        facts={"gap_days": 7},
    )


@given(st.integers(0, 10_000), st.integers(700, 1200), st.integers(7, 14), st.floats(0, 1))
def test_no_customer_and_no_time_is_on_both_sides(
    seed: int, customers: int, cutoffs: int, prepaid: float
) -> None:
    dataset = _dataset(seed, customers, cutoffs, prepaid=prepaid)
    if cutoffs < 8:
        dataset = replace(dataset, label_ends=dataset.cutoffs + np.timedelta64(97, "D"))
    split = period_split(dataset, SETTINGS)
    parts = [split.fit, split.tune]
    whose = [set(dataset.customers[part].tolist()) for part in parts]
    assert len(set().union(*whose)) == sum(map(len, whose))
    first_test = dataset.cutoffs[split.test].min()
    assert all(dataset.label_ends[part].max() < first_test for part in parts)
    assert set(dataset.customers[split.test].tolist()) == set(dataset.customers.tolist())
    assert len(np.unique(dataset.cutoffs[split.test])) == cutoffs // 4
    together = np.concatenate([*parts, split.test])
    assert len(np.unique(together)) == len(together) == len(dataset.ids) - split.purged
    # Nobody is left out who could be learnt from.
    assert split.purged == int(
        ((dataset.label_ends >= first_test) & (dataset.cutoffs < first_test)).sum()
    )


def test_about_a_fifth_of_customers_tune_and_all_are_learnt_from() -> None:
    dataset = _dataset(customers=3000)
    split = period_split(dataset, SETTINGS)
    assert np.array_equal(split.learnt, np.sort(np.concatenate([split.fit, split.tune])))
    assert len(split.tune) / len(split.learnt) == pytest.approx(0.2, abs=0.02)


def test_a_customer_stays_where_it_was_for_good() -> None:
    # As `printf c1 | b2sum -l 64` has it.
    shares = customer_share(np.array(["c1", "0042", "客户", "c1"]))
    np.testing.assert_allclose(shares, [0.2653809, 0.9864972, 0.8639429, 0.2653809], atol=1e-6)


def test_a_test_period_of_ones_own() -> None:
    dataset = _dataset()
    split = period_split(dataset, SETTINGS, test_from=day(7 * 24))
    assert dataset.cutoffs[split.test].min() == np.datetime64("2025-08-18", "us")
    for outside in (CUTOFF, CUTOFF - WEEK, day(7 * 33)):
        with pytest.raises(
            InputError,
            match="test period: must begin after 2025-03-03 and not after 2025-10-13, the last cut-off",
        ):
            period_split(dataset, SETTINGS, test_from=outside)
    with pytest.raises(InputError, match=r"cut-offs: must be at least two.* there is 2025-03-03"):
        period_split(_dataset(cutoffs=1), SETTINGS, test_from=day(7))


def test_too_few_cut_offs_say_how_many_weeks_are_needed() -> None:
    with pytest.raises(
        InputError, match=r"cut-offs: must begin 15 weeks before the test period.*'8 weeks'"
    ):
        period_split(_dataset(cutoffs=3), SETTINGS)
    dataset = _dataset()
    with pytest.raises(InputError, match="cut-offs: must be at least two"):
        period_split(dataset.rows(np.array([], dtype=np.intp)), SETTINGS)


@pytest.mark.parametrize("part", FEWEST_POSITIVES)
@pytest.mark.parametrize(("value", "other", "what"), [(1, 0, "positive"), (0, 1, "negative")])
def test_too_few_customers_with_an_outcome_are_refused_by_part(
    part: str, value: float, other: float, what: str
) -> None:
    """Each of them has it at every cut-off: their rows would be enough."""
    dataset = _dataset()
    rows, fewest = getattr(period_split(dataset, SETTINGS), part), FEWEST_POSITIVES[part]
    customers = np.unique(dataset.customers[rows])
    for count in (fewest - 1, fewest):
        label = dataset.labels[90].copy()
        chosen = np.isin(dataset.customers[rows], customers[:count])
        label[rows] = np.where(chosen, value, other)
        assert chosen.sum() > fewest
        scarce = replace(dataset, labels={30: dataset.labels[30], 90: label})
        if count == fewest:
            period_split(scarce, SETTINGS)
            continue
        rule = f"churn, {part} rows: must have at least {fewest} customers with a {what} within 90 days"
        with pytest.raises(InputError, match=rule) as error:
            period_split(scarce, SETTINGS)
        assert error.value.value == count


def _mondays(count: int) -> np.ndarray:
    return np.datetime64("2025-03-03", "us") + np.arange(count) * np.timedelta64(7, "D")


def _end(lines: float, use: float | None = None) -> LabelEnd:
    return LabelEnd(day(lines), day(lines if use is None else use), 7)


def test_cut_offs_are_counted_back_from_the_newest_complete_one() -> None:
    # Labels of lines take 97 days, those of prepaid lines 127.
    chosen = cutoffs_for(_mondays(40), _end(97 + 12 * 7, 127 + 9 * 7 + 6), SETTINGS, (90,))
    assert chosen == [CUTOFF + week * WEEK for week in (1, 5, 9)]
    chosen = cutoffs_for(_mondays(40), _end(97 + 13 * 7, 127 + 9 * 7), SETTINGS, (90,))
    assert chosen == [CUTOFF + week * WEEK for week in (1, 5, 9, 13)]
    every_week = LabelSettings(cutoff_every_weeks=1)
    assert len(cutoffs_for(_mondays(40), _end(97 + 13 * 7, 127 + 9 * 7), every_week, (90,))) == 14


def test_later_cutoffs_have_complete_labels_within_shorter_horizons_alone() -> None:
    end = _end(97 + 13 * 7, 127 + 9 * 7)
    chosen = cutoffs_for(_mondays(40), end, SETTINGS, (30, 60, 90))
    assert chosen == [CUTOFF + week * WEEK for week in (1, 5, 9, 13, 17, 21)]
    for days, complete in ((90, 4), (60, 5), (30, 6)):
        assert complete_within(days, chosen, end, SETTINGS) == chosen[:complete]
    # Some labels must be complete within the longest: nothing is evaluated without.
    with pytest.raises(InputError, match="must reach 104 days"):
        cutoffs_for(_mondays(40), _end(96), SETTINGS, (30, 60, 90))


def test_nothing_is_evaluated_on_rows_whose_longest_label_is_not_complete() -> None:
    dataset = _dataset(cutoffs=14)
    until = dataset.cutoffs.max() - np.timedelta64(4 * 7, "D")
    complete = dataset.cutoffs < until
    some_prepaid = (dataset.cutoffs == np.unique(dataset.cutoffs[complete])[-1]) & (
        np.arange(len(dataset.ids)) % 3 == 0
    )
    complete &= ~some_prepaid
    split = period_split(replace(dataset, complete=complete), SETTINGS)
    alone = period_split(dataset.rows(np.flatnonzero(complete)), SETTINGS)
    for part in ("fit", "tune", "test"):
        ids = [
            np.char.add(one.ids[getattr(two, part)], one.cutoffs[getattr(two, part)].astype(str))
            for one, two in (
                (dataset, split),
                (dataset.rows(np.flatnonzero(complete)), alone),
            )
        ]
        assert (ids[0] == ids[1]).all()
    assert split.purged == alone.purged
    assert split.newer.tolist() == np.flatnonzero(~complete).tolist()
    assert len(alone.newer) == 0


def test_without_complete_prepaid_labels_other_lines_still_have_cutoffs() -> None:
    assert cutoffs_for(_mondays(40), _end(97 + 7), SETTINGS, (90,)) == [CUTOFF + WEEK]


def test_requested_cutoffs_must_have_features_and_labels() -> None:
    end = _end(300)
    assert cutoffs_for(_mondays(40), end, SETTINGS, (90,), [day(14), day(0), day(14)]) == [
        day(0),
        day(14),
    ]
    with pytest.raises(
        InputError,
        match="cutoffs: must be Mondays with stored features, 2025-03-03 to 2025-12-01",
    ):
        cutoffs_for(_mondays(40), end, SETTINGS, (90,), [day(1)])
    with pytest.raises(
        InputError, match="must be Mondays with stored features; there are none yet"
    ):
        cutoffs_for(_mondays(0), end, SETTINGS, (90,), [day(0)])
    with pytest.raises(
        InputError, match="cutoffs: must not lie after 2025-09-22, for labels to be complete"
    ):
        cutoffs_for(_mondays(40), end, SETTINGS, (90,), [day(210)])


def test_too_short_a_history_says_how_long_it_must_be() -> None:
    with pytest.raises(
        InputError,
        match=r"must reach 104 days beyond the first Monday with stored features \(got '103 days'\)",
    ):
        cutoffs_for(_mondays(40), _end(96), SETTINGS, (90,))
    with pytest.raises(InputError, match="no stored features"):
        cutoffs_for(_mondays(0), _end(96), SETTINGS, (90,))


def test_rows_of_a_dataset_stay_together() -> None:
    dataset = _dataset(customers=5, cutoffs=2)
    positions = np.array([7, 0])
    some = dataset.rows(positions)
    assert some.ids.tolist() == dataset.ids[[7, 0]].tolist()
    np.testing.assert_array_equal(some.matrix, dataset.matrix[[7, 0]])
    np.testing.assert_array_equal(some.labels[90], dataset.labels[90][[7, 0]])
    assert some.slices["region"].tolist() == dataset.slices["region"][[7, 0]].tolist()
    assert (some.target, some.features, some.excluded, some.facts) == (
        "churn",
        ("a", "b"),
        {"iot": 3},
        {"gap_days": 7},
    )
    assert datetime.fromisoformat(str(some.cutoffs[1])).replace(tzinfo=UTC) == CUTOFF
