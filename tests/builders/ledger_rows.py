"""Plans and decisions for the ledger."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from care.ledger.rows import Approver, DecisionRow, PlanRow

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
ANA = Approver(name="Ana", how="key", key="ana")


def plan_row(name: str = "spring-1", campaign: str = "spring") -> PlanRow:
    """A plan."""
    return PlanRow(
        plan_id=name,
        campaign_id=campaign,
        campaign_digest="c" * 64,
        digest="d" * 64,
        made_at=NOON,
        about={"proposed": 3},
    )


def decision_row(number: int, **changed: object) -> DecisionRow:
    """A decision to send, or with ``channel=None`` to withhold."""
    row = DecisionRow(
        decision_id=f"D{number}",
        household_id=f"H{number}",
        customer_id=f"C{number}",
        subscription_id=f"S{number}",
        trigger="predicted_risk",
        action="plan_fit_offer",
        action_class="offer",
        channel="sms",
        arm="treatment",
        propensity=0.776,
        send_after=NOON,
        send_before=NOON + timedelta(days=7),
        facts_digest="f" * 64,
        fields={"plan": "M", "best_plan_fee": 12.5},
    )
    return replace(row, **changed)  # type: ignore[arg-type]
