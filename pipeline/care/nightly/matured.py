"""Whether the lines of decisions were lost, by the operator's own tables and training's rule.

Asked of everybody whom a campaign intended, withheld ones too, once it is final: a channel knows
only whom it reached.
"""

from datetime import datetime, timedelta

import polars as pl

from care.ledger.ledger import Ledger
from care.ledger.rows import DecisionRow, MaturedOutcome
from features.contracts.vocabulary import VOLUNTARY_CHURN
from holdfast.home import Home
from training.labelling.history import RawHistory
from training.labelling.labels import LineOutcomes
from training.labelling.maturity import LabelMaturity
from training.labelling.population import lines_at_risk
from training.settings import LabelSettings
from training.uplift.contacts import OUTCOME_DAYS


def record_matured(home: Home, ledger: Ledger, labels: LabelSettings, now: datetime) -> int:
    """Keep, of each decision that has matured since the last night, whether its line was lost
    within `training.uplift.contacts.OUTCOME_DAYS` days.

    Parameters
    ----------
    home : Home
        Whose raw tables say it.
    ledger : Ledger
        Where decisions are.
    labels : LabelSettings
        What counts as lost, and how long late rows are waited for at least: those of training.
    now : datetime
        When (UTC). Decisions mature `OUTCOME_DAYS` after they were made, and as much later as labels
        of all lines do (`training.labelling.maturity.LabelMaturity`).

    Returns
    -------
    int
        Decisions that matured.
    """
    history = RawHistory(home.raw, now)
    least = timedelta(days=OUTCOME_DAYS + labels.inactivity_days + labels.settle_days)
    if not ledger.measured.unmatured(min(now, history.end) - least):
        return 0
    maturity = LabelMaturity.of(history, labels)
    wait = timedelta(days=OUTCOME_DAYS) + maturity.of_all_lines(labels.inactivity_days)
    decided: dict[datetime, list[DecisionRow]] = {}
    for at, decision in ledger.measured.unmatured(min(now, history.end) - wait):
        decided.setdefault(at, []).append(decision)
    if not decided:
        return 0
    outcomes = LineOutcomes.of(history, labels)
    matured = []
    for at, decisions in decided.items():
        lines = lines_at_risk(history, outcomes, at, labels).rows
        of_asked = lines.filter(
            pl.col("subscription_id").is_in([one.subscription_id for one in decisions])
        )
        lost = outcomes.label(of_asked, at, 0, VOLUNTARY_CHURN)
        label = dict(lost.select("subscription_id", f"label_{OUTCOME_DAYS}").iter_rows())
        for one in decisions:
            value = None if one.subscription_id is None else label.get(one.subscription_id)
            matured.append(
                MaturedOutcome(
                    decision_id=one.decision_id,
                    is_lost=None if value is None else value > 0,
                    matured_at=at + wait,
                )
            )
    ledger.measured.record_matured(matured, now)
    return len(matured)
