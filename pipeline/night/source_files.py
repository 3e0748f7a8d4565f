"""What lies in the source of a night's raw tables, as far as it tells whether anything has changed."""

from pathlib import Path

from features.contracts.tables import TABLES
from features.mapping.opening import is_mapping
from features.mapping.source import MappedTables
from features.sources.content import FileContent
from features.sources.files.text_form import TextForms
from features.sources.names import key


def source_files(source: str, encoding: str | None, forms: TextForms) -> object:
    """The files that raw tables are read from, as JSON that is another where one has changed.

    Parameters
    ----------
    source : str
        A folder, or a mapping file.
    encoding : str or None
        Of its text files, where a person named it.
    forms : TextForms
        How its text files are written that have not changed.

    Returns
    -------
    JSON
        None where the source maps more than files, which cannot be told without asking it.
    """
    return _mapped(source, encoding, forms) if is_mapping(source) else _files(source)


def _mapped(source: str, encoding: str | None, forms: TextForms) -> object:
    path = Path(source).expanduser()
    files = MappedTables(path, encoding, forms).files()
    return files and [path.read_text(encoding="utf-8-sig"), files]


def _files(source: str) -> list[tuple[str, str]]:
    """Files of the raw tables below a folder, with what changes when they do."""
    tables, folder = set(map(key, TABLES)), Path(source).expanduser()
    return [
        (str(path.relative_to(folder)), FileContent(path).opened.mark)
        for path in sorted(folder.rglob("*"))
        if key(path.relative_to(folder).parts[0].partition(".")[0]) in tables and path.is_file()
    ]
