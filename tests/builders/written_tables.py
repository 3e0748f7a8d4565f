"""Raw tables as systems and people write them: any encoding, delimiter, header, sign and order."""

import csv
import gzip
import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from features.contracts.schema import Table
from features.contracts.tables import TABLES

HEADERS: Mapping[str, Callable[[str], str]] = {
    "as it is": str,
    "upper": str.upper,
    "padded": lambda name: f" {name.title()} ",
    "dashes": lambda name: name.replace("_", "-"),
    "camel": lambda name: "".join(word.capitalize() for word in name.split("_")),
}
TIMES: Mapping[str, str] = {
    "iso": "%Y-%m-%dT%H:%M:%S.%fZ",
    "naive": "%Y-%m-%d %H:%M:%S.%f",
    "day first": "%d/%m/%Y %H:%M:%S.%f",
    "month first": "%m/%d/%Y %H:%M:%S.%f",
    "dots": "%d.%m.%Y %H:%M:%S.%f",
    "zoned": "%d.%m.%Y %H:%M:%S.%f +0000",
}
FLAGS: Mapping[str, tuple[str, str]] = {
    "words": ("true", "false"),
    "digits": ("1", "0"),
    "Chinese": ("是", "否"),
    "letters": ("Y", "N"),
}


@dataclass(frozen=True, kw_only=True)
class Style:
    """How a table is written.

    Parameters
    ----------
    encoding, delimiter, header, decimal, thousands, times, flags, missing
        Names of encodings and of the styles above, signs, and the word for missing in columns of
        numbers, times, and yes or no.
    ending : str
        Of the file's name.
    """

    encoding: str = "utf-8"
    delimiter: str = ","
    header: str = "as it is"
    decimal: str = "."
    thousands: str = ""
    times: str = "iso"
    flags: str = "words"
    missing: str = ""
    ending: str = ".csv"


def write_styled(tables: Mapping[str, pa.Table], folder: Path, style: Style) -> Path:
    """Write tables into a folder, one file each; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        content = styled_text(TABLES[name], table, style).encode(style.encoding)
        path = folder / (HEADERS[style.header](name).strip() + style.ending)
        path.write_bytes(_packed(content, path))
    return folder


def _packed(content: bytes, path: Path) -> bytes:
    if path.suffix == ".gz":
        return gzip.compress(content)
    if path.suffix == ".zst":
        return bytes(pa.Codec("zstd").compress(content, asbytes=True))
    if path.suffix == ".zip":
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(path.stem, content)
        return stream.getvalue()
    return content


def styled_text(contract: Table, table: pa.Table, style: Style) -> str:
    """A table as delimited text."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=style.delimiter, lineterminator="\n")
    writer.writerow(HEADERS[style.header](name) for name in table.column_names)
    units = {name: column.metadata["unit"] for name, column in contract.schema.columns.items()}
    columns = [
        [_cell(value, units.get(name, "id"), style) for value in table[name].to_pylist()]
        for name in table.column_names
    ]
    writer.writerows(zip(*columns, strict=True))
    return stream.getvalue()


def _cell(value: Any, unit: str, style: Style) -> str:
    if value is None:
        return "" if unit in ("id", "category", "text") else style.missing
    if isinstance(value, bool):
        return FLAGS[style.flags][0 if value else 1]
    if isinstance(value, datetime):
        return value.strftime(TIMES[style.times])
    if isinstance(value, int | float):
        written = f"{value:,}" if style.thousands and "e" not in repr(value) else repr(value)
        signs = {",": style.thousands, ".": style.decimal}
        return "".join(signs.get(sign, sign) for sign in written)
    return str(value)
