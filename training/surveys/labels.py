"""Survey labels: who was invited after a cut-off, who answered, and who of them is dissatisfied.

Only the first survey of the target's kind that is sent in the horizon counts, whether it was
delivered or answered or not. Answers and corrections count when they arrive within the horizon plus
`SurveySettings.answer_days`. Then the label is known, and later rows do not change it. A row is
censored if that time lies after the data's end.
"""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.contracts.tables import ARRIVED, HAPPENED
from holdfast.arrays import Floats, Positions, Texts, Times
from models.dissatisfaction import SurveyTarget
from training.labelling.history import RawHistory
from training.settings import SurveySettings

_ROW, _CUTOFF = "row", "cutoff"
_UTC_TIME = pl.Datetime("us", "UTC")

CENSORED = "survey window not over"
NOT_INVITED = "not invited in the horizon"
UNSAMPLED = "invited with a sampling probability of 0"
OFF_SCALE = "answered off the scale"


@dataclass(frozen=True, kw_only=True)
class SurveyKeys:
    """Rows for which to look up a survey answer: customers at cut-offs, or contacts at their close.

    Parameters
    ----------
    ids : (n,) str
        Customers, or contacts.
    customers : (n,) str
        Their customers.
    cutoffs : (n,) datetime64[us]
        Cut-offs, UTC.
    """

    ids: Texts
    customers: Texts
    cutoffs: Times


@dataclass(frozen=True, kw_only=True)
class SurveyRows:
    """Invited rows, answered or not, in the order of the `SurveyKeys`.

    Parameters
    ----------
    ids, customers : (n,) str
        Customers or contacts, and their customers.
    cutoffs, invited_at, label_ends : (n,) datetime64[us]
        Cut-off, when the survey was sent, and when the label was known, UTC.
    invitation_ids : (n,) str
        The invitation.
    channel, touchpoint : (n,) str
        Channel of the invitation, and the touchpoint it was about; ``unknown`` where null.
    sampling_probability : (n,) float64
        Probability of being invited, in (0, 1].
    delivered : (n,) bool
        Whether the invitation reached the customer; true where unknown.
    label : (n,) float64
        1 dissatisfied, 0 not, NaN where the question was not answered.
    excluded : dict of str to int
        Rows of the keys that are left out, by reason.
    """

    ids: Texts
    customers: Texts
    cutoffs: Times
    invited_at: Times
    label_ends: Times
    invitation_ids: Texts
    channel: Texts
    touchpoint: Texts
    sampling_probability: Floats
    delivered: NDArray[np.bool_]
    label: Floats
    excluded: dict[str, int]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def keys(self) -> SurveyKeys:
        """Keys of the rows, to look them up in other data."""
        return SurveyKeys(ids=self.ids, customers=self.customers, cutoffs=self.cutoffs)

    @property
    def answered(self) -> NDArray[np.bool_]:
        """Which rows answered."""
        return ~np.isnan(self.label)

    def rows(self, positions: Positions) -> "SurveyRows":
        """The same with only these rows, in this order."""
        parts = {
            name: value[positions]
            for name, value in vars(self).items()
            if isinstance(value, np.ndarray)
        }
        return SurveyRows(**parts, excluded=self.excluded)


def survey_rows(
    history: RawHistory,
    target: SurveyTarget,
    keys: SurveyKeys,
    gap_days: int,
    settings: SurveySettings,
) -> SurveyRows:
    """Look up the first survey after each cut-off, and its answer.

    Parameters
    ----------
    history : RawHistory
        Raw tables; labels are those as known at its end.
    target : SurveyTarget
        What counts as dissatisfied.
    keys : SurveyKeys
        Rows to look up.
    gap_days : int
        Days between cut-off and horizon, for targets that have a gap.
    settings : SurveySettings
        How long answers are waited for.

    Raises
    ------
    InputError
        There are no survey tables.
    """
    for table in ("survey_invitations", "survey_answers"):
        history.require(table, f"{target.name} is learnt from survey answers")
    start = timedelta(days=gap_days if target.has_gap else 0)
    end = start + timedelta(days=target.horizon_days)
    label_end = end + timedelta(days=settings.answer_days)
    rows = pl.DataFrame(
        {
            _ROW: np.arange(len(keys.ids), dtype=np.int64),
            "id": keys.ids,
            "customer_id": keys.customers,
            _CUTOFF: pl.Series(keys.cutoffs).cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
        },
        schema_overrides={"id": pl.String, "customer_id": pl.String},
    ).with_columns(label_end=pl.col(_CUTOFF) + label_end)
    whole = rows.filter(pl.col("label_end") <= history.end)
    invited = _first_invitations(history, target, whole, start, end)
    sampled = invited.filter(pl.col("sampling_probability") > 0)
    labelled, off_scale = _with_labels(history, target, sampled)
    excluded = {
        CENSORED: len(rows) - len(whole),
        NOT_INVITED: len(whole) - len(invited),
        UNSAMPLED: len(invited) - len(sampled),
        OFF_SCALE: off_scale,
    }
    labelled = labelled.sort(_ROW)
    return SurveyRows(
        ids=_texts(labelled, "id"),
        customers=_texts(labelled, "customer_id"),
        cutoffs=_times(labelled, _CUTOFF),
        invited_at=_times(labelled, "invited_at"),
        label_ends=_times(labelled, "label_end"),
        invitation_ids=_texts(labelled, "invitation_id"),
        channel=_texts(labelled, "channel"),
        touchpoint=_texts(labelled, "touchpoint"),
        sampling_probability=labelled["sampling_probability"].to_numpy(),
        delivered=labelled["delivered"].fill_null(True).to_numpy().astype(np.bool_),
        label=labelled["label"].cast(pl.Float64).to_numpy().astype(np.float64),
        excluded={reason: count for reason, count in excluded.items() if count},
    )


def _first_invitations(
    history: RawHistory, target: SurveyTarget, rows: pl.DataFrame, start: timedelta, end: timedelta
) -> pl.DataFrame:
    """Each row's first invitation in its horizon, as known at the end of its label."""
    key = "customer_id" if target.entity == "customer" else "interaction_id"
    columns = [
        "customer_id",
        "interaction_id",
        "survey",
        "channel",
        "touchpoint",
        "sampling_probability",
        "delivered",
    ]
    invitations = (
        history.rows("survey_invitations", columns)
        .filter(pl.col("survey") == target.survey, pl.col(key).is_not_null())
        .rename({HAPPENED: "invited_at"})
        .collect()
    )
    if key == "customer_id":
        joined = rows.join(invitations, on="customer_id")
    else:
        joined = rows.join(invitations.drop("customer_id"), left_on="id", right_on="interaction_id")
    return (
        joined.filter(pl.col(ARRIVED) <= pl.col("label_end"))
        .sort(_ROW, "invitation_id", ARRIVED)
        .unique([_ROW, "invitation_id"], keep="last", maintain_order=True)
        .filter(
            pl.col("invited_at") > pl.col(_CUTOFF) + start,
            pl.col("invited_at") <= pl.col(_CUTOFF) + end,
        )
        .sort(_ROW, "invited_at", "invitation_id")
        .unique(_ROW, keep="first", maintain_order=True)
        .drop(ARRIVED)
    )


def _with_labels(
    history: RawHistory, target: SurveyTarget, invited: pl.DataFrame
) -> tuple[pl.DataFrame, int]:
    """Invited rows with labels, NaN without an answer, and the number of answers off the scale."""
    answers = (
        history.rows(
            "survey_answers", ["instrument", "dimension", "score", "scale_low", "scale_high"]
        )
        .filter(pl.col("instrument") == target.instrument, pl.col("dimension") == target.dimension)
        .select("invitation_id", "score", "scale_low", "scale_high", ARRIVED)
        .collect()
    )
    answered = (
        invited.select(_ROW, "invitation_id", "label_end")
        .join(answers, on="invitation_id")
        .filter(pl.col(ARRIVED) <= pl.col("label_end"))
        .sort(_ROW, ARRIVED)
        .unique(_ROW, keep="last", maintain_order=True)
    )
    label = target.label(
        *(
            answered[name].to_numpy().astype(np.float64)
            for name in ("score", "scale_low", "scale_high")
        )
    )
    labels = answered.select(_ROW).with_columns(label=pl.Series(label, dtype=pl.Float64))
    off_scale = labels.filter(pl.col("label").is_nan())
    kept = invited.join(off_scale, on=_ROW, how="anti").join(labels, on=_ROW, how="left")
    return kept.with_columns(pl.col("label").fill_null(float("nan"))), len(off_scale)


def _texts(frame: pl.DataFrame, column: str) -> Texts:
    return frame[column].cast(pl.String).fill_null("unknown").to_numpy().astype(np.str_)


def _times(frame: pl.DataFrame, column: str) -> Times:
    return (
        frame[column].cast(_UTC_TIME).dt.replace_time_zone(None).to_numpy().astype("datetime64[us]")
    )
