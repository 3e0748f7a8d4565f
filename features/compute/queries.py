"""The SQL of every view, asked for the tables that `features.compute.population` makes."""

from collections.abc import Callable, Mapping
from functools import partial

from features.fields import BUILT_IN, VIEW_MODULES, FeatureCatalogue
from features.own.query import own_query
from features.views import network, usage, value


def asked_for(entity: str) -> str:
    """Name of the relation of an entity's ids and cut-offs."""
    return f"asked_{entity}s"


SUMMARIES = {"usage_summaries": usage.summary, "network_summaries": network.summary}
"""Relations that several views read, and what gives their SQL at a cut-off."""


def view_queries(
    margin_shares: Mapping[str, float], catalogue: FeatureCatalogue = BUILT_IN
) -> dict[str, str]:
    """SQL of every view: join key, `cutoff` and features, not rounded.

    Parameters
    ----------
    margin_shares : mapping of str to float
        Share of revenue that is assumed to be margin, for each billing type.
    catalogue : FeatureCatalogue
        The views.

    Raises
    ------
    InputError
        The SQL of a home's own view may do what it must not.
    """
    queries: dict[str, Callable[[str], str]] = {
        **{module.VIEW.name: module.query for module in VIEW_MODULES if module is not value},
        value.VIEW.name: partial(value.query, margin_shares=margin_shares),
    }
    ours = {name: queries[name](asked_for(view.entity)) for name, view in BUILT_IN.views.items()}
    return ours | {view.name: own_query(view, asked_for(view.entity)) for view in catalogue.own}
