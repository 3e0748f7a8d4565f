"""What a night does about care: consents merged, outcomes matured, campaigns measured and planned.

Campaigns that a named person approved in advance are planned on the night's scores. A plan beyond
its ceiling, after a night with doubts, or ranked by a model in shadow, waits for a person; where the
night says that no care may run, only what is owed is planned.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from care.ledger.approving import rule_digest
from care.ledger.rows import ApprovalRule, Approver
from care.measurement import is_final
from care.settings import CareSettings
from features.operator.repository import OperatorRepository
from features.settings import FeatureSettings
from holdfast.clock import Clock
from holdfast.errors import HoldfastError, InputError
from holdfast.home import Home
from holdfast.sentences import Sentence, as_written, parted, sentence
from holdfast.zone import day_of, day_start
from models.registry import SHADOW
from pipeline.care.consents import merge_consents
from pipeline.care.measure import measure_campaign
from pipeline.care.nightly.export import export_care
from pipeline.care.nightly.matured import record_matured
from pipeline.care.plan import PlannedCampaign, plan_campaign
from pipeline.care.workspace import CareWorkspace, care_of
from serving.access.key_store import KeyStore
from serving.access.scope import KeyScope
from training.settings import LabelSettings

T = TypeVar("T")

_log = logging.getLogger(__name__)


class CareFailedError(HoldfastError):
    """The ledger did not answer, or a file of care is wrong."""


@dataclass(frozen=True, kw_only=True)
class NightlyCampaign:
    """What a night did about a campaign that is approved in advance.

    Parameters
    ----------
    campaign_id : str
        The campaign.
    what : {"approved", "waits", "nobody", "not_planned"}
        Its plan was approved by the rule, waits for a person, is about nobody, or was not made.
    plan_id : str or None
        The plan; None without one.
    sent : int
        Messages of the plan.
    cost : float
        Their cost, in the operator's currency.
    why : Sentence or None
        Why it waits or was not made.
    """

    campaign_id: str
    what: Literal["approved", "waits", "nobody", "not_planned"]
    plan_id: str | None
    sent: int
    cost: float
    why: Sentence | None

    def told(self) -> Sentence:
        """It as a sentence."""
        if self.what == "approved":
            return sentence("plan_approved", campaign=self.campaign_id, sent=self.sent)
        if self.what == "nobody":
            return sentence("plan_nobody", campaign=self.campaign_id)
        return sentence(f"plan_{self.what}", campaign=self.campaign_id, why=self.why)


@dataclass(frozen=True, kw_only=True)
class NightOfCare:
    """What a night did about care.

    Parameters
    ----------
    consents : int
        Statements of the raw tables that the ledger did not have.
    matured : int
        Decisions of which it is final by now whether the line was lost.
    measured : tuple of str
        Campaigns of which more is known than before.
    not_measured : dict of str to str
        Campaigns that could not be measured, and why: what is wrong with one stops no other.
    campaigns : tuple of NightlyCampaign
        Those approved in advance.
    """

    consents: int
    matured: int
    measured: tuple[str, ...]
    not_measured: dict[str, str]
    campaigns: tuple[NightlyCampaign, ...]

    def told(self) -> Sentence:
        """It as a sentence."""
        campaigns = [
            sentence("campaign_not_measured", campaign=name, why=as_written(why))
            for name, why in self.not_measured.items()
        ]
        campaigns += [one.told() for one in self.campaigns] or [sentence("no_nightly_campaign")]
        return sentence(
            "care_ran",
            consents=self.consents,
            matured=self.matured,
            measured=len(self.measured),
            campaigns=parted(campaigns),
        )

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "consents": self.consents,
            "matured": self.matured,
            "measured": list(self.measured),
            "not_measured": self.not_measured,
            "campaigns": [
                asdict(one) | {"why": one.why and one.why.to_json()} for one in self.campaigns
            ],
        }


class CareOfNight:
    """Care as a night runs it.

    Parameters
    ----------
    home : Home
        The home.
    settings : CareSettings
        How care is planned.
    features : FeatureSettings
        Memory and threads that reading may take.
    labels : LabelSettings
        What counts as lost: those of training.
    clock : Clock
        The home's.
    machine_clock : Clock
        The machine's, by which people's keys end.
    """

    def __init__(
        self,
        home: Home,
        settings: CareSettings,
        features: FeatureSettings,
        labels: LabelSettings,
        clock: Clock,
        machine_clock: Clock,
    ) -> None:
        self._home, self._settings = home, settings
        self._features, self._labels, self._clock = features, labels, clock
        self._machine_clock = machine_clock

    @property
    def is_there(self) -> bool:
        """Whether the home has a ledger; without one there is nothing to do."""
        return self._settings.has_ledger(self._home)

    def export(self) -> dict[str, int]:
        """Write what the ledger gives back to the raw tables; rows by table.

        Raises
        ------
        CareFailedError
            The ledger does not answer.
        """
        return self._with_care(lambda care: export_care(care.home, care.ledger))

    def inputs(self) -> object:
        """JSON that changes with the ledger, campaigns and their catalogue."""
        return self._with_care(_inputs)

    def run(self, *, may_run: bool, has_doubts: bool) -> NightOfCare:
        """Merge, mature, measure and plan.

        Parameters
        ----------
        may_run : bool
            Whether the night says that offers may be planned.
        has_doubts : bool
            Whether there is anything to look into.

        Raises
        ------
        CareFailedError
            The ledger does not answer, or a file of care is wrong. What was recorded stays.
        """

        def run(care: CareWorkspace) -> NightOfCare:
            now = self._clock()
            merged = merge_consents(care.home, care.ledger, now)
            matured = record_matured(care.home, care.ledger, self._labels, now)
            measured, not_measured = self._measured(care, now)
            campaigns = tuple(
                self._plan(care, rule, may_run=may_run, has_doubts=has_doubts)
                for rule in care.ledger.approvals.rules()
            )
            return NightOfCare(
                consents=merged.new,
                matured=matured,
                measured=measured,
                not_measured=not_measured,
                campaigns=campaigns,
            )

        return self._with_care(run)

    def _with_care(self, do: Callable[[CareWorkspace], T]) -> T:
        try:
            with care_of(self._home, self._settings) as care:
                return do(care)
        except SQLAlchemyError as error:
            raise CareFailedError(f"the ledger does not answer: {type(error).__name__}") from None
        except HoldfastError as error:
            raise CareFailedError(str(error)) from None

    def _measured(
        self, care: CareWorkspace, now: datetime
    ) -> tuple[tuple[str, ...], dict[str, str]]:
        """Campaigns of which more is known now, and why others could not be measured."""
        measured: list[str] = []
        not_measured: dict[str, str] = {}
        for campaign in care.ledger.campaigns():
            name = campaign.campaign_id
            try:
                if self._measure(care, name, now):
                    measured.append(name)
            except InputError as error:
                _log.warning("the campaign %s was not measured: %s", name, error)
                not_measured[name] = str(error)
        return tuple(measured), not_measured

    def _measure(self, care: CareWorkspace, name: str, now: datetime) -> bool:
        """Keep what is known of a campaign; whether that is more than before. What is final stands."""
        stored = care.ledger.measured.campaign(name)
        known = {} if stored is None else stored[1]
        if is_final(known):
            return False
        if not (care.home.care / "campaigns" / f"{name}.toml").exists():
            return False  # its file is gone: nobody asks any more
        measured = measure_campaign(care, name, self._labels, self._features, self._clock)
        document = measured.to_json()
        if known.get("reading") == "any_day" and _but_for_its_day(document) == _but_for_its_day(
            known
        ):
            return False  # each night is a look, and not each one shows more
        return care.ledger.measured.record_campaign(name, document, now)

    def _plan(
        self, care: CareWorkspace, rule: ApprovalRule, *, may_run: bool, has_doubts: bool
    ) -> NightlyCampaign:
        name = rule.campaign_id
        try:
            action = care.catalogue.actions[care.campaign(name).action]
            if not may_run and action.action_class != "owed":
                return _not_planned(name, sentence("care_may_not_run"))
            planned = plan_campaign(care, name, self._features, self._clock)
            # As the file is after planning: what was written meanwhile nobody has approved.
            campaign = care.campaign(name)
        except InputError as error:
            return _not_planned(name, as_written(str(error)))
        if not planned.counts.intended:
            return NightlyCampaign(
                campaign_id=name, what="nobody", plan_id=None, sent=0, cost=0.0, why=None
            )
        outdated = rule_digest(campaign, care.catalogue) != rule.digest
        why = self._why_it_waits(care, rule, planned, outdated=outdated, has_doubts=has_doubts)
        if why is None:
            by = Approver(name=rule.by.name, how="rule", key=rule.by.key)
            care.ledger.approve(planned.row.plan_id, planned.row.digest, by, self._clock())
        return NightlyCampaign(
            campaign_id=name,
            what="approved" if why is None else "waits",
            plan_id=planned.row.plan_id,
            sent=planned.counts.sent,
            cost=planned.row.about["cost"],
            why=why,
        )

    def _may_approve(self, by: Approver) -> bool:
        """Whether the key with which a rule was approved is still that person's, and may approve."""
        return any(
            key.name == by.key
            and key.person == by.name
            and KeyScope.CARE_APPROVE in key.scopes
            and key.is_valid(self._machine_clock())
            for key in KeyStore(self._home, self._machine_clock).all()
        )

    def _why_it_waits(
        self,
        care: CareWorkspace,
        rule: ApprovalRule,
        planned: PlannedCampaign,
        *,
        outdated: bool,
        has_doubts: bool,
    ) -> Sentence | None:
        """Why a plan is not approved by its rule; None where it is."""
        if outdated:
            return sentence("rule_outdated")
        if not self._may_approve(rule.by):
            return sentence("approver_gone", person=rule.by.name)
        if has_doubts:
            return sentence("night_has_doubts")
        if planned.row.about["scores_as"] == SHADOW:
            return sentence("ranked_by_shadow")
        zone = OperatorRepository(care.home).zone
        today = day_start(day_of(self._clock(), zone), zone)
        before = [
            about
            for approval, about in care.ledger.approvals.since(rule.campaign_id, today)
            if approval.by.how == "rule" and approval.plan_id != planned.row.plan_id
        ]
        messages = planned.counts.sent + sum(int(about["sent"]) for about in before)
        cost = planned.row.about["cost"] + sum(float(about["cost"]) for about in before)
        if messages > rule.most_messages:
            return sentence("over_messages", sent=messages, most=rule.most_messages)
        if cost > rule.most_cost:
            return sentence("over_cost", cost=cost, most=rule.most_cost)
        return None


def _not_planned(name: str, why: Sentence) -> NightlyCampaign:
    return NightlyCampaign(
        campaign_id=name, what="not_planned", plan_id=None, sent=0, cost=0.0, why=why
    )


def _but_for_its_day(document: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of a campaign, whenever it was looked at."""
    return {**document, "looks": [{**look, "at": None} for look in document.get("looks", [])]}


def _inputs(care: CareWorkspace) -> object:
    folder = care.home.care
    files = [folder / "catalogue.toml", *sorted((folder / "campaigns").glob("*.toml"))]
    return [
        care.settings.model_dump(exclude={"ledger"}),
        [[path.name, path.read_text(encoding="utf-8")] for path in files if path.exists()],
        care.ledger.measured.extent(),
    ]
