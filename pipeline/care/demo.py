"""A campaign on the simulated operator, from its plan to its effect.

The campaign is planned, approved and handed over in the demo's home. What comes of it is played in
a second home: the simulation goes on from there with the decisions, so that the first home stays as
the demo left it.
"""

import shutil
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pyarrow as pa

from care.delivery.receivers import Receivers
from care.ledger.rows import Approver
from care.measurement import Measurement
from care.settings import CareSettings
from features.operator.repository import OperatorRepository
from features.settings import FeatureSettings
from holdfast.clock import Clock, home_clock
from holdfast.files import write_beside
from holdfast.home import Home
from holdfast.zone import day_of
from pipeline.care.approve import approve_campaign
from pipeline.care.delivery.relays import Delivery
from pipeline.care.delivery.send import send_due
from pipeline.care.measure import measure_campaign
from pipeline.care.pages import write_effect
from pipeline.care.plan import plan_campaign
from pipeline.care.workspace import CareWorkspace, care_of
from pipeline.features import take_in
from pipeline.simulated_operator import FOLDER
from simulator.engine.simulator import Simulator
from training.settings import LabelSettings

CAMPAIGN = "courtesy_calls"
APPROVED_BY = Approver(name="the demo", how="simulation")
LATER = "later"
"""Folder, below the demo's home, of the home in which the campaign has run its course."""

LATER_DAYS = 70
"""Whole weeks until what came of a campaign of one day and 30 days of outcomes is known."""

_TEXT = """\
# Calls to those most likely to leave; nearly half of the households are not called, so that the few
# customers of the demo give an interval.
action = "courtesy_call"
triggers = ["predicted_risk"]
begins_on = "{day}"
ends_on = "{day}"
control_share = 0.45
outcome_days = 30
most_households = 20000
priority = 1
"""


@dataclass(frozen=True, kw_only=True)
class SentCampaign:
    """A campaign that was planned, approved and handed over.

    Parameters
    ----------
    sent : int
        Messages handed over.
    withheld : int
        Households in control.
    refused : dict of str to int
        Proposals by the first rule that refuses them.
    """

    sent: int
    withheld: int
    refused: dict[str, int]


def send_demo_campaign(
    home: Home, settings: CareSettings, features: FeatureSettings, clock: Clock
) -> SentCampaign:
    """Plan, approve and hand over the campaign, unless that was done before.

    Parameters
    ----------
    home : Home
        The demo's, scored.
    settings : CareSettings
        How care is planned and sent.
    features : FeatureSettings
        Memory and threads that reading may take.
    clock : Clock
        The home's.
    """
    with care_of(home, settings) as care:
        if not care.ledger.plans(CAMPAIGN):
            _declare(home, day_of(clock(), OperatorRepository(home).zone))
            _fix_salt(home)
            plan_campaign(care, CAMPAIGN, features, clock)
        approve_campaign(care, CAMPAIGN, APPROVED_BY, None, clock)
        later = _after_quiet_hours(clock)
        files = Delivery(receivers=Receivers(), secrets={}, clock=later, machine_clock=later)
        send_due(care, files, features)
        states = care.ledger.states(CAMPAIGN)
        (*_, plan) = care.ledger.plans(CAMPAIGN)
        return SentCampaign(
            sent=states.get("handed_over", 0),
            withheld=states.get("withheld", 0),
            refused=plan.about["refused"],
        )


def play_demo_campaign(
    home: Home, settings: CareSettings, features: FeatureSettings, labels: LabelSettings
) -> Measurement:
    """Let the simulated operator live on with the decisions, measure what they did, and write the page.

    Parameters
    ----------
    home : Home
        The demo's, whose campaign was handed over.
    settings, features
        As in `send_demo_campaign`.
    labels : LabelSettings
        What counts as lost.
    """
    later = later_home(home)
    if not later.raw.exists():
        _branch(home, later, settings)
    source = str(later.root / FOLDER / "raw")
    clock = home_clock(later, _no_clock, source)
    take_in(later, source, now=clock())
    with care_of(later, settings) as care:
        measured = measure_campaign(care, CAMPAIGN, labels, features, clock)
        write_effect(care, measured)
        return measured


def later_home(home: Home) -> Home:
    """The home in which the campaign has run its course."""
    return Home(home.root / LATER)


def _declare(home: Home, day: date) -> None:
    path = home.care / "campaigns" / f"{CAMPAIGN}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_beside(path, _TEXT.format(day=day))


def _fix_salt(home: Home) -> None:
    """The same arms in every demo; an operator's own salt is secret and drawn at random."""
    path = home.care / "salt"
    if not path.exists():
        write_beside(path, "the demo draws the same arms everywhere\n")


def _branch(home: Home, later: Home, settings: CareSettings) -> None:
    """The operator some weeks later, with what was decided of it."""
    shutil.rmtree(later.root, ignore_errors=True)
    later.root.mkdir()
    with care_of(home, settings) as care:
        actions = _actions(care)
    # Closed: the ledger's file is whole.
    shutil.copytree(home.care, later.care)
    operator = Simulator.open(home.root / FOLDER).branch(later.root / FOLDER)
    operator.advance(LATER_DAYS, actions)


def _actions(care: CareWorkspace) -> pa.Table | None:
    """Decisions as the simulator takes them: those withheld are recorded, and have no effect. None
    where nothing was decided.
    """
    decided = care.ledger.decisions(CAMPAIGN)
    rows = [
        {
            "contact_id": decision.decision_id,
            "campaign_id": CAMPAIGN,
            "subscription_id": decision.subscription_id,
            "action": decision.action,
            "channel": decision.channel,
            "at": decision.send_after or at,
            "arm": decision.arm,
            "propensity": decision.propensity,
        }
        for at, decision in decided
    ]
    return pa.Table.from_pylist(rows) if rows else None


def _after_quiet_hours(clock: Clock) -> Clock:
    """The clock a day later: what was planned for the next hours that are not quiet is due."""
    return lambda: clock() + timedelta(days=1)


def _no_clock() -> datetime:
    raise AssertionError("a simulated operator has a time of its own")
