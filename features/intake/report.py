"""The result of a check of raw tables."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from features.intake.quarantine import RuleCount
from features.intake.replaced import Count, ReplacedValue
from features.intake.store import ReplacedBefore
from features.intake.verdicts import NightVerdict
from features.raw_tables.plan import RawTablePlan
from features.sources import Part
from features.sources.names import suggested_tables, suggestions
from features.sources.whole_table import TimeSpan


@dataclass(frozen=True, kw_only=True)
class TableReport:
    """One table.

    Parameters
    ----------
    table : str
        Its name.
    read, accepted, quarantined : int
        Rows; those that were refused (`features.retained.refused_rows`) make up the difference.
    reused : int
        Rows of files that had been accepted before and have not changed: not checked one by one
        again.
    span : TimeSpan
        When accepted rows happened and arrived.
    absent_columns, empty_columns, unknown_columns : tuple of str
        Columns that may be null and are not there; that are there, but without any value; that no
        contract knows.
    renamed : mapping of str to str
        Columns whose written name was taken as the contract's.
    notes : tuple of str
        What was decided about its files, for a person.
    mapped : tuple of mapping
        What a mapping file says of each of its relations, as JSON.
    plan : RawTablePlan
        How its columns were read.
    rules : tuple of RuleCount
        Rules broken, most often first.
    replaced : tuple of ReplacedValue
        Values that rows were accepted without, most frequent first.
    seconds : float
        How long it took.
    """

    table: str
    read: int
    accepted: int
    quarantined: int
    reused: int
    span: TimeSpan
    absent_columns: tuple[str, ...]
    empty_columns: tuple[str, ...]
    unknown_columns: tuple[str, ...]
    renamed: Mapping[str, str]
    notes: tuple[str, ...]
    mapped: tuple[Mapping[str, object], ...]
    plan: RawTablePlan
    rules: tuple[RuleCount, ...]
    replaced: tuple[ReplacedValue, ...]
    seconds: float

    @property
    def replaced_counts(self) -> list[Count]:
        """Column, rule, value and rows of the values replaced."""
        return [(one.column, one.rule, one.value, one.rows) for one in self.replaced]

    @property
    def refused(self) -> int:
        """Rows left out because whom they are about was erased, because rows are not kept for so
        long, or because they tell of our own decisions what the ledger says.
        """
        return self.read - self.accepted - self.quarantined

    @property
    def late_share(self) -> float:
        """Share of accepted rows that arrived more than 7 days after they happened."""
        return self.span.late / self.accepted if self.accepted else 0.0

    @property
    def suggestions(self) -> Mapping[str, str]:
        """Unknown columns that are likely absent ones, misspelt."""
        return suggestions(self.unknown_columns, self.absent_columns)

    def to_json(self) -> dict[str, object]:
        """As a JSON object."""
        return {
            "table": self.table,
            "read": self.read,
            "accepted": self.accepted,
            "quarantined": self.quarantined,
            "refused": self.refused,
            "reused": self.reused,
            "first_happened_at": _iso(self.span.first_happened),
            "last_happened_at": _iso(self.span.last_happened),
            "late_share": round(self.late_share, 6),
            "absent_columns": list(self.absent_columns),
            "empty_columns": list(self.empty_columns),
            "unknown_columns": list(self.unknown_columns),
            "suggestions": dict(self.suggestions),
            "reading": {
                "renamed": dict(self.renamed),
                "notes": list(self.notes),
                "mapped": [dict(one) for one in self.mapped],
                **self.plan.to_json(),
            },
            "rules": [asdict(rule) for rule in self.rules],
            "replaced": [asdict(value) for value in self.replaced],
            "seconds": round(self.seconds, 2),
        }


@dataclass(frozen=True)
class Intake:
    """A raw store that was built beside the present one.

    Parameters
    ----------
    reports : mapping of str to TableReport
        Tonight's tables.
    files : callable
        Gives the files of one of tonight's tables.
    present : callable
        Gives the files of a table in the present store; none where it is not there.
    quarantine : Path
        Folder of tonight's quarantine, ``<table>.parquet`` each.
    spill : Path
        Folder for what does not fit into memory.
    now : datetime
        With a time zone.
    replaced_before : callable
        Gives what was replaced in a table of the present store; None where nobody noted it.
    """

    reports: Mapping[str, TableReport]
    files: Callable[[str], Sequence[Path]]
    present: Callable[[str], Sequence[Path]]
    quarantine: Path
    spill: Path
    now: datetime
    replaced_before: Callable[[str], ReplacedBefore | None]


@dataclass(frozen=True)
class AbsentTable:
    """An optional table that is not there, and the features that cannot be computed without it."""

    table: str
    disables: tuple[str, ...]


@dataclass(frozen=True)
class Doubt:
    """Something that breaks no rule, and yet looks wrong.

    Parameters
    ----------
    kind : str
        A code that stays the same from version to version.
    table : str
        The table.
    about : str
        What looks wrong, in words.
    """

    kind: str
    table: str
    about: str


@dataclass(frozen=True, kw_only=True)
class CheckReport:
    """A whole check.

    Parameters
    ----------
    where : str
        The source, without a password.
    tables : tuple of TableReport
        Tables that are there, in the contracts' order.
    absent : tuple of AbsentTable
        Optional tables that are not.
    unknown_tables : tuple of str
        What else lies in the source.
    doubts : tuple of Doubt
        Things to look into.
    quarantine : Path
        Folder that quarantined rows lie in.
    seconds : float
        How long it took.
    night : NightVerdict or None
        What was made of the tables beside those of other nights; None where nobody asked.
    """

    where: str
    tables: tuple[TableReport, ...]
    absent: tuple[AbsentTable, ...]
    unknown_tables: tuple[str, ...]
    doubts: tuple[Doubt, ...]
    quarantine: Path
    seconds: float
    night: NightVerdict | None = None

    @property
    def suggestions(self) -> Mapping[str, str]:
        """What else lies there that is likely an absent table, misspelt."""
        return suggested_tables(self.unknown_tables, [absent.table for absent in self.absent])

    @property
    def clean(self) -> bool:
        """Whether every row was accepted."""
        return not any(table.quarantined for table in self.tables)

    def worst(self) -> Iterator[tuple[TableReport, RuleCount]]:
        """Broken rules with their tables, the most frequent first, references last.

        One lost row loses all that refer to it.
        """
        broken = [(table, rule) for table in self.tables for rule in table.rules]
        yield from sorted(broken, key=lambda pair: (pair[1].rule == "orphan", -pair[1].rows))

    def to_json(self) -> dict[str, object]:
        """As a JSON object."""
        return {
            "where": self.where,
            "clean": self.clean,
            "tables": [table.to_json() for table in self.tables],
            "absent": [
                {"table": absent.table, "disables": list(absent.disables)} for absent in self.absent
            ],
            "unknown_tables": list(self.unknown_tables),
            "suggestions": dict(self.suggestions),
            "doubts": [asdict(doubt) for doubt in self.doubts],
            "quarantine": str(self.quarantine),
            "seconds": round(self.seconds, 2),
        }


def mapped_of(parts: Sequence[Part]) -> tuple[Mapping[str, object], ...]:
    """What a mapping file says of the relations that parts belong to, each once."""
    said: list[Mapping[str, object]] = []
    for part in parts:
        if part.mapping.said and part.mapping.said not in said:
            said.append(part.mapping.said)
    return tuple(said)


def _iso(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()
