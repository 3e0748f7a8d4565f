"""The pages of a night in Chinese: nothing is in English but what they say to be so, and names."""

import re
from dataclasses import replace

import pytest

from features.intake.night_record import Overruling
from features.intake.verdicts import Reason
from holdfast.sentences import sentence
from reports.night.doctor import render_doctor
from reports.night.sentences import OF_TABLES, TEMPLATES, told
from reports.night.status_page import STEPS, VERDICTS, age, render_status
from reports.night.words import measured, named
from reports.words.texts import texts
from tests.builders.nights import AT, FRESH, LATE, night
from tests.builders.sentences import every_sentence
from tests.unit.reports.night.test_status_page import NIGHT, STATUS, STEP

LOST = sentence("lost", lost=4, before=9)
CHINESE = ("zh-Hans", "zh-Hant")
NAMES = {
    "lt",
    "gt",
    "non",
    "accept",
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
    shown = re.findall(r'label="([^"]*)"', html)
    text = " ".join([*shown, re.sub("<[^>]*>", " ", html)])
    return set(re.findall("[A-Za-z]{2,}", text)) - NAMES


@pytest.mark.parametrize("language", CHINESE)
def test_the_status_page_in_chinese(language: str) -> None:
    steps = [{**STEP, "name": name} for name in STEPS]
    overruled = [{**STATUS["overrulings"][0], "reasons": [told(LOST, texts(language))]}]
    for verdict in VERDICTS:
        said = [told(one, texts(language)) for one in every_sentence(TEMPLATES)]
        told_steps = [{**step, "about": about} for step in steps for about in said]
        one = {**NIGHT, "verdict": verdict, "steps": told_steps, "doubts": said}
        nights = [one, {**one, "at": None, "error": said[0]}]
        for changes in ({"nights": nights}, {"nights": [nights[1]], "clock": "simulated"}):
            why = {"non_payment": told(sentence("never_trained"), texts(language))}
            status = {**STATUS, **changes, "overrulings": overruled, "without_version": why}
            status["found_nothing"] = [{"model": "churn", "at": AT.isoformat(), "report": "x.html"}]
            assert left_in_english(render_status(status, texts(language))) == set()
    empty = {**STATUS, "nights": [], "tables": [], "models": [], "scores": [], "overrulings": []}
    empty["without_version"] = {}
    assert left_in_english(render_status(empty, texts(language))) == set()
    assert {"Everybody", "Scores"} <= left_in_english(render_status(STATUS))


@pytest.mark.parametrize("language", CHINESE)
def test_the_doctors_page_in_chinese(language: str) -> None:
    overruled = (
        Overruling(AT.isoformat(), AT.isoformat(), "Ada", "bills", "thin", (LOST,)),
        Overruling(AT.isoformat(), AT.isoformat(), None, "bills", "missing", ()),
    )
    unnoticed = replace(FRESH, noticed_within_days=None)
    everything = [Reason("rows", "", 0, 1, None, None, one) for one in every_sentence(OF_TABLES)]
    bills = replace(LATE, table="bills", reasons=tuple(everything[:12]))
    others = [
        replace(LATE, reasons=tuple(everything[first : first + 12]))
        for first in range(12, len(everything), 12)
    ]
    for verdict in (
        night(FRESH),
        night(unnoticed, LATE, *others),
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
