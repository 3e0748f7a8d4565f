"""AUC on public tables whose cells are written otherwise: 1 % of the numbers as a word for missing, all
numbers as in a locale, dates in another style.

Run: ``python -m benchmarks.tables.rewritten [--json]``. Reads MLC++ and IBM telco from
``HOLDFAST_REAL_DATA`` or ``../shared/data``. Neither has dates: the length of the contract becomes the day
on which it began. Every table is read and encoded as ``quickstart`` does, with its parameters, on the same
three folds. The exit code is 1 where an AUC differs from that of the clean table by more than 0.01,
or a column is a question that its cells could have answered.
"""

import csv
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

from benchmarks.report import show
from features.flat.customers import Roles, read_customer_table
from features.tables.plan import OpenQuestions
from tests.builders.rewritten_tables import DATES, DATES_IN_DOUBT, LOCALES, MARKS, CleanTable
from training.evaluation.folds import cross_validation
from training.fitting.fit import TrainingTable
from training.flat.crossval import cross_validate
from training.flat.evaluation import evaluate
from training.settings import TrainingSettings

ALLOWED = 0.01
SETTINGS = TrainingSettings(folds=3, repeats=1, inner_folds=3)
SEED = 20260101
_TODAY = date(2026, 1, 1)


def main() -> None:
    """Write every table in every way, read it, and print the figures."""
    folder = Path(os.environ.get("HOLDFAST_REAL_DATA", "../shared/data"))
    ibm, mlc = folder / "ibm_telco/telco_customer_churn.csv", folder / "mlc_churn/mlc_churn.csv"
    started = time.process_time()
    rows: list[dict[str, object]] = []
    rows += _figures("MLC++", _dated(mlc, "account_length", 1), Roles(target="churn"))
    rows += _figures("IBM telco", _dated(ibm, "tenure", 30), Roles(target="Churn", id="customerID"))
    seconds = time.process_time() - started
    show(f"AUC of tables written otherwise, {SETTINGS.folds} folds; {seconds:.0f} s of CPU", rows)
    if any(row["within 0.01"] == "no" for row in rows):
        raise SystemExit(1)


def _dated(path: Path, length: str, days: int) -> CleanTable:
    """The table with the length of a contract, in units of so many days, as the day it began."""
    with path.open(encoding="utf-8", newline="") as stream:
        header, *rows = csv.reader(stream)
    place = header.index(length)
    for row in rows:
        row[place] = (_TODAY - timedelta(days * int(row[place]))).isoformat()
    header[place] = "since"
    numbers = [
        name
        for k, name in enumerate(header)
        if all(row[k].strip().replace(".", "", 1).isdigit() or not row[k].strip() for row in rows)
    ]
    return CleanTable(header, rows, tuple(numbers), ("since",))


def _figures(name: str, clean: CleanTable, roles: Roles) -> Iterator[dict[str, object]]:
    auc = _Auc(roles)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "table.csv"
        reference = auc.of(path, clean.write)
        yield {"table": name, "written": "clean", "AUC": f"{reference:.4f}", "within 0.01": ""}
        for written, write in _ways(clean):
            try:
                figure = auc.of(path, write)
            except OpenQuestions as question:
                within = "asked" if written in DATES_IN_DOUBT else "no"
                yield {
                    "table": name,
                    "written": written,
                    "AUC": str(question),
                    "within 0.01": within,
                }
                continue
            within = "yes" if abs(figure - reference) <= ALLOWED else "no"
            yield {
                "table": name,
                "written": written,
                "AUC": f"{figure:.4f}",
                "within 0.01": within,
            }


def _ways(clean: CleanTable) -> Iterator[tuple[str, Callable[[Path], None]]]:
    for mark in MARKS:
        yield f"1 % {mark}", partial(clean.write_marked, mark=mark, seed=SEED)
    for locale in LOCALES:
        yield locale, partial(clean.write_in_locale, locale=locale)
    for style in DATES:
        yield style, partial(clean.write_dated, style=style)


class _Auc:
    """Cross-validated AUC of files in the same roles; equal numbers are evaluated once."""

    def __init__(self, roles: Roles) -> None:
        self._roles = roles
        self._known: dict[bytes, float] = {}

    def of(self, path: Path, write: Callable[[Path], None]) -> float:
        write(path)
        customers = read_customer_table(path, self._roles, datetime(2026, 1, 1, tzinfo=UTC))
        encoding = customers.encoding(None)
        kinds = [column.kind for column in encoding.columns]
        table = TrainingTable(
            matrix=encoding.encode(customers.table)[customers.known],
            label=customers.label[customers.known],
            group=None,
            features=encoding.features,
            categorical=tuple(k for k, kind in enumerate(kinds) if kind == "category"),
        )
        key = table.matrix.tobytes() + repr(kinds).encode()
        if key not in self._known:
            splits = cross_validation(table.label, None, SETTINGS)
            found = cross_validate(table, splits, SETTINGS)
            self._known[key] = evaluate(table.label, found).auc
        return self._known[key]


if __name__ == "__main__":
    main()
