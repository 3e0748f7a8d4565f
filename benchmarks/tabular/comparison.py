"""Comparison: every contender on every split of every table. Predictions are kept until something
that they depend on changes.
"""

import hashlib
import importlib.util
import json
import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from benchmarks.tabular.cases import Case
from benchmarks.tabular.contenders import Contender
from holdfast.arrays import Floats
from holdfast.cores import core_count
from holdfast.logging import progress
from training.evaluation.folds import Split, cross_validation
from training.evaluation.metrics import figures
from training.fitting.fit import TrainingTable
from training.settings import TrainingSettings


@dataclass(frozen=True)
class ContenderResult:
    """The result of a contender on a table.

    Parameters
    ----------
    figures : dict of str to (s,) float64
        Figures of `training.evaluation.metrics`, one per split, and ``empc_gained``: the profit
        beyond contacting everybody or nobody, as a share of that of a perfect ranking.
    leaves : float or None
        Mean number of leaves, which decides how long an explanation takes.
    """

    figures: dict[str, Floats]
    leaves: float | None


def compare(
    cases: Sequence[Case], contenders: Sequence[Contender], kept: Path
) -> dict[str, dict[str, ContenderResult]]:
    """Evaluate all contenders on the same folds.

    Parameters
    ----------
    cases : sequence of Case
        Tables.
    contenders : sequence of Contender
        What is compared.
    kept : Path
        Directory for the predictions; an interrupted run continues from them.

    Returns
    -------
    dict of str to dict of str to ContenderResult
        By table, then by contender.
    """
    kept.mkdir(parents=True, exist_ok=True)
    settings = TrainingSettings.read()
    splits = {case.name: cross_validation(_table(case).label, None, settings) for case in cases}
    # Splits in the outer loop: an interrupted run has some results of every table.
    most = max(map(len, splits.values()))
    jobs = [
        (case, number, contender)
        for number in range(most)
        for case in cases
        if number < len(splits[case.name])
        for contender in contenders
    ]
    with (
        progress("Comparing", len(jobs)) as advance,
        ProcessPoolExecutor(core_count(), mp_context=multiprocessing.get_context("spawn")) as pool,
    ):
        futures = [
            pool.submit(_run, case, number, contender, settings, kept)
            for case, number, contender in jobs
        ]
        for future in futures:
            future.result()
            advance(1)
    return {
        case.name: {
            contender.name: _evaluate(case, contender, splits[case.name], settings, kept)
            for contender in contenders
        }
        for case in cases
    }


def _run(
    case: Case, number: int, contender: Contender, settings: TrainingSettings, kept: Path
) -> None:
    table = _table(case)
    split = cross_validation(table.label, None, settings)[number]
    path = kept / _file_name(case, split, number, contender, settings)
    if path.exists():
        return
    predicted = contender.predict(table.rows(split.train), table.matrix[split.test], settings)
    document = {"leaves": predicted.leaves, "probability": predicted.probability.tolist()}
    unfinished = path.with_suffix(f".{os.getpid()}")
    unfinished.write_text(json.dumps(document))
    unfinished.replace(path)


def _evaluate(
    case: Case,
    contender: Contender,
    splits: Sequence[Split],
    settings: TrainingSettings,
    kept: Path,
) -> ContenderResult:
    label = _table(case).label
    names = [
        _file_name(case, split, number, contender, settings) for number, split in enumerate(splits)
    ]
    documents = [json.loads((kept / name).read_text()) for name in names]
    by_split = [
        _split_figures(label[split.test], np.array(document["probability"]))
        for split, document in zip(splits, documents, strict=True)
    ]
    leaves = [document["leaves"] for document in documents if document["leaves"] is not None]
    return ContenderResult(
        figures={name: np.array([split[name] for split in by_split]) for name in by_split[0]},
        leaves=float(np.mean(leaves)) if leaves else None,
    )


def _split_figures(label: Floats, probability: Floats) -> dict[str, float]:
    measured = figures(label, probability)
    blind = figures(label, np.full(len(label), label.mean()))["empc"]
    perfect = figures(label, label)["empc"]
    return {**measured, "empc_gained": (measured["empc"] - blind) / (perfect - blind)}


@lru_cache
def _table(case: Case) -> TrainingTable:
    return case.read()


def _file_name(
    case: Case, split: Split, number: int, contender: Contender, settings: TrainingSettings
) -> str:
    table = _table(case)
    digest = hashlib.sha256(
        json.dumps([settings.model_dump(), table.features, table.categorical]).encode()
    )
    for values in (table.matrix, table.label, split.train, split.test):
        digest.update(np.ascontiguousarray(values).data)
    for module in contender.modules:
        digest.update(_source(module))
    plain = "".join(
        letter if letter.isalnum() else "_" for letter in f"{case.name} {contender.name}".lower()
    )
    return f"{plain}_{number}_{digest.hexdigest()[:16]}.json"


@lru_cache
def _source(module: str) -> bytes:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(module)
    return Path(spec.origin).read_bytes()
