"""Changed scores: ``python -m benchmarks.serving.score_feed [CUSTOMERS] [--json]``, a million by default.

Two nights of made-up scores: each customer has a line with churn within three horizons, and a score
of dissatisfaction; a fifth of all have five reasons. The second night moves every probability a
little. Printed are the writing of both feeds, and answers of `GET /v1/scores` with 1,000 scores, from
reading to JSON, without HTTP: of a full export, at its beginning, middle and end; and of changes.
Times are of processors, because the machine may be busy.
"""

import gc
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
from pydantic_core import to_json

from benchmarks.memory import PeakMemory
from benchmarks.report import show
from holdfast.arrays import Floats
from models.bands import BandBounds
from models.feed.changes import FeedSet, write_next
from models.feed.files import FeedFiles
from models.reasons.meaning import FeatureMeaning
from models.score_set import SCHEMA, ScoreFacts, ScoreSetWriter
from models.targets import TARGETS
from models.words.forms import context_of
from serving.answers.changed import answer_scores
from serving.answers.freshness import Freshness
from serving.answers.walk import walk
from serving.contract.cursor import Cursor
from serving.served.feeds import Feeds
from serving.served.people import People
from training.operator.columns import meanings_of

CUSTOMERS, MODELS = 1_000_000, ("churn", "csat_low")
FIRST_NIGHT = datetime(2026, 3, 2, tzinfo=UTC)
NIGHTLY_MOVE, STEP, EXPLAINED = 0.01, 0.05, 0.2
MEMORY_GB, THREADS = 4.0, 2
PAGE, PAGES = 1_000, 30
_BANDS = BandBounds(high=0.25, medium=0.15)
_BATCH, _REASON_LISTS = 100_000, 500


def main() -> None:
    """Measure and print."""
    given = [one for one in sys.argv[1:] if one != "--json"]
    customers = int(given[0]) if given else CUSTOMERS
    with TemporaryDirectory() as folder:
        nights = _Nights(Path(folder), customers)
        writing = [nights.add(), nights.add()]
        # As a worker does before it serves.
        gc.collect()
        gc.freeze()
        show(f"Writing the feed of {customers:,} customers", writing)
        show(f"Answers with {PAGE:,} scores", [*_reading(nights)])


@dataclass
class _Nights:
    """Made-up nights below a folder."""

    folder: Path
    customers: int

    def __post_init__(self) -> None:
        self.files = FeedFiles(self.folder / "feed")
        self.now = FIRST_NIGHT
        self._random = np.random.default_rng(1)
        self._probability = {
            name: self._random.beta(1, 8, (self.customers, len(TARGETS[name].horizons_days)))
            for name in MODELS
        }

    def add(self) -> dict[str, object]:
        """One more night; what its feed cost."""
        self.now += timedelta(days=1)
        sets = [self._set(name) for name in MODELS]
        memory, wall, cpu = PeakMemory.begin(), time.perf_counter(), time.process_time()
        facts = write_next(
            *(self.files, self.files.newest(), sets, ()),
            step=STEP,
            now=self.now,
            memory_gb=MEMORY_GB,
            threads=THREADS,
        )
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        memory.end()
        return {
            "scores": sum(one.scores for one in sets),
            "reported": sum(sum(kinds.values()) for kinds in facts.changes.values()),
            "cpu_s": round(cpu, 1),
            "wall_s": round(wall, 1),
            "peak_mib": round(memory.resident_mib),
            "file_mb": round(self.files.rows(facts.number).stat().st_size / 1e6),
        }

    def _set(self, name: str) -> FeedSet:
        target = TARGETS[name]
        moved = self._probability[name]
        moved += self._random.normal(0, NIGHTLY_MOVE, moved.shape)
        np.clip(moved, 0, 1, out=moved)
        facts = ScoreFacts(
            model=name,
            version="1",
            alias="champion",
            inputs=f"{name} {self.now}",
            at=self.now.isoformat(),
            scored_at=self.now.isoformat(),
            entities=self.customers,
            explained={},
            excluded={},
            marks={},
            bands={str(days): {} for days in target.horizons_days},
        )
        meanings = meanings_of(target.service, target.direction)
        path = self.folder / f"{name}.parquet"
        with ScoreSetWriter(path) as writer:
            for rows in self._rows(name, facts, meanings, moved):
                writer.write(rows)
            writer.publish(facts)
        return FeedSet(path, facts, meanings)

    def _rows(
        self,
        name: str,
        facts: ScoreFacts,
        meanings: tuple[FeatureMeaning, ...],
        probability: Floats,
    ) -> Iterator[pa.Table]:
        target = TARGETS[name]
        reasons = self._reason_lists(meanings)
        bound = np.quantile(probability, 1 - EXPLAINED)
        time = pa.scalar(self.now, pa.timestamp("us", "UTC"))
        for start in range(0, self.customers, _BATCH):
            of_batch = probability[start : start + _BATCH].ravel()
            count, horizons = len(of_batch), len(target.horizons_days)
            numbers = np.repeat(np.arange(start, start + count // horizons), horizons).tolist()
            customers = pa.array([f"C{number:09d}" for number in numbers])
            lines = pa.array([f"S{number:09d}" for number in numbers])
            chosen = self._random.integers(0, len(reasons), count)
            columns = {
                "subscription_id": lines if target.entity == "subscription" else _nulls(count),
                "customer_id": customers,
                "interaction_id": _nulls(count),
                "model": pa.repeat(name, count),
                "version": pa.repeat(facts.version, count),
                "horizon_days": pa.array(
                    np.tile(target.horizons_days, count // horizons), pa.int32()
                ),
                "probability": pa.array(of_batch),
                "band": pa.array(_BANDS.assign(of_batch).tolist()),
                "reasons": reasons.take(pa.array(chosen, mask=of_batch < bound)),
                "actionable_share": pa.nulls(count, pa.float64()),
                "value": pa.nulls(count, pa.float64()),
                "marks": pa.array([[]] * count, SCHEMA.field("marks").type),
                "feature_time": pa.repeat(time, count),
                "scored_at": pa.repeat(time, count),
            }
            yield pa.table(columns, schema=SCHEMA)

    def _reason_lists(self, meanings: tuple[FeatureMeaning, ...]) -> pa.Array:
        lists = []
        for _ in range(_REASON_LISTS):
            chosen = self._random.choice(len(meanings), 5, replace=False).tolist()
            lists.append(
                [
                    {
                        "reason": meanings[place].reason,
                        "feature": meanings[place].name,
                        "value": 1.0,
                        "contribution": 0.1,
                        "context": [
                            {"feature": name, "value": 1.0}
                            for name in context_of(meanings[place].name)
                        ],
                    }
                    for place in chosen
                ]
            )
        return pa.array(lists, SCHEMA.field("reasons").type)


def _nulls(count: int) -> pa.Array:
    return pa.nulls(count, pa.string())


def _reading(nights: _Nights) -> Iterator[dict[str, object]]:
    feeds = Feeds(nights.files)
    first = walk(feeds, None, None, 1, nights.now)
    newest, last = first.facts.number, first.facts.last_report
    before = nights.files.facts(newest - 1)
    changes = replace(first.next, after=before.last_report if before else 0, export=None)
    for reasons in (3, 0):
        for name, cursor in (
            ("export, beginning", replace(first.next, after=0)),
            ("export, middle", replace(first.next, after=last // 4)),
            ("export, end", replace(first.next, after=last - PAGE * PAGES)),
            ("changes", changes),
        ):
            yield {"answer": name, "reasons": reasons, **_pages(feeds, cursor, nights, reasons)}


def _pages(feeds: Feeds, cursor: Cursor, nights: _Nights, reasons: int) -> dict[str, object]:
    """Processor time of answers, one after another from a cursor on."""
    milliseconds, scores, explained = [], 0, 0
    freshness = Freshness(nights.now, 3, 35)
    for _ in range(PAGES):
        started = time.process_time()
        read = walk(feeds, cursor, None, PAGE, nights.now)
        answer = answer_scores(read, People(), freshness, "service", "en", reasons)
        size = len(to_json(answer))
        milliseconds.append(1000 * (time.process_time() - started))
        scores += len(answer["scores"])
        explained += sum(bool(one["reasons"]) for one in answer["scores"])
        cursor = read.next
        if not read.more:
            break
    return {
        "pages": len(milliseconds),
        "scores": scores,
        "with_reasons": explained,
        "p50_cpu_ms": round(statistics.median(milliseconds), 1),
        "most_cpu_ms": round(max(milliseconds), 1),
        "last_kb": round(size / 1000),
    }


if __name__ == "__main__":
    main()
