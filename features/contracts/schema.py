"""What contracts are made of: the type `Table`, and a function for every kind of column.

Each of those functions takes what a value means (``about``), whether it may be missing (``null``)
and its data class, and gives a pandera column with type, checks and description as `Table` says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pyarrow

from features.contracts.vocabulary import ARRIVED, HAPPENED, OTHER

Kind = Literal["event", "state"]
Use = Literal["features", "labels", "exclusion and reporting"]
Unlisted = Literal["other", "null"]

CURRENCY = "currency"
"""The unit of amounts: the operator's own currency, the same in all tables, tax included."""

_UTC = pyarrow.timestamp("us", "UTC")
_EARLIEST, _TOO_LATE = pd.Timestamp("1900-01-01", tz="UTC"), pd.Timestamp("2262-01-01", tz="UTC")


@dataclass(frozen=True)
class Table:
    """A raw table's contract.

    Parameters
    ----------
    name : str
        The table's name, and its file's.
    group : str
        The part of the data dictionary it stands in.
    about : str
        What one row is.
    kind : {"event", "state"}
        One row per thing that happened, or one row per change of something that holds until the
        next change (see `features.contracts.tables`).
    key : tuple of str
        Columns that identify one event, or the thing that has the state.
    schema : pandera.pandas.DataFrameSchema
        Columns with type (Arrow-backed, which is checked ten times faster than pandas' own),
        checks, null rule, description, and metadata: ``arrow`` (type), ``unit``, ``data_class`` and
        ``references`` (the table whose key the id must be found in, or None), and ``unlisted`` (what
        a category becomes that is not in the list: "other" or "null"; None for other columns). A
        check's name is the stable code of its rule, its error the rule in words. A nullable column
        may be absent.
    use : {"features", "labels", "exclusion and reporting"}
        What may read it. Population, labels and contact policy may read every table, features only
        those for "features".
    required : bool
        Whether nothing can be computed without it.
    """

    name: str
    group: str
    about: str
    kind: Kind
    key: tuple[str, ...]
    schema: pa.DataFrameSchema
    use: Use = "features"
    required: bool = False

    @property
    def identity(self) -> tuple[str, ...]:
        """Columns that no two rows share: further rows are duplicates."""
        happened = (HAPPENED,) if self.kind == "state" and HAPPENED not in self.key else ()
        return (*self.key, *happened, ARRIVED)

    @property
    def columns(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(self.schema.columns)

    @property
    def arrow_schema(self) -> pyarrow.Schema:
        """The table's columns with their Arrow types."""
        return pyarrow.schema(
            [(name, column.metadata["arrow"]) for name, column in self.schema.columns.items()]
        )


def column(
    type_: pyarrow.DataType,
    about: str,
    *checks: pa.Check,
    null: bool,
    unit: str,
    data_class: str = "none",
    references: str | None = None,
    unlisted: Unlisted | None = None,
) -> pa.Column:
    """A column of any type, with checks of its own.

    Parameters
    ----------
    type_ : pyarrow.DataType
        Type of its values.
    about : str
        What a value means.
    *checks : pandera.Check
        Rules; each has a name (its stable code) and an error (the rule in words).
    null : bool
        Whether a value may be missing.
    unit : str
        What the number counts, or the kind of text.
    data_class : {"none", "traffic", "location", "special"}
        How sensitive it is.
    references : str, optional
        The table whose key a value must be found in.
    unlisted : {"other", "null"}, optional
        What a category becomes that is not in the list.
    """
    metadata = {
        "arrow": type_,
        "unit": unit,
        "data_class": data_class,
        "references": references,
        "unlisted": unlisted,
    }
    return pa.Column(
        pd.ArrowDtype(type_), list(checks), nullable=null, description=about, metadata=metadata
    )


def identifier(
    about: str, references: str | None = None, *, null: bool = False, data_class: str = "none"
) -> pa.Column:
    """An id: text of 1 to 120 characters, leading zeros kept."""
    length = pa.Check.str_length(1, 120, name="length", error="must be 1 to 120 characters long")
    return column(
        pyarrow.string(),
        about,
        length,
        null=null,
        unit="id",
        references=references,
        data_class=data_class,
    )


def time(about: str, *, null: bool = True) -> pa.Column:
    """A time in UTC."""
    # Feast and pandas count nanoseconds, which end in 2262; a far end such as 9999-12-31 stands for
    # none.
    years = pa.Check(
        lambda times: (times >= _EARLIEST) & (times < _TOO_LATE),
        name="year",
        error="must lie in the years 1900 to 2261; leave it empty where there is none",
    )
    return column(_UTC, about, years, null=null, unit="UTC")


def choice(
    about: str,
    values: Sequence[str],
    *,
    null: bool = False,
    data_class: str = "none",
    unlisted: Unlisted = OTHER,
) -> pa.Column:
    """One of some names.

    Parameters
    ----------
    about, null, data_class
        As `column` has them.
    values : sequence of str
        The names. `OTHER` joins them at the end where it is what others become.
    unlisted : {"other", "null"}
        What a name becomes that is none of them. With "other", an empty value becomes that too
        where one is required.
    """
    if unlisted == OTHER and OTHER not in values:
        values = (*values, OTHER)
    allowed = pa.Check.isin(
        list(values), name="category", error=f"must be one of {', '.join(values)}"
    )
    return column(
        pyarrow.string(),
        about,
        allowed,
        null=null,
        unit="category",
        data_class=data_class,
        unlisted=unlisted,
    )


def flag(about: str, *, null: bool = True, data_class: str = "none") -> pa.Column:
    """Yes or no."""
    return column(pyarrow.bool_(), about, null=null, unit="yes or no", data_class=data_class)


def number(
    about: str,
    unit: str,
    low: float | None = 0,
    high: float | None = None,
    *,
    null: bool = True,
    data_class: str = "none",
) -> pa.Column:
    """A finite number from `low` to `high`; None sets no bound."""
    finite = pa.Check(lambda numbers: np.isfinite(numbers), name="finite", error="must be finite")
    return column(
        pyarrow.float64(),
        about,
        *_between(low, high),
        finite,
        null=null,
        unit=unit,
        data_class=data_class,
    )


def count(
    about: str, unit: str, high: int | None = None, *, null: bool = True, data_class: str = "none"
) -> pa.Column:
    """A whole number from 0 to `high`; None sets no bound."""
    return column(
        pyarrow.int64(), about, *_between(0, high), null=null, unit=unit, data_class=data_class
    )


def amount(about: str, low: float | None = 0, *, null: bool = True) -> pa.Column:
    """An amount of money from `low`, in the operator's own currency."""
    return number(about, CURRENCY, low, null=null)


def text(about: str, longest: int, *, null: bool = True, data_class: str = "none") -> pa.Column:
    """Free text of at most `longest` characters."""
    length = pa.Check.str_length(
        0, longest, name="length", error=f"must be at most {longest} characters long"
    )
    return column(pyarrow.string(), about, length, null=null, unit="text", data_class=data_class)


def customer(null: bool = False) -> pa.Column:
    """The id of a customer in `customers`."""
    return identifier("The customer", "customers", null=null)


def subscription(null: bool = False) -> pa.Column:
    """The id of a subscription in `subscriptions`."""
    return identifier("The subscription", "subscriptions", null=null)


def account() -> pa.Column:
    """The id of an account, which need not be in any table."""
    return identifier("Who pays; the customer's own id where there are no accounts")


def table(
    name: str,
    group: str,
    about: str,
    kind: Kind,
    key: tuple[str, ...],
    columns: dict[str, pa.Column],
    *,
    use: Use = "features",
    required: bool = False,
) -> Table:
    """A raw table: its own columns, and the two times that every table has.

    Parameters
    ----------
    name, group, about, kind, key, use, required
        As `Table` has them.
    columns : dict of str to pandera.Column
        Its columns by name, without the two times.
    """
    order = pa.Check(
        lambda frame: (
            frame[ARRIVED].isna() | frame[HAPPENED].isna() | (frame[ARRIVED] >= frame[HAPPENED])
        ),
        name="arrival",
        error=f"{ARRIVED} must not lie before {HAPPENED}",
    )
    times = {
        HAPPENED: time("When it happened or began to hold", null=False),
        ARRIVED: time("When the row reached the operator's data platform", null=False),
    }
    schema = pa.DataFrameSchema(
        {**columns, **times},
        checks=[order],
        name=name,
        description=about,
        strict=False,
        coerce=False,
    )
    return Table(name, group, about, kind, key, schema, use, required)


def _between(low: float | None, high: float | None) -> list[pa.Check]:
    if low is not None and high is not None:
        return [
            pa.Check.in_range(
                low, high, name="range", error=f"must lie between {low:g} and {high:g}"
            )
        ]
    if low is not None:
        return [pa.Check.ge(low, name="range", error=f"must be {low:g} or more")]
    return []
