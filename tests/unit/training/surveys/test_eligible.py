"""At which Mondays customers can be asked about: those whose answers are in by the data's end."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import InputError
from models.dissatisfaction import TARGETS
from training.settings import LabelSettings, SurveySettings
from training.surveys.eligible import survey_cutoffs

MONDAY = datetime(2025, 1, 6, tzinfo=UTC)
CSAT = TARGETS["csat_low"]
LABELS, SURVEYS = LabelSettings(gap_days=7, cutoff_every_weeks=4), SurveySettings(answer_days=14)
SPAN = timedelta(days=7 + 90 + 14)


def mondays(weeks: int) -> np.ndarray:
    return np.array(
        [np.datetime64("2025-01-06") + 7 * week for week in range(weeks)], dtype="datetime64[us]"
    )


@given(st.integers(1, 60), st.integers(0, 600))
def test_every_cutoffs_answers_are_in(weeks: int, days: int) -> None:
    end = MONDAY + timedelta(days=days)
    if end < MONDAY + SPAN:
        with pytest.raises(
            InputError, match="raw tables: must reach 111 days beyond the first Monday"
        ):
            survey_cutoffs(mondays(weeks), end, CSAT, LABELS, SURVEYS)
        return
    cutoffs = survey_cutoffs(mondays(weeks), end, CSAT, LABELS, SURVEYS)
    assert cutoffs == sorted(cutoffs)
    assert all(at + SPAN <= end for at in cutoffs)
    assert {(later - earlier).days for earlier, later in pairwise(cutoffs)} <= {28}
    newest = max(
        at for week in range(weeks) if (at := MONDAY + timedelta(weeks=week)) + SPAN <= end
    )
    assert cutoffs[-1] == newest
    assert cutoffs[0] - timedelta(weeks=4) < MONDAY


def test_requested_cutoffs_are_checked() -> None:
    end = MONDAY + timedelta(days=200)
    later, last, too_late, tuesday = (MONDAY + timedelta(days=days) for days in (14, 84, 91, 1))
    assert survey_cutoffs(mondays(30), end, CSAT, LABELS, SURVEYS, [later, MONDAY, later]) == [
        MONDAY,
        later,
    ]
    assert survey_cutoffs(mondays(30), end, CSAT, LABELS, SURVEYS, [last]) == [last]
    with pytest.raises(
        InputError, match=r"must not lie after 2025-04-05, for answers to arrive \(got '2025-04-07"
    ):
        survey_cutoffs(mondays(30), end, CSAT, LABELS, SURVEYS, [too_late])
    with pytest.raises(InputError, match="2025-01-06 to 2025-07-28"):
        survey_cutoffs(mondays(30), end, CSAT, LABELS, SURVEYS, [tuesday])


def test_without_history_there_are_none() -> None:
    with pytest.raises(InputError, match="no stored features"):
        survey_cutoffs(mondays(0), MONDAY, CSAT, LABELS, SURVEYS)
