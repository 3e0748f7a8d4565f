"""What becomes of tables as people really have them: before holdfast read them by their own evidence,
now, and the right answer.

Run: ``python -m benchmarks.tables.cases [--json] [NAME...]``: all tables of ``tests/fixtures/tables``, or
those whose names begin so. The column *before* was measured once, at the commit that ``before.json`` names,
with the same roles of the columns. The exit code is 1 where a table is not read as is right.
"""

import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.report import show
from tests.builders.measured_tables import (
    MeasuredExperiment,
    MeasuredTable,
    experiment_differences,
    measure_experiment,
    measure_table,
    table_differences,
)
from tests.builders.table_answers import ANSWERS, EXPERIMENTS, Answer, ExperimentAnswer

BEFORE = Path(__file__).with_name("before.json")


def main() -> None:
    """Measure and print; exit with 1 where a table is not read as is right."""
    document = json.loads(BEFORE.read_text(encoding="utf-8"))
    wanted = tuple(name for name in sys.argv[1:] if not name.startswith("-"))
    rows = [
        _table_row(name, answer, document["cases"][name])
        for name, answer in ANSWERS.items()
        if name.startswith(wanted or "")
    ]
    rows += [
        _experiment_row(name, answer, document["cases"][name])
        for name, answer in EXPERIMENTS.items()
        if name.startswith(wanted or "")
    ]
    right_before = sum(row.pop("right before") for row in rows)
    right = sum(row["agrees"] == "yes" for row in rows)
    show(
        f"{len(rows)} tables: {right_before} as is right at {document['commit']}, {right} now", rows
    )
    if right < len(rows):
        raise SystemExit(1)


def _table_row(name: str, answer: Answer | str, before: Mapping[str, Any]) -> dict[str, Any]:
    was, now = MeasuredTable(**before), measure_table(name, answer)
    differences = table_differences(answer, now)
    return {
        "table": name,
        "before": _table_words(was),
        "now": _table_words(now),
        "said": "; ".join(now.said),
        "right answer": f"refused: {answer}" if isinstance(answer, str) else _answer_words(answer),
        "agrees": "; ".join(differences) or "yes",
        "right before": not table_differences(answer, was),
    }


def _experiment_row(
    name: str, answer: ExperimentAnswer, before: Mapping[str, Any]
) -> dict[str, Any]:
    was = MeasuredExperiment(**before)
    with tempfile.TemporaryDirectory() as directory:
        now = measure_experiment(name, answer, Path(directory))
    differences = experiment_differences(answer, now)
    right = f"asked: {answer.refused}" if answer.refused else _experiment_answer_words(answer)
    return {
        "table": name,
        "before": _experiment_words(was),
        "now": _experiment_words(now),
        "said": "; ".join(now.said),
        "right answer": right,
        "agrees": "; ".join(differences) or "yes",
        "right before": not experiment_differences(answer, was),
    }


def _table_words(measured: MeasuredTable) -> str:
    if measured.refused:
        return f"refused: {measured.refused}"
    kinds = []
    for column, kind in measured.kinds.items():
        many = measured.categories.get(column, 0)
        share, marks = measured.missing[column], measured.marks.get(column, ())
        kinds.append(
            f"{column} {kind}"
            + (f" of {many}" if many else "")
            + (f", {share:.1%} missing" if share else "")
            + (f" ({' '.join(marks)})" if marks else "")
        )
    words = [*kinds, f"{measured.labelled} labelled, {measured.positive} left"]
    words += [f"{name} flagged: {figure:.3f}" for name, figure in measured.missingness.items()]
    words += [] if measured.auc is None else [f"AUC {measured.auc:.3f}"]
    return "; ".join(words)


def _answer_words(answer: Answer) -> str:
    words = [
        f"{column} {kind}"
        + (f", {answer.missing[column]:.1%} missing" if column in answer.missing else "")
        + (f" ({' '.join(answer.marks[column])})" if column in answer.marks else "")
        for column, kind in answer.kinds.items()
    ]
    words += [] if answer.labelled is None else [f"{answer.labelled} labelled"]
    words += [] if answer.positive is None else [f"{answer.positive} left"]
    words += [f"{name} flagged: {figure:.3f}" for name, figure in answer.missingness.items()]
    words += [] if answer.auc is None else [f"AUC at least {answer.auc}"]
    return "; ".join(words)


def _experiment_words(measured: MeasuredExperiment) -> str:
    if measured.refused:
        return f"refused: {measured.refused}"
    arms = ", ".join(f"{arm} {rows}" for arm, rows in measured.arms.items())
    left_out = [f"left out: {count} {reason}" for reason, count in measured.left_out.items()]
    plain = "not shown" if measured.unadjusted is None else f"{measured.unadjusted:+.2f}"
    effect = f"{measured.average:+.2f} ({measured.low:+.2f} to {measured.high:+.2f})"
    return "; ".join([arms, *left_out, f"effect {effect}, unadjusted {plain}", measured.verdict])


def _experiment_answer_words(answer: ExperimentAnswer) -> str:
    arms = ", ".join(f"{arm} {rows}" for arm, rows in answer.arms.items())
    left_out = [f"left out: {count} {reason}" for reason, count in answer.left_out.items()]
    return "; ".join([arms, *left_out, f"unadjusted {answer.difference:+.2f}", answer.verdict])


if __name__ == "__main__":
    main()
