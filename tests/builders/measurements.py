"""What is known of campaigns, drawn with a seed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from care.campaign import Campaign
from care.ledger.rows import ApprovalRow, Approver
from care.looks import Matured, read_looks
from care.measure import effect
from care.measurement import Belief, DayShare, Funnel, GroupEffect, Measurement
from care.model import Arm, AssumedEffect

READ_AT = datetime(2026, 6, 7, tzinfo=UTC)
CAMPAIGN = Campaign(
    campaign_id="spring",
    action="courtesy_call",
    triggers=("predicted_risk",),
    begins_on="2026-03-01",
    ends_on="2026-03-28",
    control_share=0.2,
    outcome_days=30,
    most_households=20_000,
    priority=1,
)
ASSUMED = AssumedEffect(value=0.01, low=-0.02, high=0.04, source="assumed by the operator")


def outcomes(true: float, households: int = 5_000, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Whether households stayed, and their arms."""
    random = np.random.default_rng(seed)
    arm = np.where(random.random(households) < 0.2, Arm.CONTROL, Arm.TREATMENT).astype(np.int8)
    stays = 0.86 + true * (arm == Arm.TREATMENT)
    return (random.random(households) < stays).astype(float), arm


def measurement(true: float = 0.03, households: int = 5_000, **changed: Any) -> Measurement:
    """What is known of a campaign that was read once, with a true effect."""
    outcome, arm = outcomes(true, households)
    looks = read_looks("once", [Matured(READ_AT, outcome, arm, 1.0)], 0)
    shown = looks[-1].effect
    control = int(np.count_nonzero(arm == Arm.CONTROL))
    treatment = households - control
    days = np.linspace(0, 1, CAMPAIGN.outcome_days + 1)
    by_day = (
        ()
        if shown is None
        else tuple(
            DayShare(
                day=day,
                treatment=float(part * (1 - shown.treatment_mean)),
                control=float(part * (1 - shown.control_mean)),
                chance=float(0.025 * part**0.5),
            )
            for day, part in enumerate(days**1.15)
        )
    )
    groups = []
    for kind, names in (
        ("billing_type", ("fixed", "postpaid", "prepaid")),
        ("tenure", ("1 to 3 years", "over 3 years", "under 1 year")),
    ):
        for place, name in enumerate(names):
            part = np.arange(households) % 3 == place
            found = effect(outcome[part], arm[part], 0.99)
            if found is not None:
                groups.append(GroupEffect(kind=kind, group=name, effect=found))
    known = Measurement(
        campaign=CAMPAIGN,
        as_of=READ_AT + timedelta(days=1, hours=9),
        assumed=ASSUMED,
        cost=5.0,
        currency="EUR",
        effect=shown,
        why_not=None if shown is not None else "too_few",
        known_on=None,
        looks=tuple(looks),
        funnel=Funnel(
            proposed=41_230,
            refused={"no_consent": 21_400, "household_cap": 6_120, "same_household": 8_400},
            intended=households + 160,
            control=control,
            holdout=160,
            sent=treatment - 90,
            reached=2_480,
            answered=2_310,
            reported={"answered": 2_310, "opted_out": 21},
        ),
        belief=Belief(
            treatment=treatment,
            control=control,
            control_share=0.2,
            ratio_chance=0.62,
            sample_ratio_ok=True,
            arms_as_drawn=True,
            treated_share=1 - 90 / treatment,
            others={"treatment": 61, "control": 16, "holdout": 1},
            without_outcome=14,
        ),
        by_day=by_day,
        groups=tuple(groups),
        approved=(
            ApprovalRow(
                plan_id="spring-20260301-7f3a91c2",
                digest="7f3a91c2" * 8,
                by=Approver(name="M. Tan", how="key", key="tan"),
                at=datetime(2026, 3, 1, 15, tzinfo=UTC),
            ),
        ),
    )
    return replace(known, **changed)
