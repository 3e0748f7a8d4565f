import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.kit.forest import Entry, forest, scaled
from training.evaluation.assessment import Estimate

numbers = st.floats(-1e6, 1e6, allow_subnormal=False)


def entry(estimate: Estimate | None, before: float | None = None) -> Entry:
    return Entry(label="", estimate=estimate, text="", kind="ours", before=before)


@given(st.lists(st.tuples(numbers, numbers, numbers).map(sorted), min_size=1, max_size=6), numbers)
def test_everything_lies_on_the_scale_in_its_order(
    triples: list[list[float]], reference: float
) -> None:
    drawn = forest(
        [("", [entry(Estimate(middle, low, high)) for low, middle, high in triples])],
        reference=reference,
    )
    assert drawn.reference is not None
    assert 0 < drawn.reference < 100
    for row in drawn.groups[0].rows:
        assert row.dot is not None
        assert 0 < row.low <= row.dot <= row.high < 100
    places = [place for place, _ in drawn.ticks]
    assert places == sorted(places)
    assert len({text for _, text in drawn.ticks}) == len(drawn.ticks)


def test_values_that_are_alike_lie_below_each_other_in_all_groups() -> None:
    drawn = forest(
        [("a", [entry(Estimate(1, 0, 2))]), ("b", [entry(Estimate(1, 0, 4), before=0.0)])]
    )
    (first,), (second,) = (group.rows for group in drawn.groups)
    assert first.dot == second.dot
    assert first.low == second.low == second.before
    assert [group.heading for group in drawn.groups] == ["a", "b"]
    assert drawn.size == 2


def test_marks_have_as_many_digits_as_they_need() -> None:
    assert [text for _, text in forest([("", [entry(Estimate(0.78, 0.76, 0.80))])]).ticks] == [
        "0.76",
        "0.77",
        "0.78",
        "0.79",
        "0.80",
    ]
    share = forest([("", [entry(Estimate(0.3, 0.0, 0.4))])], factor=100, unit=" %", most=(0.0, 1.0))
    assert [text for _, text in share.ticks] == ["0 %", "10 %", "20 %", "30 %", "40 %"]
    signed = forest([("", [entry(Estimate(0.5, -1.0, 1.0))])], sign=True)
    assert [text for _, text in signed.ticks] == ["−1.0", "−0.5", "0.0", "+0.5", "+1.0"]


def test_zone_and_least_range_are_always_shown_and_most_cuts_off() -> None:
    drawn = forest([("", [entry(Estimate(1, 1, 9))])], zone=(0.9, 1.1), least=(0, 1), most=(0, 2))
    assert drawn.zone is not None
    assert drawn.zone[0] == pytest.approx(45)
    assert drawn.zone[1] == pytest.approx(10)
    assert drawn.groups[0].rows[0].high == 100


def test_a_figure_that_is_not_known_has_no_dot() -> None:
    drawn = forest([("", [entry(None)])])
    assert drawn.groups[0].rows[0].dot is None
    assert drawn.ticks


def test_a_negative_factor_turns_an_interval_round() -> None:
    assert scaled(Estimate(1, 0, 3), -2) == Estimate(-2, -6, 0)
    assert scaled(None, 2) is None
