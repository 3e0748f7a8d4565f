"""The view `usage`: minutes, data and days without use, from daily or weekly rows."""

from features.sql.days import known_use
from features.sql.expressions import days_between
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
from features.views.declaration import MOBILE, NOT_KNOWN, Feature, Shared, View

_USE = Shared(driver="usage", tables=("usage_weeks",), null=NOT_KNOWN, data_class="traffic")
_CHARGED = _USE.but(driver="price", actionable=True)


def _measure(name: str, what: str, unit: str, words: str) -> tuple[Feature, ...]:
    """The features of a weekly number: its level, change, comparison, trend and volatility."""
    # fmt: off
    return (
        *_USE.family(name + "_{days}d", (7, 28, 91, 182), f"{unit} per week", f"{words}_use",
                     what + " per week, mean over {days} days"),
        _USE.field(f"{name}_28d_vs_own", "ratio", f"{words}_decline",
                   "Ratio of the last 28 days' weekly mean to the 22 weeks before"),
        _USE.field(f"{name}_28d_vs_region", "ratio", f"{words}_use",
                   "Ratio of the last 28 days' weekly mean to the region's median",
                   tables=("usage_weeks", "customers", "subscriptions")),
        _USE.field(f"{name}_trend_91d", "share per week", f"{words}_decline",
                   "Least-squares slope per week over 91 days, as a share of the mean"),
        _USE.field(f"{name}_volatility_91d", "share", f"{words}_volatility",
                   "Standard deviation over weeks of 91 days, as a share of the mean"),
    )
    # fmt: on


# fmt: off
VIEW = View("usage", "subscription", (
    *_measure("minutes", "Voice minutes", "minutes", "voice"),
    *_measure("data_gb", "Data", "GB", "data"),
    *_USE.family("zero_use_days_{days}d", (7, 28, 91), "days", "inactivity",
                 "Days without any use in {days} days"),
    _USE.field("zero_use_days_28d_vs_own", "days per week", "inactivity",
               "Days without use per week in 28 days minus in the 22 weeks before"),
    _USE.field("days_since_use", "days", "inactivity", "Since the last use of any kind",
               null="no use on record in 182 days"),
    _CHARGED.field("unused_allowance_28d", "share", "plan_fit",
                   "Share of the data allowance not used, mean over 28 days",
                   null="no data allowance, or one without limit"),
    *_CHARGED.family("overage_{days}d", (28, 91), "currency", "overage",
                     "Charged beyond the allowance in {days} days", dissatisfaction="increasing"),
    _USE.field("roaming_days_91d", "days", "roaming", "Days abroad in 91 days",
               data_class="location", lines=MOBILE),
))
# fmt: on

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
    """SQL of the relation ``usage_summaries``: use at a cut-off, in one pass.

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
        known_use(cutoff, _COLUMNS),
        cutoff,
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
    features = {name: f"own.{name}" for name in VIEW.columns} | {
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
    """SQL aggregate: use of a month of 30 days at the pace of 91 days.

    A week without a value counts as one without use.
    """
    weekly = f"CASE WHEN age_days < {QUARTER_DAYS} THEN coalesce({measure}, 0) END"
    return f"CASE WHEN count({weekly}) >= {LEAST_WEEKS} THEN avg({weekly}) / 7 * 30 END"
