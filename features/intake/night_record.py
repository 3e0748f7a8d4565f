"""What a home remembers of its nights: the last verdict, and what people overruled.

Expectations are never computed from it, but from the rows; it is what a person looks up.
"""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from features.intake.sentences import TEMPLATES
from features.intake.verdicts import NightVerdict, TableVerdict, Verdict
from holdfast.documents import read_document, to_document
from holdfast.files import write_beside
from holdfast.sentences import Sentence, as_written, read_sentence, worded


@dataclass(frozen=True)
class Overruling:
    """A table that somebody took as it was, though it was not as expected.

    Parameters
    ----------
    at : str
        When, ISO 8601 in UTC.
    night : str
        The midnight that ended the day judged.
    by : str
        Who; empty where nobody was named.
    table : str
        The table.
    verdict : {"late", "thin", "changed", "missing"}
        What it was.
    reasons : tuple of Sentence
        Why.
    """

    at: str
    night: str
    by: str
    table: str
    verdict: Verdict
    reasons: tuple[Sentence, ...]

    def to_json(self) -> dict[str, object]:
        """As a JSON object, with the reasons in English."""
        return asdict(self) | {"reasons": [worded(reason, TEMPLATES) for reason in self.reasons]}


@dataclass(frozen=True)
class NightRecord:
    """The record in a folder, which the first night makes.

    Parameters
    ----------
    folder : Path
        Gets ``last_night.json`` and ``overrulings.jsonl``.
    """

    folder: Path

    def write(self, night: NightVerdict, now: datetime, by: str = "") -> None:
        """Keep a verdict as that of the last night, and append what was overruled, and by whom."""
        self.folder.mkdir(parents=True, exist_ok=True)
        document = json.dumps(
            to_document(night), ensure_ascii=False, indent=1, default=datetime.isoformat
        )
        write_beside(self._last, document + "\n")
        if night.stopped:
            return
        lines = [
            json.dumps(asdict(_overruling(table, night, now, by)), ensure_ascii=False) + "\n"
            for table in night.tables
            if table.accepted and table.verdict != "fresh"
        ]
        if lines:
            write_beside(self._overrulings, "".join([*self._overruling_lines(), *lines]))

    def last(self) -> NightVerdict | None:
        """The last verdict; None before the first night.

        Raises
        ------
        InputError
            It cannot be read.
        """
        try:
            text = self._last.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        return read_document(NightVerdict, _with_sentences(_json(text)), self._last.name)

    def overrulings(self) -> tuple[Overruling, ...]:
        """What was overruled, the oldest first.

        Raises
        ------
        InputError
            A line cannot be read.
        """
        return tuple(
            read_document(Overruling, _named(_json(line)), self._overrulings.name, str(number))
            for number, line in enumerate(self._overruling_lines(), 1)
        )

    def _overruling_lines(self) -> list[str]:
        """Whole lines: a process that was killed may once have left half of one."""
        if not self._overrulings.exists():
            return []
        lines = self._overrulings.read_text(encoding="utf-8").splitlines(keepends=True)
        return [line for line in lines if line.endswith("\n")]

    @property
    def _last(self) -> Path:
        return self.folder / "last_night.json"

    @property
    def _overrulings(self) -> Path:
        return self.folder / "overrulings.jsonl"


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        # No document is a text, so that reading one names the file and the rule.
        return text


def _named(document: object) -> object:
    """The document of an overruling; those of earlier releases do not say by whom, and have reasons
    as text.
    """
    if not isinstance(document, dict):
        return document
    reasons = document.get("reasons")
    if isinstance(reasons, list):
        document = document | {"reasons": [read_sentence(one).to_json() for one in reasons]}
    return {"by": ""} | document


def _with_sentences(document: object) -> object:
    """The document of a night; those of earlier releases have reasons as text."""
    tables = document.get("tables") if isinstance(document, dict) else None
    for table in tables if isinstance(tables, list) else ():
        reasons = table.get("reasons") if isinstance(table, dict) else None
        for reason in reasons if isinstance(reasons, list) else ():
            if isinstance(reason, dict) and "about" in reason:
                reason.setdefault("sentence", as_written(str(reason["about"])).to_json())
    return document


def _overruling(table: TableVerdict, night: NightVerdict, now: datetime, by: str) -> Overruling:
    return Overruling(
        at=now.astimezone(UTC).isoformat(),
        night=night.at.isoformat(),
        by=by,
        table=table.table,
        verdict=table.verdict,
        reasons=tuple(reason.sentence for reason in table.reasons),
    )
