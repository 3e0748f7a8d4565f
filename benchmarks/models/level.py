"""How well the level of risk of the coming months is predicted, against simulated truth.

``python -m benchmarks.models.level [CUSTOMERS] [MONTHS] [SEED ...]`` simulates an operator for each
seed, and predicts the level of risk within 90 days at its last 14 monthly cut-offs, each from what was
known by then. It prints the root mean square of log observed over expected, where observed is the true
risk, of three levels beside one fixed model: that of the rows it was fitted on (static), the mean of the
last three shifts (followed), and that of `training.level` (modelled); how many bands of 90 % held the
truth; and by how much the true level moves within a year.

The fixed model knows product line, tenure, segment, region, language and age band, and is fitted on
what was known at the first of these cut-offs. No features are built: the question is how the level
moves, not how lines are ranked.
"""

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from benchmarks.report import show
from features.contracts.vocabulary import VOLUNTARY_CHURN
from holdfast.arrays import Floats, Texts, Times
from models.churn import CHURN
from models.level.revision import ASSUMED_QUANTILE, QUANTILE, Shift
from simulator.engine.simulator import simulate
from training.evaluation.baselines import fit_logistic
from training.labelling.cutoffs import LabelEnd
from training.labelling.history import RawHistory
from training.labelling.inactivity import usage_end
from training.labelling.labels import LineOutcomes
from training.labelling.lines import labelled_lines
from training.labelling.maturity import LabelMaturity
from training.labelling.population import SLICES
from training.level.revise import horizon_level, known_by
from training.level.shifts import shifts_of
from training.settings import LabelSettings

CUSTOMERS, MONTHS, SEEDS = 3_000, 48, (101, 102, 103, 104, 105)

DAYS = CHURN.horizons_days[-1]

ORIGINS = 14
"""Last cut-offs at which the level is predicted."""

FOLLOWED = 3
"""Last shifts of each line that are followed."""


@dataclass(frozen=True)
class Rows:
    """Labelled rows, with the true risk of each.

    Parameters
    ----------
    cutoffs : (n,) datetime64[us]
        UTC.
    lines, customers : (n,) str
        Product lines, and whose they are.
    columns : (n, k) float64
        What the fixed model knows, one column a value.
    label, risk : (n,) float64
        Whether the line was lost within `DAYS`, and how likely that was.
    lag_days : int
        Days until labels are complete.
    """

    cutoffs: Times
    lines: Texts
    customers: Texts
    columns: Floats
    label: Floats
    risk: Floats
    lag_days: int


def main() -> None:
    """Simulate operators, and print how well their levels are predicted."""
    numbers = [int(argument) for argument in sys.argv[1:] if argument.isdigit()]
    customers, months = (*numbers, *(CUSTOMERS, MONTHS)[len(numbers) :])[:2]
    results = []
    for seed in numbers[2:] or SEEDS:
        with tempfile.TemporaryDirectory() as directory:
            simulate(Path(directory) / "operator", customers, months, seed)
            rows = labelled_rows(Path(directory) / "operator")
        with threadpool_limits(1):
            results.append(predicted(rows))
        show(f"Seed {seed}", [_figures(results[-1])])
    show(
        f"All seeds, {customers:,} customers, {months} months",
        [_figures([one for result in results for one in result])],
    )


def labelled_rows(operator: Path) -> Rows:
    """Rows of every fourth Monday from the tenth week on whose labels are complete."""
    settings = LabelSettings()
    history = RawHistory(operator / "raw", datetime(2100, 1, 1, tzinfo=UTC))
    maturity = LabelMaturity.of(history, settings)
    ends = LabelEnd.of(history, usage_end(history), maturity)
    outcomes = LineOutcomes.of(history, settings)
    lag = timedelta(days=settings.gap_days + DAYS) + maturity.of_all_lines(settings.inactivity_days)
    states = pl.read_parquet(operator / "truth" / "states" / "*.parquet").select(
        "subscription_id", "hazard_a_week", "leaving", "happened_at"
    )
    dates = states["happened_at"].unique().sort().to_list()
    parts = []
    for at in dates[2:]:
        if at + lag > history.end:
            break
        present = states.filter(pl.col("happened_at") == at)["subscription_id"]
        part, _ = labelled_lines(history, outcomes, ends, at, settings, present, VOLUNTARY_CHURN)
        parts.append(part.join(_true_risk(states, at, settings.gap_days), on="subscription_id"))
    rows = pl.concat(parts).filter(pl.col(f"label_{DAYS}").is_not_null())
    names = [name for name in SLICES if name in rows.columns]
    return Rows(
        cutoffs=rows["cutoff"].dt.replace_time_zone(None).to_numpy(),
        lines=rows["billing_type"].to_numpy().astype(np.str_),
        customers=rows["customer_id"].to_numpy().astype(np.str_),
        columns=rows.select(names).to_dummies().to_numpy().astype(np.float64),
        label=rows[f"label_{DAYS}"].to_numpy().astype(np.float64),
        risk=rows["risk"].to_numpy().astype(np.float64),
        lag_days=lag.days,
    )


def _true_risk(states: pl.DataFrame, at: datetime, gap_days: int) -> pl.DataFrame:
    """How likely each line is to be lost: by its mean hazard in the horizon while it lasts, or at the
    cut-off where it did not last.
    """
    begin = at + timedelta(days=gap_days)
    within = states.filter(
        pl.col("happened_at").is_between(begin, begin + timedelta(days=DAYS))
        | (pl.col("happened_at") == at)
    )
    hazard = pl.col("hazard_a_week").filter(~pl.col("leaving")).mean()
    return within.group_by("subscription_id").agg(
        (1.0 - (-hazard * DAYS / 7.0).exp()).fill_null(1.0).alias("risk")
    )


@dataclass(frozen=True)
class Predicted:
    """The level at one cut-off: logarithms of observed over expected at each prediction of it, and of
    the true level.

    Parameters
    ----------
    truth : float
        Of the fixed model.
    followed, modelled : float
        Predictions of it.
    error : float
        Standard error of the modelled one.
    has_season : bool
        Whether it has a season.
    quantile : float
        Of its band.
    """

    truth: float
    followed: float
    modelled: float
    error: float
    has_season: bool
    quantile: float


def predicted(rows: Rows) -> list[Predicted]:
    """The level at the last cut-offs, each from what was known then."""
    cutoffs = np.unique(rows.cutoffs)[-ORIGINS:]
    lag = np.timedelta64(rows.lag_days, "D")
    learnt = rows.cutoffs + lag <= cutoffs[0]
    model = fit_logistic(rows.columns[learnt], rows.label[learnt])
    probability = model.probability(rows.columns)
    customers = np.unique(rows.customers, return_inverse=True)[1].astype(np.int64)
    shifts = shifts_of(
        rows.cutoffs, rows.lines, probability, rows.label, np.ones(len(rows.label)), customers
    )
    # Of who had decided, or is lost at once, the states tell in part: a constant, which is removed.
    told = rows.label[learnt].sum() / rows.risk[learnt].sum()
    found = []
    for cutoff in cutoffs:
        at = datetime.fromisoformat(f"{cutoff}+00:00")
        chosen = rows.cutoffs == cutoff
        truth = float(np.log(told * rows.risk[chosen].sum() / probability[chosen].sum()))
        known = known_by(shifts, at, rows.lag_days)
        level = horizon_level(known, DAYS, rows.lag_days, at)
        share = np.array(level.shares)
        variance = share @ np.array(level.covariance) @ share
        found.append(
            Predicted(
                truth=truth,
                followed=_followed(known),
                modelled=level.common,
                error=float(np.sqrt(variance)),
                has_season=level.has_season,
                quantile=level.quantile,
            )
        )
    return found


def _followed(known: Sequence[Shift]) -> float:
    """The mean of the last shifts, by what was predicted."""
    last = sorted({one.cutoff for one in known})[-FOLLOWED:]
    chosen = [one for one in known if one.cutoff in last]
    return float(
        np.average([one.shift for one in chosen], weights=[one.expected for one in chosen])
    )


def _figures(found: Sequence[Predicted]) -> dict[str, object]:
    truth = np.array([one.truth for one in found])
    off = truth - np.array([one.modelled for one in found])
    error = np.array([one.error for one in found])
    season = np.array([one.has_season for one in found])
    told = np.array([one.quantile for one in found])
    held = {
        name: int((np.abs(off) <= quantile * error).sum())
        for name, quantile in (("90", QUANTILE), ("99", ASSUMED_QUANTILE))
    }
    return {
        "cut-offs": len(found),
        "of them with a season": int(season.sum()),
        "static": _rms(truth),
        "followed": _rms(truth - np.array([one.followed for one in found])),
        "modelled": _rms(off),
        "static, with a season": _rms(truth[season]),
        "modelled, with a season": _rms(off[season]),
        "held by 90 % bands": held["90"],
        "held by bands as told": int((np.abs(off) <= told * error).sum()),
        "half of a 90 % band": float(QUANTILE * error.mean()),
        "true level, highest over lowest": float(np.exp(np.ptp(truth))),
    }


def _rms(values: Floats) -> float:
    return float(np.sqrt(np.mean(values**2))) if len(values) else float("nan")


if __name__ == "__main__":
    main()
