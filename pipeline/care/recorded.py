"""Measurements that stand since raw rows, of which they were counted, were kept for long enough and went."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from care.campaign import Campaign
from care.measurement import Measurement, is_final
from features.retained.kept_since import KeptSince
from holdfast.home import Home
from pipeline.care.drawn import Drawn
from pipeline.care.workspace import CareWorkspace
from training.labelling.maturity import observed_before_days
from training.labelling.reach import lines_told_since
from training.settings import LabelSettings


@dataclass(frozen=True, kw_only=True)
class RowsThere:
    """Whether the raw rows that a campaign is counted from are still there.

    Parameters
    ----------
    outcomes : bool
        Those that say what came of the households, from the first draw on. Where events are gone and
        states stay, what is lost is exactly which lines were.
    wait : bool
        Those in which it was observed how long late rows are waited for, which says when looks are.
    """

    outcomes: bool
    wait: bool

    @classmethod
    def of(cls, home: Home, drawn: Sequence[Drawn], labels: LabelSettings) -> Self:
        """Look at when the first household was drawn, and since when the home keeps raw rows."""
        since = KeptSince.read(home.kept_since).raw
        if since is None or not drawn:
            return cls(outcomes=True, wait=True)
        began_at = min(one.at for one in drawn)
        return cls(
            outcomes=began_at >= lines_told_since(since, labels.inactivity_days),
            wait=began_at >= since + timedelta(days=observed_before_days(labels)),
        )


def recorded_measurement(
    care: CareWorkspace, campaign: Campaign, there: RowsThere
) -> Measurement | None:
    """What the ledger last recorded of a campaign, unchanged; None where it has to be counted.

    While outcomes can be counted, only what is final stands. Once they cannot, any effect does, and that
    the arms had too few households at their last look.

    Parameters
    ----------
    care : CareWorkspace
        The home's care.
    campaign : Campaign
        The campaign.
    there : RowsThere
        Which of its rows are still there.

    Raises
    ------
    InputError
        What is recorded cannot be read.
    """
    recorded = care.ledger.measured.campaign(campaign.campaign_id)
    if recorded is None or (there.outcomes and there.wait):
        return None
    at, document = recorded
    had_too_few = document.get("why_not") == "too_few" and not document.get("known_on")
    stands_uncounted = bool(document.get("effect")) or had_too_few
    if not (is_final(document) if there.outcomes else stands_uncounted):
        return None
    action = care.catalogue.actions[campaign.action]
    return Measurement.from_json(
        document,
        campaign=campaign,
        as_of=at,
        assumed=action.assumed_effect,
        cost=action.cost,
        currency=care.catalogue.operator.currency,
        approved=tuple(care.ledger.approvals.of_campaign(campaign.campaign_id)),
    )
