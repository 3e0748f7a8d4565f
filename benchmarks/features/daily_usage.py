"""What daily usage is worth beside weekly usage: churn ranked within 30 days, and how the day of the
week moves recency and the riskiest tenth.

``python -m benchmarks.features.daily_usage [CUSTOMERS] [MONTHS] [SEED]`` simulates an operator that
keeps both tables, and builds features once from weeks alone and once from days, for the same lines,
cut-offs and labels. Both models have the default parameters. Their AUC on the test period is printed
by product line, with the difference and its standard error, from resampling customers. Then
everybody is scored on each day of a week of the test period.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

import lightgbm as lgb
import numpy as np
from sklearn.metrics import roc_auc_score

from benchmarks.report import show
from features.compute import whole
from features.compute.build import bring_up_to_date
from features.compute.snapshots import Span, history_mondays
from features.operator.repository import OperatorRepository
from features.settings import FeatureSettings
from holdfast.arrays import Floats, Positions, Texts
from holdfast.home import Home
from models.churn import CHURN, LINES
from simulator.engine.simulator import simulate
from training.evaluation.assess import EVERYBODY
from training.fitting.constraints import constrained, constraints_of
from training.fitting.fit import fit_early_stopped
from training.fitting.horizon_models import customer_codes, table_of
from training.fitting.parameters import DEFAULT_PARAMETERS
from training.labelling.dataset import Dataset, churn_dataset
from training.labelling.periods import TUNE_FROM, customer_share
from training.operator.columns import meanings_of
from training.settings import LabelSettings, TrainingConfig

Mondays = tuple[datetime, ...]

CUSTOMERS, MONTHS, SEED = 4_000, 24, 1
HORIZON_DAYS = 30
CUTOFF_WEEKS = 2
RESAMPLINGS = 100
TABLES = {"weekly": ("usage_days",), "daily": ()}
"""Tables that each home does without."""

RECENCY = "days_since_use"
_KINDS = (EVERYBODY, "postpaid", "prepaid", "broadband", "tv")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True)
class Side:
    """What one home gives.

    Parameters
    ----------
    home : Home
        Its features.
    dataset : Dataset
        Labelled rows.
    booster : lightgbm.Booster
        Fitted on the rows before the test period.
    """

    home: Home
    dataset: Dataset
    booster: lgb.Booster


def main() -> None:
    """Simulate, compare and print."""
    numbers = [int(argument) for argument in sys.argv[1:] if argument.isdigit()]
    customers, months, seed = (*numbers, *(CUSTOMERS, MONTHS, SEED)[len(numbers) :])[:3]
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        operator = simulate(folder / "operator", customers, months, seed, daily_usage=True)
        end = datetime.fromisoformat(operator.simulation.end).astimezone(UTC)
        config = TrainingConfig.read()
        sides = {name: _home(folder, name, without, end) for name, without in TABLES.items()}
        datasets = {name: _dataset(home, end) for name, home in sides.items()}
        test, learnt = _split(datasets["daily"], config.labels)
        compared = {
            name: Side(sides[name], dataset, _fitted(dataset, learnt, config))
            for name, dataset in datasets.items()
        }
        show(
            f"AUC of churn within {HORIZON_DAYS} days, {customers:,} customers, {months} months",
            list(_ranked(compared, test)),
        )
        week = list(_week(compared, test))
        show(f"Median {RECENCY} by weekday", _recency(week))
        show("Share of the riskiest tenth that was in it a day before", _overlap(week))


def _home(folder: Path, name: str, without: tuple[str, ...], end: datetime) -> Home:
    """A home with the operator's tables, and the features of every second Monday."""
    home = Home(folder / name)
    home.raw.mkdir(parents=True)
    for table in sorted((folder / "operator" / "raw").iterdir()):
        if table.is_dir() and table.name not in without:
            (home.raw / table.name).symlink_to(table)
    repository = OperatorRepository(home)
    with _mondays(lambda all_of_them: all_of_them[::-CUTOFF_WEEKS][::-1]):
        bring_up_to_date(home.raw, repository.directory, FeatureSettings.read(), now=end)
    repository.apply()
    return home


def _dataset(home: Home, end: datetime) -> Dataset:
    dataset = churn_dataset(home, LabelSettings(cutoff_every_weeks=CUTOFF_WEEKS), until=end)
    return dataset.rows(np.flatnonzero(dataset.complete))


def _split(dataset: Dataset, labels: LabelSettings) -> tuple[Positions, Positions]:
    """Rows of the latest cut-offs, and those whose label of the horizon ends before them."""
    cutoffs = np.unique(dataset.cutoffs)
    start = cutoffs[-max(1, int(labels.test_share * len(cutoffs)))]
    label_end = dataset.cutoffs + np.timedelta64(labels.gap_days + HORIZON_DAYS, "D")
    return np.flatnonzero(dataset.cutoffs >= start), np.flatnonzero(label_end < start)


def _fitted(dataset: Dataset, learnt: Positions, config: TrainingConfig) -> lgb.Booster:
    share = customer_share(dataset.customers)[learnt]
    parameters = constrained(
        DEFAULT_PARAMETERS, constraints_of(meanings_of(CHURN.service, CHURN.direction))
    )
    train, rest = (
        table_of(dataset, HORIZON_DAYS, learnt[part])
        for part in (share < TUNE_FROM, share >= TUNE_FROM)
    )
    booster, _ = fit_early_stopped(train, rest, parameters, config.fitting, 0)
    return booster


def _kind(dataset: Dataset, matrix: Floats) -> Texts:
    """Product line of each row, mobile lines by how they are paid."""
    lines = LINES.of(matrix[:, dataset.features.index(LINES.feature)]).astype(np.str_)
    tv = matrix[:, dataset.features.index("product_line_code")] == 2
    return np.where(lines == "fixed", np.where(tv, "tv", "broadband"), lines)


def _ranked(sides: dict[str, Side], test: Positions) -> Iterator[dict[str, object]]:
    """AUC of both models by product line."""
    dataset = sides["daily"].dataset
    label = dataset.labels[HORIZON_DAYS][test]
    kinds, customers = _kind(dataset, dataset.matrix[test]), customer_codes(dataset)[test]
    margin = {
        name: np.asarray(side.booster.predict(side.dataset.matrix[test], raw_score=True))
        for name, side in sides.items()
    }
    random = np.random.default_rng(SEED)
    weights = random.poisson(1.0, (RESAMPLINGS, int(customers.max()) + 1))
    for kind in _KINDS:
        rows = np.flatnonzero(~np.isnan(label) & ((kinds == kind) | (kind == EVERYBODY)))
        weekly, daily = (roc_auc_score(label[rows], margin[name][rows]) for name in sides)
        differences = [
            roc_auc_score(label[rows], margin["daily"][rows], sample_weight=weight)
            - roc_auc_score(label[rows], margin["weekly"][rows], sample_weight=weight)
            for weight in weights[:, customers[rows]]
        ]
        yield {
            "product line": kind,
            "losses": int(label[rows].sum()),
            "weekly": float(weekly),
            "daily": float(daily),
            "difference": float(daily - weekly),
            "standard error": float(np.std(differences)),
        }


def _week(
    sides: dict[str, Side], test: Positions
) -> Iterator[tuple[str, str, Texts, Floats, Floats]]:
    """For each home and day: product lines, recency and margins of the lines of a Monday."""
    dataset = sides["daily"].dataset
    # Labels of prepaid lines are complete on the earlier cut-offs only.
    monday = dataset.cutoffs[test].min()
    ids = dataset.ids[test][dataset.cutoffs[test] == monday]
    first = monday.item().replace(tzinfo=UTC)
    for name, side in sides.items():
        repository = OperatorRepository(side.home)
        for day, weekday in enumerate(_DAYS):
            at = first + timedelta(days=day)
            _newest_only(side.home, repository, at)
            times = np.full(len(ids), monday + np.timedelta64(day, "D"))
            matrix = repository.historical(CHURN.service, ids.tolist(), times)
            known = ~np.isnan(matrix[:, dataset.features.index("tenure_days")])
            margin = np.asarray(side.booster.predict(matrix, raw_score=True))
            recency = matrix[:, dataset.features.index(RECENCY)]
            yield (
                name,
                weekday,
                _kind(dataset, matrix),
                np.where(known, recency, np.nan),
                np.where(known, margin, -np.inf),
            )


def _newest_only(home: Home, repository: OperatorRepository, at: datetime) -> None:
    """Bring only the newest snapshot to a day."""
    with _mondays(lambda all_of_them: ()):
        bring_up_to_date(home.raw, repository.directory, FeatureSettings.read(), now=at, at=at)


def _mondays(choose: Callable[[Mondays], Mondays]) -> AbstractContextManager[object]:
    """Let a build keep history of some Mondays only, to save time."""

    def chosen(tables: Mapping[str, Span], at: datetime, zone: tzinfo) -> Mondays:
        return choose(history_mondays(tables, at, zone))

    return patch.object(whole, "history_mondays", chosen)


def _recency(week: list[tuple[str, str, Texts, Floats, Floats]]) -> list[dict[str, object]]:
    rows = []
    for kind in _KINDS[1:]:
        for name in TABLES:
            days = {
                day: float(np.nanmedian(recency[kinds == kind]))
                for side, day, kinds, recency, _ in week
                if side == name
            }
            rows.append({"product line": kind, "use": name, **days})
    return rows


def _overlap(week: list[tuple[str, str, Texts, Floats, Floats]]) -> list[dict[str, object]]:
    rows = []
    for name in TABLES:
        top = {
            day: set(np.argsort(-margin, kind="stable")[: len(margin) // 10].tolist())
            for side, day, _, _, margin in week
            if side == name
        }
        shares = {
            f"{one} to {next_}": len(top[one] & top[next_]) / len(top[one])
            for one, next_ in pairwise(_DAYS)
        }
        rows.append({"use": name, **shares, "least": min(shares.values())})
    return rows


if __name__ == "__main__":
    main()
