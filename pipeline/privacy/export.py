"""What a home keeps of one person, as one JSON document and as a page that the person can read."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from care.ledger.ledger import Ledger
from care.settings import CareSettings
from features.compute.forget import files_of_people
from features.erased.people import People, find_people
from features.erased.taken_in import quarantined_rows, raw_files_of_people
from features.fields import FeatureCatalogue
from features.live.held import held_about
from features.operator.forget import packed_store
from features.operator.repository import OperatorRepository
from holdfast.errors import InputError
from holdfast.home import Home
from holdfast.logging import progress
from models.score_set import IDS, reasons_in_words
from models.targets import TARGETS
from models.words.catalogue import words
from models.words.own import OwnWords, words_of
from models.words.sentence import own_sentence, sentence
from reports.person.page import left_out, render_person
from reports.words.texts import texts
from training.operator.columns import meanings_of

_MOST_REASONS = 10
_OWN_LEDGER = CareSettings()
_BY_IDS = {name: name for name in IDS}


@dataclass(frozen=True)
class PersonExport:
    """What a home keeps of one person.

    Parameters
    ----------
    document : dict
        All of it, as JSON.
    """

    document: dict[str, Any]

    def write(self, folder: Path) -> Path:
        """Write ``export.json`` and ``export.html`` into a new folder that only its owner can read;
        InputError where the folder exists.
        """
        document = json.dumps(self.document, ensure_ascii=False, indent=1, default=str) + "\n"
        page = render_person(json.loads(document), texts(self.document["language"]))
        try:
            folder.mkdir(parents=True, mode=0o700)
        except FileExistsError:
            raise InputError("--out", "must be a folder that does not exist", str(folder)) from None
        for name, text in (("export.html", page), ("export.json", document)):
            path = folder / name
            path.touch(mode=0o600)
            path.write_text(text, encoding="utf-8")
        return path


def export_person(
    home: Home,
    customer: str,
    *,
    now: datetime,
    language: str,
    care: CareSettings = _OWN_LEDGER,
) -> PersonExport:
    """Gather what a home keeps of a customer.

    Parameters
    ----------
    home : Home
        The home.
    customer : str
        The customer's id.
    now : datetime
        What time it is in the home.
    language : str
        Language of the words about features and reasons.
    care : CareSettings
        Where the ledger lies. Default: in the home.

    Raises
    ------
    InputError
        The home holds nothing of the customer, or there are no words in the language.
    """
    texts(language)
    others = [*home.score_sets.glob("at=*/*.parquet"), *home.score_feed.glob("*.parquet")]
    people = find_people([customer], home.raw, others)
    with progress("Gathering what is kept"):
        raw = _raw(home, people)
        features, history = _features(home, people, language)
        catalogue = OperatorRepository(home).catalogue
        scores = [
            _score(row, catalogue, language)
            for path in sorted(home.score_sets.glob("at=*/*.parquet"))
            for row in _rows(path, people, _BY_IDS)
        ]
        beside = {
            "quarantine": [
                row
                for folder in (home.quarantine, home.checked)
                for row in quarantined_rows(folder, people)
            ],
            "held": _held(home, people),
            "plans": [
                {"plan": path.stem, **row}
                for path in sorted((home.care / "plans").glob("*.parquet"))
                for row in _rows(path, people, _BY_IDS)
            ],
            **_care(home, care, people),
        }
    if not any((raw, features, scores, *beside.values())):
        raise InputError("CUSTOMER", "must be somebody of whom the home holds a row", customer)
    return PersonExport(
        {
            "customer_id": customer,
            "at": now.isoformat(),
            "language": language,
            "ids": {kind: sorted(some) for kind, some in people.ids.items()},
            "shared": list(people.shared.get(customer, ())),
            "raw": raw,
            "features": features,
            "history": history,
            "scores": scores,
            **beside,
            "left_out": left_out(texts(language)),
        }
    )


def _raw(home: Home, people: People) -> dict[str, list[dict[str, Any]]]:
    """Rows of raw tables as they were taken in, by table."""
    raw: dict[str, list[dict[str, Any]]] = {}
    for path, columns in raw_files_of_people(home.raw):
        raw.setdefault(path.parent.name, []).extend(_rows(path, people, columns))
    return {table: rows for table, rows in raw.items() if rows}


def _features(
    home: Home, people: People, language: str
) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """Features of the newest snapshot and states of live events, with words; and features of past
    Mondays by view, as columns and rows.
    """
    repository = OperatorRepository(home)
    own = words_of(repository.catalogue.own)
    features: list[dict[str, Any]] = []
    past: dict[str, list[dict[str, Any]]] = {}
    for path, columns in files_of_people(repository.directory):
        rows = _rows(path, people, columns)
        if path.parent.name == "history":
            past.setdefault(path.parent.parent.name, []).extend(rows)
            continue
        view = path.parent.name if path.name == "newest.parquet" else path.stem
        features += [
            {"view": view, "values": row, "words": _in_words(row, own, language)} for row in rows
        ]
    return features, {view: _as_columns(rows) for view, rows in past.items() if rows}


def _as_columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Rows as columns and cells; views grow from release to release, so older rows lack columns."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {"columns": names, "rows": [[row.get(name) for name in names] for row in rows]}


def _in_words(row: Mapping[str, Any], own: Mapping[str, OwnWords], language: str) -> list[str]:
    catalogue = words(language)
    numbers = {
        name: math.nan if value is None else value
        for name, value in row.items()
        if name in catalogue.features or name in own
    }
    said = (
        own_sentence(name, own[name], numbers, catalogue)
        if name in own
        else sentence(name, numbers, catalogue)
        for name in numbers
    )
    return [one.text for one in said if one is not None]


def _held(home: Home, people: People) -> list[dict[str, Any]]:
    """Events that wait for an id that no build knows yet."""
    packed = packed_store(OperatorRepository(home))
    return [] if packed is None else held_about(packed, people.ids)


def _care(home: Home, care: CareSettings, people: People) -> dict[str, list[dict[str, Any]]]:
    """What was decided of somebody, with what became of it, and what they consented to."""
    if not care.has_ledger(home):
        return {"care": [], "consents": []}
    ledger = Ledger(care.ledger_url(home))
    try:
        return {
            "care": ledger.decisions_about(people.customers),
            "consents": ledger.consents.about(people.customers),
        }
    finally:
        ledger.close()


def _rows(path: Path, people: People, columns: dict[str, str]) -> list[dict[str, Any]]:
    with pq.ParquetFile(path) as file:
        rows: list[dict[str, Any]] = []
        for batch in file.iter_batches():
            table = pa.Table.from_batches([batch])
            rows += table.filter(pa.array(people.own(table, columns))).to_pylist()
    return rows


def _score(row: dict[str, Any], catalogue: FeatureCatalogue, language: str) -> dict[str, Any]:
    target = TARGETS[row["model"]]
    meanings = {one.name: one for one in meanings_of(target.service, target.direction, catalogue)}
    told = reasons_in_words(row["reasons"], meanings, language, _MOST_REASONS)
    return {**row, "reasons": [reason.text for reason in told]}
