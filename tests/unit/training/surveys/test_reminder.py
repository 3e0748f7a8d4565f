"""A reminder drawn at random narrows the sensitivity band on the side that it tells of, and only
where the draw looks random and tells enough.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from models.dissatisfaction import ANY_ODDS_RATIO, TARGETS
from tests.builders.clocks import NOW
from training.labelling.history import RawHistory
from training.settings import AssessmentSettings, SurveySettings, TrainingConfig
from training.surveys.labels import SurveyRows
from training.surveys.reminder import (
    OUTCOMES,
    Reminder,
    predicted_by_columns,
    reminder_evidence,
    unlike_column,
)
from training.surveys.reminder_rows import ReminderRows, reminder_rows
from training.surveys.sensitivity import sampled_prevalence
from training.surveys.weights import survey_weights

CONFIG = TrainingConfig(assessment=AssessmentSettings(draws=100))
NOON = datetime(2025, 1, 6, 12, tzinfo=UTC)
_TIME = pl.Datetime("us", "UTC")


def invited(
    of_dissatisfied: float = 0.6,
    of_others: float = 0.15,
    prevalence: float = 0.15,
    rows: int = 40_000,
    seed: int = 1,
) -> tuple[ReminderRows, np.ndarray]:
    """Invitations whose customers answer with a probability by satisfaction, at once or when
    reminded, and who is dissatisfied.
    """
    random = np.random.default_rng(seed)
    low = random.random(rows) < prevalence
    willing = np.where(low, of_dissatisfied, of_others)
    drawn = random.random(rows) < 0.5
    early = random.random(rows) < willing
    answers = early | (drawn & (random.random(rows) < 0.5 * willing))
    names = np.array([f"i{number:06d}" for number in range(rows)])
    return (
        ReminderRows(
            invitation_ids=names,
            customers=names,
            channels=random.choice(["sms", "app"], rows),
            sent=random.uniform(0, 300, rows),
            sampling_probability=random.choice([0.2, 0.4], rows),
            drawn=drawn,
            label=np.where(answers, low.astype(float), np.nan),
            early=early,
        ),
        low,
    )


def evidence(rows: ReminderRows, by_columns: float = 0.0, **observed: np.ndarray) -> Reminder:
    return reminder_evidence(rows, observed, by_columns, CONFIG)


def some(rows: ReminderRows, chosen: np.ndarray) -> ReminderRows:
    return ReminderRows(**{name: values[chosen] for name, values in vars(rows).items()})


def test_where_the_reluctant_are_less_often_dissatisfied_the_upper_side_narrows() -> None:
    rows, low = invited()
    told = evidence(rows)
    assert (told.outcome, told.about) == ("narrowed", OUTCOMES["narrowed"])
    assert told.more_answers is not None
    assert told.log_odds_ratio is not None
    assert told.ready is not None
    assert told.reluctant is not None
    assert told.ready > told.reluctant > low.mean() * 0.8
    assert (told.odds_ratios.least, told.odds_ratios.most) == (1.0, float("inf"))
    answered = ~np.isnan(rows.label)
    label, design = rows.label[answered], 1 / rows.sampling_probability[answered]
    response = np.full(len(label), len(rows) / len(label))
    arguments = (label, design, response, rows.customers[answered], 10.0, CONFIG.assessment, 1)
    assumed = sampled_prevalence(*arguments)
    narrowed = sampled_prevalence(*arguments, told.odds_ratios)
    assert (assumed.evidence, narrowed.evidence) == ("assumed", "estimated")
    assert narrowed.low == assumed.low
    assert narrowed.low <= low.mean() <= narrowed.high == narrowed.estimate < assumed.high
    assert (narrowed.least, narrowed.most) == (1.0, 10.0)


def test_where_they_are_more_often_dissatisfied_the_lower_side_narrows() -> None:
    told = evidence(invited(of_dissatisfied=0.2, of_others=0.45)[0])
    assert told.outcome == "narrowed"
    assert (told.odds_ratios.least, told.odds_ratios.most) == (0.0, 1.0)


def test_what_other_columns_explain_is_not_satisfaction() -> None:
    """Where columns predict fewer dissatisfied among those who do not answer, less is told."""
    rows = invited()[0]
    told = evidence(rows)
    assert told.log_odds_ratio is not None
    explained = evidence(rows, by_columns=-told.log_odds_ratio.low - 0.5)
    assert explained.odds_ratios.least == pytest.approx(np.exp(-0.5))


def test_what_columns_predict_is_read_from_the_weights() -> None:
    label = np.array([1.0, 0.0, 0.0, 0.0, 1.0, np.nan])
    ids = np.array([f"i{number}" for number in range(len(label))])
    times = np.zeros(len(label), dtype="datetime64[us]")
    rows = SurveyRows(
        ids=ids,
        customers=ids,
        cutoffs=times,
        invited_at=times,
        label_ends=times,
        invitation_ids=ids,
        channel=ids,
        touchpoint=ids,
        sampling_probability=np.ones(len(label)),
        delivered=np.ones(len(label), dtype=np.bool_),
        label=label,
        excluded={},
    )
    drawn = np.array([False, False, False, False, True, True])
    reminders = some(replace(invited(rows=6)[0], invitation_ids=ids, drawn=drawn), drawn | ~drawn)
    # Of four ready, one is dissatisfied: odds of 1 to 3. Those who do not answer are like the
    # answers that represent many: 1 to 9.
    probability = np.array([0.5, 0.25, 0.25, 0.25, 1.0])
    weights = survey_weights(np.ones(5), probability, SurveySettings(weight_quantile=1.0))
    assert predicted_by_columns(reminders, rows, weights) == pytest.approx(np.log(3 / 9))
    alike = survey_weights(np.ones(5), np.ones(5), SurveySettings())
    assert predicted_by_columns(reminders, rows, alike) == 0.0


def test_where_satisfaction_changes_nothing_nothing_is_narrowed() -> None:
    """At the true value of none, an interval of 95 % excludes none in about one case of twenty."""
    outcomes = [evidence(invited(0.25, 0.25, rows=8_000, seed=seed)[0]) for seed in range(20)]
    narrowed = [told for told in outcomes if told.outcome == "narrowed"]
    assert len(narrowed) <= 3
    assert all(
        told.odds_ratios == ANY_ODDS_RATIO for told in outcomes if told.outcome == "not_told_apart"
    )


def test_without_a_draw_that_can_be_compared_it_stays_assumed() -> None:
    rows = invited(rows=4_000)[0]
    unheard = np.full(len(rows), np.nan)
    deaf = replace(rows, label=np.where(rows.early, rows.label, np.nan))
    cases = {
        "none": some(rows, np.zeros(len(rows), dtype=bool)),
        "one_arm": some(rows, rows.drawn),
        "too_few": replace(rows, label=unheard, early=np.zeros(len(rows), dtype=np.bool_)),
        "no_effect": deaf,
    }
    for outcome, changed in cases.items():
        told = evidence(changed)
        assert told.outcome == outcome
        assert told.odds_ratios == ANY_ODDS_RATIO
        assert told.to_json()["about"].startswith("Assumed")


def test_a_draw_that_does_not_look_random_is_not_used() -> None:
    rows = invited()[0]
    random = np.random.default_rng(3)
    tenure = random.normal(0, 1, len(rows)) + 0.1 * rows.drawn
    told = evidence(rows, age=random.normal(0, 1, len(rows)), tenure=tenure)
    assert (told.outcome, told.unlike) == ("not_random", "tenure")
    assert told.odds_ratios == ANY_ODDS_RATIO
    gone = np.where(rows.drawn & (random.random(len(rows)) < 0.1), np.nan, 1.0)
    assert evidence(rows, gone=gone).unlike == "gone missing"
    by_time = replace(rows, drawn=random.random(len(rows)) < rows.sent / 300)
    assert evidence(by_time).unlike == "sent"
    # Reminders were sent before the day that the setting says.
    sooner = replace(rows, early=~np.isnan(rows.label))
    assert evidence(sooner).unlike == "answered before a reminder"


def test_answers_before_a_reminder_only_add_noise() -> None:
    rows = invited()[0]
    sharp, noisy = (
        evidence(replace(rows, early=early)).log_odds_ratio
        for early in (rows.early, np.zeros(len(rows), dtype=np.bool_))
    )
    assert sharp is not None
    assert noisy is not None
    assert noisy.low < sharp.value < noisy.high
    assert sharp.high - sharp.low < 0.7 * (noisy.high - noisy.low)


def test_true_draws_look_random_as_often_as_they_should() -> None:
    random = np.random.default_rng(4)
    rows = invited(rows=1_000)[0]
    columns = {f"f{number}": random.normal(0, 1, len(rows)) for number in range(30)}
    draws = [replace(rows, drawn=random.random(len(rows)) < 0.5) for _ in range(100)]
    assert sum(unlike_column(drawn, columns) is not None for drawn in draws) <= 5


def test_invitations_are_read_as_last_corrected_with_answers_in_time(tmp_path: Path) -> None:
    def at(days: float) -> datetime:
        return NOON + timedelta(days=days)

    def row(id_: str, drawn: bool | None, arrived: float = 0, **changed: Any) -> dict[str, Any]:
        return {
            "invitation_id": id_,
            "customer_id": "c1",
            "survey": "relationship",
            "channel": None,
            "sampling_probability": 0.5,
            "reminder_drawn": drawn,
            "happened_at": at(0),
            "arrived_at": at(arrived),
        } | changed

    invitations = [
        row("a", False),
        row("a", True, arrived=1),
        row("late", False),
        row("unknown", None),
        row("other", True, survey="transactional"),
        row("stranger", True, customer_id="c2"),
        row("open", True, happened_at=at(95)),
    ]
    answers = [
        {
            "invitation_id": id_,
            "instrument": "csat",
            "dimension": "overall",
            "score": score,
            "scale_low": 1.0,
            "scale_high": 5.0,
            "happened_at": at(days),
            "arrived_at": at(days),
        }
        for id_, score, days in (("a", 5.0, 2), ("a", 1.0, 3), ("a", 4.0, 15), ("late", 1.0, 15))
    ]
    people = [{"customer_id": "c1", "happened_at": at(0), "arrived_at": at(100)}]
    types = {"happened_at": _TIME, "arrived_at": _TIME, "reminder_drawn": pl.Boolean}
    tables = {
        "customers": people,
        "subscriptions": [person | {"subscription_id": "s1"} for person in people],
        "survey_invitations": invitations,
        "survey_answers": answers,
    }
    for name, table in tables.items():
        (tmp_path / name).mkdir()
        overrides = {key: type_ for key, type_ in types.items() if key in table[0]}
        pl.DataFrame(table, schema_overrides=overrides).write_parquet(
            tmp_path / name / "part.parquet"
        )
    history = RawHistory(tmp_path, NOW)
    settings = SurveySettings(answer_days=14)
    rows = reminder_rows(history, TARGETS["csat_low"], np.array(["c1", "c1"]), settings)
    assert rows.invitation_ids.tolist() == ["a", "late"]
    assert rows.drawn.tolist() == [True, False]
    assert rows.label[0] == 1.0
    assert np.isnan(rows.label[1])
    assert rows.early.tolist() == [True, False]
    assert rows.channels.tolist() == ["unknown", "unknown"]
