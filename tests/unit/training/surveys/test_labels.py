"""Survey labels: the first survey counts, answers and corrections count when they arrive in time,
and windows must be over.
"""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.errors import InputError
from models.dissatisfaction import TARGETS
from tests.builders.clocks import NOW
from training.labelling.history import RawHistory
from training.settings import SurveySettings
from training.surveys.labels import (
    CENSORED,
    NOT_INVITED,
    OFF_SCALE,
    UNSAMPLED,
    SurveyKeys,
    SurveyRows,
    survey_rows,
)

NOON = datetime(2025, 1, 6, 12, tzinfo=UTC)
GAP, HORIZON, WAIT = 7, 90, 14
SETTINGS = SurveySettings(answer_days=WAIT)
_TIME = pl.Datetime("us", "UTC")
_INVITATIONS = {
    "invitation_id": pl.String,
    "customer_id": pl.String,
    "interaction_id": pl.String,
    "survey": pl.String,
    "channel": pl.String,
    "touchpoint": pl.String,
    "sampling_probability": pl.Float64,
    "delivered": pl.Boolean,
    "happened_at": _TIME,
    "arrived_at": _TIME,
}
_ANSWERS = {
    "invitation_id": pl.String,
    "instrument": pl.String,
    "dimension": pl.String,
    "score": pl.Float64,
    "scale_low": pl.Float64,
    "scale_high": pl.Float64,
    "happened_at": _TIME,
    "arrived_at": _TIME,
}


def moments(times: list[datetime]) -> np.ndarray:
    return np.array([time.replace(tzinfo=None) for time in times], dtype="datetime64[us]")


def after(days: float) -> datetime:
    return NOON + timedelta(days=days)


def invitation(id_: str, days: float, **changed: Any) -> dict[str, Any]:
    row = {
        "invitation_id": id_,
        "customer_id": "c1",
        "interaction_id": None,
        "survey": "relationship",
        "channel": "sms",
        "touchpoint": "none",
        "sampling_probability": 0.5,
        "delivered": True,
        "happened_at": after(days),
        "arrived_at": after(days),
    }
    return row | changed


def answer(id_: str, score: float, days: float, **changed: Any) -> dict[str, Any]:
    row = {
        "invitation_id": id_,
        "instrument": "csat",
        "dimension": "overall",
        "score": score,
        "scale_low": 1.0,
        "scale_high": 5.0,
        "happened_at": after(days),
        "arrived_at": after(days),
    }
    return row | changed


def history_of(
    folder: Path, invitations: list[dict[str, Any]], answers: list[dict[str, Any]], end: float = 400
) -> RawHistory:
    empty = {
        "customer_id": pl.String,
        "subscription_id": pl.String,
        "happened_at": _TIME,
        "arrived_at": _TIME,
    }
    people = pl.DataFrame(
        [{name: "c1" if "id" in name else after(-100) for name in empty}], schema=empty
    )
    people = pl.concat([people, people.with_columns(arrived_at=pl.lit(after(end)))])
    tables = {
        "customers": people,
        "subscriptions": people,
        "survey_invitations": pl.DataFrame(invitations, schema=_INVITATIONS),
        "survey_answers": pl.DataFrame(answers, schema=_ANSWERS),
    }
    shutil.rmtree(folder, ignore_errors=True)
    for name, table in tables.items():
        (folder / name).mkdir(parents=True)
        table.write_parquet(folder / name / "part.parquet")
    return RawHistory(folder, NOW)


def labels(
    history: RawHistory, target: str = "csat_low", cutoffs: tuple[float, ...] = (0,)
) -> SurveyRows:
    ids = np.array(["c1"] * len(cutoffs))
    asked = SurveyKeys(ids=ids, customers=ids, cutoffs=moments([after(days) for days in cutoffs]))
    return survey_rows(history, TARGETS[target], asked, GAP, SETTINGS)


def test_the_first_survey_counts_even_without_an_answer(tmp_path: Path) -> None:
    invitations = [
        invitation("late", 60),
        invitation("first", 20, delivered=False),
        invitation("early", 3),
    ]
    labelled = labels(
        history_of(tmp_path, invitations, [answer("late", 1, 61), answer("early", 1, 4)])
    )
    assert labelled.invitation_ids.tolist() == ["first"]
    assert labelled.delivered.tolist() == [False]
    assert labelled.answered.tolist() == [False]


@pytest.mark.parametrize(
    "days, counts",
    [
        (GAP, False),
        (GAP + 1e-6, True),
        (GAP + HORIZON, True),
        (GAP + HORIZON + 1e-6, False),
        (-3, False),
    ],
)
def test_the_horizon_begins_after_the_gap(tmp_path: Path, days: float, counts: bool) -> None:
    labelled = labels(history_of(tmp_path, [invitation("i", days)], [answer("i", 2, days + 1)]))
    assert len(labelled) == counts
    assert labelled.excluded == ({} if counts else {NOT_INVITED: 1})


@pytest.mark.parametrize(
    "arrives, label", [(GAP + HORIZON + WAIT, 1.0), (GAP + HORIZON + WAIT + 1e-6, 0.0)]
)
def test_a_correction_counts_when_it_arrives_in_time(
    tmp_path: Path, arrives: float, label: float
) -> None:
    answers = [answer("i", 1, 21, arrived_at=after(arrives)), answer("i", 5, 21)]
    assert labels(history_of(tmp_path, [invitation("i", 20)], answers)).label.tolist() == [label]


def test_an_answer_that_arrives_too_late_is_none(tmp_path: Path) -> None:
    answers = [answer("i", 1, 21, arrived_at=after(GAP + HORIZON + WAIT + 1))]
    labelled = labels(history_of(tmp_path, [invitation("i", 20)], answers))
    assert np.isnan(labelled.label).all()


def test_a_corrected_invitation_counts_as_last_corrected(tmp_path: Path) -> None:
    moved = invitation("i", 3, arrived_at=after(30))
    assert labels(history_of(tmp_path, [invitation("i", 20), moved], [])).excluded == {
        NOT_INVITED: 1
    }


def test_rows_whose_window_is_not_over_are_censored(tmp_path: Path) -> None:
    history = history_of(
        tmp_path, [invitation("i", 30)], [answer("i", 1, 31)], end=GAP + HORIZON + WAIT
    )
    labelled = labels(history, cutoffs=(0, 1e-6, 20))
    assert labelled.cutoffs.tolist() == moments([NOON]).tolist()
    assert labelled.label_ends.tolist() == moments([history.end]).tolist()
    assert labelled.excluded == {CENSORED: 2}


def test_what_cannot_be_weighted_or_read_is_counted(tmp_path: Path) -> None:
    invitations = [
        invitation("i", 20, sampling_probability=0.0),
        invitation("j", 20, customer_id="c2"),
    ]
    history = history_of(tmp_path, invitations, [answer("j", 9, 21)])
    ids = np.array(["c1", "c2"])
    asked = SurveyKeys(ids=ids, customers=ids, cutoffs=moments([NOON, NOON]))
    labelled = survey_rows(history, TARGETS["csat_low"], asked, GAP, SETTINGS)
    assert len(labelled) == 0
    assert labelled.excluded == {UNSAMPLED: 1, OFF_SCALE: 1}


def test_each_target_reads_its_own_question(tmp_path: Path) -> None:
    answers = [
        answer("i", 4, 21),
        answer("i", 1, 21, dimension="quality"),
        answer("i", 6, 21, instrument="nps", scale_low=0.0, scale_high=10.0),
    ]
    history = history_of(
        tmp_path, [invitation("i", 20), invitation("t", 10, survey="transactional")], answers
    )
    assert labels(history, "csat_low").label.tolist() == [0.0]
    assert labels(history, "nps_detractor").label.tolist() == [1.0]


def test_a_contact_has_its_own_survey_and_no_gap(tmp_path: Path) -> None:
    contact = {"survey": "transactional", "touchpoint": "phone"}
    invitations = [
        invitation("other", 0.01, interaction_id="k2", **contact),
        invitation("own", 0.02, interaction_id="k1", **contact),
        invitation("again", 1, interaction_id="k1", **contact),
        invitation("unlinked", 0.01, **contact),
    ]
    answers = [answer("other", 1, 0.1), answer("own", 2, 1.5), answer("again", 5, 1.5)]
    ids = np.array(["k1", "k2", "k3"])
    asked = SurveyKeys(ids=ids, customers=np.array(["c1"] * 3), cutoffs=moments([NOON] * 3))
    labelled = survey_rows(
        history_of(tmp_path, invitations, answers),
        TARGETS["contact_csat_low"],
        asked,
        GAP,
        SETTINGS,
    )
    assert labelled.ids.tolist() == ["k1", "k2"]
    assert labelled.invitation_ids.tolist() == ["own", "other"]
    assert labelled.label.tolist() == [1.0, 1.0]
    assert labelled.touchpoint.tolist() == ["phone", "phone"]
    assert labelled.excluded == {NOT_INVITED: 1}


def test_absent_tables_are_named(tmp_path: Path) -> None:
    history = history_of(tmp_path, [invitation("i", 20)], [])
    shutil.rmtree(tmp_path / "survey_answers")
    with pytest.raises(InputError, match="survey_answers"):
        labels(RawHistory(history.directory, NOW))


_days = st.integers(0, 130)
_invited = st.lists(st.tuples(st.sampled_from("abc"), _days, st.integers(0, 30)), max_size=5)
_answered = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(1, 5), st.integers(0, 160)), max_size=6
)


@settings(max_examples=60)
@given(
    _invited,
    _answered,
    st.lists(st.integers(0, 40), min_size=1, max_size=3, unique=True),
    st.integers(100, 200),
)
def test_labels_are_what_a_plain_reading_of_the_rules_says(
    tmp_path_factory: pytest.TempPathFactory,
    invited: list[tuple[str, int, int]],
    answers_given: list[tuple[str, int, int]],
    cutoffs: list[int],
    end: int,
) -> None:
    folder = tmp_path_factory.getbasetemp() / "plain"
    # Several versions of one invitation, or answer, arrive at moments of their own.
    invitations = [
        invitation(id_, day, arrived_at=after(day + late + n / 1000))
        for n, (id_, day, late) in enumerate(invited)
    ]
    answers = [
        answer(id_, score, day + n / 1000) for n, (id_, score, day) in enumerate(answers_given)
    ]
    labelled = labels(history_of(folder, invitations, answers, end), cutoffs=tuple(cutoffs))
    expected = []
    data_end = max(
        [end, *((row["arrived_at"] - NOON) / timedelta(days=1) for row in [*invitations, *answers])]
    )
    for cutoff in cutoffs:
        wait = after(cutoff + GAP + HORIZON + WAIT)
        if wait > after(data_end):
            continue
        last = {
            row["invitation_id"]: row
            for row in sorted(invitations, key=_arrival)
            if row["arrived_at"] <= wait
        }
        window = (after(cutoff + GAP), after(cutoff + GAP + HORIZON))
        within = [row for row in last.values() if window[0] < row["happened_at"] <= window[1]]
        if not within:
            continue
        first = min(within, key=lambda row: (row["happened_at"], row["invitation_id"]))[
            "invitation_id"
        ]
        versions = [
            row for row in answers if row["invitation_id"] == first and row["arrived_at"] <= wait
        ]
        label = float(max(versions, key=_arrival)["score"] <= 2) if versions else None
        expected.append((cutoff, first, label))
    whole = [None if np.isnan(label) else label for label in labelled.label]
    days = [
        float((moment - moments([NOON])[0]) / np.timedelta64(1, "D")) for moment in labelled.cutoffs
    ]
    assert list(zip(days, labelled.invitation_ids.tolist(), whole, strict=True)) == expected


def _arrival(row: dict[str, Any]) -> datetime:
    moment: datetime = row["arrived_at"]
    return moment
