"""Small score sets, as a night would write them, and the feeds made of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from models.bands import BandBounds
from models.feed.changes import FeedSet, write_next
from models.feed.facts import FeedFacts
from models.feed.files import FeedFiles
from models.score_set import SCHEMA, ScoreFacts, ScoreSetWriter

STEP = 0.05
FIRST_NIGHT = datetime(2026, 3, 2, tzinfo=UTC)
HORIZONS = {"churn": (30, 60), "csat_low": (90,)}
_BANDS = BandBounds(high=0.6, medium=0.3)


@dataclass(frozen=True)
class Scored:
    """One entity's score; a longer horizon's is a little higher."""

    probability: float
    customer: str = "C1"
    marks: tuple[str, ...] = ()


Night = Mapping[str, Mapping[str, Scored]]
"""Who is scored, by model and entity."""


class FeedNights:
    """Writes nights and their feeds below a folder, one night a day."""

    def __init__(self, folder: Path) -> None:
        self.files = FeedFiles(folder / "feed")
        self.now = FIRST_NIGHT
        self._folder = folder

    def add(self, night: Night, *, version: str = "1", days: int = 1) -> FeedFacts:
        """Write the feed of one more night."""
        self.now += timedelta(days=days)
        folder = self._folder / f"at={self.now:%Y-%m-%d}"
        folder.mkdir(parents=True, exist_ok=True)
        sets = [self._set(folder, model, of_model, version) for model, of_model in night.items()]
        before = self.files.newest()
        ended = set(before.models if before else ()) - set(night)
        return write_next(
            *(self.files, before, sets, ended), step=STEP, now=self.now, memory_gb=0.5, threads=1
        )

    def _set(self, folder: Path, model: str, scored: Mapping[str, Scored], version: str) -> FeedSet:
        facts = ScoreFacts(
            model=model,
            version=version,
            alias="champion",
            inputs=f"{model} {version} {self.now}",
            at=self.now.isoformat(),
            scored_at=self.now.isoformat(),
            entities=len(scored),
            explained={},
            excluded={},
            marks={},
            bands={str(days): {} for days in HORIZONS[model]},
        )
        path = folder / f"{model}.parquet"
        with ScoreSetWriter(path) as writer:
            writer.write(pa.Table.from_pylist([*self._rows(model, scored, version)], SCHEMA))
            writer.publish(facts)
        return FeedSet(path, facts, ())

    def _rows(
        self, model: str, scored: Mapping[str, Scored], version: str
    ) -> Iterable[dict[str, object]]:
        for entity, one in sorted(scored.items()):
            for place, days in enumerate(HORIZONS[model]):
                probability = min(one.probability + place / 64, 1.0)
                yield {
                    "subscription_id": entity if model == "churn" else None,
                    "customer_id": one.customer if model == "churn" else entity,
                    "model": model,
                    "version": version,
                    "horizon_days": days,
                    "probability": probability,
                    "band": str(_BANDS.assign(pa.array([probability]).to_numpy())[0]),
                    "marks": list(one.marks),
                    "feature_time": self.now,
                    "scored_at": self.now,
                }
