"""Plans approved by a named person, now or in advance."""

from care.ledger.approving import Approval, approve_newest, rule_digest
from care.ledger.rows import ApprovalRule, Approver
from holdfast.clock import Clock
from holdfast.errors import InputError
from pipeline.care.pages import write_plan_page
from pipeline.care.workspace import CareWorkspace


def approve_campaign(
    care: CareWorkspace,
    name: str,
    by: Approver,
    digest: str | None,
    clock: Clock,
    language: str = "en",
) -> Approval:
    """Approve the newest plan of a campaign: what it sends may go out from then on.

    Parameters
    ----------
    care : CareWorkspace
        The home's care.
    name : str
        The campaign.
    by : Approver
        Who approves.
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
    approval = approve_newest(care.ledger, campaign.campaign_id, by, digest, clock())
    write_plan_page(care, approval.plan, campaign, language)
    return approval


def approve_nightly(
    care: CareWorkspace, name: str, by: Approver, most_messages: int, most_cost: float, clock: Clock
) -> ApprovalRule:
    """Approve the plans of each night in advance, up to a ceiling.

    Parameters
    ----------
    care : CareWorkspace
        The home's care.
    name : str
        The campaign, as its file, its action and its triggers are now: changed, it needs another
        approval.
    by : Approver
        Who approves.
    most_messages : int
        Messages on one day, at most; at least 1.
    most_cost : float
        Their cost, at most, in the operator's currency; at least 0.
    clock : Clock
        The home's.

    Raises
    ------
    InputError
        There is no such campaign, or a ceiling breaks its rule.
    """
    if most_messages < 1:
        raise InputError("--most-messages", "must be at least 1", most_messages)
    if not 0 <= most_cost < float("inf"):
        raise InputError("--most-cost", "must be a number of at least 0", most_cost)
    rule = ApprovalRule(
        campaign_id=name,
        digest=rule_digest(care.campaign(name), care.catalogue),
        most_messages=most_messages,
        most_cost=most_cost,
        by=by,
        at=clock(),
    )
    care.ledger.approvals.record_rule(rule)
    return rule


def end_nightly(care: CareWorkspace, name: str, by: Approver, clock: Clock) -> bool:
    """Approve nothing more of a campaign in advance; False where nothing was."""
    rule = care.ledger.approvals.rule_of(name)
    if rule is None:
        return False
    care.ledger.approvals.end_rule(rule, by, clock())
    return True
