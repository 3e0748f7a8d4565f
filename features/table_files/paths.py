"""The files that a table consists of: one file, or the parts in a folder or of a pattern."""

import glob
from pathlib import Path, PurePath

from holdfast.errors import InputError

SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".pq", ".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")
COMPRESSED = (".gz", ".zst", ".bz2", ".zip")
_ENDINGS = ".csv, .tsv, .txt (also .gz, .zst, .bz2 or .zip), .xlsx or .parquet"


def table_parts(path: Path) -> tuple[Path, ...]:
    """The files of a table, in order of their names.

    Parameters
    ----------
    path : Path
        A file; a folder of parts, as Spark writes it; or a pattern such as ``parts/*.csv``.

    Raises
    ------
    InputError
        There is no such file, or none that holds a table.
    """
    if path.is_file():
        table_kind(path)
        return (path,)
    if path.is_dir():
        files = [p for p in path.rglob("*") if p.is_file() and p.name[0] not in "_."]
        parts = sorted(p for p in files if file_kind(p) is not None)
        if not parts:
            raise InputError(
                "TABLE", f"is a folder without a file that ends in {_ENDINGS}", str(path)
            )
    else:
        parts = sorted(Path(name) for name in glob.glob(str(path), recursive=True))  # noqa: PTH207
        if not parts:
            raise InputError("TABLE", "must be an existing file, folder or pattern", str(path))
    kinds = {table_kind(part) for part in parts}
    if len(kinds) > 1:
        raise InputError("TABLE", "must hold parts of one kind", sorted(kinds))
    return tuple(parts)


def table_kind(path: Path) -> str:
    """``text``, ``parquet`` or ``workbook``, by the file's ending, whatever its case.

    Raises
    ------
    InputError
        The ending is another one.
    """
    kind = file_kind(path)
    if kind is None:
        raise InputError("TABLE", f"must end in {_ENDINGS}", path.name)
    return kind


def compression(path: PurePath) -> str:
    """The ending that says how a file is compressed, empty where it is not."""
    ending = path.suffix.lower()
    return ending if ending in COMPRESSED else ""


def file_stem(path: PurePath) -> str:
    """A file's name without the endings of a table's file; empty where it has none."""
    if file_kind(path) is None:
        return ""
    packed = compression(path)
    name = path.name[: -len(packed)] if packed else path.name
    ending = Path(name).suffix
    return name[: -len(ending)] if ending.lower() in SUFFIXES else name


def file_kind(path: PurePath) -> str | None:
    """As `table_kind`, None where the ending is another one."""
    packed = compression(path)
    ending = Path(path.name[: -len(packed)]).suffix.lower() if packed else path.suffix.lower()
    if packed == ".zip" and ending not in SUFFIXES:
        return "text"
    if ending in (".csv", ".tsv", ".txt"):
        return "text"
    if packed:
        return None
    if ending in (".parquet", ".pq"):
        return "parquet"
    return "workbook" if ending in SUFFIXES else None
