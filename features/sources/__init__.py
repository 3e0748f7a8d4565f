"""Where raw tables come from: a folder of files, or a database."""

from pathlib import Path

from features.sources.part import Batch, BrokenLine, Part, TableSource
from holdfast.errors import InputError

__all__ = ["Batch", "BrokenLine", "Part", "TableSource", "open_source"]


def open_source(where: str, encoding: str | None = None) -> TableSource:
    """Open the place that raw tables lie in.

    Parameters
    ----------
    where : str
        A folder, or a SQLAlchemy URL such as ``postgresql+psycopg://user@host/database``. In a
        folder, the table ``bills`` is ``bills.parquet``, ``bills.csv``, ``BILLS.TSV.gz``,
        ``bills.xlsx``, or a folder ``bills`` of such files, its parts.
    encoding : str, optional
        Of text files that are not UTF-8, where a person named it.

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
    # Readers are imported where they are needed: a mistyped path is refused before that takes its
    # seconds.
    if "://" in where:
        from features.sources.database import DatabaseSource

        return DatabaseSource(where)
    if not Path(where).expanduser().is_dir():
        raise InputError("WHERE", "must be an existing folder or a database URL", where)
    from features.sources.folder import FolderSource

    return FolderSource(where, encoding)
