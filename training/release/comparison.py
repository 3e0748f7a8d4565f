"""Comparison of two model versions, with paired differences on the rows of both test periods."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow.parquet as pq

from holdfast.documents import read_document
from holdfast.errors import InputError, ModelError
from holdfast.home import Home
from models.registry import RegistryEntry, find_version, read_documents
from training.evaluation.assessment import ASSESSMENT, Assessment, Estimate
from training.evaluation.metrics import METRICS
from training.evaluation.predictions import TEST_PREDICTIONS, TestPredictions, compare_predictions
from training.settings import AssessmentSettings


@dataclass(frozen=True, kw_only=True)
class ComparedFigure:
    """A figure of two versions and their difference; None where it is not known."""

    horizon: str
    metric: str
    one: Estimate | None
    other: Estimate | None
    difference: Estimate | None


@dataclass(frozen=True, kw_only=True)
class VersionComparison:
    """Comparison of two versions.

    Parameters
    ----------
    name, one, other : str
        The model and the two numbers.
    rows : dict of str to int
        By horizon, rows of both test periods that the differences (first minus second) come from;
        empty where there are none.
    figures : tuple of ComparedFigure
        By horizon and metric. Where there are shared rows, both figures are those of these rows; their
        intervals are as stored with a version where these are all rows that it was evaluated on.
    note : str
        Why there are no differences; empty where there are.
    """

    name: str
    one: str
    other: str
    rows: dict[str, int]
    figures: tuple[ComparedFigure, ...]
    note: str

    def to_json(self) -> dict[str, Any]:
        """The result as one JSON object."""
        return asdict(self)


def compare_models(
    home: Home, name: str, one: str, other: str, settings: AssessmentSettings, seed: int
) -> VersionComparison:
    """Compare two versions, with paired differences on the rows of both test periods.

    Parameters
    ----------
    home : Home
        Where they are registered.
    name : str
        Registered model.
    one, other : str
        Numbers or aliases.
    settings : AssessmentSettings
        How the shared rows are evaluated.
    seed : int
        Of the draws.

    Raises
    ------
    ModelError
        There is no such version, it is damaged, or it was not evaluated on a test period.
    """
    entries = [find_version(home, name, which) for which in (one, other)]
    first, second = (_assessments(home, entry) for entry in entries)
    tested = [_test_predictions(home, entry) for entry in entries]
    shared: dict[str, Assessment] = {}
    note = "the test predictions of a version were not kept"
    if tested[0] is not None and tested[1] is not None:
        shared = compare_predictions(tested[0], tested[1], settings, seed)
        note = (
            ""
            if shared
            else "too few rows are in both test periods, so each figure is of other rows"
        )
    return VersionComparison(
        name=name,
        one=entries[0].number,
        other=entries[1].number,
        rows={horizon: assessment.rows for horizon, assessment in shared.items()},
        figures=tuple(_compared(first, second, shared)),
        note=note,
    )


def _assessments(home: Home, entry: RegistryEntry) -> dict[str, Assessment]:
    document = read_documents(entry.address(home)).get(ASSESSMENT)
    what = f"model {entry.name} version {entry.number}"
    if not isinstance(document, dict):
        raise ModelError(what, f"holds no {ASSESSMENT}: it was not evaluated on a test period")
    try:
        return read_document(dict[str, Assessment], document, ASSESSMENT)
    except InputError as error:
        raise ModelError(what, f"holds an unreadable {ASSESSMENT}: {error}") from error


def _test_predictions(home: Home, entry: RegistryEntry) -> TestPredictions | None:
    path = entry.address(home).directory.parent / TEST_PREDICTIONS
    if not path.is_file():
        return None
    try:
        return TestPredictions.from_table(pq.read_table(path))
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(str(path), f"cannot be read: {type(error).__name__}") from error


def _compared(
    first: Mapping[str, Assessment],
    second: Mapping[str, Assessment],
    shared: Mapping[str, Assessment],
) -> Iterator[ComparedFigure]:
    for horizon in dict.fromkeys([*first, *second]):
        on_shared = shared.get(horizon)
        other = on_shared.baselines["other"] if on_shared else None
        one_figures, other_figures = _metrics(first, horizon), _metrics(second, horizon)
        if on_shared and other:
            one_figures = _on_shared(on_shared.metrics, on_shared.rows, first[horizon])
            other_figures = _on_shared(other.metrics, on_shared.rows, second[horizon])
        for metric in METRICS:
            yield ComparedFigure(
                horizon=horizon,
                metric=metric,
                one=one_figures.get(metric),
                other=other_figures.get(metric),
                difference=other.difference.get(metric) if other else None,
            )


def _metrics(assessments: Mapping[str, Assessment], horizon: str) -> Mapping[str, Estimate]:
    return assessments[horizon].metrics if horizon in assessments else {}


def _on_shared(
    shared: Mapping[str, Estimate], rows: int, stored: Assessment
) -> Mapping[str, Estimate]:
    """Figures on the shared rows; where these are all rows that the version was evaluated on, with the
    intervals that were stored then. Another resampling of the same customers has slightly other
    intervals, and the reports and the model card show those.
    """
    if rows != stored.rows or any(
        name not in stored.metrics
        or not math.isclose(stored.metrics[name].value, figure.value, rel_tol=1e-6)
        for name, figure in shared.items()
    ):
        return shared
    return {name: stored.metrics[name] for name in shared}
