"""In which encoding a text file is written."""

import codecs
import re
from dataclasses import dataclass

from holdfast.errors import InputError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CERTAIN = {
    "gb18030": "gb18030",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "big5": "cp950",
    "big5hkscs": "big5hkscs",
    "cp950": "cp950",
    "cp932": "cp932",
    "shift_jis": "cp932",
    "euc_jp": "euc_jp",
    "euc_jis_2004": "euc_jis_2004",
    "cp949": "cp949",
    "euc_kr": "cp949",
    "utf_16": "utf-16",
    "utf_16_le": "utf-16-le",
    "utf_16_be": "utf-16-be",
}
"""Encodings of several bytes per character: text in another one hardly ever fits them."""
_LIKELY = ("cp1252", "cp1251", "cp1250", "koi8_r", "cp1254", "cp1253", "cp1256", "cp874", "latin_1")
"""Encodings of one byte per character, in the order in which equally good ones are named."""
_MOST_CHAOS = 0.02
_FEWEST_CHARACTERS = 8
_SAMPLE_BYTES = 200_000


@dataclass(frozen=True)
class TextEncoding:
    """An encoding, and how it was decided.

    Parameters
    ----------
    name : str
        As Python names it.
    why : str
        For a person; empty for UTF-8.
    certain : bool
        Whether the bytes prove it.
    """

    name: str
    why: str = ""
    certain: bool = True


def marked_encoding(head: bytes) -> TextEncoding | None:
    """The encoding that a byte order mark names, None without one."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            why = "" if name == "utf-8-sig" else f"encoding {name}, by its byte order mark"
            return TextEncoding(name, why)
    return None


def detect_encoding(content: bytes, name: str) -> TextEncoding:
    """The encoding of a file that is not UTF-8.

    Parameters
    ----------
    content : bytes
        The whole file.
    name : str
        The file's name, for the error.

    Raises
    ------
    InputError
        It is not certain; names the row where UTF-8 ends, the likely encoding and the option that
        reads it.
    """
    guess = guess_encoding(content)
    if guess.certain:
        return guess
    likely, place = guess.name, _first_broken(content)
    row = content.count(b"\n", 0, place) + 1
    raise InputError(
        "TABLE",
        f"must be UTF-8, and line {row} is not; it is likely {likely}: --encoding {likely} reads it",
        f"{name}, byte {place}",
    )


def guess_encoding(content: bytes) -> TextEncoding:
    """The likely encoding of text that is not UTF-8.

    Parameters
    ----------
    content : bytes
        A whole file, or whole lines of it.
    """
    from charset_normalizer import from_bytes

    matches = list(from_bytes(_around(content, _first_broken(content))))
    for match in matches[:1]:
        chosen = _CERTAIN.get(match.encoding)
        if chosen and match.chaos <= _MOST_CHAOS and _makes_words(content, chosen):
            return TextEncoding(chosen, f"encoding {chosen}, by the bytes of the text")
    best = min((match.chaos for match in matches), default=0.0)
    names = [
        encoding
        for match in matches
        if match.chaos <= best + 0.02
        for encoding in (match.encoding, *match.could_be_from_charset)
        if _decodes(content, encoding)
    ]
    likely = next((known for known in _LIKELY if known in names), names[0] if names else "cp1252")
    return TextEncoding(likely, certain=False)


def check_encoding(name: str) -> str:
    """An encoding that a person named.

    Raises
    ------
    InputError
        Python knows none of that name.
    """
    try:
        return codecs.lookup(name).name
    except LookupError:
        raise InputError(
            "--encoding", "must be the name of an encoding, such as cp1252", name
        ) from None


def _first_broken(content: bytes) -> int:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start
    return 0


def _around(content: bytes, place: int) -> bytes:
    """A part of the content that holds what is not ASCII: lines with such characters first."""
    lines = [line for line in content.split(b"\n") if not line.isascii()]
    sample = b"\n".join(lines)[:_SAMPLE_BYTES]
    cut = sample.rfind(b"\n")
    return (
        sample[:cut]
        if len(sample) == _SAMPLE_BYTES and cut > 0
        else sample or content[place:][:_SAMPLE_BYTES]
    )


def _makes_words(content: bytes, encoding: str) -> bool:
    """Whether the characters beyond ASCII stand together in words. Where one of a few accents is
    taken for half of a character, they stand alone.
    """
    try:
        text = content.decode(encoding)
    except UnicodeError:
        return False
    runs = re.findall(r"[^\x00-\x7f]+", text)
    characters = sum(map(len, runs))
    together = sum(len(run) for run in runs if len(run) > 1)
    half_width = sum("\uff61" <= sign <= "\uff9f" for run in runs for sign in run)
    return (
        characters >= _FEWEST_CHARACTERS
        and together >= 0.7 * characters
        and half_width < 0.2 * characters
    )


def _decodes(content: bytes, encoding: str) -> bool:
    try:
        content.decode(encoding)
    except (UnicodeError, LookupError):
        return False
    return True
