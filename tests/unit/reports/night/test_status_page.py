import re
from typing import Any

import pytest

from reports.night.status_page import headline, render_status

STEP = {
    "name": "score",
    "status": "done",
    "about": "12 by <b>churn</b> 1",
    "inputs": None,
    "seconds": 1.5,
    "result": {},
}
NIGHT: dict[str, Any] = {
    "number": 3,
    "started_at": "2025-05-26T04:00:00+00:00",
    "ended_at": "2025-05-26T04:10:00+00:00",
    "clock": "system",
    "at": "2025-05-26T00:00:00+00:00",
    "verdict": "done",
    "doubts": [],
    "tables": {"bills": "fresh"},
    "care_may_run": True,
    "steps": [STEP],
    "error": None,
}
STATUS: dict[str, Any] = {
    "now": "2025-05-26T09:00:00+00:00",
    "clock": "system",
    "nights": [NIGHT],
    "tables": [
        {
            "table": "bills",
            "newest_arrived_at": "2025-05-25T22:00:00+00:00",
            "age_hours": 11.0,
            "verdict": "fresh",
        }
    ],
    "models": [
        {
            "model": "churn",
            "version": "1",
            "alias": "shadow",
            "since": "2025-05-01T00:00:00+00:00",
            "age_days": 25.4,
        }
    ],
    "without_version": {"non_payment": "was never trained"},
    "overrulings": [
        {
            "at": "2025-05-25T04:00:00+00:00",
            "night": "2025-05-25T00:00:00+00:00",
            "by": "Ada <i>",
            "table": "bills",
            "verdict": "thin",
            "reasons": ["4 rows are gone"],
        }
    ],
    "scores": [
        {
            "model": "churn",
            "version": "1",
            "alias": "shadow",
            "at": "2025-05-26T00:00:00+00:00",
            "entities": 1234,
            "explained": {"90": 247},
            "excluded": {"enterprise": 7},
            "marks": {"profiling_objection": 3},
            "bands": {"90": {"high": 120, "low": 1114}},
        }
    ],
}


def test_the_page_says_what_the_night_did() -> None:
    page = render_status(STATUS)
    for text in (
        "Everybody is scored",
        "1,234",
        "7 of enterprises",
        "3 profiling objection",
        "shadow",
    ):
        assert text in page
    assert "11 hours" in page
    assert "25 days" in page
    assert "<b>churn</b>" not in page
    assert "Ada &lt;i&gt;" in page
    assert "4 rows are gone" in page


def test_sentences_stand_apart_and_the_band_high_is_explained() -> None:
    at = {**NIGHT, "at": "2025-05-26T00:00:00+00:00", "care_may_run": True}
    for night in (at, {**at, "at": None}):
        page = render_status({**STATUS, "nights": [night]})
        assert re.search(r"\.\s+Offers may be planned and sent", page)
    assert "High risk counts those in the band <em>high</em>" in page


def test_a_home_before_its_first_night_has_a_page() -> None:
    empty = {**STATUS, "nights": [], "tables": [], "models": [], "scores": [], "overrulings": []}
    page = render_status(empty)
    assert "No night has run yet" in page
    assert "Nobody has been scored yet" in page


@pytest.mark.parametrize(
    "changes, said",
    [
        ({}, "Everybody is scored"),
        ({"steps": [{**STEP, "status": "skipped"}]}, "Done; nobody was scored"),
        ({"verdict": "doubts"}, "Done, with doubts"),
        ({"verdict": "stopped"}, "Stopped: yesterday's scores stand"),
        ({"verdict": None}, "Not ended: it runs, or was killed"),
    ],
)
def test_the_headline_is_the_verdict(changes: dict[str, Any], said: str) -> None:
    assert headline({**NIGHT, **changes}) == said
    assert said.replace("'", "&#39;") in render_status({**STATUS, "nights": [{**NIGHT, **changes}]})
