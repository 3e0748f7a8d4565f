"""SQL of the view `network`: what a subscription experienced of the network, from weekly rows."""

from features.fields import VIEWS
from features.sql.weeks import (
    against_region,
    change,
    growth,
    mean,
    region_join,
    selection,
    slope,
    summary_of,
    total,
    volatility,
)

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
    """SQL of the relation ``network_summaries``: all that is asked of `network_weeks` at a cut-off,
    in one pass.

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
        "network_weeks",
        cutoff,
        tuple(column.values()),
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

    It reads the relations ``network_summaries`` of the same cut-offs and ``region_baselines`` (see
    `features.sql.region`).

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
    features = {name: f"own.{name}" for name in VIEWS["network"].columns} | {
        **{
            f"{measure}_28d_vs_region": against_region(measure)
            for measure in ("throughput", "latency")
        },
        "drops_28d_vs_region": "own.drops_per_week - region.drops",
    }
    return f"""
    SELECT asked.subscription_id, asked.cutoff, {selection(features)}
    FROM {asked} AS asked
    LEFT JOIN network_summaries AS own ON own.subscription_id = asked.subscription_id AND own.cutoff = asked.cutoff
    {region_join("asked")}
    """
