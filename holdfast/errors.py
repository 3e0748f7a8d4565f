"""What can go wrong, as one tree.

- `HoldfastError`: anything holdfast reports in one readable line (exit code 1)

  - `InputError`: what the caller gave is wrong, and nothing was changed (exit code 2)

    - `HomeError`: the home directory cannot be used for this run
    - `ModelError`: a stored model, registry or feature record is missing, damaged or does not fit
"""

from typing import ClassVar


class HoldfastError(Exception):
    """An error whose message is meant for the person at the keyboard."""

    exit_code: ClassVar[int] = 1


class InputError(HoldfastError):
    """Wrong input: names the field, the rule it breaks and the value that breaks it.

    Parameters
    ----------
    field : str
        What was wrong, as the caller knows it: an option, a column, a path, a JSON pointer.
    rule : str
        The rule, in words that say what would be right.
    value : object, optional
        The offending value. Long values are shortened in the message.
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, field: str, rule: str, value: object = None) -> None:
        self.field = field
        self.rule = rule
        self.value = value
        message = f"{field}: {rule}"
        if value is not None:
            message += f" (got {shorten(value)})"
        super().__init__(message)


class HomeError(InputError):
    """The home directory is not writable, in use, or belongs to another run."""


class ModelError(InputError):
    """A stored model, registry or feature record is missing, damaged or does not fit."""


def shorten(value: object, most: int = 120) -> str:
    """Show a value in an error message: its `repr`, cut to `most` characters."""
    text = repr(value)
    return text if len(text) <= most else text[: most - 1] + "…"
