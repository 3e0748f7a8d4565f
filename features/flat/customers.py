"""A team's own customer table and the roles of its columns, checked before anything is written."""

import difflib
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.encoding.dates import days_since_epoch, has_naive_times
from features.encoding.encoding import Encoding, infer_encoding
from features.encoding.reading import as_text, missing_count, number_text, read_table
from features.packed.store import MAX_ID_BYTES
from holdfast.arrays import Floats, Times
from holdfast.errors import InputError

FEWEST_ROWS = 100
FEWEST_OF_A_CLASS = 20

_NEGATIVE_WORDS = frozenset(
    {"0", "no", "n", "false", "f", "stayed", "active", "retained", "no churn", "negative"}
)
_POSITIVE_WORDS = frozenset(
    {
        "1",
        "yes",
        "y",
        "true",
        "t",
        "churn",
        "churned",
        "left",
        "gone",
        "cancelled",
        "canceled",
        "positive",
    }
)
_MICROSECONDS_PER_DAY = 86_400_000_000


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
    sha256 : str
        Digest of the table's file.
    table : pyarrow.Table
        As read.
    roles : Roles
        As given, the positive values filled in.
    ids : list of str
        Distinct, none blank.
    label : (n,) float64
        1 left, 0 stayed, NaN not known.
    order : (n,) float64 or None
        When each row was true, for a split by time; no NaN.
    times : (n,) datetime64[us]
        When each row was true, UTC: the time column where it holds dates, else the time of reading.
    group : (n,) int64 or None
        Group of each row.
    value : (n,) float64 or None
        What each customer is worth; NaN where blank.
    columns : tuple of str
        Columns that are features.
    left_out : tuple of str
        Columns left out because they are not available at scoring, or hold nothing.
    """

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

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which rows have a label."""
        return ~np.isnan(self.label)

    def encoding(self, earlier: Encoding | None) -> Encoding:
        """The encoding of the feature columns: the earlier one grown, or a new one inferred."""
        return (
            infer_encoding(self.table, self.columns)
            if earlier is None
            else earlier.grown(self.table)
        )


def read_customer_table(path: Path, roles: Roles, read_at: datetime) -> CustomerTable:
    """Read a table and check it against its roles.

    Parameters
    ----------
    path : Path
        CSV, CSV.gz or Parquet.
    roles : Roles
        What its columns are for.
    read_at : datetime
        Time of reading, with a zone.

    Raises
    ------
    InputError
        Names the option or column, the rule and the value.
    """
    table = read_table(path)
    _check_roles(table, roles)
    if table.num_rows < FEWEST_ROWS:
        raise InputError("TABLE", f"needs at least {FEWEST_ROWS} rows", table.num_rows)
    label, positive = _label(as_text(table[roles.target]), roles.positive)
    order, times = _times(table, roles.time, read_at)
    columns, left_out = _feature_columns(table, roles)
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return CustomerTable(
        sha256=digest,
        table=table,
        roles=Roles(**{**vars(roles), "positive": positive}),
        ids=_ids(table, roles.id),
        label=label,
        order=order,
        times=times,
        group=None if roles.group is None else group_codes(table[roles.group]),
        value=None if roles.value is None else _value(table[roles.value]),
        columns=columns,
        left_out=left_out,
    )


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


def _check_roles(table: pa.Table, roles: Roles) -> None:
    names = table.column_names
    single = {
        "--target": roles.target,
        "--id": roles.id,
        "--time": roles.time,
        "--group": roles.group,
        "--value": roles.value,
    }
    for option, name in single.items():
        if name is not None:
            check_named(option, name, names)
            _check_kind(option, name, table)
    for name in roles.drop:
        check_named("--drop", name, names)
    for option in ("--target", "--id"):
        if single[option] in roles.drop:
            raise InputError("--drop", f"must not be the column of {option}", single[option])
    stripped = {name.strip() for name in names}
    for name in sorted(roles.available or ()):
        if name not in stripped:
            check_named("--available-at-scoring", name, names)
    if roles.target in (roles.id, roles.time, roles.group, roles.value):
        raise InputError("--target", "must be a column with no other role", roles.target)
    if roles.id is not None and roles.id in (roles.time, roles.value):
        raise InputError("--id", "must be a column with no other role", roles.id)


def _check_kind(option: str, name: str, table: pa.Table) -> None:
    kind = table[name].type
    if (
        pa.types.is_nested(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_duration(kind)
    ):
        raise InputError(
            option, f"column {name!r} must hold numbers, text, dates or true and false", str(kind)
        )


def check_named(option: str, name: str, names: Sequence[str]) -> None:
    """Require that an option names a column of the table.

    The InputError names the nearest column where it does not.
    """
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.6) or [
            n for n in names if n.lower() == name.lower()
        ]
        hint = (
            f"; did you mean {near[0]!r}?"
            if near
            else f"; it has {', '.join(map(repr, names[:8]))}{', …' if len(names) > 8 else ''}"
        )
        raise InputError(option, f"must be a column of the table{hint}", name)


def _label(text: pa.ChunkedArray, positive: Iterable[str]) -> tuple[Floats, tuple[str, ...]]:
    plain = canonical_text(text)
    classes = sorted(pc.unique(plain.drop_null()).to_pylist())
    if len(classes) < 2:
        raise InputError("--target", "must have two classes", classes)
    chosen = tuple(sorted({canonical_value(value) for value in positive}))
    if not chosen:
        chosen = (_infer_positive(classes),)
    absent = [value for value in chosen if value not in classes]
    if absent:
        raise InputError(
            "--positive",
            f"must occur in the target, which has {', '.join(map(repr, classes[:10]))}",
            absent[0],
        )
    label = np.array(pc.is_in(plain, value_set=pa.array(chosen)).to_numpy(), dtype=np.float64)
    label[np.array(plain.is_null().to_numpy())] = np.nan
    known = int((~np.isnan(label)).sum())
    positives = int(np.nansum(label))
    if known < FEWEST_ROWS:
        raise InputError(
            "--target", f"needs at least {FEWEST_ROWS} rows where it is not blank", known
        )
    if positives < FEWEST_OF_A_CLASS:
        raise InputError("--target", f"needs at least {FEWEST_OF_A_CLASS} positive rows", positives)
    if known - positives < FEWEST_OF_A_CLASS:
        raise InputError(
            "--target",
            f"needs at least {FEWEST_OF_A_CLASS} rows that are not positive",
            known - positives,
        )
    return label, chosen


def _infer_positive(classes: Sequence[str]) -> str:
    if len(classes) > 2:
        shown = f"{', '.join(map(repr, classes[:10]))}{', …' if len(classes) > 10 else ''}"
        raise InputError(
            "--target",
            f"has {len(classes)} classes ({shown}); "
            "name with --positive those that mean that the customer left",
        )
    known = [value for value in classes if value.lower() in _POSITIVE_WORDS]
    if len(known) != 1 or not any(value.lower() in _NEGATIVE_WORDS for value in classes):
        raise InputError(
            "--target",
            "has two classes; name with --positive the one that means that the customer left",
            classes,
        )
    return known[0]


def canonical_text(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of text in the spelling of `canonical_value`; null stays null."""
    values = pc.unique(text.drop_null()).to_pylist()
    plain = pa.array([canonical_value(value) for value in values], pa.string())
    return plain.take(pc.index_in(text, value_set=pa.array(values, pa.string())))


def canonical_value(value: str) -> str:
    """One spelling of a class.

    ``1``, ``1.0`` and `` 1 `` become the same, and so do ``True`` and ``true``.
    """
    stripped = value.strip()
    try:
        return number_text(float(stripped))
    except (ValueError, OverflowError):
        return stripped.lower() if stripped.lower() in ("true", "false") else stripped


def _ids(table: pa.Table, column: str | None) -> list[str]:
    if column is None:
        return [str(number) for number in range(1, table.num_rows + 1)]
    values = table[column]
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
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


def _times(table: pa.Table, column: str | None, read_at: datetime) -> tuple[Floats | None, Times]:
    snapshot = np.full(table.num_rows, np.datetime64(int(read_at.timestamp() * 1e6), "us"))
    if column is None:
        return None, snapshot
    values = table[column]
    if _all_missing(values):
        raise InputError("--time", f"column {column!r} must have no blanks; it has nothing else")
    (kind,) = infer_encoding(table, [column]).columns
    if kind.kind == "category":
        raise InputError(
            "--time",
            f"column {column!r} must hold ISO 8601 dates or numbers",
            as_text(values).drop_null()[0].as_py(),
        )
    order = kind.encode(values)
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
    if kind.kind == "number":
        return order, snapshot
    if has_naive_times(values):
        raise InputError(
            "--time",
            f"column {column!r} must name its zone, as in 2026-01-31T09:30:00Z"
            " (dates alone are UTC)",
            as_text(values)[0].as_py(),
        )
    return order, np.round(days_since_epoch(values) * _MICROSECONDS_PER_DAY).astype(
        np.int64
    ).astype("datetime64[us]")


def group_codes(values: pa.ChunkedArray) -> NDArray[np.int64]:
    """A code for each value of a column; a row without one is a group of its own."""
    text = as_text(values)
    codes = pc.fill_null(pc.index_in(text, value_set=pc.unique(text.drop_null())), -1)
    groups = np.array(codes.to_numpy(), dtype=np.int64)
    alone = groups < 0
    groups[alone] = groups.max() + 1 + np.arange(alone.sum())
    return groups


def _value(values: pa.ChunkedArray) -> Floats:
    name = "--value"
    (column,) = infer_encoding(pa.table({name: values}), [name]).columns
    if column.kind != "number":
        raise InputError(
            "--value", "must be a column of numbers", as_text(values).drop_null()[0].as_py()
        )
    value = column.encode(values)
    if np.isnan(value).all():
        raise InputError("--value", "must hold at least one number")
    return value


def _feature_columns(table: pa.Table, roles: Roles) -> tuple[tuple[str, ...], tuple[str, ...]]:
    used = {roles.target, roles.id, roles.time, roles.group, *roles.drop}
    columns, left_out = [], []
    for name in table.column_names:
        if name in used:
            continue
        available = roles.available is None or name.strip() in roles.available
        if available and not _all_missing(table[name]):
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
