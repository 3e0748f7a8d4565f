"""Curves in a chart: places, and texts that do not lie on one another."""

import pytest

from reports.kit.curves import curves

BAND = [(0.0, 0.0), (0.02, 0.06), (0.05, 0.15)]


def points(text: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in text.split())]


def test_a_curve_begins_on_the_ground_and_more_lies_higher() -> None:
    chart = curves(["a", "b"], [[0.0, 0.03, 0.08], [0.0, 0.04, 0.12]], BAND)
    a, b = (points(curve.points) for curve in chart.curves)
    assert a[0] == b[0] == (0.0, 100.0)
    assert b[-1][1] < a[-1][1]
    assert a[-1][0] == chart.right
    assert [curve.value for curve in chart.curves] == ["8.0\xa0%", "12.0\xa0%"]
    assert all(0 <= y <= 100 for _, y in (*a, *b, *points(chart.band)))


def test_texts_of_curves_that_end_together_stand_apart_and_in_order() -> None:
    chart = curves(["a", "b"], [[0.0, 0.05, 0.100], [0.0, 0.05, 0.101]], BAND, least_apart=8.0)
    first, second = chart.curves
    assert first.text - second.text == pytest.approx(8.0)
    ground = curves(["a", "b"], [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]], [(0.0, 0.0)] * 3)
    assert all(0 <= curve.text <= 100 for curve in ground.curves)


def test_marks_are_whole_where_they_can_be() -> None:
    chart = curves(["a", "b"], [[0.0, 0.03, 0.08], [0.0, 0.04, 0.12]], BAND)
    assert [text for _, text in chart.across] == ["5\xa0%", "10\xa0%", "15\xa0%"]
    assert [text for _, text in chart.days] == ["0"]
