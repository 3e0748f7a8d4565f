"""A plan approved by a named person: what it sends may go out from then on."""

from dataclasses import dataclass
from typing import Any

from care.ledger.rows import PlanRow
from holdfast.clock import Clock
from pipeline.care.pages import write_plan_page
from pipeline.care.plan import newest_plan
from pipeline.care.workspace import CareWorkspace


@dataclass(frozen=True, kw_only=True)
class Approval:
    """An approved plan.

    Parameters
    ----------
    plan : PlanRow
        The plan.
    by : str
        Who approved it, now or before.
    to_send : int
        Decisions that may be sent from now on; 0 where it was approved before.
    """

    plan: PlanRow
    by: str
    to_send: int

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "campaign_id": self.plan.campaign_id,
            "plan_id": self.plan.plan_id,
            "digest": self.plan.digest,
            "approved_by": self.by,
            "to_send": self.to_send,
        }


def approve_campaign(
    care: CareWorkspace,
    name: str,
    by: str,
    digest: str | None,
    clock: Clock,
    language: str = "en",
) -> Approval:
    """Approve the newest plan of a campaign.

    Only the newest: an earlier one did not see what has been decided since.

    Parameters
    ----------
    care : CareWorkspace
        The home's care.
    name : str
        The campaign.
    by : str
        Name of who approves.
    digest : str or None
        Of the plan that was looked at, or its first eight letters; None for whatever is newest.
    clock : Clock
        The home's.
    language : str
        BCP 47 tag of the language of the plan's page, which says who approved it from then on.

    Raises
    ------
    InputError
        The campaign was never planned, or its newest plan is another than the one looked at.
    """
    campaign = care.campaign(name)
    plan = newest_plan(care.ledger, campaign)
    given = plan.digest if digest is None or plan.digest[:8] == digest else digest
    to_send = care.ledger.approve(plan.plan_id, given, by, clock())
    write_plan_page(care, plan, campaign, language)
    return Approval(plan=plan, by=care.ledger.approved_by(plan.plan_id) or by, to_send=to_send)
