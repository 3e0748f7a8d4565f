"""Campaigns: one action for whom its triggers hold, over a stated time, with a control arm."""

import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

from care.catalogue import Catalogue
from care.looks import Reading
from care.model import ASSUMED_DAYS, Action
from features.contracts.vocabulary import HORIZON_DAYS
from holdfast.documents import read_document
from holdfast.errors import InputError

LEAST_SHADOW_CONTROL = 0.2
"""Share of control that a campaign needs which a model in shadow ranks."""

Outcome = Literal["stayed", "margin", "no_repeat_contact"]
"""What a campaign is measured by, from the operator's own tables; more is better. ``stayed``: the share
of a household's lines that stay; ``margin``: what the household brings in, less what was spent on it;
``no_repeat_contact``: that the household does not get in touch again.
"""


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """A campaign, as its file declares it.

    Parameters
    ----------
    campaign_id : str
        Its name, that of the file.
    action : str
        Code of the action.
    triggers : tuple of str
        Codes of the triggers that propose it.
    begins_on, ends_on : str
        First and last day on which it is planned (ISO 8601, in the operator's time).
    control_share : float
        Share of the allowed households that are withheld, 0 to 0.9; 0 where the action may not be
        withheld.
    outcome_days : int
        Days over which the outcome of a decision is counted: 30, 60 or 90.
    most_households : int
        Households in all arms together, at most, in one plan.
    priority : int
        Of two campaigns that want one household, the one with the smaller number has it.
    outcome : {"stayed", "margin", "no_repeat_contact"}
        What it is measured by.
    looks : tuple of str
        Days on which its effect is read before the end (ISO 8601): when the outcomes of the last day
        have matured. Without any, it is read once, at its end; days after it are no looks.
    narrowest_at : int
        0, or the households of both arms at which its intervals are to be narrowest if its effect may
        be read on any day; it has no end then, and no planned looks.
    """

    campaign_id: str
    action: str
    triggers: tuple[str, ...]
    begins_on: str
    ends_on: str
    control_share: float
    outcome_days: int
    most_households: int
    priority: int
    # Most files do not name these.
    outcome: Outcome = "stayed"
    looks: tuple[str, ...] = ()
    narrowest_at: int = 0

    @property
    def reading(self) -> Reading:
        """When its effect may be read."""
        return "any_day" if self.narrowest_at else "planned_looks" if self.looks else "once"

    @property
    def look_days(self) -> tuple[date, ...]:
        """Days of its planned looks."""
        return tuple(map(date.fromisoformat, self.looks))

    @property
    def days(self) -> tuple[date, date]:
        """Its first and last day."""
        return date.fromisoformat(self.begins_on), date.fromisoformat(self.ends_on)


def catalogue_assumes(outcome: Outcome, outcome_days: int) -> bool:
    """Whether the catalogue's assumed effects are on an outcome that is counted over so many days.

    >>> catalogue_assumes("stayed", 90), catalogue_assumes("stayed", 30)
    (True, False)
    """
    return outcome == "stayed" and outcome_days == ASSUMED_DAYS


def read_campaign(path: Path, catalogue: Catalogue) -> Campaign:
    """Read a campaign from its TOML file.

    Parameters
    ----------
    path : Path
        Its name without the ending is the campaign's.
    catalogue : Catalogue
        The actions and triggers that it may name.

    Raises
    ------
    InputError
        The file cannot be read, or a value breaks its rule.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(str(path), "must be a readable text file", type(error).__name__) from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(path.name, f"must be TOML: {error}") from None
    unknown = document.keys() - Campaign.__dataclass_fields__.keys()
    if unknown:
        known = ", ".join(name for name in Campaign.__dataclass_fields__ if name != "campaign_id")
        raise InputError(f"{path.name}: {min(unknown)}", f"must be one of {known}")
    campaign = read_document(Campaign, {**document, "campaign_id": path.stem}, path.name)
    _check(campaign, path.name, catalogue)
    return campaign


def _check(campaign: Campaign, name: str, catalogue: Catalogue) -> None:
    if campaign.action not in catalogue.actions:
        known = ", ".join(catalogue.actions)
        raise InputError(f"{name}: action", f"must be one of {known}", campaign.action)
    action = catalogue.actions[campaign.action]
    if not campaign.triggers:
        raise InputError(f"{name}: triggers", "must name at least one trigger")
    for code in campaign.triggers:
        proposing = [t.code for t in catalogue.triggers.values() if action.code in t.actions]
        if code not in proposing:
            rule = f"must be one of {', '.join(proposing)}, which propose {action.code}"
            raise InputError(f"{name}: triggers", rule, code)
    try:
        first, last = campaign.days
    except ValueError:
        days = f"{campaign.begins_on}, {campaign.ends_on}"
        raise InputError(
            f"{name}: begins_on, ends_on", "must be days as 2026-01-31", days
        ) from None
    if last < first:
        raise InputError(f"{name}: ends_on", "must not lie before begins_on", campaign.ends_on)
    _check_arms(campaign, name, action)
    if campaign.outcome_days not in HORIZON_DAYS:
        rule = f"must be one of {', '.join(map(str, HORIZON_DAYS))}"
        raise InputError(f"{name}: outcome_days", rule, campaign.outcome_days)
    _check_looks(campaign, name)
    if campaign.most_households < 1:
        rule = "must be at least 1"
        raise InputError(f"{name}: most_households", rule, campaign.most_households)


def _check_looks(campaign: Campaign, name: str) -> None:
    if campaign.narrowest_at < 0:
        raise InputError(f"{name}: narrowest_at", "must be 0 or more", campaign.narrowest_at)
    if campaign.narrowest_at and campaign.looks:
        rule = "must be empty where narrowest_at lets the effect be read on any day"
        raise InputError(f"{name}: looks", rule, ", ".join(campaign.looks))
    try:
        looks = campaign.look_days
    except ValueError:
        rule = "must be days as 2026-01-31"
        raise InputError(f"{name}: looks", rule, ", ".join(campaign.looks)) from None
    first = campaign.days[0] + timedelta(days=campaign.outcome_days)
    if list(looks) != sorted(set(looks)) or any(look <= first for look in looks):
        rule = f"must ascend, and lie after {first}: no outcome has matured before"
        raise InputError(f"{name}: looks", rule, ", ".join(campaign.looks))


def _check_arms(campaign: Campaign, name: str, action: Action) -> None:
    share = campaign.control_share
    if not 0 <= share <= 0.9:
        raise InputError(f"{name}: control_share", "must lie between 0 and 0.9", share)
    if not action.withholdable and share:
        rule = f"must be 0: {action.code} may not be withheld"
        raise InputError(f"{name}: control_share", rule, share)
    if action.action_class == "offer" and not share:
        rule = "must be above 0 for an offer, or its effect is never known"
        raise InputError(f"{name}: control_share", rule, share)
