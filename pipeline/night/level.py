"""The level of risk of a version at a snapshot: revised with the snapshot, and with what cut-offs say
whose labels are complete by now. Boosters and calibrations stay as they are.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np

from features.operator.repository import OperatorRepository
from holdfast.clock import Clock
from holdfast.errors import InputError
from holdfast.home import Home
from holdfast.logging import progress
from models.level.beside import current_level, write_level
from models.level.revision import HorizonLevel, LevelRevision, Shift
from models.registry import RegistryEntry, load_registered, read_documents
from models.scorer import Scorer
from models.target import Target
from models.targets import TARGETS
from models.version import ModelVersion
from training.labelling.cutoffs import in_steps
from training.labelling.dataset import Dataset, churn_dataset, non_payment_dataset
from training.labelling.history import utc
from training.level.revise import revised
from training.operator.level import dataset_shifts
from training.operator.population import label_settings_of
from training.settings import LabelSettings

_log = logging.getLogger(__name__)


def level_at(
    home: Home,
    entry: RegistryEntry,
    repository: OperatorRepository,
    at: datetime,
    labels: LabelSettings,
    clock: Clock,
) -> LevelRevision | None:
    """The level of a version at a snapshot, which is put beside the version.

    Parameters
    ----------
    home : Home
        Holds raw tables, features and the version.
    entry : RegistryEntry
        The version.
    repository : OperatorRepository
        Of the home.
    at : datetime
        Time of the snapshot, with a time zone.
    labels : LabelSettings
        Who is at risk, for versions that did not keep what their training went by.
    clock : Clock
        Rows that arrived later are not known yet.

    Returns
    -------
    LevelRevision or None
        None where no level is known: of what is not predicted of lines, and of versions that were
        made before there were levels.

    Raises
    ------
    ModelError
        A file of the version is damaged.
    """
    target = TARGETS[entry.name]
    if target.entity != "subscription":
        return None
    address = entry.address(home)
    documents = read_documents(address)
    earlier = current_level(home, entry.name, address, documents)
    if earlier is None:
        return None
    settings = label_settings_of(documents, labels)
    matured = {
        days: _matured(earlier.of(days), target, repository, settings, at)
        for days in target.horizons_days
    }
    added: dict[int, tuple[Shift, ...]] | None = None
    if any(matured.values()):
        version = load_registered(address).model
        added = _added_shifts(home, target, version, settings, matured, clock())
    if added is None:
        if datetime.fromisoformat(earlier.at) == at:
            return earlier
        added, matured = {}, {}
    levels = {int(days): level for days, level in earlier.horizons.items()}
    revision = revised(
        {days: (*level.shifts, *added.get(days, ())) for days, level in levels.items()},
        {days: level.lag_days for days, level in levels.items()},
        {
            days: matured[days][-1].isoformat() if matured.get(days) else level.read_until
            for days, level in levels.items()
        },
        at,
        earlier,
    )
    write_level(home, entry.name, address, revision)
    return revision


def _matured(
    level: HorizonLevel,
    target: Target,
    repository: OperatorRepository,
    settings: LabelSettings,
    at: datetime,
) -> list[datetime]:
    """Cut-offs later than those that a horizon's boosters learnt from, or that its level was read from,
    in the same steps, whose labels within it are complete at a time.
    """
    # A cut-off of which too little was predicted gives no shift: the last shift is not the last one read.
    read_until = level.read_until or (level.shifts[-1].cutoff if level.shifts else None)
    if read_until is None:
        return []
    newest = datetime.fromisoformat(read_until)
    lag, step = timedelta(days=level.lag_days), timedelta(weeks=settings.cutoff_every_weeks)
    if newest + step + lag > at:
        return []
    mondays = map(utc, np.sort(repository.mondays_of(target.service)))
    complete = [monday for monday in mondays if newest < monday <= at - lag]
    return in_steps(complete, newest, settings.cutoff_every_weeks, repository.zone)


def _added_shifts(
    home: Home,
    target: Target,
    version: ModelVersion,
    settings: LabelSettings,
    matured: Mapping[int, Sequence[datetime]],
    now: datetime,
) -> dict[int, tuple[Shift, ...]] | None:
    """What further cut-offs of each horizon say, of which no booster of it has learnt; None where they
    cannot be read tonight.
    """
    cutoffs = sorted({at for of_horizon in matured.values() for at in of_horizon})
    with progress("Reading the level of risk from labels that are complete now"):
        try:
            dataset = _labelled(home, target, settings, cutoffs, now)
        except InputError as error:
            _log.warning("the level of %s is not read from later labels: %s", target.name, error)
            return None
        gone = sorted(set(version.features) - set(dataset.features))
        if gone:
            _log.warning(
                "the level of %s is not read from later labels: it reads features that are gone: %s",
                target.name,
                ", ".join(gone[:5]),
            )
            return None
        columns = [dataset.features.index(name) for name in version.features]
        matrix = np.ascontiguousarray(dataset.matrix[:, columns])
        every = Scorer(version, threads=0).score_all(matrix)
    added = {}
    for days, scores in zip(version.horizons, every, strict=True):
        if days is None or not matured[days]:
            continue
        times = np.array([at.replace(tzinfo=None) for at in matured[days]], "datetime64[us]")
        known = ~np.isnan(dataset.labels[days])
        rows = np.flatnonzero(known & np.isin(dataset.cutoffs, times))
        added[days] = dataset_shifts(
            dataset, target, days, rows, scores.probability[rows], dataset.weight_of(days)[rows]
        )
    return added


def _labelled(
    home: Home, target: Target, settings: LabelSettings, cutoffs: list[datetime], now: datetime
) -> Dataset:
    dataset = non_payment_dataset if target.name == "non_payment" else churn_dataset
    return dataset(home, settings, until=now, service=target.service, cutoffs=cutoffs)
