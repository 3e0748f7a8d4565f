"""What a person said about reading a table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from features.settings import ReadingSettings


@dataclass(frozen=True)
class TableOptions:
    """How to read a table where its own evidence does not decide.

    Parameters
    ----------
    settings : ReadingSettings
        When to ask.
    answers : mapping of str to mapping
        What a plan file says, by column.
    encoding : str or None
        Encoding of a text file that is not UTF-8.
    query : str or None
        What to select, where the table is a database.
    """

    settings: ReadingSettings = field(default_factory=ReadingSettings)
    answers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    encoding: str | None = None
    query: str | None = None
