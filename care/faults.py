"""Mistakes in a file of an operator's own, all of them at once, each by its line."""

from holdfast.errors import HoldfastError, InputError
from holdfast.toml_lines import line_of


class FaultyFileError(HoldfastError):
    """A file has mistakes; `faults` are all of them, in the order of their lines."""

    exit_code = 2

    def __init__(self, faults: list[InputError]) -> None:
        self.faults = faults
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        super().__init__(f"{faults[0]}{more}")


class Faults:
    """Mistakes of a TOML file, with their lines.

    Parameters
    ----------
    name : str
        What errors call the file.
    text : str
        The file.
    """

    def __init__(self, name: str, text: str) -> None:
        self._name, self._text = name, text
        self.faults: list[tuple[int, InputError]] = []

    def add(self, path: tuple[str, ...], rule: str, value: object = None) -> None:
        """Note a mistake at a key."""
        line = line_of(self._text, path) or 1
        self.faults.append((line, InputError(f"{self._name}:{line} {'.'.join(path)}", rule, value)))

    def in_order(self) -> list[InputError]:
        """All mistakes, in the order of their lines."""
        return [fault for _, fault in sorted(self.faults, key=lambda pair: pair[0])]
