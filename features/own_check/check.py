"""Checks a home's own features as our tests check ours: what they declare, and what their SQL gives.

The declarations are checked against the SQL as it is parsed. Then the SQL is run on some households'
raw tables, on the same tables in another order and with all that arrived later, and on those that a
build of history holds: the values must be the same.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, tzinfo
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from features.own.consistency import inspect_own_view
from features.own.fault import Fault
from features.own.reading import inspect_directory
from features.own.sandbox import SqlReading
from features.own_check.report import CheckedFeature, OwnCheck
from features.own_check.sample import (
    Tables,
    as_known,
    half_of,
    newest_midnight,
    sample_tables,
    with_later_rows,
    write_tables,
)
from features.own_check.trial import Shape, Trial, Values, reason_of
from features.views.declaration import NEVER, OwnFeature, OwnView
from holdfast.logging import progress

_NUMBERS = ("BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE")
_UNSIGNED = ("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT")


def check_own_features(directory: Path, raw: Path, tried_on: str, zone: tzinfo = UTC) -> OwnCheck:
    """Check the features of a directory.

    Parameters
    ----------
    directory : Path
        Where the files lie.
    raw : Path
        Raw tables to try them on: ``<table>/*.parquet``. Only read.
    tried_on : str
        What a report calls these.
    zone : tzinfo
        The operator's, whose midnights features are tried at.
    """
    views, faults = inspect_directory(directory)
    sound: list[tuple[OwnView, SqlReading]] = []
    for view in views:
        reading, wrong = inspect_own_view(view)
        faults += wrong
        if not wrong:
            sound.append((view, reading))
    features: list[CheckedFeature] = []
    doubts: list[str] = []
    if sound:
        names = frozenset().union(*(reading.tables for _, reading in sound))
        tables = sample_tables(raw, names)
        absent = sorted(names - tables.keys())
        doubts += [
            f"the raw tables hold no {name}: what reads it was tried on no row" for name in absent
        ]
        with (
            TemporaryDirectory() as folder,
            _Trials(tables, Path(folder), zone) as trials,
            progress("Trying the home's own features", len(sound)) as advance,
        ):
            for view, _ in sound:
                wrong, checked = trials.check(view)
                faults += wrong
                features += checked
                advance(1)
    doubts += [
        f"{one.name} has no value for any of the {one.entities} entities that it was tried on"
        for one in features
        if one.entities and one.missing == one.entities
    ]
    return OwnCheck(tuple(features), tuple(faults), tuple(doubts), tried_on)


class _Trials:
    """The raw tables that features are tried on; a context manager."""

    def __init__(self, tables: Tables, folder: Path, zone: tzinfo) -> None:
        at = newest_midnight(tables, zone)
        halved, chosen = half_of(tables)
        lines = tables["subscriptions"]
        self._chosen = chosen | {
            line
            for line, customer in zip(
                lines["subscription_id"].to_pylist(), lines["customer_id"].to_pylist(), strict=True
            )
            if customer in chosen
        }
        self._open = ExitStack()
        known = as_known(tables, at)
        self._now, self._later, self._history = (
            self._open.enter_context(Trial(write_tables(rows, folder / name), at, threads, zone))
            for name, rows, threads in (
                ("now", known, 1),
                ("later", with_later_rows(tables, at), 2),
                ("history", as_known(halved, at), 1),
            )
        )

    def check(self, view: OwnView) -> tuple[list[Fault], list[CheckedFeature]]:
        """All that is wrong with what a view's SQL gives, and what its features look like."""
        try:
            shape = self._now.shape(view)
            if faults := list(_wrong_shape(view, shape)):
                return faults, []
            values = self._now.values(view)
            faults = [
                *self._wrong_values(view, values),
                *_differences(
                    view,
                    values,
                    self._later.values(view),
                    "other rows are known later, or rows lie in another order",
                ),
                *_differences(
                    view,
                    {key: row for key, row in values.items() if key in self._chosen},
                    self._history.values(view),
                    "only sampled customers' rows are there, as in history; a feature must not look at other customers",
                ),
            ]
        except duckdb.Error as error:
            reason, line = reason_of(error)
            return [Fault(view.sql_path, line, reason)], []
        return faults, [_looks(view, place, values) for place in range(len(view.columns))]

    def _wrong_values(self, view: OwnView, values: Values) -> Iterator[Fault]:
        for place, feature in enumerate(view.own_features):
            if (one := self._now.not_finite(view, feature.name)) is not None:
                yield _at_feature(
                    view, feature, f"must be a finite number or null; it is not for {one}"
                )
            present = {key: row[place] for key, row in values.items()}
            missing = next((key for key, value in present.items() if value is None), None)
            if feature.null == NEVER and missing is not None:
                yield _at_feature(
                    view, feature, f"must never be null, as it declares; it is for {missing}"
                )
            if feature.unit == "yes or no":
                for key, value in present.items():
                    if value not in (None, 0.0, 1.0):
                        rule = f"must be 0 or 1, because it is yes or no; it is not for {key}"
                        yield _at_feature(view, feature, rule, f"{value:g}")
                        break

    def __enter__(self) -> "_Trials":
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()


def _wrong_shape(view: OwnView, shape: Shape) -> Iterator[Fault]:
    wanted = (view.join_key, *view.columns)
    for name in wanted:
        if name not in shape.columns:
            yield Fault(view.sql_path, 1, f"must give the column {name}, which is declared")
    for name, kind in shape.columns.items():
        if name not in wanted:
            rule = f"must give the declared columns alone: {', '.join(wanted)}"
            yield Fault(view.sql_path, _line_in_sql(view, name), rule, name)
        elif name == view.join_key:
            if kind != "VARCHAR":
                yield Fault(
                    view.sql_path, 1, f"{name} must be that of {view.entity}s, a text", kind
                )
        elif kind not in (*_NUMBERS, *_UNSIGNED) and not kind.startswith("DECIMAL"):
            yield Fault(view.sql_path, _line_in_sql(view, name), f"{name} must be a number", kind)
    if shape.twice is not None:
        yield Fault(
            view.sql_path, 1, f"must give one row for each {view.entity}", f"more for {shape.twice}"
        )
    if shape.nobody is not None:
        rule = f"must give rows of {view.entity}s in asked alone"
        yield Fault(view.sql_path, 1, rule, f"one for {shape.nobody}")


def _differences(view: OwnView, values: Values, others: Values, when: str) -> Iterator[Fault]:
    """Features of which an entity's value is not the same on other tables, one entity for each."""
    for place, feature in enumerate(view.own_features):
        for key, row in sorted(values.items()):
            other = others.get(key)
            if other is None or other[place] != row[place]:
                now, then = _shown(row[place]), _shown(None if other is None else other[place])
                rule = f"must be the same where {when}; for {key} it is {now}, and then {then}"
                yield _at_feature(view, feature, rule)
                break


def _at_feature(view: OwnView, feature: OwnFeature, rule: str, value: str | None = None) -> Fault:
    line = _line_in_sql(view, feature.name)
    return Fault(view.sql_path, line, f"{feature.name} {rule}", value)


def _line_in_sql(view: OwnView, name: str) -> int:
    lines: Sequence[str] = view.sql.splitlines()
    return next((number for number, line in enumerate(lines, start=1) if name in line), 1)


def _looks(view: OwnView, place: int, values: Values) -> CheckedFeature:
    present: Collection[float] = [row[place] for row in values.values() if row[place] is not None]  # type: ignore[misc]
    return CheckedFeature(
        name=view.columns[place],
        entities=len(values),
        missing=len(values) - len(present),
        minimum=min(present, default=None),
        maximum=max(present, default=None),
    )


def _shown(value: float | None) -> str:
    return "null" if value is None else f"{value:g}"
