"""Plans approved: the newest of a campaign, as it was looked at, by a person or by their rule; and what
may not change of a campaign from then on.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from care.campaign import Campaign
from care.catalogue import Catalogue
from care.ledger.ledger import Ledger
from care.ledger.rows import Approver, PlanRow
from holdfast.documents import to_document
from holdfast.errors import InputError

SHOWN_DIGITS = 8
"""Letters of a digest that a person may give in its place."""

_TERMS = ("action", "control_share", "outcome", "outcome_days", "looks", "narrowest_at")
"""What a comparison rests on: whoever could change it after the start could choose the result."""


@dataclass(frozen=True, kw_only=True)
class Approval:
    """An approved plan.

    Parameters
    ----------
    plan : PlanRow
        The plan.
    by : Approver
        Who approved it, now or before.
    at : datetime
        When (UTC).
    to_send : int
        Decisions that may be sent from now on; 0 where it was approved before.
    """

    plan: PlanRow
    by: Approver
    at: datetime
    to_send: int

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "campaign_id": self.plan.campaign_id,
            "plan_id": self.plan.plan_id,
            "digest": self.plan.digest,
            "approved_by": self.by.name,
            "how": self.by.how,
            "key": self.by.key,
            "approved_at": self.at.isoformat(),
            "to_send": self.to_send,
        }


def approve_newest(
    ledger: Ledger, campaign_id: str, by: Approver, digest: str | None, at: datetime
) -> Approval:
    """Approve the newest plan of a campaign.

    Only the newest: an earlier one did not see what has been decided since.

    Parameters
    ----------
    ledger : Ledger
        The ledger.
    campaign_id : str
        The campaign.
    by : Approver
        Who approves.
    digest : str or None
        Of the plan that was looked at, or its first eight letters; None for whatever is newest.
    at : datetime
        When (UTC).

    Raises
    ------
    InputError
        The campaign was never planned, or its newest plan is another than the one looked at.
    """
    plan = newest_plan(ledger, campaign_id)
    given = plan.digest if digest in (None, plan.digest[:SHOWN_DIGITS]) else digest
    to_send = ledger.approve(plan.plan_id, str(given), by, at)
    approval = ledger.approvals.of_plan(plan.plan_id)
    if approval is None:
        raise AssertionError("a plan that was approved has an approval")
    return Approval(plan=plan, by=approval.by, at=approval.at, to_send=to_send)


def newest_plan(ledger: Ledger, campaign_id: str) -> PlanRow:
    """The newest plan of a campaign.

    Raises
    ------
    InputError
        It was never planned.
    """
    plans = ledger.plans(campaign_id)
    if not plans:
        rule = "must have a plan; run `holdfast care plan` first"
        raise InputError(f"campaign {campaign_id}", rule)
    return plans[-1]


def rule_digest(campaign: Campaign, catalogue: Catalogue) -> str:
    """SHA-256 of what a rule approves of a campaign: its file, its action with all texts and what the
    operator says of itself in them, and its triggers.
    """
    approved = [
        to_document(campaign),
        to_document(catalogue.actions[campaign.action]),
        catalogue.wordings[campaign.action],
        *(to_document(catalogue.triggers[code]) for code in campaign.triggers),
    ]
    text = json.dumps(approved, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def require_same_terms(
    ledger: Ledger, campaign: Campaign, today: date, *, is_planned: bool
) -> None:
    """Refuse a campaign whose file declares another comparison than the one that was approved.

    A new plan may move an end that lies ahead. Whoever measures may not: an end that is moved and put
    back would be one more look.

    Parameters
    ----------
    ledger : Ledger
        The ledger.
    campaign : Campaign
        As its file declares it now.
    today : date
        In the operator's time.
    is_planned : bool
        Whether it is to be planned anew, and not measured.

    Raises
    ------
    InputError
        A plan of it was approved, and its action, control share, outcome, days or looks are others now;
        or its end is another, though it is to be measured, looks were planned or the end had passed: the
        end decides how much of the chance of a false claim a planned look spends, and when all else
        is read.
    """
    approved = ledger.approved_campaign(campaign.campaign_id)
    if approved is None:
        return
    before = approved.document
    # As the ledger keeps it: JSON has no tuples.
    now = json.loads(json.dumps(to_document(campaign)))
    for term in _TERMS:
        # A campaign that was planned by an earlier release does not name all.
        if term in before and before[term] != now[term]:
            rule = f"must stay {before[term]!r}, as approved; declare another campaign"
            raise InputError(f"campaign {campaign.campaign_id}: {term}", rule, now[term])
    end = before.get("ends_on", campaign.ends_on)
    if end == campaign.ends_on or campaign.reading == "any_day":
        return
    if campaign.reading == "planned_looks":
        why = "as approved, since looks are planned"
    elif today > date.fromisoformat(end):
        why = "which has passed"
    elif not is_planned:
        rule = f"must stay {end}, as approved, until a plan with another end is approved"
        raise InputError(f"campaign {campaign.campaign_id}: ends_on", rule, campaign.ends_on)
    else:
        return
    rule = f"must stay {end}, {why}; declare another campaign"
    raise InputError(f"campaign {campaign.campaign_id}: ends_on", rule, campaign.ends_on)
