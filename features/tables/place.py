"""The place of a table: files, or a query to a database."""

from pathlib import Path

from features.table_files.source import SourceTable, read_source
from features.tables.options import TableOptions
from holdfast.errors import InputError


def read_table(where: str | Path, options: TableOptions) -> SourceTable:
    """Read a table as it is written.

    Parameters
    ----------
    where : str or Path
        A file, folder or pattern, as `features.table_files.source.read_source` takes it; or a
        database's SQLAlchemy URL as a str, with the query in the options.
    options : TableOptions
        What a person said about reading it.

    Raises
    ------
    InputError
        It cannot be read, or an option does not go with it.
    """
    if not is_database(where):
        if options.query is not None:
            raise InputError(
                "--query",
                "must come with a database as TABLE, such as postgresql+psycopg://user@host/database",
            )
        return read_source(Path(where), options.encoding)
    if options.query is None:
        raise InputError("TABLE", "is a database: say with --query what to select")
    if options.encoding is not None:
        raise InputError("--encoding", "must come with a text file as TABLE", options.encoding)
    # Imported here: SQLAlchemy takes its time, and most tables are files.
    from features.sources.databases.query import read_query

    return read_query(str(where), options.query)


def is_database(where: str | Path) -> bool:
    """Whether a table's place is a database and no file."""
    return "://" in str(where)


def table_name(where: str | Path) -> str:
    """What to call a table, fit to be shown: its file's name, or its database's."""
    if not is_database(where):
        return Path(where).name
    from features.sources.databases.query import database_name

    return database_name(str(where))


def shown_place(where: str) -> str:
    """A table's place fit to be shown: a database without its password."""
    if not is_database(where):
        return where
    from features.sources.databases.query import address_without_password

    return address_without_password(where)
