"""The feature catalogue: all views and services, as the modules of `features.views` declare them,
and those that a home adds (`features.own`).

Windows reach back from the cut-off: ``_28d`` is the 28 days before and up to it. ``_vs_own``
compares the last 28 days with the same subscription's 22 weeks before them, ``_vs_region`` with the
median of its region and product line. A count is 0 where its tables are there and nothing happened;
a mean, a ratio or a last value is null where there is nothing to take it from. Where a week has no
row, nothing is known of it. A week's row arrives after its end: windows over weekly tables end a
day before the cut-off, so that every night sees as many weeks as any other.

Feast's objects are made from this catalogue in `features.operator.definitions`; it needs no Feast
and no DuckDB itself, so that it is imported in no time.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

from features.contracts.vocabulary import (
    BILLING_TYPES,
    INTERACTION_CHANNELS,
    ISSUES,
    PRODUCT_LINES,
    SEGMENTS,
    TIERS,
)
from features.views import (
    app_live,
    billing_live,
    cell_live,
    consent_live,
    contact,
    contract,
    experience,
    network,
    order_live,
    relationship,
    service_live,
    subscription_live,
    survey_live,
    usage,
    value,
)
from features.views.declaration import Feature, OwnView, View

VIEW_MODULES = (
    contract,
    usage,
    network,
    value,
    subscription_live,
    cell_live,
    billing_live,
    service_live,
    survey_live,
    order_live,
    app_live,
    consent_live,
    relationship,
    experience,
    contact,
)
"""The modules of views, in the order that features are stored in; each has its `VIEW` and, in
`query`, the SQL.
"""

VIEWS: dict[str, View] = {module.VIEW.name: module.VIEW for module in VIEW_MODULES}
"""Every view of ours, in the order in which they are built; its features in the order in which they are
stored.
"""

LINKS: dict[str, tuple[str, ...]] = {
    "subscription": ("customer", "account", "cell"),
    "customer": ("account",),
}
"""Entities and the other entities they belong to: the views ``subscription_links`` and
``customer_links`` hold the ids.
"""

SERVICES: dict[str, tuple[str, ...]] = {
    "churn_v1": (
        *("contract", "usage", "network", "value", "subscription_live", "cell_live"),
        *("billing_live", "service_live", "survey_live", "order_live", "app_live", "relationship"),
    ),
    "dissatisfaction_v1": (
        "experience",
        "relationship",
        "billing_live",
        "service_live",
        "survey_live",
        "order_live",
        "app_live",
    ),
    "contact_v1": ("contact",),
    "consent_v1": ("consent_live",),
}
"""Feature services and their views; the first view names the service's entity. Contact policy reads
`consent_v1`, no model.
"""


YES_OR_NO = ("no", "yes")

_CODED: dict[str, tuple[str, ...]] = {
    "billing_type_code": BILLING_TYPES,
    "product_line_code": PRODUCT_LINES,
    "segment_code": SEGMENTS,
    "loyalty_tier_code": TIERS,
    "contact_channel_code": INTERACTION_CHANNELS,
    "contact_issue_code": ISSUES,
}


@dataclass(frozen=True)
class FeatureCatalogue:
    """All views and services: ours, and those that a home declares for itself.

    It is a value that is passed down like settings, so that homes with different features of their
    own do not know of each other.

    Parameters
    ----------
    own : tuple of OwnView
        The home's own views, in the order in which they are stored: after ours.
    """

    own: tuple[OwnView, ...] = ()

    @cached_property
    def views(self) -> dict[str, View]:
        """Every view, in the order in which they are built; its features in the order in which they
        are stored.
        """
        return VIEWS | {view.name: view for view in self.own}

    @cached_property
    def services(self) -> dict[str, tuple[str, ...]]:
        """Feature services and their views; the first view names the service's entity."""
        return {
            name: (*views, *(view.name for view in self.own if name in view.services))
            for name, views in SERVICES.items()
        }

    @cached_property
    def by_name(self) -> dict[str, Feature]:
        """Every feature by its name; of those that several views have, the last one."""
        return {feature.name: feature for view in self.views.values() for feature in view.features}

    @cached_property
    def coded(self) -> dict[str, tuple[str, ...]]:
        """Features that hold codes, with the name behind each code, from 0."""
        return _CODED | {
            feature.name: YES_OR_NO
            for feature in self.by_name.values()
            if feature.unit == "yes or no"
        }

    def features(self, service: str) -> tuple[Feature, ...]:
        """Features of a service, in the order in which it gives them; KeyError: there is none."""
        return tuple(
            feature for view in self.services[service] for feature in self.views[view].features
        )

    def columns(self, service: str) -> tuple[str, ...]:
        """Names of a service's features, in order; KeyError: there is no such service."""
        return tuple(feature.name for feature in self.features(service))

    def join_key(self, service: str) -> str:
        """Id column of a service's entity; KeyError: there is no such service."""
        return self.views[self.services[service][0]].join_key

    def features_without(self, table: str, present: Collection[str] = ()) -> tuple[str, ...]:
        """Names of the features that cannot be computed without a raw table, each once.

        Parameters
        ----------
        table : str
            The table.
        present : collection of str
            Raw tables that are there: none is missing where another one is enough.
        """
        return tuple(
            dict.fromkeys(
                feature.name
                for view in self.views.values()
                for feature in view.features
                if table in feature.absent({*present} - {table})
            )
        )

    def disabled_features(self, present: Collection[str]) -> dict[str, dict[str, tuple[str, ...]]]:
        """Features that cannot be computed, by view, each with the tables that it lacks.

        Parameters
        ----------
        present : collection of str
            Raw tables that are there.
        """
        disabled: dict[str, dict[str, tuple[str, ...]]] = {}
        for view in self.views.values():
            for feature in view.features:
                if absent := feature.absent(present):
                    disabled.setdefault(view.name, {})[feature.name] = absent
        return disabled


BUILT_IN = FeatureCatalogue()
"""What this package declares, without a home's own."""

CODED = BUILT_IN.coded
"""Our features that hold codes, with the name behind each code, from 0."""
