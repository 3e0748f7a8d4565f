"""A new file scored with an old model of a table: read with the column plan of the model's version,
written to a file that the user names.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from features.flat.new_rows import NewRows, read_new_rows
from features.tables.options import TableOptions
from holdfast.clock import Clock
from holdfast.errors import InputError
from holdfast.files import escape_formula
from holdfast.home import Home
from holdfast.logging import progress
from models.registry import find_champion, load_registered
from models.scorer import Scorer
from reports.quickstart.care_list import REASONS, raising_reasons

ENDINGS = (".csv", ".parquet")


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
    if out.suffix not in ENDINGS:
        raise InputError("--out", f"must end in {' or '.join(ENDINGS)}", str(out))
    if not out.absolute().parent.is_dir():
        raise InputError("--out", "must be in a folder that exists", str(out))
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
    _write(table, out)
    names, counts = np.unique(scores[-1].band, return_counts=True)
    return TableScores(
        model=model,
        version=registered.number,
        out=out,
        rows=rows,
        bands=dict(zip(names.tolist(), counts.tolist(), strict=True)),
    )


def _write(table: pa.Table, out: Path) -> None:
    beside = out.with_name(f".{out.name}.part")
    try:
        if out.suffix == ".csv":
            # A spreadsheet would run what looks like a formula.
            for position, name in enumerate(table.column_names):
                if name == "id" or name.startswith("reason_"):
                    cells = [
                        None if cell is None else escape_formula(cell)
                        for cell in table[name].to_pylist()
                    ]
                    table = table.set_column(position, name, pa.array(cells, pa.string()))
            pa_csv.write_csv(table, beside)
        else:
            pq.write_table(table, beside)
        beside.replace(out)
    except OSError as error:
        raise InputError("--out", f"cannot be written: {error.strerror}", str(out)) from None
    finally:
        beside.unlink(missing_ok=True)
