"""Where raw tables come from: a folder of files, or a database; and what is asked of a whole table
in SQL.
"""

from features.sources.database import DatabaseSource
from features.sources.folder import FolderSource
from features.sources.part import Batch, BrokenLine, Part, Source

__all__ = ["Batch", "BrokenLine", "Part", "Source", "open_source"]


def open_source(where: str) -> Source:
    """Open the place that raw tables lie in.

    Parameters
    ----------
    where : str
        A folder, or a SQLAlchemy URL such as ``postgresql+psycopg://user@host/database``. In a
        folder, the table ``bills`` is ``bills.parquet``, ``bills.csv``, ``bills.csv.gz``, or a
        folder ``bills`` of such files, its parts.

    Returns
    -------
    Source
        Nothing has been read yet but names and types.

    Raises
    ------
    InputError
        The folder is missing, a table is there twice, a file cannot be read, or the database cannot
        be opened. No message shows a password.
    """
    return DatabaseSource(where) if "://" in where else FolderSource(where)
