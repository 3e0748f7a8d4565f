"""Whether what a home's own view declares fits what its SQL reads."""

from collections.abc import Iterable, Iterator

from features.contracts.tables import TABLES
from features.own.fault import Fault
from features.own.sandbox import SqlReading, inspect_sql
from features.views.declaration import OwnView
from holdfast.toml_lines import line_of

_STRICTNESS = ("none", "traffic", "location", "special")


def require_consistent(views: Iterable[OwnView]) -> None:
    """Refuse views whose SQL may not be run, or reads other than they declare; InputError."""
    for view in views:
        _, faults = inspect_own_view(view)
        if faults:
            raise faults[0].error()


def inspect_own_view(view: OwnView) -> tuple[SqlReading, list[Fault]]:
    """What a view's SQL reads, and all that is wrong with it beside its declarations."""
    reading, faults = inspect_sql(view.sql, view.sql_path)
    return reading, faults or [*_wrong_tables(view, reading), *_wrong_classes(view, reading)]


def _wrong_tables(view: OwnView, reading: SqlReading) -> Iterator[Fault]:
    text = view.path.read_text(encoding="utf-8")
    declared = frozenset(table for one in view.features for table in one.tables)
    line = line_of(text, ("tables",))
    for name in sorted(reading.tables - declared):
        yield Fault(view.path, line, f"tables: must name all that {view.sql_path.name} reads", name)
    for name in sorted(declared - reading.tables):
        yield Fault(view.path, line, f"tables: must be read in {view.sql_path.name}", name)


def _wrong_classes(view: OwnView, reading: SqlReading) -> Iterator[Fault]:
    """Features that are declared as less sensitive than what they are computed from."""
    text = view.path.read_text(encoding="utf-8")
    for feature in view.features:
        for name in feature.tables:
            for column, declared in TABLES[name].schema.columns.items():
                data_class = declared.metadata["data_class"]
                is_read = reading.takes_all or column in reading.columns
                if data_class == "special" or not is_read:
                    continue  # special columns are not given at all
                if _STRICTNESS.index(feature.data_class) < _STRICTNESS.index(data_class):
                    line = line_of(text, ("features", feature.name, "data_class"))
                    rule = (
                        f"features.{feature.name}.data_class: must be {data_class}, as that of"
                        f" {name}.{column}, which the SQL reads"
                    )
                    yield Fault(view.path, line, rule, feature.data_class)
                    break
            else:
                continue
            break
