"""Files about people that a user names: CSV that a spreadsheet may open, or Parquet."""

from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from holdfast.errors import InputError
from holdfast.files import escape_formula

ENDINGS = (".csv", ".parquet")


def check_place(out: Path) -> None:
    """Refuse a place where no such file can be written; InputError."""
    if out.suffix not in ENDINGS:
        raise InputError("--out", f"must end in {' or '.join(ENDINGS)}", str(out))
    if not out.absolute().parent.is_dir():
        raise InputError("--out", "must be in a folder that exists", str(out))


def write_people(table: pa.Table, out: Path, texts: Collection[str]) -> None:
    """Write a table beside its place and move it there; a file that is there is replaced.

    Parameters
    ----------
    table : Table
        One row per person.
    out : Path
        Checked by `check_place`.
    texts : collection of str
        Columns whose texts come from the user's data: in CSV no spreadsheet takes them for formulas.

    Raises
    ------
    InputError
        It cannot be written.
    """
    beside = out.with_name(f".{out.name}.part")
    try:
        if out.suffix == ".csv":
            for position, name in enumerate(table.column_names):
                if name in texts:
                    cells = [
                        None if cell is None else escape_formula(cell)
                        for cell in table[name].to_pylist()
                    ]
                    table = table.set_column(position, name, pa.array(cells, pa.string()))
            pa_csv.write_csv(table, beside)
        else:
            pq.write_table(table, beside)
        beside.replace(out)
    except OSError as error:
        raise InputError("--out", f"cannot be written: {error.strerror}", str(out)) from None
    finally:
        beside.unlink(missing_ok=True)
