"""What is known of a campaign: its funnel, its looks, and whether the comparison can be believed."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal, Self

from care.campaign import Campaign
from care.ledger.rows import ApprovalRow
from care.looks import Look
from care.measure import Effect
from care.model import AssumedEffect
from holdfast.documents import read_document

NoEffect = Literal["no_control", "not_drawn", "ratio", "not_matured", "too_few", "rows_gone"]
"""Why no effect is told. ``no_control``: nothing was withheld at random; ``not_drawn``: arms in the
ledger are not those that the home's salt draws; ``ratio``: arms are not as large as the draw makes
them; ``not_matured``: outcomes are not known yet; ``too_few``: an arm has too few households;
``rows_gone``: the raw rows that outcomes are counted from went by their age, and no effect is recorded.
"""

ANSWERED = frozenset({"answered", "accepted", "declined"})
"""Reports of a channel that somebody has answered."""


@dataclass(frozen=True, kw_only=True)
class Funnel:
    """From everybody for whom a trigger held to those who answered, over all approved plans.

    Parameters
    ----------
    proposed : int
        Lines for which a trigger held, each time that they were proposed.
    refused : dict of str to int
        Of these, those refused by rule, each by the first that applies.
    intended : int
        Households that were allowed and drawn.
    control, holdout : int
        Of these, those withheld from this campaign, and from every offer.
    sent : int
        Households of whom a message was handed over.
    reached, answered : int
        Households of which a channel reports that somebody reacted at all, and that somebody
        answered.
    reported : dict of str to int
        Decisions with each outcome that channels report; never compared between arms.
    """

    proposed: int
    refused: dict[str, int]
    intended: int
    control: int
    holdout: int
    sent: int
    reached: int
    answered: int
    reported: dict[str, int]

    @property
    def withheld(self) -> int:
        """Households withheld at random."""
        return self.control + self.holdout


@dataclass(frozen=True, kw_only=True)
class Belief:
    """Whether the comparison of the arms can be believed.

    Parameters
    ----------
    treatment, control : int
        Households intended in each arm.
    control_share : float
        Share that the campaign draws into control.
    ratio_chance : float
        Chance with which the draw makes such a split, or a rarer one.
    sample_ratio_ok : bool
        Whether that is no rarer than once in a thousand draws.
    arms_as_drawn : bool
        Whether each household's arm in the ledger is the one that the home's salt draws, so that
        nobody chose it.
    treated_share : float
        Share of the treatment arm of whom a message was handed over.
    others : dict of str to int
        Households by arm who were sent the same action outside of the campaign, by whomever, in the
        days of the outcome.
    without_outcome : int
        Households whose outcome cannot be known, left out in every arm.
    """

    treatment: int
    control: int
    control_share: float
    ratio_chance: float
    sample_ratio_ok: bool
    arms_as_drawn: bool
    treated_share: float
    others: dict[str, int]
    without_outcome: int

    @property
    def can_be_told(self) -> bool:
        """Whether an effect may be told at all."""
        return self.control_share > 0 and self.sample_ratio_ok and self.arms_as_drawn

    @property
    def contaminated(self) -> int:
        """Withheld households who were sent the same action outside of the campaign."""
        return self.others.get("control", 0) + self.others.get("holdout", 0)


@dataclass(frozen=True, kw_only=True)
class DayShare:
    """Who had left by a day after the draw.

    Parameters
    ----------
    day : int
        The day, 0 for the draw. At 0 are also lines that had begun to be inactive before the draw, and
        were lost because they were not used again: they count as lost from the first day without use.
    treatment, control : float
        Mean share of a household's lines that had left, in each arm.
    chance : float
        Half the width of the interval around control in which treatment would lie if the action did
        nothing, at the look's level; never too narrow, since the variance of a share is bounded.
    """

    day: int
    treatment: float
    control: float
    chance: float


@dataclass(frozen=True, kw_only=True)
class GroupEffect:
    """The effect in a group of households, told apart by what was known before the draw.

    Parameters
    ----------
    kind, group : str
        What tells groups apart, and which it is.
    effect : Effect
        Its interval holds together with those of all other groups.
    """

    kind: str
    group: str
    effect: Effect


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """What is known of a campaign.

    Parameters
    ----------
    campaign : Campaign
        The campaign.
    as_of : datetime
        When it was measured (UTC).
    assumed : AssumedEffect
        What its action is assumed to do.
    cost : float
        Of one contact.
    currency : str
        Of the cost, ISO 4217.
    effect : Effect or None
        Change in the mean outcome of a household, by intention to treat, as of the newest look.
    why_not : str or None
        Why there is no effect (see `NoEffect`).
    known_on : datetime or None
        When the effect will next be known; None where no further look will come.
    looks : tuple of Look
        The looks so far.
    funnel : Funnel
        From proposals to answers.
    belief : Belief
        Whether the comparison can be believed.
    by_day : tuple of DayShare
        Who had left by day; empty before the first look, and where lines that stay are not the outcome.
    groups : tuple of GroupEffect
        Effects by group, at the newest look.
    approved : tuple of ApprovalRow
        Its approved plans.
    """

    campaign: Campaign
    as_of: datetime
    assumed: AssumedEffect
    cost: float
    currency: str
    effect: Effect | None
    why_not: NoEffect | None
    known_on: datetime | None
    looks: tuple[Look, ...]
    funnel: Funnel
    belief: Belief
    by_day: tuple[DayShare, ...]
    groups: tuple[GroupEffect, ...]
    approved: tuple[ApprovalRow, ...]

    @property
    def label(self) -> Literal["randomised", "assumed"]:
        """What kind of evidence its effect rests on; never more than was shown."""
        return "assumed" if self.effect is None else "randomised"

    @property
    def stopped_on(self) -> datetime | None:
        """The first look at which the campaign could have been stopped; None where there is none."""
        return next((look.at for look in self.looks if look.shows), None)

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "campaign_id": self.campaign.campaign_id,
            "outcome": self.campaign.outcome,
            "effect": None if self.effect is None else asdict(self.effect),
            "label": self.label,
            "why_not": self.why_not,
            "known_on": self.known_on and self.known_on.isoformat(),
            "reading": self.campaign.reading,
            "looks": [
                {
                    "at": look.at.isoformat(),
                    "households": look.households,
                    "effect": None if look.effect is None else asdict(look.effect),
                }
                for look in self.looks
            ],
            "proposed": self.funnel.proposed,
            "intended": self.funnel.intended,
            "withheld": self.funnel.withheld,
            "control": self.funnel.control,
            "holdout": self.funnel.holdout,
            "sent": self.funnel.sent,
            "reached": self.funnel.reached,
            "answered": self.funnel.answered,
            "refused": self.funnel.refused,
            "reported": self.funnel.reported,
            **asdict(self.belief),
            "contaminated": self.belief.contaminated,
            "groups": [asdict(group) for group in self.groups],
            "by_day": [asdict(day) for day in self.by_day],
            "approved_by": sorted({plan.by.name for plan in self.approved}),
        }

    @classmethod
    def from_json(
        cls,
        document: Mapping[str, Any],
        *,
        campaign: Campaign,
        as_of: datetime,
        assumed: AssumedEffect,
        cost: float,
        currency: str,
        approved: tuple[ApprovalRow, ...],
    ) -> Self:
        """Read what `to_json` wrote; what is not in it is given.

        Raises
        ------
        InputError
            Something is missing, or of another kind.
        """
        name = f"measurement of {campaign.campaign_id}"
        groups: list[object] = document.get("groups", [])
        # Those of earlier releases do not say who had left by day.
        by_day: list[object] = document.get("by_day", [])
        known_on = document.get("known_on")
        return cls(
            campaign=campaign,
            as_of=as_of,
            assumed=assumed,
            cost=cost,
            currency=currency,
            effect=_effect(document.get("effect"), name),
            why_not=document.get("why_not"),
            known_on=None if known_on is None else datetime.fromisoformat(known_on),
            looks=read_document(tuple[Look, ...], document.get("looks", []), name, "looks"),
            funnel=read_document(Funnel, document, name),
            belief=read_document(Belief, document, name),
            by_day=read_document(tuple[DayShare, ...], by_day, name, "by_day"),
            groups=read_document(tuple[GroupEffect, ...], groups, name, "groups"),
            approved=approved,
        )


def is_final(document: Mapping[str, Any]) -> bool:
    """Whether a measurement, as JSON, tells an effect that no further look can change."""
    return (
        bool(document.get("effect"))
        and not document.get("known_on")
        # It never has a next look, and each day is one.
        and document.get("reading") != "any_day"
    )


def _effect(document: object, name: str) -> Effect | None:
    return None if document is None else read_document(Effect, document, name, "effect")
