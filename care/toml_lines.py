"""Which line of a TOML text a key stands in, so that a mistake can be told by line."""

import re
from collections.abc import Mapping, Sequence

_HEADER = re.compile(r"^\s*\[+\s*([^\]]+?)\s*\]+\s*(#.*)?$")
_KEY = re.compile(r"^\s*([\w\-.\"']+)\s*=")


def lines_of(text: str) -> Mapping[tuple[str, ...], int]:
    """Number of the line, from 1, that each key and each table's header stands in.

    Parameters
    ----------
    text : str
        TOML whose keys are each on a line of their own.

    Returns
    -------
    mapping of tuple of str to int
        By the path of names from the top.
    """
    lines: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        header, key = _HEADER.match(line), _KEY.match(line)
        if header:
            table = _names(header[1])
            lines.setdefault(table, number)
        elif key:
            lines.setdefault((*table, *_names(key[1])), number)
    return lines


def line_of(path: Sequence[str], lines: Mapping[tuple[str, ...], int]) -> int:
    """The line of a key, or of the nearest table around it that is there; 1 without any.

    Parameters
    ----------
    path : sequence of str
        Names from the top.
    lines : mapping of tuple of str to int
        From `lines_of`.
    """
    for length in range(len(path), 0, -1):
        if tuple(path[:length]) in lines:
            return lines[tuple(path[:length])]
    return 1


def _names(written: str) -> tuple[str, ...]:
    return tuple(name.strip().strip("\"'") for name in written.split("."))
