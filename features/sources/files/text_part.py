"""A delimited text file, read a bounded number of bytes at a time."""

import codecs
import io
import zipfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from features.sources.content import Content
from features.sources.files.stored_file import StoredFile
from features.sources.files.text_form import TextForm, TextForms
from features.sources.names import refuse_repeats
from features.sources.part import (
    NOT_MAPPED,
    Batch,
    BrokenLine,
    PartMapping,
    row_numbers,
    unreadable,
)
from features.table_files.dialect import find_dialect
from features.table_files.header import usable_names
from features.table_files.text_encoding import (
    TextEncoding,
    check_encoding,
    guess_encoding,
    marked_encoding,
)
from features.table_files.text_file import fitted_header
from holdfast.errors import InputError

_BLOCK_BYTES = 16 << 20
_HEAD_BYTES = 1 << 20
_SAMPLE_BYTES = 200_000
_UTF8 = ("utf-8", "utf-8-sig", "ascii")


class TextPart:
    """A text file with a header line, in any encoding that is certain or named.

    Values are bytes in UTF-8. In a file that otherwise is UTF-8, bytes that are not stay as they
    are: rows are checked one by one, so that one bad line does not cost the file.

    Parameters
    ----------
    relation : str
        What it belongs to.
    file : StoredFile
        The file; may be compressed.
    name : str
        The part's name.
    encoding : str, optional
        Of a file that is not UTF-8, where a person named it.
    forms : TextForms, optional
        How files are written that have not changed; it gets this one's. Default: none are known.

    Raises
    ------
    InputError
        Its header line is missing or names a column twice, or its bytes cannot be read.
    """

    mapping: PartMapping = NOT_MAPPED
    rows: int | None = None
    as_stored: bool = False
    folder_columns: tuple[str, ...] = ()

    def __init__(
        self,
        relation: str,
        file: StoredFile,
        name: str,
        encoding: str | None = None,
        forms: TextForms | None = None,
    ) -> None:
        self.path: Path | None = file.path
        self.content: Content | None = file.content
        self.name, self._field, self._file = name, f"{relation}, {name}", file
        self.renamed: Mapping[str, str] = {}
        known, mark = forms or TextForms(), file.content.opened.mark
        form = known.get(mark, encoding)
        if form is None:
            form = self._read_form(encoding)
            known.keep(mark, encoding, form)
        self._encoding, self._delimiter, self._body_at = form.encoding, form.delimiter, form.body_at
        self.odd_lines, self.likely_encoding = form.odd_lines, form.likely_encoding
        self._names, self.notes = list(form.names), form.notes
        self.schema: pa.Schema = pa.schema([(name, pa.binary()) for name in self._names])

    def _read_form(self, named: str | None) -> TextForm:
        """How the file is written: it is read to its end, unless a person named the encoding."""
        try:
            decided = _decide_encoding(self._file, named)
            self._encoding = decided.encoding.name
            with self._opened() as stream:
                head = stream.read(_HEAD_BYTES)
        except (pa.ArrowException, OSError, EOFError, zipfile.BadZipFile) as error:
            raise unreadable(self._field, "CSV", error) from None
        except UnicodeDecodeError as error:
            raise self._wrong_encoding(error) from None
        text = head[: head.rfind(b"\n") + 1 or None] if len(head) == _HEAD_BYTES else head
        shown = text.decode(errors="surrogateescape")
        if not shown.strip():
            raise InputError(self._field, "must have a header line with column names")
        dialect = find_dialect(shown)
        written = fitted_header(list(dialect.header), dialect, shown)
        if not any(name.strip() for name in written):
            raise InputError(self._field, "must have a header line with column names")
        # Blank names get one; a name that stands there twice is refused, and not made another.
        filled, _ = usable_names(written)
        names = [name if name.strip() else made for name, made in zip(written, filled, strict=True)]
        refuse_repeats(self._field, names)
        return TextForm(
            encoding=decided.encoding.name,
            odd_lines=decided.odd_share,
            likely_encoding=decided.likely,
            delimiter=dialect.delimiter,
            body_at=len(shown[: dialect.body_at].encode(errors="surrogateescape")),
            names=tuple(names),
            notes=(*([decided.encoding.why] if decided.encoding.why else ()), *dialect.notes),
        )

    def batches(self, columns: Collection[str] | None = None) -> Iterator[Batch]:
        """Read it, a bounded number of bytes at a time."""
        broken: list[BrokenLine] = []
        numbers_left_out: list[int] = []

        def leave_out(row: Any) -> str:
            rule = f"must have {row.expected_columns} fields, as the header has"
            broken.append(BrokenLine(row.number, row.text, str(row.actual_columns), rule))
            numbers_left_out.append(row.number)
            return "skip"

        done = 0
        try:
            for rows in self._parsed(leave_out, columns):
                positions = np.arange(done, done + len(rows))
                yield Batch(
                    rows,
                    row_numbers(positions, np.array(numbers_left_out, dtype=np.int64)),
                    tuple(broken),
                )
                broken.clear()
                done += len(rows)
        except UnicodeDecodeError as error:
            raise self._wrong_encoding(error) from None
        except (pa.ArrowException, OSError, EOFError, zipfile.BadZipFile) as error:
            if "Empty CSV" in str(error):
                return  # nothing below the header
            raise unreadable(self._field, "CSV", error) from None
        if broken:
            yield Batch(
                self._no_rows(columns),
                np.empty(0, dtype=np.int64),
                tuple(broken),
            )

    def _no_rows(self, columns: Collection[str] | None) -> pa.RecordBatch:
        wanted = [field for field in self.schema if columns is None or field.name in columns]
        return pa.RecordBatch.from_pylist([], schema=pa.schema(wanted))

    def _parsed(self, leave_out: Any, columns: Collection[str] | None) -> Any:
        stream = self._opened()
        stream.read(self._body_at)
        return pa_csv.open_csv(
            stream,
            # Rows are numbered only when read in one thread.
            read_options=pa_csv.ReadOptions(
                column_names=self._names, block_size=_BLOCK_BYTES, use_threads=False
            ),
            parse_options=pa_csv.ParseOptions(
                delimiter=self._delimiter, newlines_in_values=True, invalid_row_handler=leave_out
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(self._names, pa.binary()),
                include_columns=None if columns is None else list(columns),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )

    def _opened(self) -> Any:
        stream = self._file.unpacked()
        if self._encoding in _UTF8:
            return _without_mark(stream, self._file)
        return pa.PythonFile(_Recoded(stream, self._encoding), mode="r")

    def _wrong_encoding(self, error: UnicodeDecodeError) -> InputError:
        return InputError(
            f"{self._field}, --encoding",
            f"must be the encoding of the file; {error.reason} at byte {error.start}",
            self._encoding,
        )


class _Recoded(io.RawIOBase):
    """A stream in UTF-8 of one in another encoding."""

    def __init__(self, stream: Any, encoding: str) -> None:
        self._stream, self._decoder = stream, codecs.getincrementaldecoder(encoding)()
        self._ready, self._ended, self._first = b"", False, True

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while not self._ended and (size < 0 or len(self._ready) < size):
            block = self._stream.read(_HEAD_BYTES)
            self._ended = not block
            text = self._decoder.decode(block, final=self._ended)
            if self._first and text:
                text, self._first = text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}"), False
            self._ready += text.encode()
        size = len(self._ready) if size < 0 else size
        given, self._ready = self._ready[:size], self._ready[size:]
        return given


def _without_mark(stream: Any, file: StoredFile) -> Any:
    """A stream of UTF-8 behind its byte order mark."""
    if stream.read(3) == codecs.BOM_UTF8:
        return stream
    stream.close()
    return file.unpacked()


@dataclass(frozen=True)
class _Decided:
    """The encoding of a file, and the share of its lines that are not in it.

    ``likely`` names an encoding that a person might name, where some are not.
    """

    encoding: TextEncoding
    odd_share: float = 0.0
    likely: str = ""


@dataclass
class _Lines:
    """Lines of a file that hold more than ASCII, some of them kept."""

    all: int = 0
    utf8: int = 0
    odd: int = 0
    sample: list[bytes] = field(default_factory=list)
    _sampled: int = 0

    def add(self, block: bytes) -> None:
        self.all += block.count(b"\n")
        if block.isascii():
            return
        try:
            block.decode()
        except UnicodeDecodeError:
            for line in block.split(b"\n"):
                self._add_line(line)
        else:
            self.utf8 += 1

    def _add_line(self, line: bytes) -> None:
        if line.isascii():
            return
        try:
            line.decode()
        except UnicodeDecodeError:
            self.odd += 1
            if self._sampled < _SAMPLE_BYTES:
                self.sample.append(line)
                self._sampled += len(line)
        else:
            self.utf8 += 1


def _decide_encoding(file: StoredFile, named: str | None) -> _Decided:
    if named is not None:
        plain = check_encoding(named)
        return _Decided(TextEncoding(plain, f"encoding {plain}, as --encoding says"))
    stream = file.unpacked()
    rest = stream.read(_HEAD_BYTES)
    marked = marked_encoding(rest)
    if marked is not None and marked.name not in _UTF8:
        return _Decided(marked)
    lines = _Lines()
    while block := stream.read(_HEAD_BYTES):
        whole, end, tail = (rest + block).rpartition(b"\n")
        lines.add(whole + end)
        rest = tail
    lines.add(rest + b"\n")
    if not lines.odd:
        return _Decided(TextEncoding("utf-8"))
    guess = guess_encoding(b"\n".join(lines.sample))
    if guess.certain and lines.odd > lines.utf8:
        return _Decided(guess)
    return _Decided(TextEncoding("utf-8"), lines.odd / max(lines.all, 1), guess.name)
