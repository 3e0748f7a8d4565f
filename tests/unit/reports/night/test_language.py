"""The pages of a night in Chinese: nothing is in English but what they say to be so, and names."""

import re
from dataclasses import replace

import pytest

from features.intake.night_record import Overruling
from reports.night.doctor import render_doctor
from reports.night.status_page import STEPS, VERDICTS, age, render_status
from reports.night.words import measured, named
from reports.words.texts import texts
from tests.builders.nights import AT, FRESH, LATE, night
from tests.unit.reports.night.test_status_page import NIGHT, STATUS, STEP

CHINESE = ("zh-Hans", "zh-Hant")
NAMES = {
    "lt",
    "gt",
    "non",
    "payment",
    "UTC",
    "churn",
    "bills",
    "usage",
    "weeks",
    "consents",
    "Ada",
    "customer",
    "subscription",
}


def left_in_english(html: str) -> set[str]:
    """Latin words of a page outside of what it marks as English, and of what is typed."""
    html = re.sub(r"<style.*?</style>|<code.*?</code>|<!--.*?-->", " ", html, flags=re.S)
    html = re.sub(r'<(bdi|td)( [^>]*)? lang="en">.*?</\1>', " ", html, flags=re.S)
    shown = re.findall(r'label="([^"]*)"', html)
    text = " ".join([*shown, re.sub("<[^>]*>", " ", html)])
    return set(re.findall("[A-Za-z]{2,}", text)) - NAMES


@pytest.mark.parametrize("language", CHINESE)
def test_the_status_page_in_chinese(language: str) -> None:
    steps = [{**STEP, "name": name} for name in STEPS]
    for verdict in VERDICTS:
        one = {**NIGHT, "verdict": verdict, "steps": steps, "doubts": ["bills are thin"]}
        nights = [one, {**one, "at": None, "error": "killed"}]
        for changes in ({"nights": nights}, {"nights": [nights[1]], "clock": "simulated"}):
            assert left_in_english(render_status({**STATUS, **changes}, texts(language))) == set()
    empty = {**STATUS, "nights": [], "tables": [], "models": [], "scores": [], "overrulings": []}
    assert left_in_english(render_status(empty, texts(language))) == set()
    assert {"Everybody", "Scores"} <= left_in_english(render_status(STATUS))


@pytest.mark.parametrize("language", CHINESE)
def test_the_doctors_page_in_chinese(language: str) -> None:
    overruled = (
        Overruling(AT.isoformat(), AT.isoformat(), "Ada", "bills", "thin", ("4 rows are gone",)),
        Overruling(AT.isoformat(), AT.isoformat(), None, "bills", "missing", ()),
    )
    bills, unnoticed = replace(LATE, table="bills"), replace(FRESH, noticed_within_days=None)
    for verdict in (
        night(FRESH),
        night(unnoticed, LATE),
        night(LATE, replace(LATE, table="consents"), FRESH),
        night(LATE, bills, FRESH, stopped=("usage_weeks",)),
        night(replace(LATE, accepted=True), replace(bills, used="none", reasons=())),
    ):
        assert left_in_english(render_doctor(verdict, overruled, texts(language))) == set()
    assert {"Tonight", "late"} <= left_in_english(render_doctor(night(LATE), ()))


def test_what_is_said_in_chinese() -> None:
    chinese = texts("zh-Hans")
    page = render_status(STATUS, chinese)
    for text in ("所有人都已评分", "反对用户画像：3", "影子版本", "11小时", "25天前"):
        assert text in page
    assert [age(hours, chinese) for hours in (1.2, 50.0, -3.0, None)] == [
        "1小时",
        "2天",
        "尚未到",
        "–",
    ]
    assert named("of_another_kind", chinese) == "of another kind"
    assert measured("different customer_id", chinese) == "不同的customer_id"
