"""A simulated operator that carries out campaigns week by week, all through the product's own functions.

Each Monday there is a night: raw tables in with what our own care gave back, features, scores. In the
morning the campaigns are planned, a person approves them, and what is due goes into a file. The operator does
what the file says, and nothing else, in the week that follows.
"""

import csv
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pandas as pd

from care.catalogue import catalogue_of
from care.delivery.receivers import Receivers
from care.ledger.rows import Approver
from care.settings import CareSettings
from features.online.settings import OnlineSettings
from features.operator.repository import OperatorRepository
from holdfast.clock import Clock, home_clock, system_clock
from holdfast.errors import HoldfastError
from holdfast.home import Home
from holdfast.logging import progress
from holdfast.zone import day_of
from models.churn import CHURN
from pipeline.care.approve import approve_campaign
from pipeline.care.delivery.relays import Delivery
from pipeline.care.delivery.send import send_due
from pipeline.care.nightly.night import CareOfNight
from pipeline.care.plan import plan_campaign
from pipeline.care.workspace import care_of
from pipeline.night.config import NightConfig
from pipeline.night.nightly import run_night
from pipeline.night.options import NightOptions
from pipeline.promote import promote_model
from pipeline.simulated_operator import FOLDER
from pipeline.train import Trained, train_target
from simulator.engine.simulator import Simulator, simulate
from simulator.world.parameters import Parameters
from training.release.tracking import Tracking
from training.settings import TrainingConfig
from training.uplift.contacts import OUTCOME_DAYS

PARAMETERS = replace(Parameters(), truth_every_weeks=1)
"""The truth of every week: campaigns are planned in each."""

ONLINE = OnlineSettings()
TRAINING = TrainingConfig()
CARE = CareSettings(jurisdiction="EU")
NIGHT = NightConfig(care=CARE, training=TRAINING)
_ME = Approver(name="the benchmark", how="simulation")
_WEEK = 7


@dataclass(frozen=True, kw_only=True)
class Played:
    """A campaign that is played.

    Parameters
    ----------
    action : str
        Its action; the campaign is named after it.
    when : tuple of (str, float, float)
        For whom its trigger holds: facts, each with its least and its greatest value.
    """

    action: str
    when: tuple[tuple[str, float, float], ...]

    @property
    def name(self) -> str:
        """Of campaign and trigger."""
        return f"weekly_{self.action}"


class PlayedOperator:
    """A simulated operator with its home.

    Parameters
    ----------
    home : Home
        An empty one.
    customers, months, seed : int
        As in `simulator.engine.simulator.simulate`; months before the first campaign.
    """

    def __init__(self, home: Home, customers: int, months: int, seed: int) -> None:
        self.home = home
        folder = home.root / FOLDER
        simulate(folder, customers, months, seed, parameters=PARAMETERS)
        self._operator = Simulator.open(folder, PARAMETERS)
        self._source = str(folder / "raw")

    @property
    def clock(self) -> Clock:
        """The simulated one."""
        return home_clock(self.home, system_clock, self._source)

    def night(self) -> None:
        """Run a night."""
        care = CareOfNight(
            *(self.home, CARE, NIGHT.scoring.features, NIGHT.training.labels),
            *(self.clock, system_clock),
        )
        options = NightOptions(source=self._source)
        night = run_night(self.home, options, NIGHT, clock=self.clock, online=ONLINE, care=care)
        if night.verdict == "stopped":
            raise HoldfastError(f"the night stopped: {night.error}")

    def train(self) -> Trained:
        """Train a model of churn on what is known now."""
        return train_target(self.home, CHURN.name, None, TRAINING, online=ONLINE, clock=self.clock)

    def score_with(self, trained: Trained) -> None:
        """Let a version score; as shadow, which needs no more evidence than a small operator has."""
        if trained.number is None:
            raise HoldfastError("the version was not registered")
        promotion = promote_model(
            self.home,
            CHURN.name,
            trained.number,
            shadow=True,
            gate=TRAINING.gate,
            online=ONLINE,
            clock=self.clock,
        )
        if not promotion.shadow:
            # The gate may refuse the model of so few customers. Whom it ranks first changes who is
            # cared for, and nothing of what is compared: arms are drawn among them.
            print("the gate refused the model; it ranks all the same", file=sys.stderr)
            Tracking(self.home, self.clock).set_champion_ungated(CHURN.name, trained.number)

    def play(self, campaigns: Sequence[Played], weeks: int, control_share: float) -> datetime:
        """Play campaigns for some weeks, and go on until what came of them is in the raw tables.

        Returns
        -------
        datetime
            When the campaigns were over.
        """
        self._declare(campaigns, weeks, control_share)
        with progress("Weeks of care", weeks) as advance:
            for _ in range(weeks):
                self.night()
                self._operator.advance(_WEEK, self._decide(campaigns))
                advance(1)
        over = self.clock()
        labels = TRAINING.labels
        until_final = OUTCOME_DAYS + labels.inactivity_days + labels.settle_days
        # A night records what has matured, and the next one gives it back.
        for further in (-(-until_final // _WEEK), 1):
            self.wait(further)
        return over

    def wait(self, weeks: int) -> None:
        """Go on for some weeks without our care, to a night at their end."""
        self._operator.advance(weeks * _WEEK)
        self.night()

    def _declare(self, campaigns: Sequence[Played], weeks: int, control_share: float) -> None:
        folder = self.home.care / "campaigns"
        folder.mkdir(parents=True)
        (self.home.care / "salt").write_text("the benchmark draws the same arms\n", "utf-8")
        today = day_of(self.clock(), OperatorRepository(self.home).zone)
        last = today + timedelta(days=_WEEK * weeks)
        catalogue = catalogue_of(self.home.root)
        own = self.home.care / "catalogue.toml"
        text = catalogue.read_text("utf-8")
        for priority, campaign in enumerate(campaigns, 1):
            text += _trigger(campaign)
            document = _campaign(campaign, today, last, control_share, priority)
            (folder / f"{campaign.name}.toml").write_text(document, "utf-8")
        own.write_text(text, "utf-8")

    def _decide(self, campaigns: Sequence[Played]) -> pd.DataFrame | None:
        """Plan, approve and hand over; what the operator's systems are to do this week."""
        features = NIGHT.scoring.features
        clock, later = _after(self.clock, hours=6), _after(self.clock, hours=36)
        with care_of(self.home, CARE) as care:
            for campaign in campaigns:
                if plan_campaign(care, campaign.name, features, clock).counts.intended:
                    approve_campaign(care, campaign.name, _ME, None, clock)
            files = Delivery(receivers=Receivers(), secrets={}, clock=later, machine_clock=later)
            sent = send_due(care, files, features)
        return None if sent.path is None else _done(sent.path, clock())


def _done(path: Path, now: datetime) -> pd.DataFrame:
    """What a file of ours asks for, as the simulator takes care."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return pd.DataFrame(
        {
            "contact_id": [row["decision_id"] for row in rows],
            "campaign_id": [row["campaign_id"] for row in rows],
            "subscription_id": [row["subscription_id"] for row in rows],
            "action": [row["action"] for row in rows],
            "channel": [row["channel"] for row in rows],
            "at": [max(now, datetime.fromisoformat(row["send_after"])) for row in rows],
            "arm": "treatment",
        }
    )


def _after(clock: Clock, hours: int) -> Clock:
    """The clock some hours later: the morning after a night, or noon of the next day, when whatever
    waits for the end of quiet hours is due.
    """
    return lambda: clock() + timedelta(hours=hours)


def _trigger(campaign: Played) -> str:
    when = ", ".join(
        f'{{ fact = "{fact}", at_least = {least}, at_most = {most} }}'
        for fact, least, most in campaign.when
    )
    return f"""
[triggers.{campaign.name}]
when = [{when}]
source = "prediction"
actions = ["{campaign.action}"]
valid_days = 7
"""


def _campaign(
    campaign: Played, first: date, last: date, control_share: float, priority: int
) -> str:
    return f"""
action = "{campaign.action}"
triggers = ["{campaign.name}"]
begins_on = "{first}"
ends_on = "{last}"
control_share = {control_share}
outcome_days = 90
most_households = 100000
priority = {priority}
"""
