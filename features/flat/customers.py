"""A team's own customer table and the roles of its columns, checked before anything is written."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.encoding.dates import days_since_epoch, has_naive_times
from features.encoding.encoding import Encoding, Kind, infer_encoding
from features.encoding.reading import as_text, missing_count
from features.flat.classes import blank_notes
from features.flat.target import read_target
from features.packed.store import MAX_ID_BYTES
from features.tables.likely_roles import likely_target
from features.tables.opening import check_named, check_role, open_table, read_columns
from features.tables.options import TableOptions
from features.tables.plan import TablePlan
from features.tables.rounded_ids import refuse_rounded
from holdfast.arrays import Floats, Times
from holdfast.errors import InputError

FEWEST_ROWS = 100
_MICROSECONDS_PER_DAY = 86_400_000_000
_UNDATED = (
    "no column says when the rows were true: they count from when they were read,"
    " unless --as-of says when"
)


@dataclass(frozen=True, kw_only=True)
class Roles:
    """What the columns of a table are for.

    Parameters
    ----------
    target : str
        Column of who left. Rows where it is blank are scored, not trained on.
    id : str or None
        Column that names the customer; without one the row number, from 1, does.
    positive : tuple of str
        Values of the target that mean "left"; empty to infer the one of two.
    time : str or None
        Column of the time at which a row was true; a model is then evaluated on later rows than it
        was fitted on.
    group : str or None
        Rows with the same value here are never on both sides of a split.
    value : str or None
        Numeric column of what a customer is worth.
    drop : tuple of str
        Columns not to use.
    available : frozenset of str or None
        If given, the only columns known when a customer is scored; others are left out.
    """

    target: str
    id: str | None = None
    positive: tuple[str, ...] = ()
    time: str | None = None
    group: str | None = None
    value: str | None = None
    drop: tuple[str, ...] = ()
    available: frozenset[str] | None = None


@dataclass(frozen=True, kw_only=True)
class CustomerTable:
    """A checked table of n customers.

    Parameters
    ----------
    name : str
        What to call the table: the name of its file or database.
    sha256 : str
        Digest of the table's file.
    table : pyarrow.Table
        Features as numbers, dates and text; id, target and group as written.
    roles : Roles
        As given, the positive values filled in.
    ids : list of str
        Distinct, none blank.
    label : (n,) float64
        1 left, 0 stayed, NaN not known.
    order : (n,) float64 or None
        When each row was true, for a split by time; no NaN.
    times : (n,) datetime64[us]
        When each row was true, UTC: the time column where it holds dates, else what a person said,
        else the time of reading.
    group : (n,) int64 or None
        Group of each row.
    value : (n,) float64 or None
        What each customer is worth; NaN where blank.
    columns : tuple of str
        Columns that are features.
    left_out : tuple of str
        Columns left out because they are not available at scoring, hold nothing, or are ids or
        texts.
    plan : TablePlan
        How every column was read.
    notes : tuple of str
        What was decided about the file and the target, for a person.
    """

    name: str
    sha256: str
    table: pa.Table
    roles: Roles
    ids: list[str]
    label: Floats
    order: Floats | None
    times: Times
    group: NDArray[np.int64] | None
    value: Floats | None
    columns: tuple[str, ...]
    left_out: tuple[str, ...]
    plan: TablePlan
    notes: tuple[str, ...]

    @property
    def not_features(self) -> dict[str, str]:
        """Columns that are ids or texts and so no features, with the reason."""
        readings = [self.plan.column(name) for name in self.left_out]
        return {reading.name: reading.why for reading in readings if not reading.is_feature}

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which rows have a label."""
        return ~np.isnan(self.label)

    def encoding(self, earlier: Encoding | None) -> Encoding:
        """The encoding of the feature columns: the earlier one grown, or a new one.

        Raises
        ------
        InputError
            A column is of another kind than in the earlier one.
        """
        kinds = {name: feature_kind(self.plan, name) for name in self.columns}
        if earlier is None:
            return infer_encoding(self.table, self.columns, kinds)
        for column in earlier.columns:
            kind, why = kinds[column.name]
            if kind != column.kind:
                raise InputError(
                    column.name,
                    f"is a {kind} now ({why}), and was a {column.kind} in this home; "
                    "set its kind with --columns, or choose another --home",
                )
        return earlier.grown(self.table)


def feature_kind(plan: TablePlan, name: str) -> tuple[Kind, str]:
    """What a column of a plan is as a feature, and why; a flag is a category."""
    reading = plan.column(name)
    if reading.kind == "number":
        return "number", reading.why
    return ("date" if reading.kind == "date" else "category"), reading.why


def read_customer_table(
    where: str | Path,
    roles: Roles,
    read_at: datetime,
    options: TableOptions | None = None,
    *,
    as_of: datetime | None = None,
) -> CustomerTable:
    """Read a table and check it against its roles.

    Parameters
    ----------
    where : str or Path
        A file, folder, pattern or database, as `features.tables.place.read_table` takes it.
    roles : Roles
        What its columns are for.
    read_at : datetime
        Time of reading, with a zone.
    options : TableOptions, optional
        What a person said about reading it.
    as_of : datetime, optional
        When all rows were true, with a zone, where no column holds dates of it. Default: the time
        of reading, and a note says so.

    Raises
    ------
    OpenQuestions
        A column can be read in more than one way.
    InputError
        Names the option or column, the rule and the value.
    """
    source, plan = open_table(where, options, lambda written: _check_table(written, roles))
    target = read_target(as_text(source.table[roles.target]), roles.target, roles.positive)
    ids = _ids(source.table, roles.id)
    used = _wanted(source.table.column_names, roles)
    as_written = {name for name in (roles.id, roles.target, roles.group) if name is not None}
    table, plan = read_columns(source, plan, used, as_written)
    # Not before: questions are asked with the plan that `holdfast inspect` writes.
    if roles.id is not None:
        reading = replace(plan.column(roles.id), kind="id", why="names the customer", question="")
        plan = plan.with_reading(reading)
    order, times, undated = _times(table, plan, roles.time, as_of or read_at)
    _check_as_of(as_of, read_at, undated)
    columns, left_out = _feature_columns(table, plan, roles)
    return CustomerTable(
        name=source.name,
        sha256=source.sha256,
        table=table,
        roles=Roles(**{**vars(roles), "positive": target.positive}),
        ids=ids,
        label=target.label,
        order=order,
        times=times,
        group=None if roles.group is None else group_codes(table[roles.group]),
        value=None if roles.value is None else _value(table, plan, roles.value),
        columns=columns,
        left_out=left_out,
        plan=plan,
        notes=(
            *plan.notes,
            *blank_notes(source.table[roles.target], roles.target),
            *target.notes,
            *((_UNDATED,) if undated and as_of is None else ()),
        ),
    )


def _wanted(names: Sequence[str], roles: Roles) -> set[str]:
    """Columns whose reading matters for a run."""
    skipped = {roles.target, roles.id, roles.group, *roles.drop} - {roles.time, roles.value}
    return {
        name
        for name in names
        if name not in skipped
        and (
            roles.available is None or name in roles.available or name in (roles.time, roles.value)
        )
    }


def read_column_names(path: Path) -> frozenset[str]:
    """Read a UTF-8 file with one column name a line; blank lines do not count.

    Raises
    ------
    InputError
        The file is missing, not UTF-8 or empty.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError:
        raise InputError("--available-at-scoring", "must be a readable file", str(path)) from None
    except UnicodeDecodeError:
        raise InputError("--available-at-scoring", "must be UTF-8", path.name) from None
    names = frozenset(line.strip() for line in lines if line.strip())
    if not names:
        raise InputError("--available-at-scoring", "must name at least one column", path.name)
    return names


def _check_table(table: pa.Table, roles: Roles) -> None:
    names = table.column_names
    single = {
        "--target": roles.target,
        "--id": roles.id,
        "--time": roles.time,
        "--group": roles.group,
        "--value": roles.value,
    }
    if roles.target not in names:
        check_named("--target", roles.target, names, likely_target(table))
    for option, name in single.items():
        if name is not None:
            check_role(option, name, table)
    for name in roles.drop:
        check_named("--drop", name, names)
    for option in ("--target", "--id"):
        if single[option] in roles.drop:
            raise InputError("--drop", f"must not be the column of {option}", single[option])
    for name in sorted(roles.available or ()):
        check_named("--available-at-scoring", name, names)
    if roles.target in (roles.id, roles.time, roles.group, roles.value):
        raise InputError("--target", "must be a column with no other role", roles.target)
    if roles.id is not None and roles.id in (roles.time, roles.value):
        raise InputError("--id", "must be a column with no other role", roles.id)
    if table.num_rows < FEWEST_ROWS:
        raise InputError("TABLE", f"needs at least {FEWEST_ROWS} rows", table.num_rows)


def _ids(table: pa.Table, column: str | None) -> list[str]:
    if column is None:
        return [str(number) for number in range(1, table.num_rows + 1)]
    values = table[column]
    if pa.types.is_string(values.type):
        refuse_rounded("--id", column, values)
        # As they stand: an id is compared byte for byte.
        ids = pc.if_else(pc.equal(pc.utf8_trim_whitespace(values), ""), None, values)
    else:
        ids = as_text(values)
    if ids.null_count:
        raise InputError(
            "--id",
            f"column {column!r} must have no blanks; this row has one",
            ids.to_pylist().index(None) + 1,
        )
    listed: list[str] = ids.to_pylist()
    counts = pc.value_counts(ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids)
    repeated = counts.filter(pc.greater(counts.field("counts"), 1))
    if len(repeated):
        raise InputError(
            "--id",
            f"column {column!r} must have no duplicates ({len(repeated)} ids repeat)",
            repeated[0].as_py()["values"],
        )
    longest = max(listed, key=lambda listed_id: len(listed_id.encode()))
    if len(longest.encode()) > MAX_ID_BYTES:
        raise InputError(
            "--id", f"column {column!r} must hold at most {MAX_ID_BYTES} bytes of UTF-8", longest
        )
    return listed


def _times(
    table: pa.Table, plan: TablePlan, column: str | None, otherwise: datetime
) -> tuple[Floats | None, Times, bool]:
    """Order and times of the rows, and whether no column dates them."""
    snapshot = np.full(table.num_rows, np.datetime64(int(otherwise.timestamp() * 1e6), "us"))
    if column is None:
        return None, snapshot, True
    values = table[column]
    if _all_missing(values):
        raise InputError("--time", f"column {column!r} must have no blanks; it has nothing else")
    kind = feature_kind(plan, column)
    if kind[0] == "category":
        raise InputError(
            "--time",
            f"column {column!r} must hold dates or numbers",
            as_text(values).drop_null()[0].as_py(),
        )
    (encoded,) = infer_encoding(table, [column], {column: kind}).columns
    order = encoded.encode(values)
    if np.isnan(order).any():
        raise InputError(
            "--time",
            f"column {column!r} must have no blanks; this row has one",
            int(np.flatnonzero(np.isnan(order))[0]) + 1,
        )
    if len(np.unique(order)) < 2:
        raise InputError(
            "--time",
            f"column {column!r} must hold at least two different times",
            as_text(values)[0].as_py(),
        )
    if kind[0] == "number":
        return order, snapshot, True
    if has_naive_times(values):
        raise InputError(
            "--time",
            f"column {column!r} must name its zone, as in 2026-01-31T09:30:00Z"
            " (dates alone are UTC)",
            as_text(values)[0].as_py(),
        )
    microseconds = np.round(days_since_epoch(values) * _MICROSECONDS_PER_DAY).astype(np.int64)
    return order, microseconds.astype("datetime64[us]"), False


def _check_as_of(as_of: datetime | None, read_at: datetime, undated: bool) -> None:
    if as_of is None:
        return
    if not undated:
        raise InputError("--as-of", "must come without --time, whose dates say when rows were true")
    if as_of > read_at:
        raise InputError(
            "--as-of", f"must not lie after now, {read_at:%Y-%m-%d}", f"{as_of:%Y-%m-%d}"
        )


def group_codes(values: pa.ChunkedArray) -> NDArray[np.int64]:
    """A code for each value of a column; a row without one is a group of its own."""
    text = as_text(values)
    codes = pc.fill_null(pc.index_in(text, value_set=pc.unique(text.drop_null())), -1)
    groups = np.array(codes.to_numpy(), dtype=np.int64)
    alone = groups < 0
    groups[alone] = groups.max() + 1 + np.arange(alone.sum())
    return groups


def _value(table: pa.Table, plan: TablePlan, name: str) -> Floats:
    values = table[name]
    kind = feature_kind(plan, name)
    if kind[0] != "number" and not _all_missing(values):
        raise InputError(
            "--value", "must be a column of numbers", as_text(values).drop_null()[0].as_py()
        )
    if _all_missing(values):
        raise InputError("--value", "must hold at least one number")
    (column,) = infer_encoding(table, [name], {name: kind}).columns
    return column.encode(values)


def _feature_columns(
    table: pa.Table, plan: TablePlan, roles: Roles
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    used = {roles.target, roles.id, roles.time, roles.group, *roles.drop}
    columns, left_out = [], []
    for name in table.column_names:
        if name in used:
            continue
        available = roles.available is None or name in roles.available
        if available and plan.column(name).is_feature and not _all_missing(table[name]):
            columns.append(name)
        else:
            left_out.append(name)
    if not columns:
        raise InputError(
            "TABLE",
            "leaves no column to learn from once roles, --drop and --available-at-scoring"
            " are taken out",
        )
    return tuple(columns), tuple(left_out)


def _all_missing(values: pa.ChunkedArray) -> bool:
    return missing_count(values) == len(values)
