"""A mapping file written: where it lies, and how it names its source."""

import os
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

from holdfast.errors import InputError
from holdfast.files import write_beside


def shown_source(source: str, out: Path) -> tuple[str, bool]:
    """A source as a mapping file is to name it, and whether a password was left out of it.

    Parameters
    ----------
    source : str
        As it was given: a path relative to where the command runs.
    out : Path
        The mapping file, to which paths are relative.
    """
    if "://" not in source:
        path = Path(source).expanduser()
        return (source if path.is_absolute() else _from(out, path)), False
    try:
        url = sa.make_url(source)
    except (ArgumentError, ValueError):
        return source, False
    database = url.database
    is_file = (
        url.get_backend_name() in ("sqlite", "duckdb")
        and database
        and not Path(database).is_absolute()
    )
    if is_file and database:
        url = url.set(database=_from(out, Path(database)))
    if url.password is None:
        return (url.render_as_string() if is_file else source), False
    parts = (url.drivername, url.username, None, url.host, url.port, url.database, url.query)
    return sa.URL.create(*parts).render_as_string(), True


def write_mapping(path: Path, text: str) -> None:
    """Write a mapping file.

    Raises
    ------
    InputError
        It cannot be written.
    """
    try:
        write_beside(path, text)
    except OSError as error:
        raise InputError(
            "--out", f"cannot be written ({type(error).__name__})", str(path)
        ) from None


def _from(out: Path, path: Path) -> str:
    return Path(os.path.relpath(path.absolute(), out.expanduser().absolute().parent)).as_posix()
