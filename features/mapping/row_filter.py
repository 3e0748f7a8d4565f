"""A condition in SQL on rows as they are written, asked of DuckDB batch by batch.

So a file stays a part of its own: it is not read again while it does not change, and its rows keep
their numbers.
"""

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.mapping.rows import is_text
from holdfast.arrays import Positions
from holdfast.errors import InputError

_POSITION = "holdfast_position"


class RowFilter:
    """A condition.

    Parameters
    ----------
    condition : str
        In DuckDB's SQL, on one row.
    field : str
        Where the mapping file says it.
    """

    def __init__(self, condition: str, field: str) -> None:
        self.condition, self._field = condition, field
        # A condition sees its own rows, no file and no network.
        self._duckdb = duckdb.connect(config={"enable_external_access": "false", "threads": "1"})
        self._duckdb.execute("SET TimeZone = 'UTC'")

    def check(self, schema: pa.Schema) -> None:
        """Refuse a condition that rows of a schema could not be asked.

        Raises
        ------
        InputError
            DuckDB refuses it: it is no SQL, or names a column that is not there.
        """
        self.positions(pa.RecordBatch.from_pylist([], schema=schema))

    def positions(self, rows: pa.RecordBatch) -> Positions:
        """Where the condition is true of rows, ascending, from 0.

        Raises
        ------
        InputError
            DuckDB refuses it, or cannot convert a value as it asks.
        """
        columns = [_readable(column) for column in rows.columns]
        numbered = pa.table(
            [*columns, pa.array(np.arange(len(rows)))], names=[*rows.schema.names, _POSITION]
        )
        self._duckdb.register("relation", numbered)
        try:
            found = self._duckdb.execute(
                # A line of its own for the bracket, since the condition may end in a comment.
                f"SELECT {_POSITION} FROM relation WHERE (\n{self.condition}\n) ORDER BY ALL"  # noqa: S608
            ).fetchnumpy()
        except duckdb.Error as error:
            raise refusal(error, self._field, self.condition) from None
        finally:
            self._duckdb.unregister("relation")
        return np.asarray(found[_POSITION], dtype=np.int64)

    def uses(self, column: str) -> bool:
        """Whether the condition may be about a column."""
        return column.casefold() in self.condition.casefold()


def refusal(error: duckdb.Error, field: str, statement: str) -> InputError:
    """An error of DuckDB: its own words about names and syntax, none that may quote values."""
    said = str(error).splitlines()[0]
    wrong = (duckdb.BinderException, duckdb.ParserException, duckdb.CatalogException)
    if not isinstance(error, wrong):
        said = f"{type(error).__name__}; TRY_CAST gives null for what cannot be converted"
    return InputError(field, f"DuckDB refuses it: {said}", statement)


def _readable(values: pa.Array) -> pa.Array:
    """Values with texts as such: those of text files are bytes, of which some may be no UTF-8."""
    if pa.types.is_null(values.type) or not is_text(values.type) or pa.types.is_string(values.type):
        return values
    try:
        text = values.cast(pa.string())
        text.validate(full=True)
    except pa.ArrowInvalid:
        return pa.array(
            [None if one is None else one.decode(errors="replace") for one in values.to_pylist()],
            pa.string(),
        )
    return pc.cast(text, pa.string())
