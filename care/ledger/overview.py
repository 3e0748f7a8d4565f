"""Campaigns at a glance: what is planned, who approved it, what is on its way, what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from care.ledger.ledger import Ledger
from care.ledger.rows import ApprovalRow, ApprovalRule, PlanRow
from holdfast.errors import InputError

CampaignState = Literal["planned", "sending", "sent", "measured"]
"""``planned``: its newest plan waits for somebody to approve it; ``sending``: decisions are on their
way; ``sent``: none is any more; ``measured``: its effect is known.
"""

_ON_THE_WAY = ("approved", "claimed")


@dataclass(frozen=True, kw_only=True)
class CampaignOverview:
    """A campaign at a glance.

    Parameters
    ----------
    campaign_id : str
        Its name.
    state : {"planned", "sending", "sent", "measured"}
        See `CampaignState`.
    decisions : dict of str to int
        Decisions of all plans by their present state.
    plan : PlanRow
        The newest plan.
    approval : ApprovalRow or None
        Who approved it.
    rule : ApprovalRule or None
        What is approved in advance.
    reported : dict of str to int
        Decisions with each outcome that channels report.
    measured : dict of str to JSON, or None
        What the last night that measured it found.
    measured_at : datetime or None
        When that was (UTC).
    """

    campaign_id: str
    state: CampaignState
    decisions: Mapping[str, int]
    plan: PlanRow
    approval: ApprovalRow | None
    rule: ApprovalRule | None
    reported: Mapping[str, int]
    measured: Mapping[str, Any] | None
    measured_at: datetime | None

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        plan, approval, rule = self.plan, self.approval, self.rule
        return {
            "campaign_id": self.campaign_id,
            "state": self.state,
            "decisions": dict(self.decisions),
            "plan": {
                "plan_id": plan.plan_id,
                "digest": plan.digest,
                "made_at": plan.made_at.isoformat(),
                "about": plan.about,
                "approval": approval
                and {
                    "by": approval.by.name,
                    "how": approval.by.how,
                    "key": approval.by.key,
                    "at": approval.at.isoformat(),
                },
            },
            "rule": rule
            and {
                "by": rule.by.name,
                "how": rule.by.how,
                "key": rule.by.key,
                "at": rule.at.isoformat(),
                "most_messages": rule.most_messages,
                "most_cost": rule.most_cost,
            },
            "reported": dict(self.reported),
            "measured": None if self.measured is None else dict(self.measured),
            "measured_at": self.measured_at and self.measured_at.isoformat(),
        }


def overviews(ledger: Ledger) -> list[CampaignOverview]:
    """All campaigns that were ever planned, by name."""
    return [overview_of(ledger, campaign.campaign_id) for campaign in ledger.campaigns()]


def overview_of(ledger: Ledger, campaign_id: str) -> CampaignOverview:
    """A campaign that was planned.

    Raises
    ------
    InputError
        None of this name ever was.
    """
    plans = ledger.plans(campaign_id)
    if not plans:
        names = ", ".join(campaign.campaign_id for campaign in ledger.campaigns())
        rule = f"must be a campaign that was planned: {names or 'none was'}"
        raise InputError("campaign", rule, campaign_id)
    decisions = ledger.states(campaign_id)
    approval = ledger.approvals.of_plan(plans[-1].plan_id)
    measured = ledger.measured.campaign(campaign_id)
    return CampaignOverview(
        campaign_id=campaign_id,
        state=_state(decisions, approval, None if measured is None else measured[1]),
        decisions=decisions,
        plan=plans[-1],
        approval=approval,
        rule=ledger.approvals.rule_of(campaign_id),
        reported=ledger.outcomes(campaign_id),
        measured=None if measured is None else measured[1],
        measured_at=None if measured is None else measured[0],
    )


def _state(
    decisions: Mapping[str, int], approval: ApprovalRow | None, measured: Mapping[str, Any] | None
) -> CampaignState:
    if approval is None:
        return "planned"
    if any(decisions.get(state) for state in _ON_THE_WAY):
        return "sending"
    return "measured" if measured is not None and measured.get("effect") else "sent"
