"""Status: the last nights, how fresh each raw table is, and which models score since when."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from features.contracts.tables import TABLES
from features.intake.night_record import NightRecord, Overruling
from features.live.held import HeldSummary, find_held
from features.online.service import OPERATOR_DIRECTORY, online_directory
from features.sql.parts import arrival_of
from holdfast.clock import Clock, time_origin
from holdfast.files import write_beside
from holdfast.home import Home
from holdfast.sentences import Sentence
from models.registry import RegistryEntry, alias_since
from models.score_set import ScoreFacts, read_facts
from pipeline.found_nothing import FoundNothing, all_found_nothing
from pipeline.night.night import Night, NightRecords
from pipeline.night.scoring_versions import find_versions
from reports.night.sentences import told
from reports.night.status_page import render_status
from reports.words.texts import texts

NIGHTS = 14
"""Nights that are shown, and overrulings."""

PAGE = "status.html"


@dataclass(frozen=True, kw_only=True)
class TableFreshness:
    """How fresh a raw table is.

    Parameters
    ----------
    table : str
        Its name.
    newest_arrived_at : str or None
        When its newest row arrived (ISO 8601, UTC); None where it has none.
    age_hours : float or None
        Hours since then.
    verdict : str or None
        Of the last night: fresh, late, thin, changed or missing; None where it gave none.
    """

    table: str
    newest_arrived_at: str | None
    age_hours: float | None
    verdict: str | None


@dataclass(frozen=True, kw_only=True)
class ModelStatus:
    """A model that everybody is scored with.

    Parameters
    ----------
    model, version : str
        The version.
    alias : {"champion", "shadow"}
        As what it scores.
    since : str
        When it became that, or was registered (ISO 8601, UTC).
    age_days : float
        Days since then.
    """

    model: str
    version: str
    alias: str
    since: str
    age_days: float


@dataclass(frozen=True, kw_only=True)
class Status:
    """How a home is.

    Parameters
    ----------
    now : datetime
        The home's time, UTC.
    clock : {"simulated", "system"}
        Whose time that is.
    nights : tuple of Night
        The last ones, newest first.
    tables : tuple of TableFreshness
        Raw tables, in the contracts' order.
    models : tuple of ModelStatus
        Models that score.
    without_version : dict of str to Sentence
        Models that do not, and why.
    found_nothing : tuple of FoundNothing
        Models whose last training found nothing, whether an earlier version scores or none.
    scores : tuple of ScoreFacts
        Scores of the newest snapshot that was scored.
    overrulings : tuple of Overruling
        Tables that somebody took as they were, the last ones, newest first.
    held : HeldSummary
        Live events of ids that no build knows.
    """

    now: datetime
    clock: Literal["simulated", "system"]
    nights: tuple[Night, ...]
    tables: tuple[TableFreshness, ...]
    models: tuple[ModelStatus, ...]
    without_version: dict[str, Sentence]
    found_nothing: tuple[FoundNothing, ...]
    scores: tuple[ScoreFacts, ...]
    overrulings: tuple[Overruling, ...]
    held: HeldSummary

    def to_json(self, word: Callable[[Sentence], str] = told) -> dict[str, Any]:
        """The status as one JSON object, with its sentences in words."""
        return {
            "now": self.now.isoformat(),
            "clock": self.clock,
            "nights": [night.to_json(word) for night in self.nights],
            "tables": [asdict(table) for table in self.tables],
            "models": [asdict(model) for model in self.models],
            "without_version": {name: word(why) for name, why in self.without_version.items()},
            "found_nothing": [asdict(one) for one in self.found_nothing],
            "scores": [facts.to_json() for facts in self.scores],
            "overrulings": [
                asdict(one) | {"reasons": [word(reason) for reason in one.reasons]}
                for one in self.overrulings
            ],
            "held_events": self.held.to_json(),
        }


def read_status(home: Home, clock: Clock) -> Status:
    """How a home is; nothing is changed.

    Parameters
    ----------
    home : Home
        The home.
    clock : Clock
        Its clock (`holdfast.clock.home_clock`).

    Raises
    ------
    HomeError
        The record of a night cannot be read.
    InputError
        The record of what was overruled cannot be read.
    ModelError
        The registry or a score set is damaged.
    """
    now = clock()
    nights = tuple(islice(NightRecords(home).newest_first(), NIGHTS))
    versions, skipped = find_versions(home)
    verdicts = nights[0].tables if nights else {}
    models = []
    for entry, alias in versions:
        since = alias_since(entry, alias)
        models.append(
            ModelStatus(
                model=entry.name,
                version=entry.number,
                alias=alias,
                since=since.isoformat(),
                age_days=round((now - since).total_seconds() / 86_400, 1),
            )
        )
    return Status(
        now=now,
        clock=time_origin(home),
        nights=nights,
        tables=tuple(_freshness(home, now, verdicts)),
        models=tuple(models),
        without_version=skipped,
        found_nothing=all_found_nothing(home),
        scores=newest_scores(home),
        overrulings=tuple(reversed(NightRecord(home.expectations).overrulings()))[:NIGHTS],
        held=find_held(online_directory(home.features / OPERATOR_DIRECTORY)),
    )


def newest_scores(home: Home) -> tuple[ScoreFacts, ...]:
    """What the score sets of the newest snapshot that was scored are about, by model."""
    folders = sorted(home.score_sets.glob("at=*"))
    return _facts_in(folders[-1]) if folders else ()


def are_scored_by(home: Home, versions: Sequence[tuple[RegistryEntry, str]]) -> bool:
    """Whether the newest scores are of these versions, with these aliases, and of no others."""
    stored = {(facts.model, facts.version, facts.alias) for facts in newest_scores(home)}
    return stored == {(entry.name, entry.number, alias) for entry, alias in versions}


def scores_of(home: Home, at: str) -> tuple[ScoreFacts, ...]:
    """The same of the snapshot of a time (ISO 8601, UTC)."""
    return _facts_in(home.score_sets / f"at={at[:10]}")


def _facts_in(folder: Path) -> tuple[ScoreFacts, ...]:
    return tuple(read_facts(path) for path in sorted(folder.glob("*.parquet")))


def write_status_page(home: Home, status: Status, language: str = "en") -> Path:
    """Write the page of a status into the home, in the language that a BCP 47 tag asks for; its path."""
    of_page = texts(language)
    page = render_status(status.to_json(partial(told, texts=of_page)), of_page)
    home.nights.mkdir(parents=True, exist_ok=True)
    path = home.nights / PAGE
    write_beside(path, page)
    return path


def _freshness(home: Home, now: datetime, verdicts: dict[str, str]) -> list[TableFreshness]:
    tables = []
    for name in TABLES:
        files = sorted((home.raw / name).glob("*.parquet"))
        if not files and name not in verdicts:
            continue
        newest = arrival_of(files)
        age = None if newest is None else round((now - newest).total_seconds() / 3600, 1)
        tables.append(
            TableFreshness(
                table=name,
                newest_arrived_at=None if newest is None else newest.isoformat(),
                age_hours=age,
                verdict=verdicts.get(name),
            )
        )
    return tables
