"""The labelled rows of any target."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from features.operator.newest import NewestReader
from features.operator.repository import OperatorRepository
from holdfast.cores import core_count
from holdfast.home import Home
from models.dissatisfaction import SurveyTarget
from models.target import Target
from training.labelling.dataset import (
    Dataset,
    churn_dataset,
    non_payment_dataset,
)
from training.labelling.history import RawHistory
from training.labelling.inactivity import use_table
from training.labelling.labels import inactivity_sensitivity
from training.operator.population import LABELS, Populations
from training.operator.refit import NewestSnapshot
from training.release.facts import SURVEY
from training.settings import LabelSettings, TrainingConfig
from training.surveys.dataset import SurveyDataset, survey_dataset

SENSITIVITY = "inactivity.json"
"""Name of the document with the share of losses by inactivity for other numbers of days."""

SNAPSHOT_ENTITIES = 50_000
"""Entities of the newest snapshot that are read, at most."""

SNAPSHOT_MEMORY_GB = 4.0
"""Memory that reading them may take before it spills to disk."""


@dataclass(frozen=True)
class TargetDataset:
    """The labelled rows of a target.

    Parameters
    ----------
    dataset : Dataset
        The rows.
    documents : dict of str to JSON
        Documents about them to store with the model, by file name.
    survey : SurveyDataset or None
        The surveys behind them, if any.
    """

    dataset: Dataset
    documents: dict[str, Any]
    survey: SurveyDataset | None = None


def target_dataset(
    home: Home,
    target: Target,
    config: TrainingConfig,
    *,
    until: datetime,
    test_from: datetime | None = None,
) -> TargetDataset:
    """Labelled rows of a target, and documents about them.

    Parameters
    ----------
    home : Home
        Holds raw tables and features.
    target : Target
        One of `models.targets.TARGETS`.
    config : TrainingConfig
        Its `labels`, and for surveys what `training.surveys.dataset.survey_dataset` takes of it.
    until : datetime
        Leave out rows that arrived later: usually the time now.
    test_from : datetime, optional
        Start of the test period. One outside the cut-offs is refused before features are read; the
        response model of surveys is fitted on what was known before it.

    Raises
    ------
    InputError
        As of the target's own dataset.
    """
    labels = {LABELS: config.labels.model_dump()}
    if isinstance(target, SurveyTarget):
        asked = survey_dataset(home, target, config, until=until, test_from=test_from)
        return TargetDataset(asked.dataset, labels | {SURVEY: asked.facts.to_json()}, asked)
    if target.name == "non_payment":
        dataset = non_payment_dataset(home, config.labels, until=until, test_from=test_from)
        return TargetDataset(dataset, labels)
    dataset = churn_dataset(home, config.labels, until=until, test_from=test_from)
    history = RawHistory(home.raw, until)
    inactive_periods = inactivity_sensitivity(history) if use_table(history) else ()
    sensitivity = [asdict(share) for share in inactive_periods]
    return TargetDataset(dataset, labels | {SENSITIVITY: sensitivity})


def newest_snapshot(home: Home, target: Target, settings: LabelSettings) -> NewestSnapshot | None:
    """Features of those whom a model would speak of in the newest snapshot, which is scored next: of its
    entities, evenly thinned out to `SNAPSHOT_ENTITIES`. None where there is nobody, and for contacts,
    which have no snapshots.

    Parameters
    ----------
    home : Home
        Holds raw tables and features.
    target : Target
        One of `models.targets.TARGETS`.
    settings : LabelSettings
        Who is at risk.

    Raises
    ------
    InputError
        A view of the service was never built.
    """
    if target.entity == "contact":
        return None
    repository = OperatorRepository(home)
    reader = NewestReader(
        repository, target.service, memory_gb=SNAPSHOT_MEMORY_GB, threads=core_count()
    )
    with reader:
        ids, at = reader.main.ids(), reader.main.times()[1]
        some = ids[:: -(-len(ids) // SNAPSHOT_ENTITIES) or 1]
        population = Populations(RawHistory(home.raw, at), at, repository.zone)
        asked = population.of(target, some, settings).rows[reader.main.join_key].to_list()
        if not asked:
            return None
        matrix, _ = reader.read(asked)
        return NewestSnapshot(at, matrix)
