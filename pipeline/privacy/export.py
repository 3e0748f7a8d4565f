"""What a home keeps of one person, as one JSON document."""

import json
import math
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
from features.erased.taken_in import raw_files_of_people
from features.operator.repository import OperatorRepository
from holdfast.errors import InputError
from holdfast.home import Home
from models.score_set import IDS, reasons_in_words
from models.targets import TARGETS
from models.words.catalogue import words
from models.words.sentence import sentence
from training.operator.columns import meanings_of

_MOST_REASONS = 10
_OWN_LEDGER = CareSettings()


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
        """Write ``export.json`` into a new folder that only its owner can read; InputError where
        the folder exists.
        """
        try:
            folder.mkdir(parents=True, mode=0o700)
        except FileExistsError:
            raise InputError("--out", "must be a folder that does not exist", str(folder)) from None
        path = folder / "export.json"
        path.touch(mode=0o600)
        path.write_text(
            json.dumps(self.document, ensure_ascii=False, indent=1, default=str) + "\n",
            encoding="utf-8",
        )
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
        The home holds no row of the customer, or there are no words in the language.
    """
    catalogue = words(language)
    others = [*home.score_sets.glob("at=*/*.parquet"), *home.score_feed.glob("*.parquet")]
    people = find_people([customer], home.raw, others)
    raw: dict[str, list[dict[str, Any]]] = {}
    for path, columns in raw_files_of_people(home.raw):
        raw.setdefault(path.parent.name, []).extend(_rows(path, people, columns))
    features = []
    directory = OperatorRepository(home).directory
    for path, columns in files_of_people(directory):
        if path.name != "newest.parquet" and path.parent.name != "states":
            continue  # history repeats what raw rows and the newest snapshot say
        for row in _rows(path, people, columns):
            numbers = {
                name: math.nan if value is None else value
                for name, value in row.items()
                if name in catalogue.features
            }
            said = (sentence(name, numbers, catalogue) for name in numbers)
            features.append(
                {
                    "view": path.parent.name if path.name == "newest.parquet" else path.stem,
                    "values": row,
                    "words": [one.text for one in said if one is not None],
                }
            )
    scores = [
        _score(row, language)
        for path in sorted(home.score_sets.glob("at=*/*.parquet"))
        for row in _rows(path, people, {name: name for name in IDS})
    ]
    if not any(raw.values()) and not features and not scores:
        raise InputError("CUSTOMER", "must be somebody of whom the home holds a row", customer)
    return PersonExport(
        {
            "customer_id": customer,
            "at": now.isoformat(),
            "language": language,
            "ids": {kind: sorted(some) for kind, some in people.ids.items()},
            "shared": list(people.shared.get(customer, ())),
            "raw": {table: rows for table, rows in raw.items() if rows},
            "features": features,
            "scores": scores,
            **_care(home, care, people),
        }
    )


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


def _score(row: dict[str, Any], language: str) -> dict[str, Any]:
    target = TARGETS[row["model"]]
    meanings = {one.name: one for one in meanings_of(target.service, target.direction)}
    told = reasons_in_words(row["reasons"], meanings, language, _MOST_REASONS)
    return {**row, "reasons": [reason.text for reason in told]}
