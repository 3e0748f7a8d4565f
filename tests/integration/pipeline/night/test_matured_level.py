"""Labels that are complete since a version was trained move its level on, and its boosters stay."""

import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from features.operator.repository import OperatorRepository
from holdfast.documents import to_document
from holdfast.home import Home
from models.churn import CHURN
from models.level.beside import current_level
from models.level.revision import LEVEL, HorizonLevel
from models.registry import find_champion, list_versions
from models.scorer import Scorer
from pipeline.night.level import level_at
from tests.builders.clocks import NOW, clock_at
from tests.builders.night import make_operator_version, register_champion
from training.fitting.horizon_models import OutOfFold
from training.labelling.dataset import churn_dataset
from training.labelling.history import utc
from training.operator.level import first_revision
from training.settings import LabelSettings

LABELS = LabelSettings(cutoff_every_weeks=8)


@pytest.fixture
def home(simulated_operator: Path, tmp_path: Path) -> Home:
    home = Home(Path(shutil.copytree(simulated_operator / "home", tmp_path / "home")))
    # Weights for care by a rule are learnt from all rows read: those of fewer cut-offs differ a little.
    shutil.rmtree(home.raw / "care_contacts")
    return home


def until_before(newest: str, level: HorizonLevel) -> HorizonLevel:
    """The level when a cut-off, and those after it, were not read yet."""
    shifts = tuple(one for one in level.shifts if one.cutoff < newest)
    return replace(level, shifts=shifts, read_until=shifts[-1].cutoff)


def test_cutoffs_whose_labels_are_complete_by_now_are_added(home: Home) -> None:
    dataset = churn_dataset(home, LABELS, until=NOW)
    bare = make_operator_version(home, CHURN)
    known = {days: np.flatnonzero(~np.isnan(dataset.labels[days])) for days in CHURN.horizons_days}
    assert len(known[30]) > len(known[90])
    scores = Scorer(bare, threads=1).score_all(dataset.matrix)
    of_all = {
        days: OutOfFold(rows, one.probability[rows], dataset.weight_of(days)[rows])
        for (days, rows), one in zip(known.items(), scores, strict=True)
    }
    times = np.unique(dataset.cutoffs[dataset.complete])
    level = first_revision(dataset, CHURN, of_all, utc(times[-1]))
    assert level is not None
    newest = level.of(90).shifts[-1].cutoff
    assert level.of(30).shifts[-1].cutoff > newest
    before = {days: until_before(newest, one) for days, one in level.horizons.items()}
    assert all(one.shifts for one in before.values())
    earlier = replace(level, horizons=before)
    register_champion(home, replace(bare, documents=bare.documents | {LEVEL: to_document(earlier)}))
    (entry,) = list_versions(home, "churn")
    repository, address = OperatorRepository(home), find_champion(home, "churn")

    lag = np.timedelta64(level.of(90).lag_days, "D")
    too_early = utc(times[-1] + lag - np.timedelta64(1, "h"))
    at = max(
        datetime.fromisoformat(one.shifts[-1].cutoff) + timedelta(days=one.lag_days)
        for one in level.horizons.values()
    )
    first = level_at(home, entry, repository, too_early, LABELS, clock_at())
    assert first is not None
    assert first.of(90).shifts == earlier.of(90).shifts
    found = level_at(home, entry, repository, at, LABELS, clock_at())
    assert found is not None
    assert {days: one.shifts for days, one in found.horizons.items()} == {
        days: one.shifts for days, one in level.horizons.items()
    }
    assert found == current_level(home, "churn", address, {})
    assert {days: one.read_until for days, one in found.horizons.items()} == {
        days: one.read_until for days, one in level.horizons.items()
    }
    assert level_at(home, entry, repository, at, LABELS, clock_at()) == found


def test_a_cutoff_that_was_learnt_from_gives_no_shift_later(home: Home) -> None:
    """Not even where too little was predicted there for a shift, so that later shifts are missing."""
    dataset = churn_dataset(home, LABELS, until=NOW)
    bare = make_operator_version(home, CHURN)
    rows = np.flatnonzero(dataset.complete)
    scores = Scorer(bare, threads=1).score_all(dataset.matrix[rows])
    of_all = {
        days: OutOfFold(rows, one.probability, dataset.weight_of(days)[rows])
        for days, one in zip(CHURN.horizons_days, scores, strict=True)
    }
    at = NOW - timedelta(days=1)
    level = first_revision(dataset, CHURN, of_all, at)
    assert level is not None
    learnt = dataset.cutoffs[rows].max()
    assert {one.read_until for one in level.horizons.values()} == {utc(learnt).isoformat()}
    silent = {
        days: replace(
            one, shifts=tuple(of for of in one.shifts if of.cutoff < one.shifts[-1].cutoff)
        )
        for days, one in level.horizons.items()
    }
    stored = replace(level, horizons=silent)
    register_champion(home, replace(bare, documents=bare.documents | {LEVEL: to_document(stored)}))
    (entry,) = list_versions(home, "churn")
    found = level_at(home, entry, OperatorRepository(home), at, LABELS, clock_at())
    assert found is not None
    assert found.of(90).shifts == stored.of(90).shifts
    newer = [one.cutoff for one in found.of(30).shifts[len(stored.of(30).shifts) :]]
    assert all(cutoff > utc(learnt).isoformat() for cutoff in newer)
    # What was read, and gave no shift, is not read again either.
    assert level_at(home, entry, OperatorRepository(home), at, LABELS, clock_at()) == found
