# ruff: noqa: S608  # what is put into queries comes from our own names, paths and times
"""The rule of what has changed, and the next feed made by it from the one before and score sets.

A score is compared with its last report, not with last night's: ten small moves in one direction are
reported once they add up to the step. Since its report a score has been in one band, of one customer,
with the same marks that bar marketing, and all its probabilities lie between ``lowest`` and
``highest``, less than a step apart. So whichever of them a reader has, it is less than a step from
the newest.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from holdfast.failpoint import Failpoint, no_failpoint
from models.feed.facts import KEPT_DAYS, FeedFacts, FeedModel
from models.feed.files import FeedFiles
from models.reasons.meaning import FeatureMeaning
from models.score_set import BARS_MARKETING, SCHEMA, ScoreFacts

ROWS_IN_GROUP = 8_192
"""Rows that a reader has to read at least."""


@dataclass(frozen=True)
class FeedSet:
    """A score set that goes into a feed.

    Parameters
    ----------
    path : Path
        Its file, as `models.score_set` has it, of subscriptions or customers.
    facts : ScoreFacts
        What it is about.
    meanings : tuple of FeatureMeaning
        What its model's features mean.
    """

    path: Path
    facts: ScoreFacts
    meanings: tuple[FeatureMeaning, ...]

    @property
    def scores(self) -> int:
        """Its rows."""
        return self.facts.entities * len(self.facts.bands)

    @property
    def model(self) -> FeedModel:
        """What a feed keeps of it."""
        return FeedModel(
            version=self.facts.version,
            alias=self.facts.alias,
            at=self.facts.at,
            scored_at=self.facts.scored_at,
            inputs=self.facts.inputs,
            scores=self.scores,
            meanings=self.meanings,
        )


def write_next(
    files: FeedFiles,
    before: FeedFacts | None,
    sets: Sequence[FeedSet],
    ended: Collection[str],
    *,
    step: float,
    now: datetime,
    memory_gb: float,
    threads: int,
    failpoint: Failpoint = no_failpoint,
) -> FeedFacts:
    """Write the next feed, or the first one. Killed at any time, it leaves the one before.

    Parameters
    ----------
    files : FeedFiles
        Where feeds lie.
    before : FeedFacts or None
        What the feed is about that this one follows; None to begin anew, so that all cursors have
        expired.
    sets : sequence of FeedSet
        New score sets, one for each model. Scores of other models stay as they are.
    ended : collection of str
        Models that score nobody any more.
    step : float
        Change of a probability that is reported within a band, too; above 0.
    now : datetime
        What time it is in the home, UTC.
    memory_gb, threads
        What DuckDB may use.
    failpoint : Failpoint, optional
        For tests.

    Returns
    -------
    FeedFacts
        What the feed is about.
    """
    number = max(files.numbers(), default=0) + 1
    last = 0 if before is None else before.last_report
    sets = sorted(sets, key=lambda one: one.facts.model)
    by_model = {one.facts.model: one.model for one in sets}
    # No model is called "", and SQL has no empty lists.
    touched = {"", *by_model, *ended}
    others = (
        {}
        if before is None
        else {name: model for name, model in before.models.items() if name not in touched}
    )
    with files.writing(number) as (part, spill), _database(memory_gb, threads, spill) as database:
        database.register("nothing", SCHEMA.empty_table())
        rows_before = None if before is None else files.rows(before.number)
        database.execute(f"CREATE VIEW tonight AS {_tonight(sets)}")
        database.execute(f"CREATE VIEW before AS {_before(rows_before, touched)}")
        unchanged = (
            "" if rows_before is None else f"UNION ALL BY NAME {_others(rows_before, touched)}"
        )
        scored = sum(one.scores for one in sets)
        database.execute(
            f"""
            COPY (
                SELECT * FROM ({_next(last, scored, step, now)} {unchanged})
                WHERE excluded_at IS NULL OR excluded_at >= {_time(now - timedelta(days=KEPT_DAYS))}
                ORDER BY report
            ) TO {_text(part)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROWS_IN_GROUP})
            """
        )
        facts = FeedFacts(
            feed=_identity(number, sets) if before is None else before.feed,
            number=number,
            made_at=now.isoformat(),
            last_report=_last(database, part, last),
            models=dict(sorted((others | by_model).items())),
            changes=_counts(database, part, last),
        )
        failpoint("feed: written")
        files.publish(part, facts)
    return facts


@contextmanager
def _database(memory_gb: float, threads: int, spill: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{memory_gb}GB",
        "threads": threads,
        "temp_directory": str(spill),
    }
    with duckdb.connect(config=config) as database:
        database.execute("SET TimeZone = 'UTC'")
        yield database


# A report's number is that of the last feed, plus a row's place among tonight's scores or, of who is
# excluded, among those before. So numbers have gaps, and nothing has to be sorted to give them out.

_ENTITY = "coalesce(subscription_id, customer_id) AS entity"


def _tonight(sets: Sequence[FeedSet]) -> str:
    """Tonight's scores, with their places from 1 on."""
    parts, scores = ["SELECT *, '' AS entity, 0::BIGINT AS place FROM nothing"], 0
    for one in sets:
        parts.append(
            f"""
            SELECT * EXCLUDE (file_row_number), {_ENTITY}, {scores} + file_row_number + 1 AS place
            FROM read_parquet({_text(one.path)}, file_row_number = true)
            """
        )
        scores += one.scores
    return " UNION ALL BY NAME ".join(parts)


def _before(rows: Path | None, touched: Collection[str]) -> str:
    """What was reported before of the models that are touched."""
    if rows is None:
        return f"""
            SELECT *, {_ENTITY}, 0::BIGINT AS place, 0::BIGINT AS report, '' AS change,
                probability AS lowest, probability AS highest, scored_at AS excluded_at
            FROM nothing
        """
    return f"""
        SELECT * EXCLUDE (reasons, file_row_number), {_ENTITY}, file_row_number + 1 AS place
        FROM read_parquet({_text(rows)}, file_row_number = true) WHERE model IN ({_texts(touched)})
    """


def _others(rows: Path, touched: Collection[str]) -> str:
    return f"SELECT * FROM read_parquet({_text(rows)}) WHERE model NOT IN ({_texts(touched)})"


def _next(last: int, scored: int, step: float, now: datetime) -> str:
    """Rows of the next feed of the models that are touched."""
    return f"""
        WITH compared AS (
            SELECT n, b, n.model IS NOT NULL AS is_scored, CASE
                WHEN n.model IS NULL AND b.excluded_at IS NULL THEN 'excluded'
                WHEN n.model IS NULL THEN NULL
                WHEN b.model IS NULL OR b.excluded_at IS NOT NULL THEN 'scored'
                WHEN n.band <> b.band THEN 'band'
                WHEN greatest(n.probability - b.lowest, b.highest - n.probability) >= {step!r}
                    THEN 'step'
                WHEN {_bars("n.marks")} <> {_bars("b.marks")} THEN 'marks'
                WHEN n.customer_id IS DISTINCT FROM b.customer_id THEN 'customer'
            END AS changed
            FROM tonight n FULL JOIN before b
            ON n.model = b.model AND n.entity = b.entity
                AND coalesce(n.horizon_days, 0) = coalesce(b.horizon_days, 0)
        )
        SELECT
            CASE
                WHEN changed IS NULL THEN b.report
                WHEN is_scored THEN {last} + n.place
                ELSE {last + scored} + b.place
            END AS report,
            coalesce(changed, b.change) AS change,
            {_either("subscription_id", "customer_id", "model", "version", "horizon_days")},
            n.probability AS probability, n.band AS band, n.reasons AS reasons,
            {_either("marks", "feature_time", "scored_at")},
            CASE WHEN changed IS NULL THEN least(b.lowest, n.probability) ELSE n.probability END
                AS lowest,
            CASE WHEN changed IS NULL THEN greatest(b.highest, n.probability) ELSE n.probability END
                AS highest,
            CASE WHEN changed = 'excluded' THEN {_time(now)} WHEN NOT is_scored THEN b.excluded_at END
                AS excluded_at
        FROM compared
    """


def _either(*names: str) -> str:
    """Columns as tonight's scores have them, else as they were."""
    return ", ".join(
        f"CASE WHEN is_scored THEN n.{name} ELSE b.{name} END AS {name}" for name in names
    )


def _bars(marks: str) -> str:
    """Which marks bar marketing, in an order of their own."""
    return f"[mark IN {marks} FOR mark IN [{_texts(BARS_MARKETING)}]]"


def _last(database: duckdb.DuckDBPyConnection, rows: Path, last: int) -> int:
    highest = database.sql(f"SELECT max(report) FROM read_parquet({_text(rows)})").fetchone()
    return max(last, (highest and highest[0]) or 0)


def _counts(
    database: duckdb.DuckDBPyConnection, rows: Path, last: int
) -> dict[str, dict[str, int]]:
    """How many scores the feed reports anew, by model and kind of change."""
    counted = database.sql(
        f"""
        SELECT model, change, count(*) FROM read_parquet({_text(rows)})
        WHERE report > {last} GROUP BY ALL ORDER BY ALL
        """
    ).fetchall()
    counts: dict[str, dict[str, int]] = {}
    for model, change, count in counted:
        counts.setdefault(model, {})[change] = count
    return counts


def _identity(number: int, sets: Sequence[FeedSet]) -> str:
    """Eight digits for a first feed, others for one that is made again, or from other scores."""
    made_from = [number, *([one.facts.inputs, one.facts.scored_at] for one in sets)]
    return hashlib.sha256(json.dumps(made_from).encode()).hexdigest()[:8]


def _text(value: object) -> str:
    return "'{}'".format(str(value).replace("'", "''"))


def _texts(values: Collection[str]) -> str:
    return ", ".join(map(_text, sorted(values)))


def _time(time: datetime) -> str:
    return f"TIMESTAMPTZ '{time.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00'"
