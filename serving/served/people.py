"""Who is who behind the ids that are asked for: customers, their subscriptions, and who objects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from features.fields import BUILT_IN, FeatureCatalogue
from features.live.event import microseconds, time_of
from features.live.exclusions import LiveExclusions
from features.online.owned import OwnedSubscriptions
from features.online.service import (
    OPERATOR_DIRECTORY,
    OnlineService,
    find_service,
    online_directory,
)
from features.online.settings import OnlineSettings
from features.own.reading import read_catalogue
from features.packed.record import Text
from features.packed.store import PackedStore
from holdfast.errors import InputError
from holdfast.home import Home
from models.words.own import OwnWords, words_of
from serving.served.night import NightRecords

_LINES, _CUSTOMERS, _CONSENTS = "churn_v1", "dissatisfaction_v1", "consent_v1"
_OBJECTS = "profiling_objection"
_EVER = -(2**63)


@dataclass(frozen=True)
class People:
    """What is known of the operator's customers beside the features of models.

    Parameters
    ----------
    owned : OwnedSubscriptions or None
        Which subscriptions customers have; None where the online store does not say.
    lines : OnlineService or None
        Features of subscriptions, and whose they are; None where features were never materialized.
    customers : OnlineService or None
        Features of customers; None where features were never materialized.
    consents : OnlineService or None
        Newest consents; None where features were never materialized.
    night : NightRecords or None
        What the last night recorded; None where the online store does not keep it.
    catalogue : FeatureCatalogue
        What the home's features are.
    own_words : mapping of str to OwnWords
        Words about those of its own, by feature.
    own_problem : str
        Why the home's own features are left out; empty where they are not.
    exclusions : LiveExclusions or None
        Lines that events exclude; None where the online store takes no events.
    """

    owned: OwnedSubscriptions | None = None
    lines: OnlineService | None = None
    customers: OnlineService | None = None
    consents: OnlineService | None = None
    night: NightRecords | None = None
    catalogue: FeatureCatalogue = BUILT_IN
    own_words: Mapping[str, OwnWords] = field(default_factory=dict)
    own_problem: str = ""
    exclusions: LiveExclusions | None = None

    @classmethod
    def open(cls, home: Home, settings: OnlineSettings) -> Self:
        """Open what a home has of it.

        Raises
        ------
        ModelError
            The online store does not answer.
        """
        repository = home.features / OPERATOR_DIRECTORY
        if not (repository / "feature_store.yaml").exists():
            return cls()
        is_packed = settings.online_store == "packed"
        if is_packed and not (online_directory(repository) / "data.mdb").exists():
            return cls()
        store = PackedStore(online_directory(repository)) if is_packed else None
        catalogue, own_words, own_problem = _own_features(home)
        lines, customers = (
            None if service is None else service.narrowed(catalogue.by_name)
            for service in (
                find_service(repository, _LINES, settings),
                find_service(repository, _CUSTOMERS, settings),
            )
        )
        return cls(
            owned=None if store is None else OwnedSubscriptions(store),
            lines=lines,
            customers=customers,
            consents=find_service(repository, _CONSENTS, settings),
            night=None if store is None else NightRecords(store),
            catalogue=catalogue,
            own_words=own_words,
            own_problem=own_problem,
            exclusions=None if store is None else LiveExclusions(store),
        )

    def customers_of(self, subscription_ids: Sequence[str]) -> list[Text]:
        """The customer of each of n subscriptions; None where nothing tells."""
        if self.lines is None or not subscription_ids:
            return [None] * len(subscription_ids)
        return self.lines.reader.owners("customer_id", subscription_ids)

    def objecting(self, customer_ids: Sequence[str]) -> set[str]:
        """Which of some customers object to profiling, as known now."""
        if self.consents is None or not customer_ids:
            return set()
        matrix, _ = self.consents.reader.read(customer_ids)
        objects = matrix[:, self.consents.features.index(_OBJECTS)] == 1
        return {customer for customer, is_one in zip(customer_ids, objects, strict=True) if is_one}

    def excluded(self, subscription_ids: Sequence[str], night: str | None) -> dict[str, datetime]:
        """Which of some subscriptions events have excluded since a night (ISO 8601), and when; since
        ever without one.
        """
        if self.exclusions is None or not subscription_ids:
            return {}
        at = _EVER if night is None else microseconds(datetime.fromisoformat(night))
        since = self.exclusions.since(subscription_ids, at)
        return {line: time_of(arrived) for line, arrived in since.items()}


def _own_features(home: Home) -> tuple[FeatureCatalogue, dict[str, OwnWords], str]:
    """What the home's features are, the words about its own, and why those are left out, if so.

    A file of them that is wrong must not end a service of models that may not even need it.
    """
    try:
        catalogue = read_catalogue(home)
        return catalogue, words_of(catalogue.own), ""
    except InputError as error:
        return BUILT_IN, {}, str(error)
