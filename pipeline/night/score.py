"""Scores of everybody: all champions over the newest snapshot, into files and beside the features.

What a file was made from is kept in it as a digest,
so that the same scores are not made twice. Files are written beside their places and moved there
one by one: a run that is killed leaves whole files, and the next one completes them.
"""

import hashlib
import json
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict

from features.fields import FeatureCatalogue
from features.online.service import online_directory
from features.online.settings import OnlineSettings
from features.operator.kept_rows import KeptRows
from features.operator.newest import NewestReader, newest_digest, newest_tables
from features.operator.repository import OperatorRepository
from features.own.needed import require_own_features
from features.packed.store import PackedStore
from features.settings import FeatureSettings
from features.sql.parts import raw_identity
from holdfast.clock import Clock
from holdfast.documents import read_document
from holdfast.errors import InputError, ModelError
from holdfast.failpoint import Failpoint, no_failpoint
from holdfast.home import Home, locked
from holdfast.logging import progress
from holdfast.sentences import Sentence
from models.level.revision import NO_LEVEL, LevelRevision
from models.reasons.meaning import MEANINGS, FeatureMeaning
from models.registry import SHADOW, RegistryEntry, load_registered
from models.score_set import (
    NO_BASIS,
    PROFILING_OBJECTION,
    ScoreFacts,
    ScoreSetWriter,
    read_facts,
)
from models.scorer import Scorer
from models.settings import FeedSettings, ScoreSettings, ValueSettings
from models.targets import TARGETS
from models.version import ModelVersion
from pipeline.night.feed import update_feed
from pipeline.night.level import level_at
from pipeline.night.score_records import are_recorded, write_score_records
from pipeline.night.scoring import Scoring
from pipeline.night.scoring_versions import find_versions
from reports.night.sentences import told
from training.labelling.history import RawHistory
from training.operator.columns import meanings_of
from training.operator.population import (
    Populations,
    ScoredPopulation,
    label_settings_of,
    traffic_consents,
    uses_traffic,
)
from training.settings import LabelSettings


class ScoreConfig(BaseModel):
    """What scores depend on, beside snapshot and models.

    Parameters
    ----------
    scores : ScoreSettings
        Whom to explain, and which consent is needed.
    labels : LabelSettings
        Who is at risk, for versions that did not keep what their training went by.
    values : ValueSettings
        Assumptions behind a value.
    feed : FeedSettings
        Which scores are reported as changed; no score depends on it.
    features : FeatureSettings
        Memory and threads of reading.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    scores: ScoreSettings = ScoreSettings()
    labels: LabelSettings = LabelSettings()
    values: ValueSettings = ValueSettings()
    feed: FeedSettings = FeedSettings()
    features: FeatureSettings = FeatureSettings()

    @classmethod
    def read(cls) -> Self:
        """Read every section from the environment; for the edges only."""
        return cls(
            scores=ScoreSettings.read(),
            labels=LabelSettings.read(),
            values=ValueSettings.read(),
            feed=FeedSettings.read(),
            features=FeatureSettings.read(),
        )

    def to_json(self) -> dict[str, Any]:
        """Everything that changes a score, as JSON."""
        return {
            "scores": self.scores.model_dump(),
            "labels": self.labels.model_dump(),
            "values": self.values.model_dump(),
        }


@dataclass(frozen=True, kw_only=True)
class ScoreRun:
    """What a run scored.

    Parameters
    ----------
    at : datetime or None
        Time of the snapshot, UTC; None where nothing could be scored.
    folder : Path or None
        Where the score sets lie.
    sets : tuple of ScoreFacts
        Scores of the snapshot, by model.
    unchanged : tuple of str
        Models whose scores were there already.
    skipped : dict of str to Sentence
        Models without scores, and why.
    changes : dict of str to dict
        How many scores the feed reports as changed by these score sets, by model and kind of change
        (`models.feed.facts.CHANGES`).
    seconds : float
        How long it took.
    """

    at: datetime | None
    folder: Path | None
    sets: tuple[ScoreFacts, ...]
    unchanged: tuple[str, ...]
    skipped: dict[str, Sentence]
    changes: dict[str, dict[str, int]]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """The result as one JSON object."""
        return {
            "at": self.at and self.at.isoformat(),
            "folder": self.folder and str(self.folder),
            "sets": [facts.to_json() for facts in self.sets],
            "unchanged": list(self.unchanged),
            "skipped": {name: told(why) for name, why in self.skipped.items()},
            "changes": self.changes,
            "seconds": round(self.seconds, 2),
        }


def score_everybody(
    home: Home,
    config: ScoreConfig,
    *,
    clock: Clock,
    online: OnlineSettings,
    model: str | None = None,
    failpoint: Failpoint = no_failpoint,
) -> ScoreRun:
    """Score everybody with all champions, or with one.

    Where a model has no champion, its version with the alias ``shadow`` is scored, and marked.

    Parameters
    ----------
    home : Home
        Holds raw tables, features and the registry; gets ``scores/at=DATE/MODEL.parquet``, in
        the packed store beside the features a record of every entity in the view ``scores_MODEL``,
        and the next feed of what has changed.
    config : ScoreConfig
        What scores depend on.
    clock : Clock
        When the scores are made.
    online : OnlineSettings
        Whether the online store is the packed one.
    model : str, optional
        The one model to score with.
    failpoint : Failpoint, optional
        For tests.

    Raises
    ------
    InputError
        There is no such model, no features were built, or a raw table is absent without which
        nobody can say who is at risk.
    ModelError
        A registry or a version is damaged, or does not fit the features.
    """
    begun = time.monotonic()
    if model is not None and model not in TARGETS:
        raise InputError("--model", f"must be one of {', '.join(TARGETS)}", model)
    repository = OperatorRepository(home)
    repository.require_tables()
    with locked(home):
        versions, skipped = find_versions(home, model)
        if not versions:
            feed = update_feed(
                *(home, (), lambda model: (), config.feed),
                every_model=model is None,
                now=clock(),
                features=config.features,
            )
            return ScoreRun(
                at=None,
                folder=None,
                sets=(),
                unchanged=(),
                skipped=skipped,
                changes={} if feed is None else feed.changes,
                seconds=time.monotonic() - begun,
            )
        sets, unchanged = [], []
        with _Run(home, repository, config, clock, online, failpoint) as run:
            for entry, alias in versions:
                facts, was_there = run.score(entry, alias)
                sets.append(facts)
                if was_there:
                    unchanged.append(entry.name)
            if model is None:
                run.remove_others([entry.name for entry, _ in versions])
            entries = [entry for entry, _ in versions]
            changes = run.report_changes(entries, sets, every_model=model is None)
    return ScoreRun(
        at=run.at,
        folder=run.folder,
        sets=tuple(sets),
        unchanged=tuple(unchanged),
        skipped=skipped,
        changes=changes,
        seconds=time.monotonic() - begun,
    )


class _Run:
    """One run over one snapshot."""

    def __init__(
        self,
        home: Home,
        repository: OperatorRepository,
        config: ScoreConfig,
        clock: Clock,
        online: OnlineSettings,
        failpoint: Failpoint,
    ) -> None:
        self._home = home
        self._repository = repository
        self._config = config
        self._clock = clock
        self._failpoint = failpoint
        newest = snapshot_time(repository)
        self.at = newest
        # By the operator's clock, whose day names the folder and stands first in texts.
        self._at = newest.astimezone(repository.zone)
        self.folder = home.score_sets / f"at={self._at:%Y-%m-%d}"
        self._history = RawHistory(home.raw, newest)
        self._populations = Populations(self._history, newest, repository.zone)
        self._snapshot = newest_digest(repository)
        self._raw = raw_identity(home.raw)
        self._kept: dict[str, KeptRows] = {}
        self._meanings: dict[str, tuple[FeatureMeaning, ...]] = {}
        self._open = ExitStack()
        packed = online_directory(repository.directory)
        self._packed = PackedStore(packed, create=True) if online.online_store == "packed" else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def score(self, entry: RegistryEntry, alias: str) -> tuple[ScoreFacts, bool]:
        """Score with one version; whether its scores were there already."""
        path = self.folder / f"{entry.name}.parquet"
        address = entry.address(self._home)
        level = level_at(
            *(self._home, entry, self._repository, self.at, self._config.labels, self._clock)
        )
        of_version = [address.sha256, entry.number, alias, level and level.sha256]
        inputs = _digest([*of_version, self._snapshot, self._raw, self._config.to_json()])
        stored = _facts_if_any(path)
        if stored is not None and stored.inputs == inputs:
            if self._packed is not None and not are_recorded(self._packed, stored):
                self._pack(path, stored)
            return stored, True
        scoring = self._scoring(entry, alias, load_registered(address).model, level)
        with progress(f"Scoring with {entry.name}", scoring.steps) as advance:
            scoring.give_probabilities(advance)
            self._failpoint(f"{entry.name}: probabilities given")
            scoring.explain(advance)
            now = self._clock()
            facts = scoring.facts(
                model=entry.name,
                version=entry.number,
                alias=alias,
                inputs=inputs,
                at=self._at.isoformat(),
                scored_at=now.isoformat(),
            )
            self.folder.mkdir(parents=True, exist_ok=True)
            with ScoreSetWriter(path) as writer:
                for rows in scoring.rows(facts, now, advance):
                    writer.write(rows)
                    self._failpoint(f"{entry.name}: rows written")
                writer.publish(facts)
        self._failpoint(f"{entry.name}: published")
        self._pack(path, facts)
        return facts, False

    def _scoring(
        self,
        entry: RegistryEntry,
        alias: str,
        version: ModelVersion,
        level: LevelRevision | None,
    ) -> Scoring:
        """The scoring of whom a version may speak of."""
        target = TARGETS[entry.name]
        named = f"model {entry.name} version {entry.number}"
        require_own_features(named, version.documents, self._home)
        features = self._rows_of(version.service).narrowed(version.features)
        if features.features != version.features:
            raise ModelError(
                named,
                f"must have been trained on the features of {version.service} as they are now",
            )
        with progress(f"Finding whom {entry.name} may speak of"):
            settings = label_settings_of(version.documents, self._config.labels)
            population = self._populations.of(target, features.ids, settings)
        self._meanings[entry.name] = _meanings_of(entry, version, self._repository.catalogue)
        return Scoring(
            Scorer(version, threads=0, level=level),
            self._meanings[entry.name],
            population,
            self._marks(version, population, alias),
            features,
            self._config.scores,
            self._config.values,
            (level or NO_LEVEL) if target.entity == "subscription" else None,
        )

    def _marks(
        self, version: ModelVersion, population: ScoredPopulation, alias: str
    ) -> list[tuple[str, ...]]:
        """Marks of everybody in the population."""
        customers = population.rows["customer_id"].to_list()
        always = (SHADOW,) if alias == SHADOW else ()
        if self._config.scores.traffic_consent and uses_traffic(
            version.features, self._repository.catalogue
        ):
            consenting = traffic_consents(self._history, self.at)
            without_basis = set(customers) - consenting
        else:
            without_basis = set()
        return [
            (
                *always,
                *((PROFILING_OBJECTION,) if customer in self._objecting else ()),
                *((NO_BASIS,) if customer in without_basis else ()),
            )
            for customer in customers
        ]

    @cached_property
    def _objecting(self) -> frozenset[str]:
        """Customers who object to profiling."""
        with self._reader("consent_v1") as reader:
            customers = reader.main.ids()
            matrix, _ = reader.read(customers)
        objects = matrix[:, reader.features.index("profiling_objection")] == 1
        return frozenset(np.array(customers, dtype=object)[objects].tolist())

    def _pack(self, path: Path, facts: ScoreFacts) -> None:
        """Put the scores beside the features, as records of the packed store."""
        if self._packed is None:
            return
        write_score_records(self._packed, path, facts)
        self._failpoint(f"{facts.model}: packed")

    def remove_others(self, names: Sequence[str]) -> None:
        """Remove the scores of this snapshot by models that are not scored any more."""
        for path in self.folder.glob("*.parquet"):
            if path.stem not in names:
                path.unlink()

    def report_changes(
        self, entries: Sequence[RegistryEntry], sets: Sequence[ScoreFacts], *, every_model: bool
    ) -> dict[str, dict[str, int]]:
        """Put the scores into the feed; what the newest feed reports, by model and kind of change."""
        by_name = {entry.name: entry for entry in entries}

        def meanings(model: str) -> tuple[FeatureMeaning, ...]:
            if model not in self._meanings:
                entry = by_name[model]
                version = load_registered(entry.address(self._home)).model
                self._meanings[model] = _meanings_of(entry, version, self._repository.catalogue)
            return self._meanings[model]

        with progress("Finding what has changed"):
            facts = update_feed(
                self._home,
                sets,
                meanings,
                self._config.feed,
                every_model=every_model,
                now=self._clock(),
                features=self._config.features,
                failpoint=self._failpoint,
            )
        return {} if facts is None else facts.changes

    def _rows_of(self, service: str) -> KeptRows:
        """A service's rows of the snapshot, put together for the first model that reads them."""
        if service not in self._kept:
            work = self._repository.directory / "work"
            work.mkdir(exist_ok=True)
            with (
                progress(f"Putting the rows of {service} together"),
                self._reader(service) as reader,
            ):
                rows = KeptRows(reader, work / f"{service}.rows")
            self._kept[service] = self._open.enter_context(rows)
        return self._kept[service]

    def _reader(self, service: str) -> NewestReader:
        features = self._config.features
        return NewestReader(
            self._repository,
            service,
            memory_gb=features.memory_gb,
            threads=features.threads_to_use,
        )


def snapshot_time(repository: OperatorRepository) -> datetime:
    """When the newest snapshot was taken, UTC; InputError where nothing was built."""
    repository.require_tables()
    # Contacts are as of their close; every other view is as of the snapshot.
    return max(table.times()[1] for table in newest_tables(repository) if table.view != "contact")


def _meanings_of(
    entry: RegistryEntry, version: ModelVersion, catalogue: FeatureCatalogue
) -> tuple[FeatureMeaning, ...]:
    """What a version's features mean; today's meanings where it did not keep them."""
    meanings = version.documents.get(MEANINGS)
    if meanings is None:
        target = TARGETS[entry.name]
        return meanings_of(target.service, target.direction, catalogue)
    return read_document(tuple[FeatureMeaning, ...], meanings, MEANINGS)


def _facts_if_any(path: Path) -> ScoreFacts | None:
    """What a score set is about; None where there is none, or one of another release."""
    try:
        return read_facts(path) if path.exists() else None
    except ModelError:
        return None


def _digest(document: object) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
