"""SQL of the view `experience`: the worst of what a customer's lines experience, from the features
stored of them.
"""

from features.fields import VIEWS
from features.sql.weeks import selection

SOURCES = ("contract", "usage", "network")
"""Views of subscriptions that it reads, as `stored_<view>`."""

_AGGREGATES = {
    "worst": "max",
    "greatest": "max",
    "most": "max",
    "longest": "max",
    "least": "min",
    "total": "sum",
}
_WORST_WHEN_LEAST = {
    "worst_voice_quality_28d",
    "worst_voice_quality_28d_vs_own",
    "worst_throughput_28d_vs_own",
    "worst_throughput_28d_vs_region",
}


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
    features = {name: _aggregate(name) for name in VIEWS["experience"].columns}
    return f"""
    SELECT asked.customer_id, asked.cutoff, {selection(features)}
    FROM {asked} AS asked
    LEFT JOIN population AS line ON line.customer_id = asked.customer_id AND line.cutoff = asked.cutoff
    {joins}
    GROUP BY asked.customer_id, asked.cutoff
    """


def _aggregate(name: str) -> str:
    how, _, feature = name.partition("_")
    return f"{'min' if name in _WORST_WHEN_LEAST else _AGGREGATES[how]}({feature})"
