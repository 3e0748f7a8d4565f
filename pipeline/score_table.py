"""A new file scored with an old model of a table: read with the column plan of the model's version,
written to a file that the user names.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from features.flat.new_rows import NewRows, read_new_rows
from features.tables.options import TableOptions
from holdfast.clock import Clock
from holdfast.errors import InputError
from holdfast.home import Home
from holdfast.logging import progress
from models.registry import find_champion, load_registered
from models.scorer import Scorer
from pipeline.people_file import check_place, write_people
from reports.quickstart.care_list import REASONS, raising_reasons


@dataclass(frozen=True, kw_only=True)
class TableScores:
    """What was scored.

    Parameters
    ----------
    model, version : str
        The model version.
    out : Path
        The file with the scores.
    rows : NewRows
        What was read.
    bands : dict of str to int
        Rows by risk band of the longest horizon.
    """

    model: str
    version: str
    out: Path
    rows: NewRows
    bands: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """The result as one JSON object."""
        return {
            "model": self.model,
            "version": self.version,
            "out": str(self.out),
            "rows": len(self.rows.ids),
            "bands": self.bands,
            "unread": self.rows.unread,
            "unseen": self.rows.unseen,
            "absent": list(self.rows.absent),
            "ignored": list(self.rows.ignored),
            "notes": list(self.rows.notes),
        }


def score_table(
    where: str | Path,
    home: Home,
    model: str,
    out: Path,
    *,
    clock: Clock,
    options: TableOptions | None = None,
) -> TableScores:
    """Score the rows of a file with the champion of a table's model.

    Parameters
    ----------
    where : str or Path
        The file, folder, pattern or database.
    home : Home
        Holds the registry.
    model : str
        Registered model, such as ``churn_table``.
    out : Path
        File to write, ``.csv`` or ``.parquet``; one that is there is replaced at the end.
    clock : Clock
        When the scores are made.
    options : TableOptions, optional
        Encoding and query of the file.

    Raises
    ------
    InputError
        The file cannot be read, has none of the model's columns, or cannot be written.
    ModelError
        There is no such champion, or it was trained on no table.
    """
    check_place(out)
    registered = load_registered(find_champion(home, model))
    version, named = registered.model, f"model {model} version {registered.number}"
    with progress("Reading the table"):
        rows = read_new_rows(where, version.documents, named, options)
    if rows.encoding.features != version.features:
        raise InputError("--model", "must be a model of a table", model)
    scorer = Scorer(version, threads=0)
    with progress("Scoring"):
        scores = scorer.score_all(rows.matrix)
        reasons = raising_reasons(scorer.explain_told(rows.matrix), rows.encoding, rows.matrix)
    columns: dict[str, Any] = {"id": pa.array(rows.ids, pa.string())}
    for days, of_horizon in zip(version.horizons, scores, strict=True):
        ending = f"_{days}d" if days and len(scores) > 1 else ""
        columns[f"probability{ending}"] = of_horizon.probability
        columns[f"band{ending}"] = of_horizon.band.tolist()
    for place in range(REASONS):
        texts = [of[place] if place < len(of) else None for of in reasons]
        columns[f"reason_{place + 1}"] = pa.array(texts, pa.string())
    table = pa.table(
        {
            **columns,
            "model": pa.repeat(model, len(rows.ids)),
            "version": pa.repeat(registered.number, len(rows.ids)),
            "scored_at": pa.repeat(pa.scalar(clock(), pa.timestamp("us", "UTC")), len(rows.ids)),
        }
    )
    reasons_columns = [name for name in columns if name.startswith("reason_")]
    write_people(table, out, ("id", *reasons_columns))
    names, counts = np.unique(scores[-1].band, return_counts=True)
    return TableScores(
        model=model,
        version=registered.number,
        out=out,
        rows=rows,
        bands=dict(zip(names.tolist(), counts.tolist(), strict=True)),
    )
