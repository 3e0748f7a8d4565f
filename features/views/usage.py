"""SQL of the view `usage`: minutes, data and days without use, from weekly rows."""

from features.fields import VIEWS
from features.sql.raw import days_between
from features.sql.weeks import (
    LEAST_WEEKS,
    QUARTER_DAYS,
    against_region,
    change,
    growth,
    mean,
    region_join,
    relative_slope,
    selection,
    summary_of,
    total,
    volatility,
)

_COLUMNS = (
    "minutes",
    "data_gb",
    "zero_use_days",
    "last_used_at",
    "unused_allowance",
    "overage",
    "roaming_days",
)
_MEASURES = ("minutes", "data_gb")


def summary(cutoff: str) -> str:
    """SQL of the relation ``usage_summaries``: all that is asked of `usage_weeks` at a cut-off, in
    one pass.

    Parameters
    ----------
    cutoff : str
        SQL of the cut-off, the same for all rows.

    Returns
    -------
    str
        subscription_id and cutoff, one row for each subscription with a week in 182 days; features
        that need nothing else, by name; last_used_at; and ``monthly_minutes`` and
        ``monthly_data_gb``, the use of a month at the pace of 91 days, null with too few weeks.
    """
    return summary_of(
        "usage_weeks",
        cutoff,
        _COLUMNS,
        {
            **{
                f"{measure}_{days}d": mean(measure, days)
                for measure in _MEASURES
                for days in (7, 28, 91, 182)
            },
            **{f"{measure}_28d_vs_own": growth(measure) for measure in _MEASURES},
            **{f"{measure}_trend_91d": relative_slope(measure) for measure in _MEASURES},
            **{f"{measure}_volatility_91d": volatility(measure) for measure in _MEASURES},
            **{f"zero_use_days_{days}d": total("zero_use_days", days) for days in (7, 28, 91)},
            "zero_use_days_28d_vs_own": change("zero_use_days"),
            "last_used_at": "max(last_used_at)",
            "unused_allowance_28d": mean("unused_allowance", 28),
            "overage_28d": total("overage", 28),
            "overage_91d": total("overage", 91),
            "roaming_days_91d": total("roaming_days", 91),
            **{f"monthly_{measure}": _pace(measure) for measure in _MEASURES},
        },
    )


def query(asked: str) -> str:
    """SQL of the view's features.

    It reads the relations ``usage_summaries`` of the same cut-offs and ``region_baselines`` (see
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
    features = {name: f"own.{name}" for name in VIEWS["usage"].columns} | {
        **{f"{measure}_28d_vs_region": against_region(measure) for measure in _MEASURES},
        "days_since_use": days_between("own.last_used_at", "asked.cutoff"),
    }
    return f"""
    SELECT asked.subscription_id, asked.cutoff, {selection(features)}
    FROM {asked} AS asked
    LEFT JOIN usage_summaries AS own ON own.subscription_id = asked.subscription_id AND own.cutoff = asked.cutoff
    {region_join("asked")}
    """


def _pace(measure: str) -> str:
    """SQL aggregate: use of a month of 30 days at the pace of 91 days; a week without a value
    counts as one without use.
    """
    weekly = f"CASE WHEN age_days < {QUARTER_DAYS} THEN coalesce({measure}, 0) END"
    return f"CASE WHEN count({weekly}) >= {LEAST_WEEKS} THEN avg({weekly}) / 7 * 30 END"
