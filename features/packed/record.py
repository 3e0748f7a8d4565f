"""The bytes of a packed record, of its key, and of what a view's records are.

A record is the time of its values (microseconds since 1970 in UTC, little-endian int64), followed
by the values: float64 each, NaN for missing, or, in a view of texts, one JSON array in UTF-8 with
null for missing.
"""

import json
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from holdfast.arrays import Floats, Microseconds, Times
from holdfast.errors import InputError, ModelError

Text = str | None
Record = bytes | memoryview

MAX_ID_BYTES = 480
TIME_BYTES = 8
_NAT = int(np.datetime64("NaT", "us").astype(np.int64))


def key_of(entity: Text) -> bytes | None:
    """An entity's key; None for what can be no id."""
    key = b"" if entity is None else entity.encode("utf-8", "replace")
    return key if 0 < len(key) <= MAX_ID_BYTES else None


def checked_keys(ids: Sequence[str]) -> list[bytes]:
    """Keys of entities that are about to be written.

    Raises
    ------
    InputError
        An id is empty or too long.
    """
    keys = [entity.encode("utf-8", "replace") for entity in ids]
    lengths = list(map(len, keys))
    if keys and not 0 < min(lengths) <= max(lengths) <= MAX_ID_BYTES:
        wrong = next(
            entity
            for entity, length in zip(ids, lengths, strict=True)
            if not 0 < length <= MAX_ID_BYTES
        )
        raise InputError("id", f"must be 1 to {MAX_ID_BYTES} bytes long in UTF-8", wrong)
    return keys


def microseconds_of(times: Times) -> Microseconds:
    """Times as they stand in records: (n,) int64.

    Raises
    ------
    InputError
        A time is missing.
    """
    if np.isnat(times).any():
        raise InputError("time", "must be set for every record", "NaT")
    return times.astype("datetime64[us]").astype("<i8")


def pack_numbers(microseconds: Microseconds, matrix: Floats) -> list[bytes]:
    """Records of numbers, one a row of the (n, k) matrix."""
    records = np.empty((len(microseconds), 1 + matrix.shape[1]), dtype="<f8")
    records[:, 0] = microseconds.view("<f8")
    records[:, 1:] = matrix
    # As one void scalar a row, so that they are cut into bytes without a loop in Python.
    packed: list[bytes] = records.view(f"V{records.shape[1] * 8}")[:, 0].tolist()
    return packed


def pack_texts(microseconds: Microseconds, texts: Sequence[Sequence[Text]]) -> list[bytes]:
    """Records of texts, one a row."""
    times: list[bytes] = microseconds.view(f"V{TIME_BYTES}").tolist()
    dump = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    return [
        time + dump(list(row)).encode("utf-8", "replace")
        for time, row in zip(times, texts, strict=True)
    ]


def unpack_numbers(view: str, records: Sequence[Record], width: int) -> tuple[Microseconds, Floats]:
    """Times (n,) int64 and values (n, width) float64 of records.

    Raises
    ------
    ModelError
        A record has not the length of its view.
    """
    size = TIME_BYTES * (1 + width)
    joined = b"".join(records)
    if len(joined) != size * len(records) or any(len(record) != size for record in records):
        raise ModelError(f"feature view {view}", f"holds a record that is not {size} bytes long")
    numbers = np.frombuffer(joined, dtype="<f8").reshape(len(records), 1 + width)
    return numbers.view("<i8")[:, 0], numbers[:, 1:]


def unpack_texts(
    view: str, records: Sequence[Record], width: int
) -> tuple[Microseconds, list[list[Text]]]:
    """Times (n,) int64 and texts (n lists of width) of records.

    Raises
    ------
    ModelError
        A record does not hold as many texts as its view has.
    """
    microseconds = np.frombuffer(b"".join([record[:TIME_BYTES] for record in records]), dtype="<i8")
    texts = [json.loads(bytes(record[TIME_BYTES:])) for record in records]
    if any(len(row) != width for row in texts):
        raise ModelError(f"feature view {view}", f"holds a record without {width} texts")
    return microseconds, texts


@lru_cache(maxsize=1024)
def absent_numbers(width: int) -> bytes:
    """What stands for a record that is not there: no time, and NaN for every value."""
    return pack_numbers(np.array([_NAT], dtype="<i8"), np.full((1, width), np.nan))[0]


@lru_cache(maxsize=1024)
def absent_texts(width: int) -> bytes:
    """As `absent_numbers`, for texts."""
    return pack_texts(np.array([_NAT], dtype="<i8"), [[None] * width])[0]


def declare_numbers(columns: Sequence[str]) -> bytes:
    """What a view of numbers is, as it is stored."""
    return json.dumps(list(columns)).encode()


def declare_texts(columns: Sequence[str]) -> bytes:
    """What a view of texts is, as it is stored."""
    return json.dumps({"texts": list(columns)}).encode()


@lru_cache(maxsize=1024)
def declared(declaration: bytes) -> tuple[bool, tuple[str, ...]]:
    """Whether a view holds texts, and its columns in record order."""
    columns = json.loads(declaration)
    return (True, tuple(columns["texts"])) if isinstance(columns, dict) else (False, tuple(columns))


@lru_cache(maxsize=1024)
def positions(stored: tuple[str, ...], wanted: tuple[str, ...]) -> "slice | list[int] | None":
    """Where wanted columns stand in a record's values; None where one does not."""
    if stored == wanted:
        return slice(None)
    if not set(wanted) <= set(stored):
        return None
    return [stored.index(column) for column in wanted]
