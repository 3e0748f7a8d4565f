"""A campaign planned on a home: everybody's proposal decided, kept in the ledger, nothing sent."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from care.campaign import LEAST_SHADOW_CONTROL, catalogue_assumes
from care.delivery.go import TIME_ZONE
from care.delivery.message import WORDING
from care.delivery.night import night_lets_care_run
from care.ledger.approving import require_same_terms
from care.ledger.ledger import Ledger
from care.ledger.rows import DecisionRow, PlanRow, moment
from care.measure import half_width, households_needed
from care.model import Action, Arm
from care.planning import NOT_DRAWN, Plan, PlanCounts, Rules, make_plan
from care.policy import Refusals
from features.operator.line_facts import FactReading
from features.operator.repository import OperatorRepository
from features.settings import FeatureSettings
from holdfast.arrays import Floats
from holdfast.clock import Clock
from holdfast.documents import to_document
from holdfast.errors import InputError
from holdfast.home import Home, locked
from holdfast.logging import progress
from holdfast.zone import day_of
from pipeline.care.consents import merge_consents
from pipeline.care.facts import EarlierDecision, HomeFacts, home_facts, require_control, rows_of
from pipeline.care.pages import write_plan_page
from pipeline.care.workspace import CareWorkspace
from pipeline.night.status import newest_scores


@dataclass(frozen=True, kw_only=True)
class Sizing:
    """What a plan will be able to see.

    Parameters
    ----------
    expected_stay : float
        Share of the intended households that are expected to stay, by their predictions.
    expected_stay_low, expected_stay_high : float or None
        Its band, for the uncertainty of the level of risk: that of all who were scored, in
        proportion. None where the scores come without one.
    level : {"judged", "assumed"} or None
        Whether bands like this one were seen to cover (`models.level.revision`).
    half_width : float
        Half the width of the 95 % interval of the effect, in the share that stays.
    assumed : float or None
        The effect that is assumed; None where the catalogue assumes none of staying for so many days.
    needed : int or None
        Households for which the assumed effect would be shown four times out of five; None where
        none is assumed.
    outcome_days : int
        Days over which the outcome is counted.
    horizon_days : int
        Days of the predictions that it rests on: `outcome_days`, or the nearest that the model predicts.
    """

    expected_stay: float
    expected_stay_low: float | None
    expected_stay_high: float | None
    level: str | None
    half_width: float
    assumed: float | None
    needed: int | None
    outcome_days: int
    horizon_days: int


@dataclass(frozen=True, kw_only=True)
class PlannedCampaign:
    """A plan in the ledger.

    Parameters
    ----------
    row : PlanRow
        The plan.
    counts : PlanCounts
        How many proposals came to what.
    sizing : Sizing or None
        None where nothing is withheld, or no line that was drawn has a prediction.
    without_risk : int
        Lines that were drawn into an arm and have no prediction: no sizing rests on them.
    page : Path
        The page that shows it.
    is_new : bool
        False where the very plan was there already.
    """

    row: PlanRow
    counts: PlanCounts
    sizing: Sizing | None
    without_risk: int
    page: Path
    is_new: bool

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "campaign_id": self.row.campaign_id,
            "plan_id": self.row.plan_id,
            "digest": self.row.digest,
            "made_at": self.row.made_at.isoformat(),
            **asdict(self.counts),
            "intended": self.counts.intended,
            "sizing": None if self.sizing is None else asdict(self.sizing),
            "without_risk": self.without_risk,
            "page": str(self.page),
            "is_new": self.is_new,
        }


def plan_campaign(
    care: CareWorkspace,
    name: str,
    features: FeatureSettings,
    clock: Clock,
    language: str = "en",
) -> PlannedCampaign:
    """Plan a campaign on the newest scores of a home.

    Parameters
    ----------
    care : CareWorkspace
        The home's care.
    name : str
        The campaign.
    features : FeatureSettings
        Memory and threads that reading may take.
    clock : Clock
        The home's.
    language : str
        BCP 47 tag of the page's language.

    Raises
    ------
    InputError
        There is no such campaign or no score, the campaign does not run today, care is halted,
        what it is measured by has changed since a plan of it was approved, or the home's salt is not
        the one that the ledger's arms were drawn with.
    """
    campaign = care.campaign(name)
    now = clock()
    first, last = campaign.days
    today = day_of(now, OperatorRepository(care.home).zone)
    if not first <= today <= last:
        rule = f"is planned from {first} to {last} only"
        raise InputError(f"campaign {name}", rule, f"{today}")
    require_same_terms(care.ledger, campaign, today, is_planned=True)
    at = newest_snapshot(care.home)
    reading = FactReading(at=at, memory_gb=features.memory_gb, threads=features.threads_to_use)
    action = care.catalogue.actions[campaign.action]
    with locked(care.home), progress(f"Planning the campaign {name}"):
        care.require_same_salt(now)
        merge_consents(care.home, care.ledger, now)
        known = home_facts(
            *(care.home, campaign, care.catalogue, care.limits),
            earlier_decisions(care.ledger),
            care.ledger.consents.in_force(now),
            reading,
            now,
        )
        require_control(campaign, known.risk.scores, LEAST_SHADOW_CONTROL)
        rules = Rules(
            jurisdiction=care.law,
            limits=care.limits,
            holdout=care.holdout,
            year=today.year,
            care_is_halted=care.ledger.is_halted or halted_by_night(care.home),
        )
        plan = make_plan(campaign, care.catalogue, known.facts, rules)
        return _kept(care, plan, known, action, now, language)


def earlier_decisions(
    ledger: Ledger, without: frozenset[str] = frozenset()
) -> list[EarlierDecision]:
    """Decisions of approved plans, but for some by their ids."""
    return [
        EarlierDecision(
            decision=decision,
            campaign_id=campaign.campaign_id,
            priority=int(campaign.document["priority"]),
            decided_at=at,
        )
        for campaign in ledger.campaigns()
        for at, decision in ledger.decisions(campaign.campaign_id)
        if decision.decision_id not in without
    ]


def newest_snapshot(home: Home) -> datetime:
    """Time of the newest snapshot that was scored (UTC).

    Raises
    ------
    InputError
        There is none.
    """
    scored = newest_scores(home)
    if not scored:
        raise InputError("scores", "must be there; run `holdfast nightly` first", str(home.root))
    return datetime.fromisoformat(scored[0].at).astimezone(UTC)


def halted_by_night(home: Home) -> bool:
    """Whether the last night says that no care may run."""
    return not night_lets_care_run(home.nights)


def _kept(
    care: CareWorkspace,
    plan: Plan,
    known: HomeFacts,
    action: Action,
    now: datetime,
    language: str,
) -> PlannedCampaign:
    """The plan in the ledger, beside it as a file with everybody who was refused, and its page."""
    counts = plan.counts()
    document = to_document(plan.campaign)
    campaign_digest = _digest(document)
    facts_digest = _digest(
        [known.risk.scores.inputs, known.risk.scores.version, known.risk.scores.at]
    )
    rows = list(_decisions(care, plan, known, action, facts_digest, now))
    digest = _digest([campaign_digest, *map(asdict, rows)])
    plan_id = f"{plan.campaign.campaign_id}-{now:%Y%m%d}-{digest[:8]}"
    named = [_named(row, plan_id) for row in rows]
    sizing = _sizing(plan, known, action)
    without_risk = int(np.isnan(_risk_of_drawn(plan, known)).sum())
    row = PlanRow(
        plan_id=plan_id,
        campaign_id=plan.campaign.campaign_id,
        campaign_digest=campaign_digest,
        digest=digest,
        made_at=now,
        about={
            **asdict(counts),
            "model": f"{known.risk.scores.model} version {known.risk.scores.version}",
            "scores_as": known.risk.scores.alias,
            "cost": counts.sent * action.cost,
            "scores_at": known.risk.scores.at,
            "jurisdiction": care.law.name,
            "wording": care.catalogue.wordings[action.code],
            "channels": _channels(plan, action),
            "sizing": None if sizing is None else asdict(sizing),
            "without_risk": without_risk,
        },
    )
    _write_file(care, plan, known, plan_id)
    is_new = care.ledger.record_plan(row, document, named)
    page = write_plan_page(care, row, plan.campaign, language)
    return PlannedCampaign(
        row=row,
        counts=counts,
        sizing=sizing,
        without_risk=without_risk,
        page=page,
        is_new=is_new,
    )


def _channels(plan: Plan, action: Action) -> dict[str, int]:
    """Messages by channel, the preferred one first."""
    counts = np.bincount(plan.channel[plan.is_sent], minlength=len(action.channels)).tolist()
    return {name: count for name, count in zip(action.channels, counts, strict=True) if count}


def _decisions(
    care: CareWorkspace,
    plan: Plan,
    known: HomeFacts,
    action: Action,
    facts_digest: str,
    now: datetime,
) -> Iterator[DecisionRow]:
    """Everybody who is sent something or withheld, without the name of the decision."""
    facts = known.facts
    places = np.flatnonzero(plan.refusals.allowed)
    shown = [name for name in action.fields if name in known.values.column_names]
    fields = rows_of(known.values, plan.rows[places].tolist(), shown)
    triggers = [care.catalogue.triggers[code] for code in plan.campaign.triggers]
    for place, values in zip(places.tolist(), fields, strict=True):
        row = int(plan.rows[place])
        is_sent = bool(plan.is_sent[place])
        trigger = triggers[int(plan.trigger[place])]
        arm = int(plan.arm[place])
        yield DecisionRow(
            decision_id="",
            household_id=str(facts.household_id[row]),
            customer_id=str(facts.customer_id[row]),
            subscription_id=str(facts.subscription_id[row]),
            trigger=trigger.code,
            action=action.code,
            action_class=action.action_class,
            channel=action.channels[int(plan.channel[place])] if is_sent else None,
            arm=None if arm == NOT_DRAWN else Arm(arm).name.lower(),
            propensity=None if arm == NOT_DRAWN else float(plan.propensity[place]),
            send_after=moment(int(plan.send_at[place])) if is_sent else None,
            send_before=now + timedelta(days=trigger.valid_days) if is_sent else None,
            facts_digest=facts_digest,
            fields={
                **values,
                "language": str(known.languages[row]),
                TIME_ZONE: str(known.time_zones[row]),
                WORDING: care.catalogue.wordings[action.code],
            },
        )


def _named(row: DecisionRow, plan_id: str) -> DecisionRow:
    about = (plan_id, row.household_id, row.customer_id, row.subscription_id, row.action)
    digest = hashlib.sha256("\0".join(map(str, about)).encode()).hexdigest()
    return replace(row, decision_id=f"K{digest[:30]}")


def _sizing(plan: Plan, known: HomeFacts, action: Action) -> Sizing | None:
    share = plan.campaign.control_share
    if plan.campaign.outcome != "stayed":
        # How other outcomes vary is not predicted.
        return None
    risk, horizon = _risk_of_drawn(plan, known), known.risk.horizon_days
    if not share or len(risk) < 2 or horizon is None or np.isnan(risk).all():
        return None
    leave = float(np.nanmean(risk))
    stay = 1 - leave
    everybody = known.risk.scores.expected.get(str(horizon))
    low, high = (
        (None, None)
        if everybody is None or not everybody.value
        else (
            max(0.0, 1 - leave * everybody.high / everybody.value),
            1 - leave * everybody.low / everybody.value,
        )
    )
    is_assumed = catalogue_assumes(plan.campaign.outcome, plan.campaign.outcome_days)
    assumed = action.assumed_effect.value if is_assumed else None
    return Sizing(
        expected_stay=stay,
        expected_stay_low=low,
        expected_stay_high=high,
        level=None if everybody is None else everybody.level,
        half_width=half_width(len(risk), share, stay),
        assumed=assumed,
        needed=households_needed(assumed, share, stay) if assumed else None,
        outcome_days=plan.campaign.outcome_days,
        horizon_days=horizon,
    )


def _risk_of_drawn(plan: Plan, known: HomeFacts) -> Floats:
    """Probabilities that lines in the treatment or control arm are lost within the days of the outcome;
    NaN where there is none.
    """
    drawn = (plan.arm == Arm.TREATMENT) | (plan.arm == Arm.CONTROL)
    risk: Floats = known.risk.of_outcome[plan.rows[drawn]]
    return risk


def _write_file(care: CareWorkspace, plan: Plan, known: HomeFacts, plan_id: str) -> None:
    """Every proposal with what became of it, refused ones too, as ``plans/PLAN.parquet``."""
    facts = known.facts
    folder = care.home.care / "plans"
    folder.mkdir(parents=True, exist_ok=True)
    arms = [None if arm == NOT_DRAWN else Arm(arm).name.lower() for arm in plan.arm.tolist()]
    table = pa.table(
        {
            "household_id": facts.household_id[plan.rows],
            "customer_id": facts.customer_id[plan.rows],
            "subscription_id": facts.subscription_id[plan.rows],
            "trigger": [plan.campaign.triggers[place] for place in plan.trigger.tolist()],
            "arm": pa.array(arms, pa.string()),
            "is_sent": plan.is_sent,
            "reasons": _reasons(plan.refusals),
        }
    )
    path = folder / f"{plan_id}.parquet"
    beside = path.with_suffix(".part")
    pq.write_table(table, beside)
    beside.replace(path)


def _reasons(refusals: Refusals) -> pa.Array:
    """All reasons of each proposal; few combinations make up all of them."""
    _, first, case = np.unique(refusals.bits, return_index=True, return_inverse=True)
    lists = [list(refusals.reasons(place)) for place in first.tolist()]
    return pa.array(lists, pa.list_(pa.string())).take(pa.array(case))


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
