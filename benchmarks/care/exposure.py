"""What a model of churn learns from rows that our own care touched, beside the true risk without care.

``nice python -m benchmarks.care.exposure [--customers N] [--months N] [--weeks N] [--seed N] [--replicas N]`` simulates an
operator without campaigns of its own, and plays two campaigns on it, planned every week: calls to customers who were in
touch lately, and offers of another plan to customers of long tenure who were not. At each of our cut-offs of these weeks
the simulation goes on in memory without any care, several times with other random numbers
(`simulator.engine.futures`): the share of futures in which a line is lost is its true risk.

When all labels are complete, models are fitted on half of the customers, and predict for the other half at these
cut-offs. They differ only in how the dataset handles care:

- *draws*: as `holdfast train` does, with the propensities that the nightly export wrote;
- *features*: as if nobody had recorded that arms were drawn, so that the weights come from features;
- *left out*: touched rows are left out, and the others have no weights;
- *ignored*: as if there had been no care.

Printed is what each predicts beside the truth: for all rows, and for those whom each campaign was for.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from unittest import mock

import numpy as np
import polars as pl
from scipy.stats import spearmanr

from benchmarks.care.played_months import PARAMETERS, TRAINING, Played, PlayedOperator
from benchmarks.report import show
from features.contracts.vocabulary import VOLUNTARY_CHURN
from holdfast.arrays import Floats
from holdfast.home import Home
from models.churn import CHURN
from models.scorer import Scorer
from models.version import ModelVersion
from pipeline.simulated_operator import FOLDER
from simulator.engine.futures import Futures
from training.fitting.constraints import constrained, constraints_of
from training.fitting.horizon_models import fit_horizon_models
from training.fitting.parameters import DEFAULT_PARAMETERS
from training.labelling import dataset as labelled
from training.labelling.care.exposure import CareExposure, care_exposure
from training.labelling.dataset import Dataset, churn_dataset
from training.labelling.history import RawHistory
from training.labelling.periods import customer_share
from training.operator.columns import meanings_of

CUSTOMERS, MONTHS, WEEKS, SEED, REPLICAS = 4_000, 9, 13, 11, 8
CONTROL_SHARE = 0.3
EVERY_WEEKS = 4
_NEVER = 100_000

CAMPAIGNS = (
    Played(action="courtesy_call", when=(("contacts_28d", 1, 1000),)),
    Played(action="plan_fit_offer", when=(("tenure_days", 900, _NEVER), ("contacts_28d", 0, 0))),
)
WITHOUT_OWN = replace(PARAMETERS, campaign=replace(PARAMETERS.campaign, first_week=_NEVER))
"""The simulated operator has no campaigns of its own."""


@dataclass(frozen=True)
class Truth:
    """True risk without care, of lines at cut-offs.

    Parameters
    ----------
    rows : DataFrame
        ``subscription_id``, ``cutoff`` (UTC, no zone) and ``risk_<days>`` by horizon: the share of
        futures in which the line is lost by choice within it, after the gap.
    """

    rows: pl.DataFrame

    @classmethod
    def at(cls, folder: Path, cutoff: datetime, replicas: int) -> "Truth":
        """Go on from a state without any care."""
        futures = Futures.open(folder, WITHOUT_OWN)
        gap = TRAINING.labels.gap_days
        days = -(-(gap + CHURN.horizons_days[-1]) // 7) * 7
        risk = {horizon: np.zeros(len(futures.lines)) for horizon in CHURN.horizons_days}
        for replica in range(1, replicas + 1):
            lines = pl.DataFrame(futures.run(days, replica=replica).lines)
            lost = lines["churn"].is_in(list(VOLUNTARY_CHURN)).fill_null(False).to_numpy()
            after = (lines["lost_at"] - cutoff).dt.total_seconds().to_numpy() / 86_400
            for horizon, total in risk.items():
                total += lost & (after > gap) & (after <= gap + horizon)
        return cls(
            pl.DataFrame(
                {
                    "subscription_id": pl.Series(futures.lines["subscription_id"].to_pylist()),
                    "cutoff": [cutoff.replace(tzinfo=None)] * len(futures.lines),
                    **{f"risk_{days}": total / replicas for days, total in risk.items()},
                }
            )
        )


def played(home: Home, asked: argparse.Namespace) -> tuple[PlayedOperator, Truth, list[datetime]]:
    """Play the campaigns; the truth at every fourth of their weeks, and all cut-offs."""
    operator = PlayedOperator(home, asked.customers, asked.months, asked.seed, WITHOUT_OWN)
    operator.night()
    first = operator.clock()
    truths: list[Truth] = []

    def each_week(week: int) -> None:
        if week % EVERY_WEEKS == 0:
            at = first + timedelta(weeks=week)
            truths.append(Truth.at(home.root / FOLDER, at, asked.replicas))

    operator.play(CAMPAIGNS, asked.weeks, CONTROL_SHARE, each_week)
    rows = pl.concat([truth.rows for truth in truths])
    played_cutoffs = [first + timedelta(weeks=week) for week in range(0, asked.weeks, EVERY_WEEKS)]
    earlier = [first - timedelta(weeks=EVERY_WEEKS * number) for number in (3, 2, 1)]
    return operator, Truth(rows), [*earlier, *played_cutoffs]


def _unrecorded(exposure: CareExposure) -> CareExposure:
    """As if draws had not been recorded."""
    return _changed(exposure, recorded=False)


def _no_care(exposure: CareExposure) -> CareExposure:
    """As if there had been no care."""
    horizons = {
        days: replace(
            one,
            touched=np.zeros_like(one.touched),
            by_rule=np.zeros_like(one.by_rule),
            control_weight=np.ones_like(one.control_weight),
        )
        for days, one in exposure.horizons.items()
    }
    return replace(exposure, horizons=horizons)


def _changed(exposure: CareExposure, *, recorded: bool) -> CareExposure:
    horizons = {
        days: replace(
            one,
            by_rule=one.by_rule if recorded else one.touched,
            control_weight=np.ones_like(one.control_weight),
        )
        for days, one in exposure.horizons.items()
    }
    return replace(exposure, horizons=horizons)


HANDLED: Mapping[str, Callable[[CareExposure], CareExposure]] = {
    "draws": lambda exposure: exposure,
    "features": _unrecorded,
    "left out": lambda exposure: _changed(exposure, recorded=True),
    "ignored": _no_care,
}


def dataset_of(
    operator: PlayedOperator,
    cutoffs: list[datetime],
    change: Callable[[CareExposure], CareExposure],
) -> Dataset:
    """The labelled rows, with care handled in some way."""

    def exposure(
        history: RawHistory, rows: pl.DataFrame, ends: Mapping[int, pl.Expr]
    ) -> CareExposure:
        return change(care_exposure(history, rows, ends))

    with mock.patch.object(labelled, "care_exposure", exposure):
        return churn_dataset(
            operator.home, TRAINING.labels, until=operator.clock(), cutoffs=cutoffs
        )


def predictions(dataset: Dataset, everybody: Dataset) -> dict[int, Floats]:
    """Probabilities by horizon of rows of the other half of the customers."""
    constraints = constraints_of(meanings_of(CHURN.service, CHURN.direction))
    learnt = np.flatnonzero(customer_share(dataset.customers) < 0.5)
    parameters = constrained(DEFAULT_PARAMETERS, constraints)
    version = ModelVersion(
        name=CHURN.name,
        service=CHURN.service,
        features=dataset.features,
        horizon_models=fit_horizon_models(dataset, learnt, CHURN, [parameters], TRAINING).models,
        strata=CHURN.strata,
    )
    scores = Scorer(version, threads=0).score_all(np.ascontiguousarray(everybody.matrix))
    return {
        days: score.probability for days, score in zip(CHURN.horizons_days, scores, strict=True)
    }


def compared(
    operator: PlayedOperator, truth: Truth, cutoffs: list[datetime]
) -> Iterator[dict[str, object]]:
    """What each model predicts, beside the truth, by horizon and group."""
    everybody = dataset_of(operator, cutoffs, _no_care)
    chosen = np.flatnonzero(customer_share(everybody.customers) >= 0.5)
    tested = everybody.rows(chosen)
    keys = pl.DataFrame({"subscription_id": tested.ids, "cutoff": tested.cutoffs})
    risks = keys.join(truth.rows, on=["subscription_id", "cutoff"], how="left")
    known = risks["risk_90"].is_not_null().to_numpy()
    tested, risks = (
        tested.rows(np.flatnonzero(known)),
        risks.filter(pl.col("risk_90").is_not_null()),
    )
    column = {
        name: tested.matrix[:, tested.features.index(name)]
        for name in ("contacts_28d", "tenure_days")
    }
    called = column["contacts_28d"] >= 1
    groups = {
        "all": np.ones(len(tested.ids), dtype=bool),
        "in touch lately (calls help)": called,
        "of long tenure, not in touch (offers harm)": ~called & (column["tenure_days"] >= 900),
        "others": ~called & ~(column["tenure_days"] >= 900),
    }
    for name, change in HANDLED.items():
        dataset = dataset_of(operator, cutoffs, change)
        care = dataset.facts["care"]
        predicted = predictions(dataset, tested)
        for days in CHURN.horizons_days:
            risk = risks[f"risk_{days}"].to_numpy()
            left = (~np.isnan(dataset.labels[days])).sum()
            for group, rows in groups.items():
                yield {
                    "care is": name,
                    "days": days,
                    "rows": group,
                    "rows to learn from": int(left),
                    "effective": care[str(days)]["effective_rows"] if care else float(left),
                    "shown": care[str(days)]["shown"] if care else None,
                    "true risk, %": 100 * float(risk[rows].mean()),
                    "predicted over true": float(predicted[days][rows].sum() / risk[rows].sum()),
                    "rank correlation": float(
                        spearmanr(predicted[days][rows], risk[rows]).statistic
                    ),
                }


def main() -> None:
    """Play, fit and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in (
        *(("customers", CUSTOMERS), ("months", MONTHS), ("weeks", WEEKS)),
        *(("seed", SEED), ("replicas", REPLICAS)),
    ):
        parser.add_argument(f"--{name}", type=int, default=value)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        home = Home(Path(directory) / "home")
        home.root.mkdir(parents=True)
        operator, truth, cutoffs = played(home, asked)
        about = f"{asked.customers:,} customers, {asked.weeks} weeks of care, seed {asked.seed}"
        show(f"Churn without care, {about}", list(compared(operator, truth, cutoffs)))


if __name__ == "__main__":
    main()
