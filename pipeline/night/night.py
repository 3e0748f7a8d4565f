"""Nights: what each run of `holdfast nightly` did, kept as ``nights/NUMBER.json`` in the home.

The record is written after every step, so that a night that was killed shows how far it came. A
step is remembered by the digest of its inputs: where they are the same, it is not run again.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

from holdfast.documents import read_document, to_document
from holdfast.errors import HomeError, InputError
from holdfast.files import write_beside
from holdfast.home import Home
from holdfast.sentences import Sentence, read_sentence
from reports.night.sentences import told

StepName = Literal["take_in", "features", "materialize", "score", "care", "retention", "summary"]
Verdict = Literal["done", "doubts", "stopped"]

STEPS: tuple[StepName, ...] = (
    *("take_in", "features", "materialize"),
    *("score", "care", "retention", "summary"),
)
"""Steps of a night, in order."""


def require_beginning(home: Home, source: str | None) -> None:
    """Refuse what a night cannot begin with; nothing slow is imported for that.

    Parameters
    ----------
    home : Home
        The home that it would run in.
    source : str or None
        Raw tables to take in.

    Raises
    ------
    InputError
        The source is missing, or there are no raw tables and none were given.
    """
    if source is None and not home.raw.exists():
        raise InputError(
            "RAW",
            "must be given the first time: a folder of raw tables, a SQLAlchemy URL or a mapping file",
        )
    if source is None or "://" in source:
        return
    path = Path(source).expanduser()
    if not (path.is_file() if source.endswith((".toml", ".duckdb")) else path.is_dir()):
        raise InputError(
            "RAW", "must be an existing folder, a database URL, or a mapping file (.toml)", source
        )


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step of a night.

    Parameters
    ----------
    name : str
        One of `STEPS`.
    status : {"done", "unchanged", "skipped", "stopped"}
        ``unchanged``: its inputs were those of the last time, so it did nothing.
    sentence : Sentence
        What it did, or why it did not.
    inputs : str or None
        Digest of its inputs; None where they cannot be told.
    seconds : float
        How long it took.
    result : dict of str to JSON
        What came of it; of an unchanged step, what came of it then.
    """

    name: StepName
    status: Literal["done", "unchanged", "skipped", "stopped"]
    sentence: Sentence
    inputs: str | None
    seconds: float
    result: dict[str, Any]

    @property
    def about(self) -> str:
        """The sentence in English."""
        return told(self.sentence)

    def to_json(self, word: Callable[[Sentence], str] = told) -> dict[str, Any]:
        """The step as one JSON object, with its sentences in words."""
        result = self.result
        if "doubts" in result:
            result = result | {"doubts": [word(read_sentence(one)) for one in result["doubts"]]}
        if "campaigns" in result:
            result = result | {
                "campaigns": [
                    one | {"why": one["why"] and word(read_sentence(one["why"]))}
                    for one in result["campaigns"]
                ]
            }
        document = to_document(self) | {"about": word(self.sentence), "result": result}
        del document["sentence"]
        return document


@dataclass(frozen=True, kw_only=True)
class Night:
    """A night.

    Parameters
    ----------
    number : int
        Nights of a home are counted from 1.
    started_at : str
        By the home's clock (ISO 8601, UTC).
    ended_at : str or None
        The same; None while it runs, or where it was killed.
    clock : {"simulated", "system"}
        Whose time that is.
    at : str or None
        Time of its snapshot; None before it is known.
    verdict : {"done", "doubts", "stopped"} or None
        None as long as it has not ended.
    doubt_sentences : tuple of Sentence
        What is to be looked into.
    tables : dict of str to str
        Verdict on each raw table: fresh, late, thin, changed or missing.
    care_may_run : bool
        Whether offers may be planned and sent.
    steps : tuple of Step
        Steps so far.
    error_sentence : Sentence or None
        Why it stopped.
    """

    number: int
    started_at: str
    ended_at: str | None
    clock: Literal["simulated", "system"]
    at: str | None
    verdict: Verdict | None
    doubt_sentences: tuple[Sentence, ...]
    tables: dict[str, str]
    care_may_run: bool
    steps: tuple[Step, ...]
    error_sentence: Sentence | None

    @classmethod
    def begun(cls, number: int, started_at: str, clock: Literal["simulated", "system"]) -> Self:
        """A night that has just begun."""
        return cls(
            number=number,
            started_at=started_at,
            ended_at=None,
            clock=clock,
            at=None,
            verdict=None,
            doubt_sentences=(),
            tables={},
            care_may_run=False,
            steps=(),
            error_sentence=None,
        )

    @property
    def doubts(self) -> tuple[str, ...]:
        """What is to be looked into, in English."""
        return tuple(map(told, self.doubt_sentences))

    @property
    def error(self) -> str | None:
        """Why it stopped, in English."""
        return None if self.error_sentence is None else told(self.error_sentence)

    @property
    def exit_code(self) -> int:
        """0 done, 3 done with doubts, 1 stopped or not ended."""
        return {"done": 0, "doubts": 3}.get(self.verdict or "", 1)

    @property
    def changed_nothing(self) -> bool:
        """Whether every step found its inputs unchanged."""
        return all(step.status == "unchanged" for step in self.steps)

    def with_step(self, step: Step) -> Self:
        """The night after one more step."""
        return replace(self, steps=(*self.steps, step))

    def step(self, name: StepName) -> Step | None:
        """A step by its name; None where it has not come to it."""
        return next((step for step in self.steps if step.name == name), None)

    def to_json(self, word: Callable[[Sentence], str] = told) -> dict[str, Any]:
        """The night as one JSON object, with its sentences in words."""
        document = to_document(self)
        for name in ("doubt_sentences", "error_sentence"):
            del document[name]
        return document | {
            "doubts": [word(doubt) for doubt in self.doubt_sentences],
            "steps": [step.to_json(word) for step in self.steps],
            "error": None if self.error_sentence is None else word(self.error_sentence),
        }


class NightRecords:
    """The nights of a home.

    Parameters
    ----------
    home : Home
        The home.
    """

    def __init__(self, home: Home) -> None:
        self._folder = home.nights

    def next_number(self) -> int:
        """Number of the next night."""
        return max(self._numbers(), default=0) + 1

    def write(self, night: Night) -> None:
        """Write a night, over what is there of it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(to_document(night), ensure_ascii=False, indent=1) + "\n"
        write_beside(self._folder / f"{night.number:06d}.json", text)

    def newest_first(self) -> Iterator[Night]:
        """Nights, the newest first.

        Raises
        ------
        HomeError
            A record cannot be read.
        """
        for number in sorted(self._numbers(), reverse=True):
            path = self._folder / f"{number:06d}.json"
            try:
                document = _with_sentences(json.loads(path.read_text(encoding="utf-8")))
                yield read_document(Night, document, str(path))
            except (ValueError, InputError) as error:
                raise HomeError(str(path), f"must be the record of a night: {error}") from None

    def last(self, name: StepName) -> Step | None:
        """The last time that a step came to its end; None where it never did."""
        for night in self.newest_first():
            step = night.step(name)
            if step is not None and step.status in ("done", "unchanged"):
                return step
        return None

    def _numbers(self) -> list[int]:
        return [int(path.stem) for path in self._folder.glob("[0-9]*.json")]


def _with_sentences(document: object) -> object:
    """The document of a night; those of earlier releases have their sentences as text."""
    if not isinstance(document, dict):
        return document
    if isinstance(doubts := document.get("doubts"), list):
        document.setdefault("doubt_sentences", [read_sentence(one).to_json() for one in doubts])
    if "error" in document:
        error = document["error"]
        document.setdefault("error_sentence", error and read_sentence(error).to_json())
    steps = document.get("steps")
    for step in steps if isinstance(steps, list) else ():
        if isinstance(step, dict) and "about" in step:
            step.setdefault("sentence", read_sentence(step["about"]).to_json())
    return document
