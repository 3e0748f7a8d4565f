"""The level of risk in the training report."""

from dataclasses import replace
from typing import Any

import pytest

from holdfast.documents import to_document
from models.level.revision import (
    ASSUMED_QUANTILE,
    LEVEL,
    HorizonLevel,
    LevelRevision,
    assumed_level,
)
from reports.training.level import level_view, level_words
from reports.training.report import render_model_report
from tests.builders.assessments import operator_model
from tests.builders.html_page import Page
from tests.builders.model_report import PASSED

JUDGED = replace(
    assumed_level(("postpaid", "prepaid"), (0.5, 0.5)),
    status="judged",
    has_season=True,
    shift=(0.2, 0.0),
    origins=9,
    covered=8,
)
SHORT = replace(
    JUDGED, status="assumed", quantile=ASSUMED_QUANTILE, origins=3, covered=3, shift=(-0.1, -0.1)
)


def documents(**horizons: HorizonLevel) -> dict[str, Any]:
    revision = LevelRevision(
        at="2026-01-05T00:00:00+00:00",
        horizons={days.removeprefix("within_"): level for days, level in horizons.items()},
    )
    return {LEVEL: to_document(revision)}


@pytest.mark.parametrize(
    ("level", "words"),
    [
        (
            JUDGED,
            "judged: 8 of 9 earlier bands held what came (share of all such bands: 52 to 100 %); band of 90 %",
        ),
        (SHORT, "assumed: 3 earlier bands, and 8 are needed to judge it; band of 99 %"),
        (
            replace(SHORT, origins=9, covered=4),
            "assumed: only 4 of 9 earlier bands held what came; band of 99 %",
        ),
        (
            assumed_level(),
            "assumed: outcomes of less than two years, too few for a season; band of 90 %",
        ),
    ],
)
def test_it_says_what_a_level_rests_on(level: HorizonLevel, words: str) -> None:
    assert level_words(level) == words


def test_it_shows_what_odds_are_multiplied_by() -> None:
    shown = level_view(documents(within_30=SHORT, within_90=JUDGED))
    assert shown is not None
    short, long = (row.entry for group in shown.factors.groups for row in group.rows)
    assert (short.kind, long.kind) == ("baseline", "ours")
    assert long.estimate is not None
    assert long.estimate.value == pytest.approx(1.105, abs=0.001)  # e to the power of 0.1
    assert long.estimate.low < long.estimate.value < long.estimate.high
    assert [horizon for horizon, _ in shown.grounds] == ["within 30 days", "within 90 days"]
    assert level_view({}) is None


def test_the_page_says_assumed_only_where_it_is() -> None:
    known = Page(
        render_model_report(operator_model(documents=documents(within_90=JUDGED)), PASSED, "3")
    ).text
    assert "8 of 9 earlier bands held what came" in known
    assert "in other seasons it is assumed" not in known
    unknown = Page(render_model_report(operator_model(), PASSED, "3")).text
    assert "in other seasons it is assumed" in unknown
    assert "The level of the coming months" not in unknown
