"""What the columns of a team's own table are likely for, to suggest a command. No run relies on it."""

import re
from collections.abc import Collection
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from features.encoding.reading import as_text
from features.table_files.arrow_types import has_plain_type
from features.tables.column_reading import ColumnReading
from features.tables.plan import TablePlan

_IDS = ("id", "customer", "subscriber", "account", "msisdn", "客户", "用户")
_TARGETS = ("churn", "left", "target", "attrition", "exited", "cancelled", "canceled", "流失")
_TREATMENTS = ("treatment", "treated", "arm", "variant", "实验组")
_OUTCOMES = ("outcome", "stayed", "retained", "conversion", "converted", "留存")


@dataclass(frozen=True)
class LikelyRoles:
    """Columns by what they are likely for; None where none is.

    Parameters
    ----------
    id : str or None
        Names the customer: no value is missing or repeats.
    target : str or None
        Says who left: two classes.
    treatment : str or None
        Says who had which action: few classes.
    outcome : str or None
        Says what came of it: two classes.
    """

    id: str | None = None
    target: str | None = None
    treatment: str | None = None
    outcome: str | None = None


def find_likely_roles(table: pa.Table, plan: TablePlan) -> LikelyRoles:
    """Find what columns are likely for, by their names and how many values they have.

    Parameters
    ----------
    table : pyarrow.Table
        As it is written.
    plan : TablePlan
        How it is read.
    """
    counts = {reading.name: _classes(table[reading.name], reading) for reading in plan.columns}
    distinct = [name for name, count in counts.items() if count == table.num_rows > 0]
    two = [name for name, count in counts.items() if count == 2]
    few = [name for name, count in counts.items() if 2 <= count <= 10]
    outcome = _named(two, _OUTCOMES)
    return LikelyRoles(
        _named(distinct, _IDS), _named(two, _TARGETS), _named(few, _TREATMENTS), outcome
    )


def likely_target(table: pa.Table) -> str | None:
    """The column that likely says who left, where no plan of the table is decided yet.

    A third value may mean missing, which only a plan tells.
    """
    counts = {name: _values(table[name]) for name in table.column_names if _named([name], _TARGETS)}
    two, three = ([name for name in counts if counts[name] == count] for count in (2, 3))
    return _named(two, _TARGETS) or _named(three, _TARGETS)


def _values(values: pa.ChunkedArray) -> int:
    """How many different values a column has, blanks left out."""
    if not has_plain_type(values.type):
        return 0
    different = {text.strip() for text in pc.unique(as_text(values).drop_null()).to_pylist()}
    return len(different - {""})


def _classes(values: pa.ChunkedArray, reading: ColumnReading) -> int:
    """How many different values a column has, those that mean missing left out."""
    if not has_plain_type(values.type):
        return 0
    different = pc.unique(as_text(values).drop_null())
    missing = pc.is_in(different, value_set=pa.array(reading.missing_marks, pa.string()))
    return len(different) - int(pc.sum(missing).as_py() or 0)


def _named(names: Collection[str], words: Collection[str]) -> str | None:
    """The first column that has the first of some words in its name, else of the next."""
    by_word = ((word, name) for word in words for name in names)
    return next((name for word, name in by_word if _has_word(name, word)), None)


def _has_word(name: str, word: str) -> bool:
    """Whether a name ends in a word, or a part of it begins with it: ``customerID``, ``Churn Value``."""
    plain = name.casefold()
    return plain.endswith(word) or any(part.startswith(word) for part in re.split(r"[\W_]+", plain))
