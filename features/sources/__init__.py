"""Where raw tables come from: a folder of files, or a database."""

from features.sources.database import DatabaseSource
from features.sources.folder import FolderSource
from features.sources.part import Batch, BrokenLine, Part, TableSource

__all__ = ["Batch", "BrokenLine", "Part", "TableSource", "open_source"]


def open_source(where: str) -> TableSource:
    """Open the place that raw tables lie in.

    Parameters
    ----------
    where : str
        A folder, or a SQLAlchemy URL such as ``postgresql+psycopg://user@host/database``. In a
        folder, the table ``bills`` is ``bills.parquet``, ``bills.csv``, ``bills.csv.gz``, or a
        folder ``bills`` of such files, its parts.

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
    return DatabaseSource(where) if "://" in where else FolderSource(where)
