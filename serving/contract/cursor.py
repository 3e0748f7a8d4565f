"""Cursors: where a reader of scores has come to. They hold all that the service needs to go on, so
that nothing is kept of a reader, and no id of a customer.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import astuple, dataclass
from typing import Annotated, Self

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from holdfast.errors import HoldfastError, InputError

_FORMAT = 1
_LONGEST = 1_000
_Count = Annotated[int, Field(ge=0, lt=2**63)]
_FIELDS = TypeAdapter(
    tuple[str, _Count, _Count, list[str] | None, _Count | None], config=ConfigDict(strict=True)
)


class ExpiredCursorError(HoldfastError):
    """A cursor from which nobody can read on, so that the reader has to begin again."""


@dataclass(frozen=True)
class Cursor:
    """Where a reader of scores has come to.

    Parameters
    ----------
    feed : str
        Of which feed.
    after : int
        Number up to which it has read all reports.
    complete_at : int
        When it last had everything, or began to read everything, in seconds since 1970.
    models : tuple of str or None
        The models that it reads, sorted; None for all.
    export : int or None
        Which writing of the feed it reads from beginning to end; None where it reads changes.
    """

    feed: str
    after: int
    complete_at: int
    models: tuple[str, ...] | None
    export: int | None

    def encode(self) -> str:
        """The cursor as a caller gets it: letters, digits, ``-`` and ``_``."""
        document = json.dumps([_FORMAT, *astuple(self)], separators=(",", ":"))
        return urlsafe_b64encode(document.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> Self:
        """Read a cursor that `encode` wrote.

        Raises
        ------
        InputError
            It is no cursor.
        ExpiredCursorError
            It is one of another release.
        """
        refused = InputError("since", "must be the `next` of an earlier answer", text)
        try:
            if len(text) > _LONGEST:
                raise refused
            padded = text.encode("ascii") + b"=" * (-len(text) % 4)
            document = json.loads(urlsafe_b64decode(padded))
            written, *fields = document
        except (ValueError, TypeError, Base64Error, RecursionError):
            raise refused from None
        if type(written) is not int:
            raise refused
        if written != _FORMAT:
            raise ExpiredCursorError("the cursor is one of another release")
        try:
            feed, after, complete_at, models, export = _FIELDS.validate_python(tuple(fields))
        except ValidationError:
            raise refused from None
        return cls(feed, after, complete_at, None if models is None else tuple(models), export)
