"""What is made of tonight's tables: a verdict on each, and on the night as a whole.

- `fresh`: nothing unusual; `noticed_within_days` tells what that is worth;
- `late`: hardly any of the rows that usually arrive have arrived;
- `thin`: some have, or rows that were there before are gone;
- `changed`: the rows are there, but what they hold is not as it was;
- `missing`: the table is not there.
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import ClassVar, Literal

from features.intake.sentences import TEMPLATES
from holdfast.errors import HoldfastError, InputError
from holdfast.sentences import Sentence, named, parted, sentence, worded

Verdict = Literal["fresh", "late", "thin", "changed", "missing"]
Policy = Literal["stop", "use yesterday's"]
Used = Literal["tonight's", "yesterday's", "none"]

CARE_TABLES = (
    *("consents", "port_requests", "tickets", "interactions", "incidents", "care_contacts"),
    "do_not_call_screenings",
)
"""Tables that say whom we may contact, and whom better not: no offers without them."""

_KEEPS_CARE = ("fresh", "changed")


@dataclass(frozen=True)
class Reason:
    """One thing that is not as expected.

    Parameters
    ----------
    kind : str
        A code that stays the same from version to version.
    column : str
        The column; empty for the table as a whole.
    seen : float
        What was measured.
    expected : float
        The middle of what comparable nights had.
    low, high : float or None
        Bounds of what raises no doubt; None where there is no bound on that side.
    sentence : Sentence
        What is not as expected.
    """

    kind: str
    column: str
    seen: float
    expected: float
    low: float | None
    high: float | None
    sentence: Sentence

    @property
    def about(self) -> str:
        """The sentence in English."""
        return worded(self.sentence, TEMPLATES)


@dataclass(frozen=True)
class Measure:
    """A figure of tonight beside those of comparable nights.

    Parameters
    ----------
    name : str
        What was measured, and its unit.
    seen : float or None
        Tonight; None where there was nothing to measure.
    expected, low, high : float or None
        Middle and bounds of what is usual; None where too few nights are known.
    """

    name: str
    seen: float | None
    expected: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True)
class TableVerdict:
    """What is made of one table.

    Parameters
    ----------
    table : str
        Its name.
    verdict : {"fresh", "late", "thin", "changed", "missing"}
        See above.
    reasons : tuple of Reason
        Why, the weightiest first; empty where it is fresh.
    policy : {"stop", "use yesterday's"}
        What is done where it is not fresh.
    accepted : bool
        Whether a person accepted tonight's table as it is.
    used : {"tonight's", "yesterday's", "none"}
        Which rows are computed with.
    nights : int
        Past nights that it could be compared with.
    noticed_within_days : int or None
        Days without any row after which the table is called late; None where it has too few rows or
        nights for that, so that `fresh` says little.
    last_arrived : datetime or None
        When its newest row arrived; None without any.
    measures : tuple of Measure
        Tonight beside other nights.
    rows_by_day : tuple of int
        Rows that arrived on each of the last days, the day judged last; of earlier days, as they
        were known before tonight.
    """

    table: str
    verdict: Verdict
    reasons: tuple[Reason, ...]
    policy: Policy
    accepted: bool
    used: Used
    nights: int
    noticed_within_days: int | None
    last_arrived: datetime | None
    measures: tuple[Measure, ...]
    rows_by_day: tuple[int, ...]

    @property
    def first_reason(self) -> Sentence:
        """The weightiest reason; of a table without reasons, that it is not there."""
        return self.reasons[0].sentence if self.reasons else sentence("no_table")

    @property
    def doubtful(self) -> bool:
        """Whether it is not fresh, and nobody accepted it."""
        return self.verdict != "fresh" and not self.accepted


@dataclass(frozen=True, kw_only=True)
class NightVerdict:
    """What is made of a night.

    Parameters
    ----------
    at : datetime
        The midnight that ends the day judged, UTC.
    tables : tuple of TableVerdict
        Tables that are there, or were there before, in the contracts' order.
    stopped : tuple of str
        Tables whose doubts stop the night; nothing may be replaced then.
    """

    at: datetime
    tables: tuple[TableVerdict, ...]
    stopped: tuple[str, ...]

    @property
    def doubts(self) -> tuple[str, ...]:
        """Tables that are not fresh, and that nobody accepted."""
        return tuple(table.table for table in self.tables if table.doubtful)

    @property
    def needlessly_accepted(self) -> tuple[str, ...]:
        """Tables that somebody accepted, although nothing is unusual about them."""
        return tuple(
            table.table for table in self.tables if table.accepted and table.verdict == "fresh"
        )

    @property
    def care_may_run(self) -> bool:
        """Whether offers may be planned and sent.

        Not with tables late, thin or missing that say whom we may contact. What is owed continues.
        """
        return not any(
            table.doubtful and table.verdict not in _KEEPS_CARE
            for table in self.tables
            if table.table in CARE_TABLES
        )

    def to_json(self) -> dict[str, object]:
        """As a JSON object; ``tables`` gives the verdict by name."""
        return {
            "at": self.at.isoformat(),
            "tables": {table.table: table.verdict for table in self.tables},
            "table_verdicts": [_table_json(table) for table in self.tables],
            "stopped": list(self.stopped),
            "doubts": list(self.doubts),
            "care_may_run": self.care_may_run,
        }


class NightStoppedError(HoldfastError):
    """Tonight's tables were not taken in; what was there stands untouched.

    Parameters
    ----------
    night : NightVerdict
        Why; `sentence` has the same as a sentence.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, night: NightVerdict) -> None:
        self.night = night
        wrong = [
            sentence(
                "table_is",
                table=table.table,
                verdict=named(table.verdict),
                reason=table.first_reason,
            )
            for table in night.tables
            if table.table in night.stopped
        ]
        accept = " ".join(f"--accept {name}" for name in night.stopped)
        self.sentence = sentence("night_stopped", wrong=parted(wrong), accept=accept)
        super().__init__(worded(self.sentence, TEMPLATES))


def require_tables(option: str, names: Collection[str], known: Collection[str]) -> frozenset[str]:
    """Names of raw tables that somebody typed.

    Raises
    ------
    InputError
        One is no table.
    """
    for name in sorted(names):
        if name not in known:
            raise InputError(option, f"must name raw tables: {', '.join(known)}", name)
    return frozenset(names)


def _table_json(table: TableVerdict) -> dict[str, object]:
    arrived = table.last_arrived
    reasons = [asdict(reason) | {"about": reason.about} for reason in table.reasons]
    return asdict(table) | {
        "reasons": reasons,
        "last_arrived": arrived and arrived.isoformat(),
    }
