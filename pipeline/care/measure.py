"""What a campaign did, counted from the operator's own tables for everybody it was drawn for."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from care.campaign import Campaign
from care.ledger.rows import DecisionRow
from care.measure import Effect, effect, ratio_is_ok
from care.model import Arm
from features.contracts.vocabulary import VOLUNTARY_CHURN
from features.operator.line_facts import FactReading, customers_known, household_contacts
from features.operator.repository import OperatorRepository
from features.settings import FeatureSettings
from holdfast.arrays import Floats
from holdfast.clock import Clock
from holdfast.logging import progress
from holdfast.zone import day_start
from pipeline.care.workspace import CareWorkspace
from training.labelling.history import RawHistory
from training.labelling.labels import LineOutcomes
from training.labelling.population import lines_at_risk
from training.settings import LabelSettings


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """What is known of a campaign.

    Parameters
    ----------
    campaign : Campaign
        The campaign.
    effect : Effect or None
        Change in the share of a household's lines that stay, by intention to treat; None until every
        outcome has matured, where an arm is too small, and where the arms are not as the draw makes
        them.
    known_on : datetime or None
        When the effect will be known; None where it is, or never can be.
    intended, withheld, sent : int
        Households drawn, of these in control, and those of whom a message was handed over.
    refused : dict of str to int
        Proposals refused by rule, over all approved plans.
    sample_ratio_ok : bool
        Whether the arms are as large as the draw makes them.
    contaminated : int
        Withheld households that were sent the same action by somebody else.
    without_outcome : int
        Households of which no line was at risk, so that none could be lost; left out in every arm.
    reported : dict of str to int
        Decisions with each outcome that channels report; never compared between arms.
    """

    campaign: Campaign
    effect: Effect | None
    known_on: datetime | None
    intended: int
    withheld: int
    sent: int
    refused: dict[str, int]
    sample_ratio_ok: bool
    contaminated: int
    without_outcome: int
    reported: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "campaign_id": self.campaign.campaign_id,
            "effect": None if self.effect is None else asdict(self.effect),
            "known_on": self.known_on and self.known_on.isoformat(),
            "intended": self.intended,
            "withheld": self.withheld,
            "sent": self.sent,
            "refused": self.refused,
            "sample_ratio_ok": self.sample_ratio_ok,
            "contaminated": self.contaminated,
            "without_outcome": self.without_outcome,
            "reported": self.reported,
        }


def measure_campaign(
    care: CareWorkspace, name: str, labels: LabelSettings, features: FeatureSettings, clock: Clock
) -> Measurement:
    """Measure a campaign.

    Parameters
    ----------
    care : CareWorkspace
        The home's care.
    name : str
        The campaign.
    labels : LabelSettings
        What counts as lost, and how long late rows are waited for: those of training.
    features : FeatureSettings
        Memory and threads that reading may take.
    clock : Clock
        The home's.

    Raises
    ------
    InputError
        There is no such campaign, or no table of losses.
    """
    campaign = care.campaign(name)
    first = _first_of_household(care.ledger.decisions(name))
    drawn = [entry for entry in first if entry[1].arm in ("treatment", "control")]
    arm: NDArray[np.int8] = np.array(
        [Arm[str(decision.arm).upper()] for _, decision in drawn], dtype=np.int8
    )
    control = int((arm == Arm.CONTROL).sum())
    ratio_ok = ratio_is_ok(len(arm) - control, control, campaign.control_share)
    states = care.ledger.states(name)
    known_on = _known_on(campaign, drawn, labels, OperatorRepository(care.home).zone)
    now = clock()
    reading = FactReading(at=now, memory_gb=features.memory_gb, threads=features.threads_to_use)
    measured: Effect | None = None
    without = 0
    if drawn and known_on is not None and now >= known_on:
        with progress(f"Counting what came of the campaign {name}"):
            outcome = _stayed(care, campaign, drawn, labels, now)
        known = ~np.isnan(outcome)
        without = int((~known).sum())
        measured = effect(outcome[known], arm[known]) if ratio_ok else None
        known_on = None
    refused: dict[str, int] = {}
    for plan in care.ledger.plans(name):
        if care.ledger.approved_by(plan.plan_id) is not None:
            for rule, count in plan.about["refused"].items():
                refused[rule] = refused.get(rule, 0) + count
    return Measurement(
        campaign=campaign,
        effect=measured,
        known_on=known_on,
        intended=len(first),
        withheld=sum(decision.channel is None for _, decision in first),
        sent=states.get("handed_over", 0),
        refused=refused,
        sample_ratio_ok=ratio_ok,
        contaminated=_contaminated(care, campaign, first, reading),
        without_outcome=without,
        reported=care.ledger.outcomes(name),
    )


def _first_of_household(
    decisions: Sequence[tuple[datetime, DecisionRow]],
) -> list[tuple[datetime, DecisionRow]]:
    """The first decision about each household: it is in an arm from then on."""
    first: dict[str, tuple[datetime, DecisionRow]] = {}
    for at, decision in decisions:
        first.setdefault(decision.household_id, (at, decision))
    return list(first.values())


def _contaminated(
    care: CareWorkspace,
    campaign: Campaign,
    first: Sequence[tuple[datetime, DecisionRow]],
    reading: FactReading,
) -> int:
    """Withheld households that another system sent the same action to before they were measured."""
    withheld = {row.household_id: at for at, row in first if row.channel is None}
    if not withheld:
        return 0
    ours = {row.decision_id for _, row in care.ledger.decisions(campaign.campaign_id)}
    people = customers_known(care.home.raw, reading)
    household = dict(
        zip(people["customer_id"].to_pylist(), people["household_id"].to_pylist(), strict=True)
    )
    since = min(withheld.values())
    reached = set()
    for contact in household_contacts(care.home.raw, since, reading).to_pylist():
        home = household.get(contact["customer_id"], contact["customer_id"])
        at = contact["happened_at"].replace(tzinfo=UTC)
        if (
            home in withheld
            and contact["contact_id"] not in ours
            and contact["arm"] == "treatment"
            and contact["action"] == campaign.action
            and withheld[home] < at <= withheld[home] + timedelta(days=campaign.outcome_days)
        ):
            reached.add(home)
    return len(reached)


def _known_on(
    campaign: Campaign,
    drawn: Sequence[tuple[datetime, DecisionRow]],
    labels: LabelSettings,
    zone: tzinfo,
) -> datetime | None:
    """When the outcome of the last household that may be drawn is known; None without any."""
    if not drawn:
        return None
    last = max(at for at, _ in drawn)
    ends = day_start(campaign.days[1] + timedelta(days=1), zone)
    # An inactive prepaid line is known to be lost only after `inactivity_days`.
    waits = campaign.outcome_days + labels.inactivity_days + labels.settle_days
    return max(last, ends) + timedelta(days=waits)


def _stayed(
    care: CareWorkspace,
    campaign: Campaign,
    drawn: Sequence[tuple[datetime, DecisionRow]],
    labels: LabelSettings,
    now: datetime,
) -> Floats:
    """Share of each household's lines at risk that stayed; NaN where none was at risk, or where it
    is not recorded why a line ended.
    """
    history = RawHistory(care.home.raw, now)
    outcomes = LineOutcomes.of(history, labels)
    shares: dict[tuple[datetime, str], float] = {}
    for at in sorted({at for at, _ in drawn}):
        lines = lines_at_risk(history, outcomes, at, labels).rows
        lost = outcomes.label(lines, at, 0, VOLUNTARY_CHURN)
        by_household = (
            # Training tells households from customers who are alone by a word before the id.
            lines.select("subscription_id", pl.col("household").str.replace(r"^(of|alone) ", ""))
            .join(lost, on="subscription_id", how="left", maintain_order="left")
            .group_by("household")
            .agg((1 - pl.col(f"label_{campaign.outcome_days}")).mean().alias("stayed"))
        )
        shares |= {
            (at, household): stayed
            for household, stayed in by_household.iter_rows()
            if stayed is not None
        }
    return np.array(
        [shares.get((at, decision.household_id), np.nan) for at, decision in drawn],
        dtype=np.float64,
    )
