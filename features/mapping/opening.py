"""Raw tables of any kind opened: a folder, a database, or a mapping file that stands for them."""

from pathlib import Path
from typing import TYPE_CHECKING

from features.sources import TableSource, open_source
from holdfast.errors import InputError

if TYPE_CHECKING:
    from features.sources.files.text_form import TextForms


def open_raw_tables(
    where: str,
    encoding: str | None = None,
    watermark: str | None = None,
    forms: "TextForms | None" = None,
) -> TableSource:
    """Open raw tables, as they are or through a mapping file.

    Parameters
    ----------
    where : str
        A mapping file, which ends in ``.toml``, or what `features.sources.open_source` takes.
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
        As of `MappedTables` and `open_source`; or a mapping file comes with a watermark, which it
        names itself.
    """
    if is_mapping(where):
        if watermark is not None:
            raise InputError(
                "watermark", "must stand in the mapping file, beside a table's columns", watermark
            )
        # Imported where they are needed: a mistyped path is refused before that takes its seconds.
        from features.mapping.source import MappedTables

        return MappedTables(Path(where).expanduser(), encoding, forms)
    return open_source(where, encoding, watermark, forms)


def is_mapping(where: str) -> bool:
    """Whether an argument names a mapping file."""
    return "://" not in where and where.endswith(".toml")


def place_of(where: str) -> str:
    """The place that raw tables lie in: of a mapping file the one at its head, where it has one.

    Raises
    ------
    InputError
        As of `features.mapping.document.read_mapping`.
    """
    if not is_mapping(where):
        return where
    from features.mapping.document import read_mapping

    return read_mapping(Path(where).expanduser()).source or where
