"""Where raw tables come from: a folder of files, or a database."""

from typing import TYPE_CHECKING

from features.sources.part import Batch, BrokenLine, Part
from features.sources.place import Place, open_place
from features.sources.table_source import TableSource

if TYPE_CHECKING:
    from features.sources.files.text_form import TextForms

__all__ = [
    "Batch",
    "BrokenLine",
    "Part",
    "Place",
    "TableSource",
    "open_place",
    "open_source",
]


def open_source(
    where: str,
    encoding: str | None = None,
    watermark: str | None = None,
    forms: "TextForms | None" = None,
) -> TableSource:
    """Open the place that raw tables lie in, under names that resemble the contracts'.

    Parameters
    ----------
    where : str
        A folder, or a SQLAlchemy URL such as ``postgresql+psycopg://user@host/database``. In a
        folder, the table ``bills`` is ``bills.parquet``, ``bills.csv``, ``BILLS.TSV.gz``,
        ``bills.xlsx``, or a folder ``bills`` of such files, its parts.
    encoding : str, optional
        Of text files that are not UTF-8, where a person named it.
    watermark : str, optional
        Of a database: tables that have this column are read by it, only what is new.
    forms : TextForms, optional
        How text files are written that have not changed. Default: none are known.

    Returns
    -------
    TableSource
        Nothing has been read yet but names and types.

    Raises
    ------
    InputError
        The folder is missing, a table is there twice, a file cannot be read, or the database cannot
        be opened. No message shows a password.
    """
    place = open_place(where, encoding, forms)
    from features.sources.contract_tables import ContractTables

    return ContractTables(place, watermark)
