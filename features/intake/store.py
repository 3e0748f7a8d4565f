"""The raw store: accepted rows as ``<table>/<part>.parquet``, which features are computed from.

A run builds a whole store beside the present one and then takes its place, so that a run that is
killed changes nothing. Parts that have not changed since they were accepted without a fault are
linked, not read again. How far tables were read by a watermark stands in the same manifest.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from features.contracts.tables import TABLES
from features.intake.replaced import Count
from features.sources import Part
from features.sources.part import refuse_changing, stored_stem
from features.sources.watermark import Mark
from holdfast.errors import InputError
from holdfast.files import write_beside

_MANIFEST, _EVIDENCE = "manifest.json", "_evidence.parquet"


@dataclass(frozen=True)
class _Accepted:
    """A part as it was when it was accepted without a fault.

    Parameters
    ----------
    size, mark : int, str
        How it looked from outside (`features.sources.content.ContentState`).
    digest : str
        Of its content; empty where there is none.
    rows : int
        How many it had.
    reading : str
        Digest of how it was read.
    mapping : str
        Digest of what a mapping file says of it.
    replaced : sequence of Count
        Values that were replaced.
    settled : bool
        Whether an equal mark proves that it has not changed since.
    """

    size: int
    digest: str
    rows: int
    reading: str = ""
    mapping: str = ""
    replaced: Sequence[Count] = ()
    mark: str = ""
    settled: bool = False


@dataclass(frozen=True)
class ReplacedBefore:
    """What was replaced in a table of the store.

    Parameters
    ----------
    read : int
        Rows read.
    replaced : sequence of Count
        Column, rule, value and rows of each value.
    """

    read: int
    replaced: Sequence[Count]


@dataclass
class RawStore:
    """A raw store, and the new one that grows beside it.

    Parameters
    ----------
    root : Path
        Its folder. Made, and replaced as a whole, by `publish`.
    keep : bool
        Whether it is to last. One that is thrown away needs no copies of files that are fit as they
        are, and no memory.

    Raises
    ------
    InputError
        The folder holds something else.
    """

    root: Path
    keep: bool = True
    _before: dict[str, _Accepted] = field(default_factory=dict)
    _now: dict[str, _Accepted] = field(default_factory=dict)
    _kept: set[str] = field(default_factory=set)
    _kept_before: frozenset[str] = frozenset()
    _unchanged: dict[str, bool] = field(default_factory=dict)
    _reused: set[Path] = field(default_factory=set)
    _begun_ns: int = 0
    marks: Mapping[str, Mark] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.beside = self.root.with_name(f".{self.root.name}.new")
        self._replaced = self.root.with_name(f".{self.root.name}.old")
        if self._replaced.exists() and not self.root.exists():
            self._replaced.rename(self.root)  # killed between the two steps of `publish`
        self._before, self._kept_before, self.marks = self._read_manifest()
        for folder in (self.beside, self._replaced):
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def evidence(self) -> Path:
        """What the accepted parts show of how they are written (see `features.raw_tables`)."""
        return self.root / _EVIDENCE

    def begin(self) -> None:
        """Make the folder of the new store; what time it is there tells which parts are settled."""
        self.beside.mkdir(parents=True)
        self._begun_ns = self.beside.stat().st_mtime_ns

    def is_unchanged(self, table: str, part: Part) -> bool:
        """Whether a part is as it was when it was accepted without a fault.

        Its size, times of change and place are compared. Only where they do not prove it is its
        content read: it was changed just before it was read, or it was moved or touched since. What a
        mapping file says of it counts too.
        """
        name = f"{table}/{part.name}"
        if name not in self._unchanged:
            self._unchanged[name] = self._compare(self._before.get(name), part)
        return self._unchanged[name]

    def changed_parts(self, table: str, parts: Sequence[Part]) -> set[str]:
        """Names of a table's parts that were accepted before, and are not as they were then.

        None where there is only one: that may be written anew every night.
        """
        return {
            part.name
            for part in parts
            if len(parts) > 1
            and f"{table}/{part.name}" in self._before
            and not self.is_unchanged(table, part)
        }

    def has_only_grown(self, table: str) -> bool:
        """Whether all rows of the present store's table are in the new one.

        Not where tables of the present store were not checked together, because some were kept
        from the day before.
        """
        present = {self.beside / table / file.name for file in self.present_files(table)}
        return bool(present) and not self._kept_before and present <= self._reused

    def files(self, table: str) -> list[Path]:
        """A table's accepted files in the new store."""
        return sorted((self.beside / table).glob("*.parquet"))

    def present_files(self, table: str) -> list[Path]:
        """A table's files in the present store."""
        return sorted((self.root / table).glob("*.parquet"))

    def keep_present(self, table: str) -> None:
        """Take over a table of the present store as a whole, in the place of the new one."""
        folder, prefix = self.beside / table, f"{table}/"
        self._kept.add(table)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for file in self.present_files(table):
            os.link(file, folder / file.name)
        for name in [name for name in self._now if name.startswith(prefix)]:
            del self._now[name]
        self._now |= {
            name: accepted for name, accepted in self._before.items() if name.startswith(prefix)
        }

    def place(self, table: str, part: Part) -> Path:
        """Where a part's accepted rows go in the new store."""
        folder = self.beside / table
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{stored_stem(part.name)}.parquet"

    def reuse(self, table: str, part: Part, reading: str = "") -> _Accepted | None:
        """Take over an unchanged part that was accepted without a fault, read as it is now.

        Returns what is known of it, or None where it has to be checked again.
        """
        before = self._before.get(f"{table}/{part.name}")
        if before is None or before.reading != reading or not self.is_unchanged(table, part):
            return None
        place = self.place(table, part)
        kept = self.root / table / place.name
        if not kept.is_file():
            return None
        os.link(kept, place)
        self._reused.add(place)
        opened = part.content.opened if part.content else None
        self._now[f"{table}/{part.name}"] = (
            before
            if opened is None or (before.settled and before.mark == opened.mark)
            else replace(before, mark=opened.mark, settled=opened.is_settled(self._begun_ns))
        )
        return before

    def adopt(self, table: str, part: Part) -> None:
        """Take over a Parquet file as it is."""
        if part.path is None:
            raise ValueError(part.name)
        place = self.place(table, part)
        if self.keep:
            shutil.copyfile(part.path, place)
        else:
            place.symlink_to(part.path.absolute())

    def remember(
        self,
        table: str,
        part: Part,
        rows: int,
        replaced: Sequence[Count] = (),
        reading: str = "",
    ) -> None:
        """Note that a part was accepted without a fault, and which values were replaced in it.

        Raises
        ------
        InputError
            It has changed since it was opened.
        """
        if part.content is None or not self.keep:
            return
        opened, digest = part.content.opened, part.content.digest()
        refuse_changing(table, part)  # the digest is of what was read
        self._now[f"{table}/{part.name}"] = _Accepted(
            size=opened.size,
            digest=digest,
            rows=rows,
            reading=reading,
            mapping=part.mapping.digest,
            replaced=replaced,
            mark=opened.mark,
            settled=opened.is_settled(self._begun_ns),
        )

    def forget(self, table: str, part: Part) -> None:
        """Note that a file has rows that were not accepted."""
        self._now.pop(f"{table}/{part.name}", None)
        self._reused.discard(self.place(table, part))

    def publish(
        self,
        readings: Mapping[str, object],
        replaced: Mapping[str, ReplacedBefore],
        write_evidence: Callable[[Path, Collection[str]], None],
        marks: Mapping[str, Mark],
    ) -> None:
        """Put the new store in the place of the present one.

        Parameters
        ----------
        readings : mapping of str to object
            How each table was read, as JSON.
        replaced : mapping of str to ReplacedBefore
            What was replaced in each table.
        write_evidence : callable
            Writes the evidence of the parts that it is given the names of.
        marks : mapping of str to Mark
            How far tables were read that were read by a watermark.
        """
        write_evidence(self.beside / _EVIDENCE, self._now.keys())
        before = stored_readings(self.root)
        kept = {table: before[table] for table in sorted(self._kept & set(before))}
        of_kept = {table: one for table in self._kept if (one := self.replaced_before(table))}
        manifest = {
            "contracts": _contracts_digest(),
            "readings": {**readings, **kept},
            "kept": sorted(self._kept),
            "replaced": {table: asdict(one) for table, one in {**replaced, **of_kept}.items()},
            "marks": {name: mark.to_json() for name, mark in self._marks_now(marks).items()},
            "parts": {name: asdict(part) for name, part in self._now.items()},
        }
        write_beside(
            self.beside / _MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1) + "\n"
        )
        if self.root.exists():
            self.root.rename(self._replaced)
        self.beside.rename(self.root)
        shutil.rmtree(self._replaced, ignore_errors=True)

    def replaced_before(self, table: str) -> ReplacedBefore | None:
        """What was replaced in a table of the present store; None where nobody noted it."""
        try:
            manifest = json.loads((self.root / _MANIFEST).read_text(encoding="utf-8"))
            one = manifest["replaced"][table]
            return ReplacedBefore(one["read"], [tuple(count) for count in one["replaced"]])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def discard(self) -> None:
        """Remove the new store, if it was not published."""
        shutil.rmtree(self.beside, ignore_errors=True)

    def _marks_now(self, marks: Mapping[str, Mark]) -> dict[str, Mark]:
        """Marks of the tables that are new, and those before of the tables that were kept."""
        kept = {name: mark for name, mark in self.marks.items() if _table(name) in self._kept}
        return {name: mark for name, mark in marks.items() if _table(name) not in self._kept} | kept

    @staticmethod
    def _compare(before: _Accepted | None, part: Part) -> bool:
        if before is None or part.content is None or before.mapping != part.mapping.digest:
            return False
        opened = part.content.opened
        if before.settled and before.mark == opened.mark:
            return True
        # The digest last, since it takes reading the file.
        return (
            before.size == opened.size
            and before.digest != ""
            and before.digest == part.content.digest()
        )

    def _read_manifest(self) -> tuple[dict[str, _Accepted], frozenset[str], dict[str, Mark]]:
        """Parts accepted without a fault, tables that were kept from the store before, and marks."""
        try:
            manifest = json.loads((self.root / _MANIFEST).read_text(encoding="utf-8"))
            if manifest["contracts"] != _contracts_digest():
                return {}, frozenset(), {}
            parts = {name: _accepted(part) for name, part in manifest["parts"].items()}
            marks = {name: Mark.from_json(mark) for name, mark in manifest.get("marks", {}).items()}
            # Stores of earlier releases do not say which were kept: any may have been.
            return parts, frozenset(manifest.get("kept", TABLES)), marks
        except FileNotFoundError:
            if self.root.exists() and any(self.root.iterdir()):
                raise InputError(
                    str(self.root), "must be a raw store or empty; it has files of somebody else's"
                ) from None
            return {}, frozenset(), {}
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise InputError(
                str(self.root / _MANIFEST),
                "cannot be read; remove the raw store",
                type(error).__name__,
            ) from None


def _table(name: str) -> str:
    """The table that a mark is about."""
    return name.partition("/")[0]


def stored_readings(root: Path) -> dict[str, Any]:
    """How each table of a raw store was read, as JSON; empty for a store from before that was kept."""
    try:
        manifest = json.loads((root / _MANIFEST).read_text(encoding="utf-8"))
        return dict(manifest.get("readings", {}))
    except (OSError, ValueError, AttributeError):
        return {}


def settled_marks(root: Path) -> frozenset[str]:
    """Marks of the parts of a raw store that prove by themselves that a part has not changed."""
    try:
        parts = json.loads((root / _MANIFEST).read_text(encoding="utf-8"))["parts"].values()
    except (OSError, ValueError, KeyError):
        return frozenset()
    return frozenset(part["mark"] for part in parts if part.get("settled"))


def _accepted(part: dict[str, Any]) -> _Accepted:
    """A part of a manifest; those of earlier releases do not know all, and know the time apart."""
    known = {one.name: part[one.name] for one in fields(_Accepted) if one.name in part}
    replaced = [tuple(count) for count in part.get("replaced", ())]
    return _Accepted(**{**known, "replaced": replaced})


def read_all_again(root: Path) -> None:
    """Let the next run read every file of the source, as if none had been accepted before."""
    path = root / _MANIFEST
    if path.exists():
        manifest = json.loads(path.read_text(encoding="utf-8"))
        write_beside(
            path,
            json.dumps(manifest | {"parts": {}, "marks": {}}, ensure_ascii=False, indent=1) + "\n",
        )


def _contracts_digest() -> str:
    """Changes when a contract's columns, types or rules do."""
    rules = {
        table.name: [
            (
                name,
                str(column.metadata["arrow"]),
                column.nullable,
                column.metadata["references"],
                column.metadata["unlisted"],
                [(check.name, check.error) for check in column.checks],
            )
            for name, column in table.schema.columns.items()
        ]
        for table in TABLES.values()
    }
    return hashlib.sha256(json.dumps(rules, sort_keys=True).encode()).hexdigest()
