"""The view `experience`: the worst of what a customer's lines experience.

Its features are aggregates of the features stored of the lines, and have their unit, reason and
driver.
"""

from dataclasses import replace
from typing import Literal, TypedDict

from features.sql.weeks import selection
from features.views import contract, network, subscription_live, usage
from features.views.declaration import Direction, Feature, View


class _Facts(TypedDict, total=False):
    about: str
    dissatisfaction: Direction
    tables: tuple[str, ...]


_VIEWS = (contract.VIEW, usage.VIEW, network.VIEW, subscription_live.VIEW)
SOURCES = tuple(view.name for view in _VIEWS)
"""Views of subscriptions that it reads, as `stored_<view>`."""

_OF_A_LINE = {feature.name: feature for view in _VIEWS for feature in view.features}
_MEANINGS = {
    "max": "Greatest `{}` among the lines",
    "min": "Least `{}` among the lines",
    "sum": "Sum of `{}` over the lines",
}
# The order is that in which features are stored.
_AGGREGATES: tuple[tuple[str, Literal["max", "min", "sum"], str], ...] = (
    ("worst", "max", "drop_days_28d"),
    ("worst", "max", "drop_days_28d_vs_own"),
    ("worst", "max", "failed_setups_28d"),
    ("worst", "min", "voice_quality_28d"),
    ("worst", "min", "voice_quality_28d_vs_own"),
    ("worst", "min", "throughput_28d_vs_own"),
    ("worst", "min", "throughput_28d_vs_region"),
    ("worst", "max", "latency_28d_vs_own"),
    ("worst", "max", "outage_minutes_28d"),
    ("worst", "max", "outage_minutes_91d"),
    ("worst", "max", "congestion_28d"),
    ("total", "sum", "overage_28d"),
    ("total", "sum", "monthly_fee"),
    ("greatest", "max", "saving_on_best_plan"),
    ("total", "sum", "price_changes_182d"),
    ("greatest", "max", "price_change_share"),
    ("least", "min", "data_gb_28d_vs_own"),
    ("most", "max", "zero_use_days_28d"),
    ("longest", "max", "tenure_days"),
)
"""The first word of a feature's name, how lines are aggregated, and the feature of a line."""

_OTHERWISE: dict[str, _Facts] = {
    "worst_drop_days_28d": {"about": "Greatest `drop_days_28d` among the customer's lines"},
    # For a line a price change has no direction; whoever pays is less content with a higher price.
    "greatest_price_change_share": {"dissatisfaction": "increasing"},
    "longest_tenure_days": {"tables": ("subscriptions",)},
}
"""What a feature does not take from the feature of a line."""


def _of_customer(word: str, aggregate: str, name: str) -> Feature:
    line = _OF_A_LINE[name]
    derived = replace(
        line,
        name=f"{word}_{name}",
        about=_MEANINGS[aggregate].format(name),
        churn="none",
        # A build alone sees all lines of a customer.
        live=False,
        # `subscriptions` holds which lines are the customer's.
        tables=tuple(dict.fromkeys((*line.tables, "subscriptions"))),
    )
    return replace(derived, **_OTHERWISE.get(derived.name, {}))


VIEW = View("experience", "customer", tuple(_of_customer(*row) for row in _AGGREGATES))


def query(asked: str) -> str:
    """SQL of the view's features.

    It reads `population` and, of each view of `SOURCES`, the relation ``stored_<view>``
    (subscription_id, cutoff and the view's stored features) at the same cut-offs.

    Parameters
    ----------
    asked : str
        A relation with the columns customer_id and cutoff.

    Returns
    -------
    str
        One row for each row of `asked`: its customer_id and cutoff, then the view's features, not
        rounded.
    """
    joins = " ".join(
        f"LEFT JOIN stored_{view} ON stored_{view}.subscription_id = line.subscription_id AND stored_{view}.cutoff = line.cutoff"
        for view in SOURCES
    )
    features = {f"{word}_{name}": f"{aggregate}({name})" for word, aggregate, name in _AGGREGATES}
    return f"""
    SELECT asked.customer_id, asked.cutoff, {selection(features)}
    FROM {asked} AS asked
    LEFT JOIN population AS line ON line.customer_id = asked.customer_id AND line.cutoff = asked.cutoff
    {joins}
    GROUP BY asked.customer_id, asked.cutoff
    """
