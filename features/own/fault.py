"""What is wrong with a file of a home's own features, and where."""

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
