"""Raw tables checked against their contracts: rows are accepted, or quarantined with reasons.

Rows are checked in three steps, each on what the one before left:

1. one by one, by the contract's types and rules (`features.intake.rows`), however many a row
   breaks;
2. by their references: ids that are not among the accepted rows of the table they refer to;
3. by their identity: of rows that share it, one is kept (`WholeTables.repeats` says which).

Accepted, quarantined and refused rows (`RefusedRows`) together are the rows read.
A category in no list, and an id that leads nowhere where it may be null, cost the value and not the
row (`features.intake.replaced`).
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from graphlib import TopologicalSorter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from features.contracts.tables import TABLES, Table
from features.contracts.types import Fault
from features.intake.plausibility import doubts
from features.intake.quarantine import QuarantineFolder, TableQuarantine
from features.intake.replaced import ReplacedValues, without_values
from features.intake.report import AbsentTable, CheckReport, Intake, TableReport, mapped_of
from features.intake.rows import (
    check_rows,
    fault_within,
    null_counts,
    read_rows,
    same_nulls,
    without_rows,
)
from features.intake.store import RawStore, ReplacedBefore
from features.intake.verdicts import NightStoppedError, NightVerdict
from features.raw_tables.kept_evidence import KeptEvidence
from features.raw_tables.options import RawOptions
from features.raw_tables.plan import RawTablePlan
from features.raw_tables.planning import plan_tables, refuse_missing_tables
from features.retained.refused_rows import RefusedRows
from features.sources import Part, TableSource
from features.sources.part import BATCH_ROWS, notes_of, refuse_changing, row_numbers
from features.sources.whole_table import WholeTables
from holdfast.arrays import Positions
from holdfast.errors import InputError
from holdfast.logging import Advance, progress

Judge = Callable[[Intake], NightVerdict]
"""Says what is made of tonight's tables."""

Disables = Callable[[str, Collection[str]], Sequence[str]]
"""Names the features that cannot be computed without a table."""

DEFAULT_OPTIONS = RawOptions()
"""Nothing was said about reading: what is in doubt is a question."""

_SPILL = ".spill"
_NULLED = "nulled"
"""The rule of ids that lead nowhere, in columns that may be null."""

_NONE: Positions = np.empty(0, dtype=np.int64)


def accept(
    source: TableSource,
    out: Path,
    *,
    quarantine: Path,
    now: datetime,
    options: RawOptions = DEFAULT_OPTIONS,
    disables: Disables = lambda table, present: (),
    judge: Judge | None = None,
    refused: RefusedRows | None = None,
) -> CheckReport:
    """Check raw tables and keep the accepted rows as ``out/<table>/<part>.parquet``.

    Each file is typed by its contract.

    The store is replaced as a whole at the end. Files accepted before without a fault, and not
    changed since by size, time and digest of their content, are linked. Of their rows only is asked
    anew which repeat a row of another file, or lead to an id that may be gone.

    Parameters
    ----------
    source : TableSource
        The raw tables.
    out : Path
        Folder of the raw store.
    quarantine : Path
        Folder of the rows that were not accepted, ``<table>.parquet`` each.
    now : datetime
        With a time zone: tables whose rows arrive later are doubtful.
    options : RawOptions
        How to read what is in doubt.
    disables : callable
        Names the features that cannot be computed without a table.
    judge : callable, optional
        Compares the new store with other nights before it is published, and says of which tables
        the present rows are kept instead.
    refused : RefusedRows, optional
        Which rows are left out.

    Returns
    -------
    CheckReport
        Accepted, quarantined and left out rows together are the rows read.

    Raises
    ------
    OpenQuestions
        Columns can be read in more than one way. Nothing was changed.
    InputError
        A required table or column is missing, a column's type or a file cannot be read, or ``out``
        or ``quarantine`` holds something else. Nothing was changed.
    NightStoppedError
        The judge stops the night. Nothing was changed.
    """
    store, folder = RawStore(out), QuarantineFolder(quarantine)
    return _run(source, store, folder, now, options, disables, judge, refused)


def check(
    source: TableSource,
    *,
    quarantine: Path,
    now: datetime,
    options: RawOptions = DEFAULT_OPTIONS,
    disables: Disables = lambda table, present: (),
    refused: RefusedRows | None = None,
) -> CheckReport:
    """Check raw tables just as `accept` does, and keep none of the accepted rows.

    Parameters
    ----------
    source, quarantine, now, options, disables, refused
        As in `accept`.

    Returns
    -------
    CheckReport
        As from `accept`.

    Raises
    ------
    OpenQuestions, InputError
        As in `accept`.
    """
    with tempfile.TemporaryDirectory(prefix="holdfast-") as scratch:
        store = RawStore(Path(scratch) / "raw", keep=False)
        folder = QuarantineFolder(quarantine)
        return _run(source, store, folder, now, options, disables, refused=refused)


def _run(
    source: TableSource,
    store: RawStore,
    folder: QuarantineFolder,
    now: datetime,
    options: RawOptions,
    disables: Disables,
    judge: Judge | None = None,
    refused: RefusedRows | None = None,
) -> CheckReport:
    started = time.monotonic()
    refuse_missing_tables(source)
    _refuse_own_store(source, store)
    source.resume(store.marks, timedelta(hours=options.settings.watermark_overlap_hours))
    kept = KeptEvidence(store.evidence, store.is_unchanged)
    plans = plan_tables(source, options, kept)
    present = set(source.tables())
    with _prepared(store, folder) as whole:
        reports: dict[str, TableReport] = {}
        for name in _referenced_first(present):
            reports[name] = _TableCheck(
                *(TABLES[name], plans[name], source, store, folder, whole, present),
                refused or RefusedRows(),
            ).run()
        reports = {name: reports[name] for name in TABLES if name in reports}
        report = CheckReport(
            where=source.where,
            tables=tuple(reports.values()),
            absent=tuple(
                AbsentTable(name, tuple(disables(name, present)))
                for name in TABLES
                if name not in present
            ),
            unknown_tables=source.unknown(),
            doubts=tuple(doubts(reports, store.files, whole, now)),
            quarantine=folder.root,
            seconds=time.monotonic() - started,
        )
        if judge is not None:
            night = judge(
                Intake(
                    reports=reports,
                    files=store.files,
                    present=store.present_files,
                    quarantine=folder.beside,
                    spill=store.beside / _SPILL,
                    now=now,
                    replaced_before=store.replaced_before,
                )
            )
            if night.stopped:
                raise NightStoppedError(night)
            for verdict in night.tables:
                if verdict.used == "yesterday's":
                    store.keep_present(verdict.table)
            report = replace(report, night=night, seconds=time.monotonic() - started)
    folder.publish()
    store.publish(
        {table.table: table.to_json()["reading"] for table in report.tables},
        {table.table: ReplacedBefore(table.read, table.replaced_counts) for table in report.tables},
        write_evidence=kept.write,
        marks=source.marks(),
    )
    return report


def _refuse_own_store(source: TableSource, store: RawStore) -> None:
    for name in source.tables():
        for part in source.parts(name):
            if part.path is not None and store.root.resolve() in part.path.resolve().parents:
                raise InputError(
                    "WHERE", "must not be the raw store itself, which is replaced", source.where
                )


@contextmanager
def _prepared(store: RawStore, folder: QuarantineFolder) -> Iterator[WholeTables]:
    store.begin()
    spill = store.beside / _SPILL
    spill.mkdir()
    whole = WholeTables(spill)
    try:
        yield whole
    except BaseException:
        store.discard()
        folder.discard()
        raise
    finally:
        whole.close()
        shutil.rmtree(spill, ignore_errors=True)


def _referenced_first(present: set[str]) -> list[str]:
    needs = {
        name: {
            other
            for column in TABLES[name].schema.columns.values()
            if (other := column.metadata["references"]) in present
        }
        for name in TABLES
        if name in present
    }
    # A column that refers to its own table needs no order.
    return list(
        TopologicalSorter({name: others - {name} for name, others in needs.items()}).static_order()
    )


@dataclass
class _CheckedPart:
    """A part whose rows were checked one by one.

    Parameters
    ----------
    part : Part
        Where the rows came from.
    file : Path
        Those that obey.
    left_out : (n,) int64
        Row numbers of the others, ascending.
    read : int
        Rows read.
    reused : bool
        Taken over as it was accepted before.
    """

    part: Part
    file: Path
    left_out: Positions
    read: int
    reused: bool = False


@dataclass
class _TableCheck:
    """The check of one table."""

    table: Table
    plan: RawTablePlan
    source: TableSource
    store: RawStore
    folder: QuarantineFolder
    whole: WholeTables
    present: set[str]
    refused: RefusedRows
    replaced: ReplacedValues = field(init=False)

    def __post_init__(self) -> None:
        self.replaced = ReplacedValues(self.table)

    def run(self) -> TableReport:
        started = time.monotonic()
        parts = self.source.parts(self.table.name)
        total = sum(part.rows or 0 for part in parts) or None
        with (
            progress(f"Checking {self.table.name}", total) as advance,
            self.folder.table(self.table) as quarantine,
        ):
            checked = [self._check_part(part, quarantine, advance) for part in parts]
            by_file = self._faults_of_the_whole(checked)
            for one in checked:
                if one.file in by_file:
                    self._rewrite(one, by_file[one.file], quarantine)
        read = sum(one.read for one in checked)
        return self._report(checked, read, quarantine, started)

    def _check_part(
        self, part: Part, quarantine: TableQuarantine, advance: Advance
    ) -> _CheckedPart:
        file = self.store.place(self.table.name, part)
        plan = self.plan.for_part(part)
        reused = self.store.reuse(self.table.name, part, plan.digest)
        if reused is not None:
            advance(reused.rows)
            self.replaced.add(reused.replaced)
            return _CheckedPart(part, file, _NONE, reused.rows, reused=True)
        left_out, passed_over, read, has_faults = [_NONE], [_NONE], 0, False
        replaced = ReplacedValues(self.table)
        # A file that is already as it should be is not written anew, which would take longer than
        # checking it.
        fit = part.as_stored and part.schema.equals(self.table.arrow_schema)
        with ExitStack() as files:
            writer = (
                None
                if fit
                else files.enter_context(pq.ParquetWriter(file, self.table.arrow_schema))
            )
            for batch in part.batches():
                written = plan.written(batch.rows)
                rows, faults, unlisted = check_rows(self.table, plan.canonical(written))
                refused, faults = self.refused.leave_out(self.table, part.name, rows, faults)
                faulty = np.unique(np.concatenate([refused, *(fault.at for fault in faults)]))
                for one in unlisted:
                    replaced.add(one.counts(faulty))
                quarantine.add(part.name, written, batch.numbers, faults)
                quarantine.add_lines(part.name, self.refused.kept_lines(batch.broken))
                has_faults |= bool(faults or batch.broken)
                left_out += [
                    batch.numbers[faulty],
                    np.array([line.number for line in batch.broken], dtype=np.int64),
                ]
                passed_over.append(batch.passed_over)
                if writer is not None:
                    writer.write_batch(without_rows(rows, faulty))
                elif len(faulty) or unlisted or not same_nulls(rows, batch.rows):
                    fit = False
                read += len(batch.rows) + len(batch.broken)
                advance(len(batch.rows))
        numbers = np.sort(np.concatenate(left_out))
        refuse_changing(self.table.name, part)
        if fit:
            self.store.adopt(self.table.name, part)
        elif writer is None:
            self._write_without(part, file, numbers)
        self.replaced.add(replaced.counts())
        if not has_faults:
            self.store.remember(self.table.name, part, read, replaced.counts(), plan.digest)
        not_kept = np.sort(np.concatenate([numbers, *passed_over]))
        return _CheckedPart(part, file, not_kept, read)

    def _write_without(self, part: Part, file: Path, left_out: Positions) -> None:
        """Read a part once more, and write its rows but for some."""
        plan = self.plan.for_part(part)
        with pq.ParquetWriter(file, self.table.arrow_schema) as writer:
            for batch in part.batches():
                rows = read_rows(self.table, plan.canonical(plan.written(batch.rows)))
                writer.write_batch(
                    without_rows(rows, np.flatnonzero(np.isin(batch.numbers, left_out)))
                )

    def _faults_of_the_whole(self, checked: Sequence[_CheckedPart]) -> dict[Path, list[Fault]]:
        """References, then identities: what is wrong with which rows, by position in the file.

        Parts taken over were asked together before: they are only asked again about ids that may
        be gone. Faults with the rule `_NULLED` cost the value, the others the row.
        """
        table, ordered = self.table, sorted({one.file for one in checked})
        new = sorted({one.file for one in checked if not one.reused})
        faults: dict[Path, list[Fault]] = {}

        def note(column: str, rule: str, reason: str, faulty: dict[Path, Positions]) -> None:
            for file, at in faulty.items():
                faults.setdefault(file, []).append(Fault(column, rule, reason, at))

        for column, definition in table.schema.columns.items():
            other = definition.metadata["references"]
            if other in self.present:
                orphaned = self.whole.orphans(
                    new if self.store.has_only_grown(other) else ordered,
                    column,
                    self.store.files(other),
                    TABLES[other].key[0],
                )
                rule = _NULLED if definition.nullable else "orphan"
                note(column, rule, f"must be the id of an accepted row of {other}", orphaned)
        orphans = {
            file: np.unique(np.concatenate([_NONE, *(fault.at for fault in lost)]))
            for file, of_file in faults.items()
            if (lost := [fault for fault in of_file if fault.rule != _NULLED])
        }
        repeats = self.whole.repeats(table, ordered, new, orphans)
        identity = ", ".join(table.identity)
        note(
            identity,
            "duplicate",
            "must not repeat: another row is equal in every column",
            repeats["duplicate"],
        )
        note(
            identity,
            "conflict",
            "must not repeat: another row has other values; a correction has a later arrived_at",
            repeats["conflict"],
        )
        return faults

    def _rewrite(
        self, checked: _CheckedPart, faults: Sequence[Fault], quarantine: TableQuarantine
    ) -> None:
        """Move rows from a part's accepted file to the quarantine, and ids that lead nowhere to null.

        The part is read again the next time: the rows that they lead to may have arrived by then.
        """
        beside, done = checked.file.with_suffix(".rewritten"), 0
        with (
            pq.ParquetFile(checked.file) as file,
            pq.ParquetWriter(beside, self.table.arrow_schema) as writer,
        ):
            for rows in file.iter_batches(batch_size=BATCH_ROWS):
                here = [fault_within(fault, done, len(rows)) for fault in faults]
                here = [fault for fault in here if len(fault.at)]
                nulled = {fault.column: fault.at for fault in here if fault.rule == _NULLED}
                here = [fault for fault in here if fault.rule != _NULLED]
                numbers = row_numbers(np.arange(done, done + len(rows)), checked.left_out)
                quarantine.add(checked.part.name, rows, numbers, here)
                lost = np.concatenate([_NONE, *(fault.at for fault in here)])
                self.replaced.add(
                    (column, "orphan", None, int((~np.isin(at, lost)).sum()))
                    for column, at in nulled.items()
                )
                writer.write_batch(without_rows(without_values(rows, nulled), lost))
                done += len(rows)
        checked.file.unlink()
        beside.rename(checked.file)
        self.store.forget(self.table.name, checked.part)

    def _report(
        self,
        checked: Sequence[_CheckedPart],
        read: int,
        quarantine: TableQuarantine,
        started: float,
    ) -> TableReport:
        table, files = self.table, [one.file for one in checked]
        parts = [one.part for one in checked]
        there = {name for part in parts for name in part.schema.names}
        accepted, nulls = null_counts(files, table.columns)
        unused = {name for one in checked for name in one.part.mapping.unused}
        empty = [
            name for name in table.columns if name in there and accepted and nulls[name] == accepted
        ]
        return TableReport(
            table=table.name,
            read=read,
            accepted=accepted,
            quarantined=quarantine.rows,
            reused=sum(one.read for one in checked if one.reused),
            span=self.whole.span(files),
            absent_columns=tuple(name for name in table.columns if name not in there),
            empty_columns=tuple(empty),
            unknown_columns=tuple(sorted((there - set(table.columns)) | unused)),
            renamed={old: new for one in checked for old, new in one.part.renamed.items()},
            notes=notes_of(parts, self.store.changed_parts(self.table.name, parts)),
            mapped=mapped_of(parts),
            plan=self.plan,
            rules=tuple(sorted(quarantine.rules.values(), key=lambda rule: -rule.rows)),
            replaced=self.replaced.values(),
            seconds=time.monotonic() - started,
        )
