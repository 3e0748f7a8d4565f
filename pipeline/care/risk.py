"""Stored predictions of a home's lines as care reads them: by line, and within which days."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from care.policy import NO, UNKNOWN, YES, Codes
from features.operator.repository import OperatorRepository
from holdfast.arrays import Floats, Texts
from holdfast.errors import InputError
from holdfast.home import Home
from holdfast.zone import day_of
from models.churn import CHURN, NON_PAYMENT
from models.registry import find_served
from models.score_set import ScoreFacts, read_facts, read_scores


@dataclass(frozen=True, kw_only=True)
class ChurnRisk:
    """Probabilities of churn of n lines; NaN where there is none for the purpose.

    Parameters
    ----------
    scores : ScoreFacts
        The score set.
    longest : (n,) float64
        Within the longest horizon, by which lines are ranked.
    of_outcome : (n,) float64
        Within `horizon_days`.
    horizon_days : int or None
        The horizon nearest to the days over which a campaign's outcome is counted; None where nobody was
        scored.
    """

    scores: ScoreFacts
    longest: Floats
    of_outcome: Floats
    horizon_days: int | None


def churn_risk(
    home: Home, at: datetime, lines: Texts, outcome_days: int, *, is_offer: bool
) -> ChurnRisk:
    """Read probabilities of churn.

    Parameters
    ----------
    home : Home
        A home with scores.
    at : datetime
        The snapshot.
    lines : (n,) text
        Subscriptions.
    outcome_days : int
        Days over which the campaign's outcome is counted.
    is_offer : bool
        Whether they are read for marketing.

    Raises
    ------
    InputError
        The home has no scores of churn at the snapshot, or they are of another version than that
        which scores now.
    """
    path = _scores_path(home, at, CHURN.name)
    if not path.exists():
        raise InputError(
            "scores",
            "must be there for churn at the newest snapshot; run `holdfast score`",
            str(path),
        )
    facts = _facts_of_served(home, path)
    rows = read_scores(path, "marketing" if is_offer else "service")
    horizons = pc.unique(rows["horizon_days"]).drop_null().to_pylist()
    # Of two as near, the longer one: more leave, and the interval is told no narrower than it will be.
    nearest = min(horizons, key=lambda days: (abs(days - outcome_days), -days), default=None)
    return ChurnRisk(
        scores=facts,
        longest=_probability(lines, rows, max(horizons, default=None)),
        of_outcome=_probability(lines, rows, nearest),
        horizon_days=nearest,
    )


def likely_non_payers(home: Home, at: datetime, lines: Texts) -> Codes:
    """Lines in the highest band of the model of non-payment; unknown without one. InputError as in
    `churn_risk`.
    """
    path = _scores_path(home, at, NON_PAYMENT.name)
    if not path.exists():
        return np.full(len(lines), UNKNOWN, dtype=np.int8)
    _facts_of_served(home, path)
    rows = read_scores(path, "service")
    bands = _by_line(lines, _within(rows, pc.max(rows["horizon_days"]).as_py()), "band")
    is_high = pc.fill_null(pc.equal(bands, "high"), False).to_numpy(zero_copy_only=False)
    is_known = bands.is_valid().to_numpy(zero_copy_only=False)
    return np.where(is_known, np.where(is_high, YES, NO), UNKNOWN).astype(np.int8)


def rank_share(risk: Floats) -> Floats:
    """Where each stands among those with a risk: 0 for the riskiest; equals share the best place."""
    ranks = np.full(len(risk), np.nan)
    known = np.flatnonzero(~np.isnan(risk))
    ascending = np.sort(-risk[known])
    ranks[known] = np.searchsorted(ascending, -risk[known], side="left") / max(len(known), 1)
    return ranks


def _facts_of_served(home: Home, path: Path) -> ScoreFacts:
    """The facts of a score set, which must be of the version that answers now: after a rollback or a
    promotion the scores of the version before are still there until everybody is scored again.
    """
    facts = read_facts(path)
    ((entry, alias),) = find_served(home, [facts.model])
    if (facts.version, facts.alias) != (entry.number, alias):
        raise InputError(
            f"scores of {facts.model}",
            f"must be of version {entry.number}, which is {alias} now; run `holdfast score`",
            f"of version {facts.version} as {facts.alias}",
        )
    return facts


def _scores_path(home: Home, at: datetime, model: str) -> Path:
    """Scores of the snapshot of a time; their folder is named by the operator's day."""
    day = day_of(at, OperatorRepository(home).zone)
    return home.score_sets / f"at={day}" / f"{model}.parquet"


def _probability(lines: Texts, rows: pa.Table, horizon_days: int | None) -> Floats:
    probability: Floats = (
        _by_line(lines, _within(rows, horizon_days), "probability")
        .to_numpy(zero_copy_only=False)
        .astype(np.float64)
    )
    return probability


def _within(rows: pa.Table, horizon_days: int | None) -> pa.Table:
    """Scores within a horizon."""
    return rows.filter(pc.equal(rows["horizon_days"], pa.scalar(horizon_days, pa.int32())))


def _by_line(lines: Texts, rows: pa.Table, column: str) -> pa.Array:
    """A column of rows for each line; null where the line has no row."""
    ids, values = rows["subscription_id"].combine_chunks(), rows[column].combine_chunks()
    return values.take(pc.index_in(pa.array(lines), value_set=ids))
