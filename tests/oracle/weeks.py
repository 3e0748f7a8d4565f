"""Features of subscriptions from weekly rows: use, and what the network was like."""

import pandas as pd

from tests.oracle.known import DAY, Columns, Moment, days, ratio, within

_MIN_WEEKS = 4


def usage(moment: Moment) -> Columns:
    """Features of the view `usage`."""
    weeks = moment.everyone("subscription").known("usage_weeks", "subscription_id", 182)
    means = {window: _means(within(weeks, window)) for window in (7, 28, 91, 182)}
    recent, past = means[28], _means(_past(weeks))
    region = _of_region(moment, "usage_weeks", ["minutes", "data_gb"])
    columns: Columns = {}
    for name in ("minutes", "data_gb"):
        columns |= {f"{name}_{window}d": means[window][name] for window in means}
        columns[f"{name}_28d_vs_own"] = ratio(recent[name], past[name])
        columns[f"{name}_28d_vs_region"] = ratio(recent[name], region[name])
        columns[f"{name}_trend_91d"] = ratio(_trend(within(weeks, 91), name), means[91][name])
        columns[f"{name}_volatility_91d"] = _volatility(within(weeks, 91), name)
    return columns | {
        "zero_use_days_7d": _sum(within(weeks, 7), "zero_use_days"),
        "zero_use_days_28d": _sum(within(weeks, 28), "zero_use_days"),
        "zero_use_days_91d": _sum(within(weeks, 91), "zero_use_days"),
        "zero_use_days_28d_vs_own": recent["zero_use_days"] - past["zero_use_days"],
        "days_since_use": days(moment.cutoff - weeks.groupby("asked")["last_used_at"].max()),
        "unused_allowance_28d": recent["unused_allowance"],
        "overage_28d": _sum(within(weeks, 28), "overage"),
        "overage_91d": _sum(within(weeks, 91), "overage"),
        "roaming_days_91d": _sum(within(weeks, 91), "roaming_days"),
    }


def network(moment: Moment) -> Columns:
    """Features of the view `network`."""
    weeks = moment.everyone("subscription").known("network_weeks", "subscription_id", 182)
    recent, past = _means(within(weeks, 28)), _means(_past(weeks))
    region = _of_region(moment, "network_weeks", ["drops", "throughput_peak_mbps", "latency_ms"])
    return {
        "drop_days_7d": _sum(within(weeks, 7), "drop_days"),
        "drop_days_28d": _sum(within(weeks, 28), "drop_days"),
        "drop_days_28d_vs_own": recent["drop_days"] - past["drop_days"],
        "drops_28d": _sum(within(weeks, 28), "drops"),
        "drops_28d_vs_region": recent["drops"] - region["drops"],
        "drops_trend_91d": _trend(within(weeks, 91), "drops"),
        "failed_setups_28d": _sum(within(weeks, 28), "failed_setups"),
        "failed_setups_28d_vs_own": recent["failed_setups"] - past["failed_setups"],
        "voice_quality_28d": recent["voice_quality_mos"],
        "voice_quality_28d_vs_own": recent["voice_quality_mos"] - past["voice_quality_mos"],
        "throughput_28d": recent["throughput_peak_mbps"],
        "throughput_28d_vs_own": ratio(
            recent["throughput_peak_mbps"], past["throughput_peak_mbps"]
        ),
        "throughput_28d_vs_region": ratio(
            recent["throughput_peak_mbps"], region["throughput_peak_mbps"]
        ),
        "throughput_volatility_91d": _volatility(within(weeks, 91), "throughput_peak_mbps"),
        "latency_28d": recent["latency_ms"],
        "latency_28d_vs_own": ratio(recent["latency_ms"], past["latency_ms"]),
        "latency_28d_vs_region": ratio(recent["latency_ms"], region["latency_ms"]),
        "outage_minutes_7d": _sum(within(weeks, 7), "outage_minutes"),
        "outage_minutes_28d": _sum(within(weeks, 28), "outage_minutes"),
        "outage_minutes_91d": _sum(within(weeks, 91), "outage_minutes"),
        "congestion_28d": recent["home_congestion"],
        "congestion_28d_vs_own": recent["home_congestion"] - past["home_congestion"],
    }


def _past(weeks: pd.DataFrame) -> pd.DataFrame:
    """A subscription's own past: what is older than 28 days."""
    return weeks[weeks["age"] >= 28 * DAY]


def _means(weeks: pd.DataFrame) -> pd.DataFrame:
    return weeks.groupby("asked").mean(numeric_only=True)


def _sum(weeks: pd.DataFrame, column: str) -> pd.Series:
    return weeks.groupby("asked")[column].sum(min_count=1)


def _of_region(moment: Moment, table: str, columns: list[str]) -> pd.DataFrame:
    """Medians over each subscription's region and product line, as known on Monday."""
    monday = moment.monday
    place = ["region", "product_line"]
    means = _means(monday.everyone("subscription").known(table, "subscription_id", 28))[columns]
    medians = monday.lines[place].join(means).groupby(place).median()
    return moment.lines[place].join(medians, on=place)


def _trend(weeks: pd.DataFrame, column: str) -> pd.Series:
    """Least-squares slope per week."""
    points = pd.DataFrame(
        {"asked": weeks["asked"], "x": -days(weeks["age"]) / 7, "y": weeks[column]}
    ).dropna()
    groups = points.groupby("asked")
    x, y = (points[axis] - groups[axis].transform("mean") for axis in ("x", "y"))
    slope = (x * y).groupby(points["asked"]).sum() / (x * x).groupby(points["asked"]).sum()
    return slope.where((groups.size() >= _MIN_WEEKS) & (groups["x"].max() > groups["x"].min()))


def _volatility(weeks: pd.DataFrame, column: str) -> pd.Series:
    """Standard deviation as a share of the mean."""
    values = weeks.groupby("asked")[column]
    return ratio(values.std(ddof=0), values.mean()).where(values.count() >= _MIN_WEEKS)
