"""Features of subscriptions from weekly rows: use, and what the network was like."""

from collections.abc import Callable

import pandas as pd

from features.contracts.vocabulary import HAPPENED
from tests.oracle.known import DAY, Columns, Everyone, Moment, days, ratio, within

_MIN_WEEKS = 4


def usage(moment: Moment) -> Columns:
    """Features of the view `usage`."""
    weeks = use(moment.everyone("subscription"), 182)
    means = {window: _means(within(weeks, window)) for window in (7, 28, 91, 182)}
    recent, past = means[28], _means(_past(weeks))
    region = _of_region(moment, use, ["minutes", "data_gb"])
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
    weeks = _network_weeks(moment.everyone("subscription"), 182)
    recent, past = _means(within(weeks, 28)), _means(_past(weeks))
    region = _of_region(moment, _network_weeks, ["drops", "throughput_peak_mbps", "latency_ms"])
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
        "throughput_28d_vs_sold": ratio(
            recent["throughput_peak_mbps"], moment.lines["sold_download_mbps"]
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


def use(everyone: Everyone, window: int) -> pd.DataFrame:
    """Weeks of use in a window: rows of the weekly table where no day of the daily one lies, and
    the weeks that days make, counted back from the window's end.
    """
    weeks = everyone.known("usage_weeks", "subscription_id", window)
    rows = everyone.known("usage_days", "subscription_id", window)
    if rows.empty:
        return weeks
    spans = rows.groupby("asked").agg(first=("day_start_at", "min"), last=(HAPPENED, "max"))
    span = weeks[["asked"]].join(spans, on="asked")
    apart = (weeks[HAPPENED] <= span["first"]) | (weeks["week_start_at"] >= span["last"])
    return pd.concat([weeks[span["first"].isna() | apart], _weeks_of(rows)], ignore_index=True)


def _weeks_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows as of `usage_weeks`, one for each seven days."""
    something = (rows["minutes"] > 0) | (rows["data_gb"] > 0)
    something |= rows["last_used_at"] >= rows["day_start_at"]
    used = rows["is_used"].fillna(something.astype("float64")) == 1
    last = rows["last_used_at"].fillna(rows[HAPPENED].where(used))
    rows = rows.assign(used=used, last=last, age=rows["age"] // (7 * DAY) * 7 * DAY)
    weeks = rows.sort_values("day_start_at").groupby(["asked", "age"])
    newest = rows.sort_values("day_start_at").drop_duplicates(["asked", "age"], keep="last")
    allowance = newest.set_index(["asked", "age"])["data_allowance_gb"]
    data_gb = weeks["data_gb"].mean() * 7
    unused = (1 - data_gb * 30 / 7 / allowance.where(allowance > 0)).clip(0, 1)
    return pd.DataFrame(
        {
            "minutes": weeks["minutes"].mean() * 7,
            "data_gb": data_gb,
            "zero_use_days": (weeks["used"].size() - weeks["used"].sum()).astype("float64"),
            "last_used_at": weeks["last"].max(),
            "unused_allowance": unused,
            "overage": weeks["overage"].sum(min_count=1),
            "roaming_days": weeks["is_roaming"].sum(min_count=1),
        }
    ).reset_index()


def _network_weeks(everyone: Everyone, window: int) -> pd.DataFrame:
    return everyone.known("network_weeks", "subscription_id", window)


def _past(weeks: pd.DataFrame) -> pd.DataFrame:
    """A subscription's own past: what is older than 28 days."""
    return weeks[weeks["age"] >= 28 * DAY]


def _means(weeks: pd.DataFrame) -> pd.DataFrame:
    return weeks.groupby("asked").mean(numeric_only=True)


def _sum(weeks: pd.DataFrame, column: str) -> pd.Series:
    return weeks.groupby("asked")[column].sum(min_count=1)


def _of_region(
    moment: Moment, weeks_of: Callable[[Everyone, int], pd.DataFrame], columns: list[str]
) -> pd.DataFrame:
    """Medians over each subscription's region and product line, as known on Monday."""
    monday = moment.monday
    place = ["region", "product_line"]
    means = _means(weeks_of(monday.everyone("subscription"), 28))[columns]
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
