"""What is known of a home's customers for care: features, scores, consents, and earlier contacts."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from care.campaign import Campaign
from care.catalogue import Catalogue
from care.consents import ConsentsInForce, Screenings
from care.ledger.rows import DecisionRow, microseconds
from care.model import Action
from care.planning import RISK_RANK, CareFacts
from care.policy import NO, UNKNOWN, YES, Codes, ContactLimits, PolicyFacts
from care.quiet_hours import UNKNOWN_ZONE
from features.operator.line_facts import (
    FactReading,
    customers_known,
    household_contacts,
    line_facts,
)
from features.operator.repository import OperatorRepository
from features.operator.screenings import screenings_known
from features.retained.own_decisions import OWN_CARE_PART
from holdfast.arrays import Floats, Texts
from holdfast.errors import InputError
from holdfast.home import Home
from models.registry import SHADOW
from models.score_set import ScoreFacts
from pipeline.care.risk import ChurnRisk, churn_risk, likely_non_payers, rank_share
from training.labelling.history import RawHistory
from training.labelling.population import lines_porting

_DAY = 86_400_000_000
_MINOR = "under_18"
_STATES = (
    "open_tickets",
    "incidents_28d",
    "days_since_incident",
)
"""Features that policy asks, whatever the triggers ask. Consents it asks of the ledger."""


@dataclass(frozen=True, kw_only=True)
class EarlierDecision:
    """A decision of the ledger that counts for later plans.

    Parameters
    ----------
    decision : DecisionRow
        The decision.
    campaign_id : str
        Its campaign.
    priority : int
        The campaign's.
    decided_at : datetime
        When (UTC).
    """

    decision: DecisionRow
    campaign_id: str
    priority: int
    decided_at: datetime


@dataclass(frozen=True, kw_only=True)
class HomeFacts:
    """Facts of a home for one campaign.

    Parameters
    ----------
    facts : CareFacts
        For planning.
    values : pyarrow.Table
        The facts of triggers and texts, a row per line, as `facts` has them.
    languages : (n,) text
        Language that each customer is written to in; empty where not known.
    time_zones : (n,) text
        IANA name of each customer's zone; empty where not known.
    risk : ChurnRisk
        Predictions of the lines, and the score set that they come from.
    """

    facts: CareFacts
    values: pa.Table
    languages: Texts
    time_zones: Texts
    risk: ChurnRisk


def home_facts(
    home: Home,
    campaign: Campaign,
    catalogue: Catalogue,
    limits: ContactLimits,
    earlier: Sequence[EarlierDecision],
    consents: ConsentsInForce,
    reading: FactReading,
    now: datetime,
) -> HomeFacts:
    """Put together what is known for a campaign.

    Parameters
    ----------
    home : Home
        A home with scores.
    campaign : Campaign
        The campaign.
    catalogue : Catalogue
        Its action and triggers.
    limits : ContactLimits
        Whose days count for contacts.
    earlier : sequence of EarlierDecision
        Of the ledger.
    consents : ConsentsInForce
        Of the ledger.
    reading : FactReading
        The snapshot, and how to read it.
    now : datetime
        When a message would be sent at the earliest (UTC).

    Raises
    ------
    InputError
        The home has no scores of churn at the snapshot, or a trigger asks for what is no feature.
    """
    action = catalogue.actions[campaign.action]
    asked = [
        condition.fact
        for code in campaign.triggers
        for condition in catalogue.triggers[code].when
        if condition.fact != RISK_RANK
    ]
    features = known_features(catalogue)
    shown = [name for name in action.fields if name in features]
    names = list(dict.fromkeys([*asked, *shown, *_STATES]))
    values = line_facts(OperatorRepository(home), names, reading)
    lines = values["subscription_id"].to_numpy(zero_copy_only=False).astype(str)
    customers = values["customer_id"].to_numpy(zero_copy_only=False).astype(str)
    people = _People(customers_known(home.raw, reading), customers)
    is_offer = action.action_class == "offer"
    risk = churn_risk(home, reading.at, lines, campaign.outcome_days, is_offer=is_offer)
    contacts = _Contacts(home, earlier, people, limits, reading, now, campaign)
    policy = _Policy(home, values, lines, people, contacts, consents, reading, now)
    facts = {name: values[name].to_numpy().astype(np.float64) for name in dict.fromkeys(asked)}
    facts[RISK_RANK] = rank_share(risk.longest)
    return HomeFacts(
        facts=CareFacts(
            household_id=people.household,
            customer_id=customers,
            subscription_id=lines,
            facts=facts,
            risk=risk.longest,
            policy=policy.of,
        ),
        values=values,
        languages=people.language,
        time_zones=people.time_zone,
        risk=risk,
    )


def policy_facts(
    home: Home,
    action: Action,
    limits: ContactLimits,
    earlier: Sequence[EarlierDecision],
    consents: ConsentsInForce,
    reading: FactReading,
    now: datetime,
) -> CareFacts:
    """What policy asks about an action that was decided before, as it is known now.

    Other campaigns have been asked when it was decided, and are not asked again. Parameters as of
    `home_facts`.
    """
    values = line_facts(OperatorRepository(home), _STATES, reading)
    lines = values["subscription_id"].to_numpy(zero_copy_only=False).astype(str)
    customers = values["customer_id"].to_numpy(zero_copy_only=False).astype(str)
    people = _People(customers_known(home.raw, reading), customers)
    contacts = _Contacts(home, earlier, people, limits, reading, now, None)
    policy = _Policy(home, values, lines, people, contacts, consents, reading, now)
    return CareFacts(
        household_id=people.household,
        customer_id=customers,
        subscription_id=lines,
        facts={},
        risk=np.full(len(lines), np.nan),
        policy=policy.of,
    )


class ConsentFacts(TypedDict):
    """What `PolicyFacts` has about consent."""

    consent: Codes
    contact: Codes
    profiling: Codes


def consent_facts(consents: ConsentsInForce, channel: str, customers: Texts) -> ConsentFacts:
    """What policy asks about the consent of customers, for a channel."""
    return {
        "consent": consents.granted("offers", channel, customers),
        "contact": consents.may_contact(channel, customers),
        "profiling": consents.permits("profiling", customers),
    }


def known_features(catalogue: Catalogue) -> frozenset[str]:
    """Fields of texts that are features: all that the operator does not give itself."""
    return frozenset(
        name
        for action in catalogue.actions.values()
        for name in action.fields
        if name not in catalogue.operator.fields
    )


class _People:
    """Who each line's customer is."""

    def __init__(self, known: pa.Table, customers: Texts) -> None:
        ids = known["customer_id"].to_numpy(zero_copy_only=False).astype(str)
        places = np.searchsorted(ids, customers)
        places[places == len(ids)] = 0
        is_known = ids[places] == customers if len(ids) else np.zeros(len(customers), dtype=bool)

        def column(name: str, otherwise: str = "") -> Texts:
            values = known[name].fill_null("").to_numpy(zero_copy_only=False).astype(str)
            taken: Texts = np.where(is_known, values[places], otherwise)
            return taken

        household = column("household_id")
        self.household: Texts = np.where(household == "", customers, household)
        self.household_of = dict(
            zip(
                ids.tolist(),
                known["household_id"].to_pylist(),
                strict=True,
            )
        )
        self.language = column("language")
        band = column("age_band")
        self.is_minor: Codes = np.where(
            band == "", UNKNOWN, np.where(band == _MINOR, YES, NO)
        ).astype(np.int8)
        self.time_zone = column("time_zone")
        zones, self.zone = np.unique(self.time_zone, return_inverse=True)
        self.zones = tuple(zones.tolist())
        if self.zones and self.zones[0] == "":
            # Sorted first; a zone that is not known has no name.
            self.zones = self.zones[1:]
            self.zone = np.where(self.zone == 0, UNKNOWN_ZONE, self.zone - 1)


class _Contacts:
    """Earlier contacts by household: ours from the ledger, and those of other systems."""

    def __init__(
        self,
        home: Home,
        earlier: Sequence[EarlierDecision],
        people: _People,
        limits: ContactLimits,
        reading: FactReading,
        now: datetime,
        campaign: Campaign | None,
    ) -> None:
        since = reading.at - timedelta(days=365)
        table = household_contacts(home.raw, since, reading)
        ours = {entry.decision.decision_id for entry in earlier} | _given_back(home)
        others = [row for row in table.to_pylist() if row["contact_id"] not in ours]
        first = now - timedelta(days=limits.within_days)
        self._offers: Counter[str] = Counter()
        self._contacts: Counter[str] = Counter()
        self._last: dict[tuple[str, str], datetime] = {}
        self._taken: set[str] = set()
        for row in others:
            household = people.household_of.get(row["customer_id"], row["customer_id"])
            at = row["happened_at"].replace(tzinfo=now.tzinfo)
            if row["arm"] == "treatment" and at > first:
                # Other systems do not say whether a contact was an offer: it may have been.
                self._offers[household] += 1
                self._contacts[household] += 1
            self._note(household, row["action"], at)
        for entry in earlier:
            decision = entry.decision
            # Who was withheld counts and waits as who was sent something. Else later campaigns would
            # reach the control alone, and arms would no longer be alike.
            if entry.decided_at > first:
                self._contacts[decision.household_id] += 1
                self._offers[decision.household_id] += decision.action_class == "offer"
            self._note(decision.household_id, decision.action, entry.decided_at)
            if (
                campaign is not None
                and entry.campaign_id != campaign.campaign_id
                and entry.priority < campaign.priority
                and entry.decided_at > first
            ):
                self._taken.add(decision.household_id)
        self._now = now

    def _note(self, household: str, action: str, at: datetime) -> None:
        key = (household, action)
        self._last[key] = max(at, self._last.get(key, at))

    def offers(self, households: Texts) -> NDArray[np.int64]:
        return _looked_up(households, self._offers)

    def contacts(self, households: Texts) -> NDArray[np.int64]:
        return _looked_up(households, self._contacts)

    def days_since(self, households: Texts, action: str) -> Floats:
        last = {
            household: (self._now - at) / timedelta(days=1)
            for (household, other), at in self._last.items()
            if other == action
        }
        return np.array([last.get(household, np.nan) for household in households.tolist()])

    def taken(self, households: Texts) -> NDArray[np.bool_]:
        return np.array([household in self._taken for household in households.tolist()], dtype=bool)


def _given_back(home: Home) -> set[str]:
    """Our own contacts among those of the raw tables: the ledger says more of them."""
    path = home.exported_care / "care_contacts" / OWN_CARE_PART
    if not path.exists():
        return set()
    return set(pq.read_table(path, columns=["contact_id"])["contact_id"].to_pylist())


class _Policy:
    """Facts for policy, by channel and action."""

    def __init__(
        self,
        home: Home,
        values: pa.Table,
        lines: Texts,
        people: _People,
        contacts: _Contacts,
        consents: ConsentsInForce,
        reading: FactReading,
        now: datetime,
    ) -> None:
        self._values, self._people, self._contacts = values, people, contacts
        self._consents = consents
        self._customers = values["customer_id"].to_numpy(zero_copy_only=False).astype(str)
        # The same for every channel.
        self._taken = contacts.taken(people.household)
        self._offers = contacts.offers(people.household)
        self._contacts_so_far = contacts.contacts(people.household)
        self._days_since: dict[str, Floats] = {}
        self._send_at = np.full(len(lines), microseconds(now), dtype=np.int64)
        self._porting: Codes = np.full(len(lines), UNKNOWN, dtype=np.int8)
        history = RawHistory(home.raw, reading.at)
        # Without the table nobody can know. What it says suppresses, and never triggers.
        if history.has("port_requests"):
            porting = lines_porting(history, reading.at).collect()
            is_open = np.isin(lines, porting["subscription_id"].to_numpy().astype(str))
            self._porting = np.where(is_open, YES, NO).astype(np.int8)
        self._non_payer = likely_non_payers(home, reading.at, lines)
        self._registers = Screenings(*screenings_known(home.raw, now)).of(self._customers)

    def of(self, channel: str, action: Action) -> PolicyFacts:
        """Facts of all lines."""
        if action.code not in self._days_since:
            days = self._contacts.days_since(self._people.household, action.code)
            self._days_since[action.code] = days
        incident = self._feature("days_since_incident")
        return PolicyFacts(
            **consent_facts(self._consents, channel, self._customers),
            is_minor=self._people.is_minor,
            **self._registers,
            port_is_pending=self._porting,
            is_likely_non_payer=self._non_payer,
            has_open_complaint=_above_zero(self._feature("open_tickets")),
            is_in_incident=np.where(
                incident <= 1, YES, np.where(np.isnan(self._feature("incidents_28d")), UNKNOWN, NO)
            ).astype(np.int8),
            other_campaign=self._taken,
            household_offers=self._offers,
            household_contacts=self._contacts_so_far,
            days_since_same_action=self._days_since[action.code],
            send_at=self._send_at,
            zone=self._people.zone,
            zones=self._people.zones,
        )

    def _feature(self, name: str) -> Floats:
        values: Floats = self._values[name].to_numpy().astype(np.float64)
        return values


def require_control(campaign: Campaign, scores: ScoreFacts, least: float) -> None:
    """Refuse to let a model in shadow rank a campaign with little control.

    Raises
    ------
    InputError
        Its control is too small.
    """
    if scores.alias == SHADOW and campaign.control_share < least:
        raise InputError(
            f"campaign {campaign.campaign_id}: control_share",
            f"must be at least {least:g}: {scores.model} version {scores.version} is a shadow, which"
            " has not been shown to be good",
            campaign.control_share,
        )


def _above_zero(values: Floats) -> Codes:
    return np.where(np.isnan(values), UNKNOWN, np.where(values > 0, YES, NO)).astype(np.int8)


def _looked_up(keys: Texts, counts: Mapping[str, int]) -> NDArray[np.int64]:
    return np.array([counts.get(key, 0) for key in keys.tolist()], dtype=np.int64)


def rows_of(
    values: pa.Table, places: Iterable[int], names: Sequence[str]
) -> list[dict[str, float]]:
    """Facts of some lines by name; what is not known is left out."""
    rows = list(places)
    if not names:
        return [{} for _ in rows]
    taken = values.select(list(names)).take(pa.array(rows, pa.int64()))
    return [
        {name: value for name, value in row.items() if value is not None}
        for row in taken.to_pylist()
    ]
