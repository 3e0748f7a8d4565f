# ruff: noqa: S608  # names in queries come from contracts and from paths, never from rows
"""The judge of a night: what is unusual about tonight's tables, by name.

What a night brought is read from the rows' `arrived_at`, not from a log of nights. Tonight's rows
are compared with those that the raw store holds already (`features.intake.comparison`), and the
rows that both have with each other (`features.intake.history`). Where nothing is there yet, a table
is compared with its own past. Nothing is expected before the first weeks are over.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from pathlib import Path
from typing import Self, TypedDict

import duckdb

from features.compute.snapshots import reached_midnight
from features.contracts.tables import TABLES, Table
from features.contracts.vocabulary import ARRIVED
from features.intake.bounds import Bounds
from features.intake.comparison import (
    WEEKS,
    Unusual,
    compare_future,
    compare_gap,
    compare_ids,
    compare_rows,
    compare_segments,
    compare_shares,
    compare_sizes,
    compare_values,
    measures,
    noticed_within_days,
    reason,
    window,
)
from features.intake.day_profiles import DayProfiles, Profiler
from features.intake.history import compare_counts, compare_kept, compare_keys
from features.intake.plausibility import IN_WAVES
from features.intake.replaced import ReplacedValue
from features.intake.report import Intake
from features.intake.verdicts import (
    Measure,
)
from features.sql.expressions import files_sql, quoted
from holdfast.sentences import named, sentence
from holdfast.zone import day_start, days_apart, days_later

SHOWN_DAYS = 56
"""Days whose rows a verdict shows."""

_FEW_QUARANTINED, _MOST_QUARANTINED = 5, 0.5
"""A handful of rows raises no doubt, unless they are most of the table."""

_QUARANTINE_DAYS = 7
_USUALLY_WAITING, _WAITING_SCATTER = 1.5, 3.0
"""So many times the most rows that waited on other nights for one that they refer to, and so many
standard deviations of such a count.
"""

_STALE_DAYS = 21
"""A raw store that ends so long before tonight is no longer compared with."""

_MEMORY = "2GB"


class Beside(TypedDict):
    """The fields of `TableVerdict` that put tonight beside other nights."""

    nights: int
    noticed_within_days: int | None
    last_arrived: datetime | None
    measures: tuple[Measure, ...]
    rows_by_day: tuple[int, ...]


class NightJudge:
    """Tonight's tables and those already there, profiled; a context manager.

    Parameters
    ----------
    intake : Intake
        What was built beside the present raw store.
    quarantine_share : float
        Share of rows that may be in quarantine.
    night : datetime, optional
        As in `Expectations`.
    zone : tzinfo
        The operator's.
    """

    def __init__(
        self,
        intake: Intake,
        quarantine_share: float,
        night: datetime | None,
        zone: tzinfo = UTC,
    ) -> None:
        self.intake, self.quarantine_share, self.zone = intake, quarantine_share, zone
        connection = duckdb.connect(
            config={
                "temp_directory": str(intake.spill),
                "memory_limit": _MEMORY,
                "preserve_insertion_order": False,
            }
        )
        connection.execute("SET TimeZone = 'UTC'")
        self.connection = connection
        self.new = {name: files for name in TABLES if (files := intake.files(name))}
        self.old = {name: files for name in TABLES if (files := intake.present(name))}
        reached, reached_before = (
            _reached(connection, files, intake.now, zone) for files in (self.new, self.old)
        )
        self.night = night or max(reached, reached_before)
        self._tonight = Profiler(
            connection, "tonight", self.new, self.night, reached, intake.now, zone
        )
        self._before = Profiler(
            connection, "before", self.old, self.night, reached_before, intake.now, zone
        )
        self._comparable = days_apart(reached_before, self.night, zone) <= _STALE_DAYS

    def unusual(self, name: str) -> list[Unusual]:
        """What is unusual about a table; nothing where it is not there."""
        if name not in self.new:
            return []
        table, new, old = TABLES[name], self._profile_tonight(name), self._profile_before(name)
        quarantined = list(self._quarantined(name, new))
        unusual = [*compare_future(new), *self._replaced(name, new), *_compare(table, new, old)]
        if old is not new:
            unusual += self._history(table, new, old)
        if quarantined:
            # They have arrived, and are left out.
            unusual = [("thin" if kind == "late" else kind, why) for kind, why in unusual]
        return list(_once([*quarantined, *unusual]))

    def beside_other_nights(self, name: str) -> Beside:
        """Tonight's figures of a table beside those of other nights."""
        if name not in self.new:
            old = self._profile_before(name)
            rows = tuple(int(rows) for rows in old.rows[-SHOWN_DAYS:])
            return Beside(
                nights=old.known_days - old.unknown_days,
                noticed_within_days=None,
                last_arrived=None,
                measures=(),
                rows_by_day=rows,
            )
        new, old = self._profile_tonight(name), self._profile_before(name)
        known = len(old.rows) - old.unknown_days
        rows = tuple(int(rows) for rows in (*old.rows[:known], *new.rows[known:]))
        share = self.intake.reports[name].quarantined / max(self.intake.reports[name].read, 1)
        replaced = sum(one.rows for one in self.intake.reports[name].replaced)
        before = self.intake.replaced_before(name)
        usual = None if before is None else sum(float(rows) for *_, rows in before.replaced)
        return Beside(
            nights=max(old.known_days - old.unknown_days - (old is new), 0),
            noticed_within_days=noticed_within_days(old),
            last_arrived=self.intake.reports[name].span.last_arrived,
            measures=(
                *measures(new, old),
                Measure("share in quarantine", round(share, 6), 0.0, 0.0, self.quarantine_share),
                Measure("values replaced", float(replaced), usual, None, None),
            ),
            rows_by_day=rows[-SHOWN_DAYS:],
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.connection.close()

    @cache  # noqa: B019  # lives as long as the judge of one night
    def _profile_tonight(self, name: str) -> DayProfiles:
        return self._tonight.profile(name)

    @cache  # noqa: B019
    def _profile_before(self, name: str) -> DayProfiles:
        """What tonight is compared with: what is there already, or else its own past."""
        if name in self.old and (self._comparable or name not in self.new):
            return self._before.profile(name)
        return self._profile_tonight(name)

    def _history(self, table: Table, new: DayProfiles, old: DayProfiles) -> Iterator[Unusual]:
        if _same_files(self.new[table.name], self.old[table.name]):
            return
        counts = (profiler.counts(table.name) for profiler in (self._tonight, self._before))
        other_rows = list(compare_counts(*counts))
        yield from other_rows
        yield from compare_keys(self.connection, self.new[table.name], self.old[table.name], table)
        if not other_rows:
            yield from compare_kept(new, old, table)

    def _quarantined(self, name: str, new: DayProfiles) -> Iterator[Unusual]:
        """Rows that were not accepted, of all and of those of the last days."""
        report = self.intake.reports[name]
        if not report.quarantined:
            return
        recent = self._recently_quarantined(name, new)
        required = [
            column
            for column, definition in TABLES[name].schema.columns.items()
            if not definition.nullable
        ]
        accepted = float(window(new.rows, _QUARANTINE_DAYS))
        lately = sentence("in_days", days=_QUARANTINE_DAYS, day=str(new.last))
        for rows, of_all, code, when in (
            (report.quarantined, float(report.read), "quarantine", {}),
            (recent, recent + accepted, "quarantine_lately", {"when": lately}),
        ):
            if self._beyond_budget(name, rows, of_all, required):
                worst = report.rules[0]
                column = worst.column or sentence("lines")
                of = {"column": column, "rule": named(worst.reason), **when}
                about = sentence(code, rows=rows, all=of_all, **of)
                bounds = Bounds(0, 0, self.quarantine_share)
                # Rows are left out, whatever else they hold.
                yield "thin", reason("quarantine", worst.column, rows / of_all, bounds, about)
                return

    def _replaced(self, name: str, new: DayProfiles) -> Iterator[Unusual]:
        """Categories in no list that were never seen before, and more ids that lead nowhere.

        Their rows are accepted. They have the budget that rows in quarantine have.
        """
        before = self.intake.replaced_before(name)
        if before is None:
            return
        report, table = self.intake.reports[name], TABLES[name]
        recent = min(float(report.read), float(window(new.rows, _QUARANTINE_DAYS)))
        earlier = {(column, rule, value): rows for column, rule, value, rows in before.replaced}
        by_column: dict[str, list[ReplacedValue]] = {}
        for one in report.replaced:
            if one.rule == "orphan":
                then = earlier.get((one.column, "orphan", None), 0) / max(before.read, 1)
                more = round(one.rows - then * report.read)
                if self._beyond_budget(name, more, report.read, (one.column,)):
                    share, high = one.rows / report.read, then + self.quarantine_share
                    about = sentence(
                        "orphans",
                        column=one.column,
                        rows=one.rows,
                        all=report.read,
                        table=table.schema.columns[one.column].metadata["references"],
                        usual=then,
                    )
                    bounds = Bounds(0, then, high)
                    yield "changed", reason("orphans", one.column, share, bounds, about)
            elif (one.column, one.rule, one.value) not in earlier:
                by_column.setdefault(one.column, []).append(one)
        for column, values in by_column.items():
            rows = sum(one.rows for one in values)
            if self._beyond_budget(name, rows, max(recent, rows), ()):
                became = values[0].became
                empty, value = sentence("empty"), values[0].value
                about = sentence(
                    "unlisted",
                    column=column,
                    rows=rows,
                    value=empty if value is None else sentence("value", value=value),
                    became=became or empty,
                )
                bounds = Bounds(0, 0, self.quarantine_share)
                share = rows / max(recent, rows)
                yield "changed", reason("unlisted", column, share, bounds, about)

    def _beyond_budget(
        self, name: str, rows: int, of_all: float, references: Sequence[str]
    ) -> bool:
        few = rows < _FEW_QUARANTINED and rows <= _MOST_QUARANTINED * of_all
        if few or rows <= self.quarantine_share * of_all:
            return False
        waiting = self._waiting(TABLES[name], references)
        usual = _USUALLY_WAITING * waiting + _WAITING_SCATTER * waiting**0.5
        return rows - usual > self.quarantine_share * of_all

    def _waiting(self, table: Table, columns: Sequence[str]) -> int:
        """The most rows that waited, on a night of the weeks before, for one that they refer to.

        An order may arrive before the customer who placed it. Until then it is in quarantine.
        """
        most = 0
        for column in columns:
            other = table.schema.columns[column].metadata["references"]
            if other is None or other not in self.new or other == table.name:
                continue
            key = quoted(TABLES[other].key[0])
            nights = ", ".join(
                f"(TIMESTAMPTZ '{days_later(self.night, -7 * week, self.zone):%Y-%m-%d %H:%M:%S}+00')"
                for week in range(1, WEEKS + 1)
            )
            (rows,) = self.connection.execute(
                f"""WITH firsts AS (
                    SELECT {key} AS id, min({ARRIVED}) AS first
                    FROM {files_sql(list(self.new[other]))} GROUP BY 1
                ), waited AS (
                    SELECT raw.{ARRIVED} AS since, firsts.first AS until
                    FROM {files_sql(list(self.new[table.name]))} AS raw
                    JOIN firsts ON firsts.id = raw.{quoted(column)}
                    WHERE firsts.first > raw.{ARRIVED}
                ), nights AS (SELECT * FROM (VALUES {nights}) AS nights(night))
                SELECT max(rows) FROM (
                    SELECT count(*) AS rows FROM nights
                    JOIN waited ON waited.since < night AND waited.until >= night GROUP BY night
                )"""
            ).fetchone() or (None,)
            most += rows or 0
        return most

    def _recently_quarantined(self, name: str, new: DayProfiles) -> int:
        file = self.intake.quarantine / f"{name}.parquet"
        if not file.exists():
            return 0
        until = day_start(new.last + timedelta(days=1), self.zone)
        since = days_later(until, -_QUARANTINE_DAYS, self.zone)
        (rows,) = self.connection.execute(
            f"""SELECT count(*) FROM {files_sql([file])}
            WHERE try_cast(json_extract_string(record, '$.{ARRIVED}') AS TIMESTAMPTZ)
                BETWEEN TIMESTAMPTZ '{since:%Y-%m-%d %H:%M:%S}+00'
                AND TIMESTAMPTZ '{until:%Y-%m-%d %H:%M:%S}+00' - INTERVAL 1 MICROSECOND"""
        ).fetchone() or (0,)
        return int(rows)


def _compare(table: Table, new: DayProfiles, old: DayProfiles) -> Iterator[Unusual]:
    yield from compare_rows(new, old)
    yield from compare_ids(new, old)
    if table.name in IN_WAVES:
        return
    yield from compare_shares(new, old, table)
    yield from compare_gap(new, old)
    yield from compare_segments(new, old)
    yield from compare_values(new, old, table)
    yield from compare_sizes(new, old)


def _once(unusual: Sequence[Unusual]) -> Iterator[Unusual]:
    """Of reasons of one kind about one column, the first; rows are told of day by day."""
    told: set[tuple[str, str]] = set()
    for verdict, one in unusual:
        if one.kind == "rows" or (one.kind, one.column) not in told:
            told.add((one.kind, one.column))
            yield verdict, one


def _same_files(new: Sequence[Path], old: Sequence[Path]) -> bool:
    """Whether all files were taken over as they were, by links."""
    return len(new) == len(old) and all(map(Path.samefile, new, old))


def _reached(
    connection: duckdb.DuckDBPyConnection,
    files: Mapping[str, Sequence[Path]],
    now: datetime,
    zone: tzinfo,
) -> datetime:
    """The last midnight of the operator's, in UTC, that tables reach; not after now."""
    times = [
        connection.execute(
            f"SELECT max({ARRIVED})::TIMESTAMP FROM {files_sql(list(some))}"
        ).fetchone()
        for some in files.values()
    ]
    arrived = [time[0].replace(tzinfo=UTC) for time in times if time and time[0]]
    return reached_midnight(max(arrived, default=datetime(1970, 1, 1, tzinfo=UTC)), now, zone)
