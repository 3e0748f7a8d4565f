"""Which line of a TOML text a key stands in, so that a mistake can be told by line."""

import re
from collections.abc import Sequence


def line_of(toml: str, keys: Sequence[str]) -> int:
    r"""Line of a key in a TOML file: of the nearest one above it that is written as such.

    0 where none is. It is for messages alone, so it looks at lines, and does not
    parse them.

    Examples
    --------
    >>> line_of('entity = "customer"\n[features.own_a]\nunit = "days"\n', ("features", "own_a", "unit"))
    3
    """
    header, best = "", (0, 0)
    for number, line in enumerate(toml.splitlines(), start=1):
        text = line.strip()
        if table := re.match(r"\[\s*([^\[\]]+?)\s*\]", text):
            header = table[1]
            path = _parts(header)
        elif pair := re.match(r"""((?:[\w.-]|"[^"]*"|'[^']*')+)\s*=""", text):
            path = [*_parts(header), *_parts(pair[1])]
        else:
            continue
        if path == list(keys[: len(path)]) and len(path) > best[0]:
            best = (len(path), number)
    return best[1]


def _parts(path: str) -> list[str]:
    return [part.strip().strip("\"'") for part in path.split(".")] if path else []
