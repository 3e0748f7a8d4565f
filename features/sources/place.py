"""A place with relations of any names: files of a folder, or tables and views of a database."""

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from features.sources.part import Part
from features.sources.watermark import Increment, Mark, Watermark
from holdfast.errors import InputError

if TYPE_CHECKING:
    from features.sources.files.text_form import TextForms

OBJECT_STORES = ("s3", "gs", "gcs", "az", "abfs", "abfss")
"""Schemes of addresses of object stores; all but the first are untested."""


class Place(Protocol):
    """A place that relations lie in, under the names that it has for them and for their columns.

    Attributes
    ----------
    where : str
        The place, fit to be shown: without a password.
    """

    where: str

    def names(self) -> tuple[str, ...]:
        """Its relations as written: tables and views, or files and folders without endings."""
        ...

    def others(self) -> tuple[str, ...]:
        """What else is there, and cannot be a relation or a part of those read so far."""
        ...

    def shown(self, name: str) -> str:
        """A relation as a person finds it there: a file with its ending."""
        ...

    def parts(self, name: str) -> tuple[Part, ...]:
        """A relation's parts, by name.

        Raises
        ------
        InputError
            It is not there, is there twice, or a part cannot be read.
        """
        ...

    def quoted(self, name: str) -> str | None:
        """A relation's name as a query writes it, where queries are answered in the place itself;
        None where rows have to be fetched to answer one.
        """
        ...

    def query(self, sql: str, name: str) -> tuple[Part, ...]:
        """The rows of a query, as a view would give them.

        Parameters
        ----------
        sql : str
            One statement that gives rows: a database's own SQL, or DuckDB's over files, in which
            each relation is a table of its own name.
        name : str
            What to call the part.

        Raises
        ------
        InputError
            The query is refused. No message shows a password.
        """
        ...

    def since(
        self, name: str, watermark: Watermark, before: Mark | None, sql: str | None = None
    ) -> Increment:
        """A relation's parts by a watermark: closed ranges, and what lies behind them.

        Parameters
        ----------
        name : str
            The relation, or what to call a query's rows.
        watermark : Watermark
            Its column as the place names it, and the overlap.
        before : Mark, optional
            How far it was read before. Default: not at all, or not by this column.
        sql : str, optional
            A query as in `query`, to be read instead of a relation.

        Raises
        ------
        InputError
            The column is missing or no time, the newest time lies before that of the last time, or
            the place holds files.
        """
        ...


def open_place(where: str, encoding: str | None = None, forms: "TextForms | None" = None) -> Place:
    """Open a place of any kind.

    Parameters
    ----------
    where : str
        A folder; a folder of an object store, such as ``s3://bucket/folder``; a DuckDB file, named
        ``….duckdb`` or ``duckdb:///…``; or a SQLAlchemy URL.
    encoding : str, optional
        Of text files that are not UTF-8, where a person named it.
    forms : TextForms, optional
        How its text files are written that have not changed. Default: none are known.

    Returns
    -------
    Place
        Nothing has been read yet but names.

    Raises
    ------
    InputError
        There is no such place, or it cannot be opened. No message shows a password.
    """
    # Readers are imported where they are needed: a mistyped path is refused before that takes its
    # seconds.
    scheme = where.partition("://")[0].lower() if "://" in where else ""
    if scheme == "duckdb" or (not scheme and _is_duckdb_file(where)):
        from features.sources.databases.duckdb_file import DuckDBPlace

        return DuckDBPlace(where)
    if scheme in OBJECT_STORES:
        from features.sources.files.folder import FolderPlace
        from features.sources.files.object_store import ObjectTree

        return FolderPlace(ObjectTree(where), encoding, forms)
    if scheme:
        from features.sources.databases.database import DatabasePlace

        return DatabasePlace(where)
    if not Path(where).expanduser().is_dir():
        raise InputError("WHERE", "must be an existing folder or a database URL", where)
    from features.sources.files.folder import FolderPlace
    from features.sources.files.stored_file import LocalTree

    return FolderPlace(LocalTree(where), encoding, forms)


def is_folder(where: str) -> bool:
    """Whether an address is that of a folder of this machine."""
    return "://" not in where and not _is_duckdb_file(where)


def _is_duckdb_file(where: str) -> bool:
    return where.endswith(".duckdb") and not Path(where).expanduser().is_dir()
