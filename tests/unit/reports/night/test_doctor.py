from dataclasses import replace

import pytest

from features.intake.night_record import Overruling
from features.intake.verdicts import NightVerdict, Reason
from holdfast.sentences import as_written
from reports.night.doctor import CHART_HEIGHT, day_chart, headline, render_doctor
from tests.builders.html_page import Page, check_page
from tests.builders.nights import AT, FRESH, LATE, night

OVERRULED = Overruling(
    AT.isoformat(),
    AT.isoformat(),
    "Ada <i>",
    "bills",
    "thin",
    (as_written("4 rows <b>are</b> gone"),),
)


@pytest.mark.parametrize(
    "verdict, words",
    [
        (night(FRESH), "All tables as expected"),
        (night(FRESH, replace(LATE, accepted=True)), "All tables as expected"),
        (night(LATE, FRESH), "Not as expected: usage_weeks"),
        (
            night(LATE, replace(LATE, table="bills"), stopped=("usage_weeks", "bills")),
            "Stopped by usage_weeks and bills: nothing was replaced",
        ),
    ],
)
def test_the_headline_says_what_happened(verdict: NightVerdict, words: str) -> None:
    assert headline(verdict) == words
    html = render_doctor(verdict, ())
    check_page(html)
    assert words in Page(html).text


def test_a_table_in_doubt_is_shown_beside_other_nights() -> None:
    page = Page(render_doctor(night(LATE, FRESH), (OVERRULED,)))
    doubt = page.texts["doubt-usage_weeks"]
    assert "usage_weeks is late" in doubt
    assert "0 rows arrived on 2026-03-02, usually 1,000" in doubt
    assert "1,000 (900 to 2,000)" in doubt
    assert "not enough nights or rows yet" in doubt
    assert "4 rows <b>are</b> gone" in page.texts["overrulings"]
    assert "Ada <i>" in page.texts["overrulings"]


def test_the_page_says_where_fresh_says_little_and_when_care_may_not_run() -> None:
    html = render_doctor(night(replace(FRESH, noticed_within_days=None)), ())
    assert "Fresh says little of consents" in Page(html).text
    assert "No offers" not in html
    late = render_doctor(night(replace(LATE, table="consents")), ())
    assert "No offers may be planned or sent" in Page(late).text


def test_names_and_reasons_are_text() -> None:
    reason = Reason("values", "region", 1, 0, 0, 0, as_written("region: “<script>” 90%"))
    html = render_doctor(night(replace(LATE, reasons=(reason,))), ())
    check_page(html)
    assert "<script>" not in html


def test_bars_stand_on_the_ground_and_bounds_in_the_chart() -> None:
    chart = day_chart(LATE)
    assert all(bar.y + bar.height == pytest.approx(CHART_HEIGHT) for bar in chart.bars)
    assert [bar.height for bar in chart.bars] == [20.0, 10.0, 0.0]
    assert (chart.high, chart.low) == (0.0, 22.0)
