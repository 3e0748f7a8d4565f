"""The SQL of every view, asked for the tables that `features.compute.population` makes."""

from collections.abc import Collection, Mapping

from features.fields import VIEWS
from features.views import (
    billing_live,
    cell_live,
    consent_live,
    contact,
    contract,
    experience,
    network,
    relationship,
    service_live,
    subscription_live,
    survey_live,
    usage,
    value,
)


def asked_for(entity: str) -> str:
    """Name of the relation of an entity's ids and cut-offs."""
    return f"asked_{entity}s"


SUMMARIES = {"usage_summaries": usage.summary, "network_summaries": network.summary}
"""Relations that several views read, and what gives their SQL at a cut-off."""


def view_queries(margin_shares: Mapping[str, float]) -> dict[str, str]:
    """SQL of every view: join key, `cutoff` and features, not rounded.

    Parameters
    ----------
    margin_shares : mapping of str to float
        Share of revenue that is assumed to be margin, for each billing type.
    """
    of_entities = (
        *(contract, usage, network, subscription_live, cell_live, billing_live),
        *(service_live, survey_live, consent_live, relationship, experience, contact),
    )
    queries = {}
    for module in of_entities:
        view = VIEWS[module.__name__.rpartition(".")[2]]
        queries[view.name] = module.query(asked_for(view.entity))
    queries["value"] = value.query(asked_for("subscription"), margin_shares)
    return {name: queries[name] for name in VIEWS}


def disabled_features(present: Collection[str]) -> dict[str, dict[str, tuple[str, ...]]]:
    """Features that cannot be computed, by view, each with the tables that it lacks.

    Parameters
    ----------
    present : collection of str
        Raw tables that are there.
    """
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for view in VIEWS.values():
        for feature in view.features:
            if absent := tuple(table for table in feature.tables if table not in present):
                found.setdefault(view.name, {})[feature.name] = absent
    return found
