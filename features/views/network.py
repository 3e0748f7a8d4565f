"""The view `network`: what a subscription experienced of the network, from weekly rows."""

from features.sql.weeks import (
    against_region,
    change,
    growth,
    known_weeks,
    mean,
    region_join,
    selection,
    slope,
    summary_of,
    total,
    volatility,
)
from features.views.declaration import MORE_IS_WORSE, NOT_KNOWN, Shared, View

_WEEK = Shared(
    driver="network",
    tables=("network_weeks",),
    null=NOT_KNOWN,
    actionable=True,
    data_class="traffic",
)
_WORSE = _WEEK.but(**MORE_IS_WORSE)
_REGION = _WEEK.but(tables=("network_weeks", "customers", "subscriptions"))

# fmt: off
VIEW = View("network", "subscription", (
    *_WORSE.family("drop_days_{days}d", (7, 28), "days", "drops",
                   "Days with a dropped call or connection in {days} days"),
    _WORSE.field("drop_days_28d_vs_own", "days per week", "drops",
                 "Such days per week in 28 days minus in the 22 weeks before"),
    _WEEK.field("drops_28d", "drops", "drops", "Dropped calls or connections in 28 days"),
    _REGION.field("drops_28d_vs_region", "drops per week", "drops",
                  "Drops per week in 28 days minus the region's median"),
    _WEEK.field("drops_trend_91d", "drops per week", "drops",
                "Least-squares slope per week over 91 days"),
    _WEEK.field("failed_setups_28d", "attempts", "failed_setups",
                "Calls or connections that could not be set up in 28 days"),
    _WEEK.field("failed_setups_28d_vs_own", "attempts per week", "failed_setups",
                "Such attempts per week in 28 days minus in the 22 weeks before"),
    _WEEK.field("voice_quality_28d", "MOS", "voice_quality",
                "Mean opinion score of calls over 28 days", dissatisfaction="decreasing"),
    _WEEK.field("voice_quality_28d_vs_own", "MOS", "voice_quality",
                "That score minus the 22 weeks before", dissatisfaction="decreasing"),
    _WEEK.field("throughput_28d", "Mbit/s", "speed",
                "Busy-hour download speed, mean over 28 days"),
    _WEEK.field("throughput_28d_vs_own", "ratio", "speed", "Ratio to the 22 weeks before",
                dissatisfaction="decreasing"),
    _REGION.field("throughput_28d_vs_region", "ratio", "speed", "Ratio to the region's median"),
    _WEEK.field("throughput_28d_vs_sold", "ratio", "speed", "Ratio to the speed that was sold",
                dissatisfaction="decreasing", tables=("network_weeks", "subscriptions")),
    _WEEK.field("throughput_volatility_91d", "share", "speed",
                "Standard deviation over weeks of 91 days, as a share of the mean"),
    _WEEK.field("latency_28d", "ms", "latency", "Round trip, mean over 28 days"),
    _WEEK.field("latency_28d_vs_own", "ratio", "latency", "Ratio to the 22 weeks before",
                dissatisfaction="increasing"),
    _REGION.field("latency_28d_vs_region", "ratio", "latency", "Ratio to the region's median"),
    *_WORSE.family("outage_minutes_{days}d", (7, 28, 91), "minutes", "outage",
                   "Minutes without service in {days} days"),
    _WEEK.field("congestion_28d", "share", "congestion",
                "Share of busy hours with congestion at home, mean over 28 days",
                data_class="location"),
    _WEEK.field("congestion_28d_vs_own", "share", "congestion",
                "That share minus the 22 weeks before", data_class="location"),
))
# fmt: on

_COLUMNS = {
    "drop_days": "drop_days",
    "drops": "drops",
    "failed_setups": "failed_setups",
    "voice_quality": "voice_quality_mos",
    "throughput": "throughput_peak_mbps",
    "latency": "latency_ms",
    "outage_minutes": "outage_minutes",
    "congestion": "home_congestion",
}
"""What features are called, and the raw columns they are made of."""


def summary(cutoff: str) -> str:
    """SQL of the relation ``network_summaries``: `network_weeks` at a cut-off, in one pass.

    Parameters
    ----------
    cutoff : str
        SQL of the cut-off, the same for all rows.

    Returns
    -------
    str
        subscription_id and cutoff, one row for each subscription with a week in 182 days; features
        that need nothing else, by name; and ``drops_per_week``, the mean of 28 days.
    """
    column = _COLUMNS
    return summary_of(
        known_weeks("network_weeks", cutoff, tuple(column.values())),
        cutoff,
        {
            **{f"drop_days_{days}d": total(column["drop_days"], days) for days in (7, 28)},
            "drops_28d": total(column["drops"], 28),
            "drops_per_week": mean(column["drops"], 28),
            "drops_trend_91d": slope(column["drops"]),
            "failed_setups_28d": total(column["failed_setups"], 28),
            **{
                f"{name}_28d": mean(column[name], 28)
                for name in ("voice_quality", "throughput", "latency", "congestion")
            },
            **{f"{name}_28d_vs_own": growth(column[name]) for name in ("throughput", "latency")},
            **{
                f"{name}_28d_vs_own": change(column[name])
                for name in ("drop_days", "failed_setups", "voice_quality", "congestion")
            },
            "throughput_volatility_91d": volatility(column["throughput"]),
            **{
                f"outage_minutes_{days}d": total(column["outage_minutes"], days)
                for days in (7, 28, 91)
            },
        },
    )


def query(asked: str) -> str:
    """SQL of the view's features.

    It reads the relations ``network_summaries`` and ``subscription_states`` of the same cut-offs, and
    ``region_baselines`` (see `features.sql.region`).

    Parameters
    ----------
    asked : str
        A relation with the columns subscription_id, cutoff, region and product_line.

    Returns
    -------
    str
        One row for each row of `asked`: its subscription_id and cutoff, then the view's features,
        not rounded.
    """
    features = {name: f"own.{name}" for name in VIEW.columns} | {
        **{
            f"{measure}_28d_vs_region": against_region(measure)
            for measure in ("throughput", "latency")
        },
        "drops_28d_vs_region": "own.drops_per_week - region.drops",
        "throughput_28d_vs_sold": "own.throughput_28d / nullif(line.sold_download_mbps, 0)",
    }
    return f"""
    SELECT asked.subscription_id, asked.cutoff, {selection(features)}
    FROM {asked} AS asked
    LEFT JOIN network_summaries AS own ON own.subscription_id = asked.subscription_id AND own.cutoff = asked.cutoff
    LEFT JOIN subscription_states AS line ON line.subscription_id = asked.subscription_id AND line.cutoff = asked.cutoff
    {region_join("asked")}
    """
