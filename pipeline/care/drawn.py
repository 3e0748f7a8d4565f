"""Households that a campaign drew, and whether their arms are those of the draw."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from care.arms import uniform
from care.campaign import Campaign
from care.ledger.forget import ERASED
from care.ledger.rows import DecisionRow
from care.model import Arm
from holdfast.zone import day_start
from training.labelling.history import RawHistory
from training.labelling.maturity import LabelMaturity
from training.settings import LabelSettings


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A household from the first decision about it on: it is in that arm whatever comes after.

    Parameters
    ----------
    at : datetime
        When it was drawn (UTC).
    decision : DecisionRow
        That decision.
    arm : Arm
        Its arm.
    is_sent : bool
        Whether a message was handed over to any of it.
    """

    at: datetime
    decision: DecisionRow
    arm: Arm
    is_sent: bool

    @property
    def household(self) -> str:
        """Its id."""
        return self.decision.household_id

    @property
    def is_erased(self) -> bool:
        """Whether it can no longer be found: the customer was erased, and lived alone."""
        return self.decision.customer_id == ERASED and self.household == self.decision.decision_id


def drawn_households(
    decisions: Sequence[tuple[datetime, DecisionRow]], handed_over: Collection[str]
) -> list[Drawn]:
    """Households of a campaign in the order in which they were first drawn; what is owed is drawn
    into no arm, and left out.
    """
    reached = {row.household_id for _, row in decisions if row.decision_id in handed_over}
    first: dict[str, Drawn] = {}
    for at, row in decisions:
        if row.arm is not None and row.household_id not in first:
            first[row.household_id] = Drawn(
                at=at,
                decision=row,
                arm=Arm[row.arm.upper()],
                is_sent=row.household_id in reached,
            )
    return list(first.values())


def compared(drawn: Sequence[Drawn]) -> list[Drawn]:
    """Those in the treatment or control arm; the holdout is in no campaign's comparison."""
    return [one for one in drawn if one.arm is not Arm.HOLDOUT]


def arms_of(drawn: Sequence[Drawn]) -> NDArray[np.int8]:
    """Codes of the arms."""
    return np.array([one.arm for one in drawn], dtype=np.int8)


def arms_as_drawn(campaign: Campaign, drawn: Sequence[Drawn], salt: str) -> bool:
    """Whether the arms are those that the salt draws, for all households that can still be told."""
    asked = [one for one in compared(drawn) if not one.is_erased]
    numbers = uniform([one.household for one in asked], salt, f"campaign {campaign.campaign_id}")
    is_control = arms_of(asked) == Arm.CONTROL
    return bool(np.array_equal(is_control, numbers < campaign.control_share))


def wait(campaign: Campaign, labels: LabelSettings, raw: Path, began_at: datetime) -> timedelta:
    """From a draw until its outcome has matured: its days, and those in which late rows arrive.

    Parameters
    ----------
    campaign : Campaign
        Its outcome and days.
    labels : LabelSettings
        Those of training.
    raw : Path
        Raw tables. How late losses are told is observed in them as they stood at `began_at`, so that
        planned looks stay where they are.
    began_at : datetime
        When the first household was drawn (UTC).
    """
    days = timedelta(days=campaign.outcome_days)
    if campaign.outcome != "stayed":
        return days + timedelta(days=labels.settle_days)
    maturity = LabelMaturity.of(RawHistory(raw, began_at), labels)
    return days + maturity.of_all_lines(labels.inactivity_days)


def look_times(
    campaign: Campaign, drawn: Sequence[Drawn], waits: timedelta, zone: tzinfo
) -> list[datetime]:
    """All planned looks of a campaign with an end, the last one at its end; empty without anybody."""
    if not drawn:
        return []
    # A plan may have been made late on the last day.
    ends = max(max(one.at for one in drawn), day_start(campaign.days[1] + timedelta(1), zone))
    last = ends + waits
    planned = [day_start(day, zone) for day in campaign.look_days]
    return [*(look for look in planned if look < last), last]
