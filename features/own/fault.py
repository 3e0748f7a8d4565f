"""What is wrong with a file of a home's own features, and where."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from holdfast.errors import InputError


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong.

    Parameters
    ----------
    path : Path
        The file.
    line : int
        The line, from 1; 0 where the file as a whole is meant.
    rule : str
        What would be right.
    value : str or None
        What is there instead.
    """

    path: Path
    line: int
    rule: str
    value: str | None = None

    @property
    def place(self) -> str:
        """File and line, for a person."""
        return f"{self.path}, line {self.line}" if self.line else str(self.path)

    def error(self) -> InputError:
        """As the error that a run ends with."""
        return InputError(self.place, self.rule, self.value)

    def to_json(self) -> dict[str, object]:
        """As JSON."""
        return {
            "file": str(self.path),
            "line": self.line or None,
            "rule": self.rule,
            "value": self.value,
        }


def line_of(toml: str, keys: Sequence[str]) -> int:
    r"""Line of a key in a TOML file: of the nearest one above it that is written as such.

    It is for messages alone, so it looks at lines, and does not parse them.

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
