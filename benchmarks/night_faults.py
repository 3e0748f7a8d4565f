"""Faults of a night's raw tables: what is said of them, and what they would do to the scores.

``python -m benchmarks.night_faults`` simulates an operator of 2,500 customers and 16 months, trains
its churn model, and scores everybody on one night. Then it does to the next night's tables what can
go wrong, fault by fault, and runs `holdfast nightly` twice: as it is, and with every table taken as
it is (``--accept``). Both are compared with the scores of the next night without a fault: by how
many percentage points the probability of churn within 90 days differs on average, and how many
lines have another risk band or no score.
"""

import shutil
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import polars as pl

from benchmarks.report import show
from features.contracts.tables import TABLES
from features.intake.night_record import NightRecord
from features.intake.verdicts import NightVerdict
from features.online.settings import OnlineSettings
from features.settings import FeatureSettings
from holdfast.home import Home
from holdfast.logging import progress
from pipeline.features import build_features
from pipeline.night.config import NightConfig
from pipeline.night.night import Night
from pipeline.night.nightly import run_night
from pipeline.night.options import NightOptions
from pipeline.night.score import ScoreConfig
from pipeline.train import train_target
from simulator.engine.simulator import simulate
from tests.builders.night_faults import FAULTS, Fault
from tests.builders.operator_nights import arrived_until
from training.fitting.budget import TuningBudget
from training.release.tracking import Tracking
from training.settings import AssessmentSettings, TrainingConfig

CUSTOMERS, MONTHS, SEED = 2_500, 16, 4
TONIGHT = datetime(2025, 4, 22, tzinfo=UTC)
"""The midnight after a Monday, on which last week's use arrives."""

YESTERDAY = TONIGHT - timedelta(days=1)
EXPORTED_AFTER = timedelta(hours=1)
"""After midnight, so that the tables reach it."""

MODEL, HORIZON_DAYS = "churn", 90
ONLINE = OnlineSettings()
FEATURES = FeatureSettings(memory_gb=2.0)


@dataclass(frozen=True)
class Change:
    """How scores differ from those of the night without a fault.

    Parameters
    ----------
    points : float
        Mean absolute difference of probability, percentage points, of lines that both score.
    other_band, unscored : float
        Shares of the lines of the night without a fault.
    """

    points: float
    other_band: float
    unscored: float

    @classmethod
    def between(cls, scores: pl.DataFrame, without_fault: pl.DataFrame) -> Self:
        """How scores differ from others, of lines in both by their ids."""
        both = without_fault.join(scores, on="subscription_id", suffix="_now")
        difference = (both["probability"] - both["probability_now"]).abs().mean()
        lines = without_fault.height
        return cls(
            points=100 * float(difference) if isinstance(difference, float) else float("nan"),
            other_band=both.filter(pl.col("band") != pl.col("band_now")).height / lines,
            unscored=1 - both.height / lines,
        )

    def __str__(self) -> str:
        unscored = f", {self.unscored:.1%} unscored" if self.unscored > 0 else ""
        return f"{self.points:.2f} points, {self.other_band:.1%} other band{unscored}"


class Operator:
    """An operator whose champion scored everybody on the night before.

    Parameters
    ----------
    folder : Path
        Empty; gets raw tables and the home.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        simulate(folder / "operator", CUSTOMERS, MONTHS, SEED)
        for name, until in (("yesterday", YESTERDAY), ("tonight", TONIGHT)):
            arrived_until(folder / "operator" / "raw", folder / name, until + EXPORTED_AFTER)
        home = Home(folder / "home")
        source = str(folder / "yesterday")
        build_features(home, FEATURES, now=YESTERDAY + EXPORTED_AFTER, source=source)
        trained = train_target(
            home,
            MODEL,
            TuningBudget(trials=1),
            TrainingConfig(assessment=AssessmentSettings(draws=50)),
            online=ONLINE,
            clock=lambda: YESTERDAY + EXPORTED_AFTER,
        )
        if trained.number is None:
            raise RuntimeError("the model of churn predicts nothing")
        # An operator of this size has too few losses for the gate.
        Tracking(home, lambda: YESTERDAY + EXPORTED_AFTER).set_champion_ungated(
            MODEL, trained.number
        )
        night = _run(home, folder / "yesterday", YESTERDAY)
        if night.verdict != "done":
            raise RuntimeError(f"the night before was {night.verdict}: {night.error}")
        self.yesterday = _scores(home)
        night, self.without_fault, _ = self.night("without")
        if night.verdict != "done":
            raise RuntimeError(f"a night without a fault was {night.verdict}: {night.error}")

    def night(
        self, name: str, fault: Fault | None = None, accepted: Collection[str] = ()
    ) -> tuple[Night, pl.DataFrame, NightVerdict | None]:
        """Run the next night after a fault: what came of it, the scores that stand after it, and
        what was said of its tables.
        """
        scratch = self._folder / name
        shutil.copytree(self._folder / "home", scratch / "home")
        shutil.copytree(self._folder / "tonight", scratch / "raw")
        if fault is not None:
            fault.apply(scratch / "raw", TONIGHT)
        home = Home(scratch / "home")
        night = _run(home, scratch / "raw", TONIGHT, accepted)
        scores, judged = _scores(home), NightRecord(home.expectations).last()
        shutil.rmtree(scratch)
        return night, scores, judged


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as directory:
        operator = Operator(Path(directory))
        day = Change.between(operator.yesterday, operator.without_fault)
        show("A day", [{"yesterday's scores instead of tonight's": str(day)}])
        rows = []
        with progress("Faults", len(FAULTS)) as advance:
            for number, fault in enumerate(FAULTS):
                rows.append(_row(operator, f"fault-{number}", fault))
                advance(1)
    show("Faults of tonight's tables", rows)


def _row(operator: Operator, name: str, fault: Fault) -> dict[str, object]:
    night, scores, judged = operator.night(name, fault)
    verdicts = {} if judged is None else {table.table: table for table in judged.tables}
    verdict = verdicts.get(fault.table)
    used = "" if verdict is None or night.verdict == "stopped" else f", {verdict.used} rows"
    unguarded, unguarded_scores, _ = operator.night(f"{name}-accepted", fault, TABLES)
    accepted = (
        f"refused: {unguarded.error}"
        if unguarded.verdict == "stopped"
        else str(Change.between(unguarded_scores, operator.without_fault))
    )
    return {
        "table": fault.table,
        "fault": fault.name,
        "verdict": night.tables.get(fault.table, "refused"),
        "night": f"{night.verdict}{used}",
        "scores change by": "0: yesterday's stand"
        if scores.equals(operator.yesterday)
        else str(Change.between(scores, operator.without_fault)),
        "if all were accepted": accepted,
    }


def _run(home: Home, raw: Path, midnight: datetime, accepted: Collection[str] = ()) -> Night:
    return run_night(
        home,
        NightOptions(source=str(raw), accepted=frozenset(accepted)),
        NightConfig(scoring=ScoreConfig(features=FEATURES)),
        clock=lambda: midnight + EXPORTED_AFTER,
        online=ONLINE,
    )


def _scores(home: Home) -> pl.DataFrame:
    """The newest scores that stand in a home."""
    newest = max(home.score_sets.glob("at=*"))
    return (
        pl.read_parquet(newest / f"{MODEL}.parquet")
        .filter(pl.col("horizon_days") == HORIZON_DAYS)
        .select("subscription_id", "probability", "band")
        .sort("subscription_id")
    )


if __name__ == "__main__":
    main()
