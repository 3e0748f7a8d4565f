"""Invitations for which a reminder was drawn at random, or not, and what was answered."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.contracts.tables import ARRIVED, HAPPENED
from holdfast.arrays import Floats, Texts
from models.dissatisfaction import SurveyTarget
from training.labelling.history import RawHistory
from training.settings import SurveySettings


@dataclass(frozen=True, kw_only=True)
class ReminderRows:
    """Invitations for which a reminder was drawn or not, and their answers.

    Parameters
    ----------
    invitation_ids, customers, channels : (n,) str
        The invitation, its customer and its channel.
    sent : (n,) float64
        When it was sent, in days.
    sampling_probability : (n,) float64
        Probability of being invited, in (0, 1].
    drawn : (n,) bool
        A reminder was drawn.
    label : (n,) float64
        1 dissatisfied, 0 not, NaN where not answered.
    early : (n,) bool
        Answered before any reminder is sent.
    """

    invitation_ids: Texts
    customers: Texts
    channels: Texts
    sent: Floats
    sampling_probability: Floats
    drawn: NDArray[np.bool_]
    label: Floats
    early: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.drawn)


def reminder_rows(
    history: RawHistory, target: SurveyTarget, customers: Texts, settings: SurveySettings
) -> ReminderRows:
    """Invitations of the target's kind whose answers have arrived, of some customers.

    Parameters
    ----------
    history : RawHistory
        The raw tables.
    target : SurveyTarget
        Kind of survey, and what counts as dissatisfied.
    customers : (k,) str
        The customers, such as those with a row in the dataset.
    settings : SurveySettings
        For how many days after the invitation answers count, and how soon one may be reminded.
    """
    wait = timedelta(days=settings.answer_days)
    columns = ["customer_id", "survey", "channel", "sampling_probability", "reminder_drawn"]
    invitations = (
        history.rows("survey_invitations", columns)
        .filter(pl.col("survey") == target.survey, pl.col(HAPPENED) + wait <= history.end)
        .sort("invitation_id", ARRIVED)
        .unique("invitation_id", keep="last", maintain_order=True)
        .filter(pl.col("reminder_drawn").is_not_null(), pl.col("sampling_probability") > 0)
        .filter(pl.col("customer_id").is_in(np.unique(customers).tolist()))
        .select("invitation_id", *columns, sent=pl.col(HAPPENED))
    )
    answers = (
        history.rows(
            "survey_answers", ["instrument", "dimension", "score", "scale_low", "scale_high"]
        )
        .filter(pl.col("instrument") == target.instrument, pl.col("dimension") == target.dimension)
        .select(
            *("invitation_id", "score", "scale_low", "scale_high"),
            answered=pl.col(ARRIVED),
            given=pl.col(HAPPENED),
        )
    )
    rows = (
        invitations.join(answers, on="invitation_id", how="left")
        .with_columns(
            # An answer that came too late is none, whether a reminder was drawn or not.
            pl.when(pl.col("answered") <= pl.col("sent") + wait).then(pl.col("score"))
        )
        .sort("invitation_id", pl.col("score").is_not_null(), "answered")
        .unique("invitation_id", keep="last", maintain_order=True)
        .collect()
    )
    scores = (
        rows[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        for name in ("score", "scale_low", "scale_high")
    )
    label = target.label(*scores)
    soon = pl.col("given") <= pl.col("sent") + timedelta(days=settings.reminder_days)
    early = rows.select(soon.fill_null(False))["given"].to_numpy().astype(np.bool_)
    return ReminderRows(
        invitation_ids=rows["invitation_id"].to_numpy().astype(np.str_),
        customers=rows["customer_id"].to_numpy().astype(np.str_),
        channels=rows["channel"].cast(pl.String).fill_null("unknown").to_numpy().astype(np.str_),
        sent=rows["sent"].dt.timestamp("ms").to_numpy() / 86_400_000,
        sampling_probability=rows["sampling_probability"].to_numpy(),
        drawn=rows["reminder_drawn"].to_numpy().astype(np.bool_),
        label=label,
        early=early & ~np.isnan(label),
    )
