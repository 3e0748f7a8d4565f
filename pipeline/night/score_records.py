"""Stored scores as packed records beside the features, so that whoever reads a customer's features
finds the scores made from them.

The view ``scores_MODEL`` holds numbers: the version's number, the positions of marks in `MARKS` as
bits, the value, and the probability within each horizon. ``reasons_MODEL`` holds the reasons of
each horizon as JSON, of entities that have any. A record's time is when the features were true. The document
``scores/MODEL`` holds the facts of the set that was written last; a record counts only while its
version is that of the model in use and its time that of the features.
"""

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.packed.store import PackedStore
from holdfast.arrays import Floats, Times
from models.score_set import (
    ScoreFacts,
    facts_document,
    mark_bits,
    reasons_view,
    records_view,
)
from models.targets import TARGETS

_ENTITIES_AT_ONCE = 50_000


def record_columns(facts: ScoreFacts) -> tuple[str, ...]:
    """Columns of `records_view`, in order."""
    return ("version", "marks", "value", *(f"probability_{days}" for days in facts.bands))


def are_recorded(store: PackedStore, facts: ScoreFacts) -> bool:
    """Whether a score set was written to the packed store last."""
    return store.get_document(facts_document(facts.model)) == facts.to_json()


def write_score_records(store: PackedStore, path: Path, facts: ScoreFacts) -> None:
    """Write the rows of a score set as records, each unless one of newer features is there.

    Killed at any time, it is completed by writing again.

    Parameters
    ----------
    store : PackedStore
        The store beside the features.
    path : Path
        The score set.
    facts : ScoreFacts
        What it is about.
    """
    key = f"{TARGETS[facts.model].entity}_id".replace("contact_id", "interaction_id")
    horizons = list(facts.bands)
    file = pq.ParquetFile(path)
    for batch in file.iter_batches(_ENTITIES_AT_ONCE * len(horizons)):
        rows = pa.Table.from_batches([batch])
        first = np.arange(0, len(rows), len(horizons))
        ids = rows[key].take(first).to_pylist()
        times = rows["feature_time"].take(first).cast(pa.timestamp("us")).to_numpy()
        store.write(
            records_view(facts.model),
            record_columns(facts),
            ids,
            times,
            _numbers(rows, first, facts),
        )
        _write_reasons(store, rows, ids, times, facts)
    store.put_document(facts_document(facts.model), facts.to_json())


def _write_reasons(
    store: PackedStore, rows: pa.Table, ids: list[str], times: Times, facts: ScoreFacts
) -> None:
    horizons = len(facts.bands)
    is_explained = rows["reasons"].is_valid().to_numpy().reshape(len(ids), horizons)
    chosen = np.flatnonzero(is_explained.any(axis=1))
    places = (chosen[:, None] * horizons + np.arange(horizons)).ravel()
    explained = rows.select(["reasons"]).take(places)
    with duckdb.connect() as connection:
        texts = (
            connection.from_arrow(explained)
            .project("CASE WHEN reasons IS NOT NULL THEN to_json(reasons)::VARCHAR END AS text")
            .to_arrow_table()["text"]
            .to_pylist()
        )
    store.write_texts(
        reasons_view(facts.model),
        [f"reasons_{days}" for days in facts.bands],
        [ids[entity] for entity in chosen.tolist()],
        times[chosen],
        [texts[start : start + horizons] for start in range(0, len(texts), horizons)],
    )


def _numbers(
    rows: pa.Table, first: "np.ndarray[Any, np.dtype[np.intp]]", facts: ScoreFacts
) -> Floats:
    probability = rows["probability"].to_numpy().reshape(len(first), len(facts.bands))
    marks = [float(mark_bits(of)) for of in rows["marks"].take(first).to_pylist()]
    # The value of the longest horizon, which is the last of each entity.
    value = rows["value"].to_numpy()[first + len(facts.bands) - 1]
    return np.column_stack([np.full(len(first), float(facts.version)), marks, value, probability])
