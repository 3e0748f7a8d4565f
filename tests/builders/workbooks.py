"""Tables as spreadsheets, written cell by cell as a spreadsheet program stores them."""

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from xml.sax.saxutils import escape

import pyarrow as pa

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_WORKSHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_FORMATS = {"": 0, "percent": 10, "date": 14, "time": 21, "date and time": 22}
"""Built-in number formats."""


@dataclass(frozen=True)
class Shown:
    """A number that its cell shows in a format of `_FORMATS`."""

    number: float
    form: str


@dataclass(frozen=True)
class CellError:
    """An error that a formula gave, such as ``#N/A``."""

    text: str


Cell = str | bool | float | Shown | CellError | None


def write_workbook(table: pa.Table, path: Path) -> None:
    """Write a table as the one sheet of a spreadsheet; times are text in ISO 8601."""
    columns = [table[name].to_pylist() for name in table.column_names]
    rows = [
        [cell.isoformat() if isinstance(cell, datetime) else cell for cell in row]
        for row in zip(*columns, strict=True)
    ]
    write_sheets(path, {"Export": [table.column_names, *rows]})


def write_sheets(path: Path, sheets: Mapping[str, Sequence[Sequence[Cell]]]) -> Path:
    """Write sheets of rows as ``.xlsx``; None is a cell that is not there."""
    names = list(sheets)
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType='
        '"application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="{_WORKSHEET}.worksheet+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_WORKSHEET}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_WORKSHEET}.styles+xml"/></Types>',
        "_rels/.rels": _relations({"r1": ("officeDocument", "xl/workbook.xml")}),
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_DOCUMENT}"><sheets>'
        + "".join(
            f'<sheet name="{escape(name)}" sheetId="{k}" r:id="r{k}"/>'
            for k, name in enumerate(names, 1)
        )
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": _relations(
            {f"r{k}": ("worksheet", f"worksheets/sheet{k}.xml") for k in range(1, len(names) + 1)}
            | {"styles": ("styles", "styles.xml")}
        ),
        "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><cellXfs>'
        + "".join(f'<xf numFmtId="{number}"/>' for number in _FORMATS.values())
        + "</cellXfs></styleSheet>",
    }
    for k, name in enumerate(names, 1):
        parts[f"xl/worksheets/sheet{k}.xml"] = _sheet(sheets[name])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, text in parts.items():
            archive.writestr(part, f'<?xml version="1.0" encoding="UTF-8"?>{text}')
    return path


def _relations(targets: Mapping[str, tuple[str, str]]) -> str:
    listed = "".join(
        f'<Relationship Id="{name}" Type="{_DOCUMENT}/{kind}" Target="{target}"/>'
        for name, (kind, target) in targets.items()
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{listed}</Relationships>'


def _sheet(rows: Sequence[Sequence[Cell]]) -> str:
    lines = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in rows)
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{lines}</sheetData></worksheet>'


def _cell(cell: Cell) -> str:
    if cell is None:
        return "<c/>"
    if isinstance(cell, bool):
        return f'<c t="b"><v>{int(cell)}</v></c>'
    if isinstance(cell, str):
        return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(cell)}</t></is></c>'
    if isinstance(cell, CellError):
        return f'<c t="e"><v>{cell.text}</v></c>'
    shown = cell if isinstance(cell, Shown) else Shown(cell, "")
    return f'<c s="{list(_FORMATS).index(shown.form)}"><v>{shown.number!r}</v></c>'
