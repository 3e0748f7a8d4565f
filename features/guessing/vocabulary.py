"""What tables, columns and values are called elsewhere, and how alike two names are."""

import re
import tomllib
from collections.abc import Mapping as Map
from difflib import SequenceMatcher
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from features.contracts.tables import TABLES
from features.raw_tables.plan import allowed_values
from features.sources.names import key

_CAMEL = re.compile(r"(?<=[a-z0-9äöüñ])(?=[A-ZÄÖÜ])|(?<=[A-Z])(?=[A-Z][a-z])|[^\w]+|_+")
_ALIKE = 0.85
_SHORTEST = 4
_MOST_KEPT = 100_000


@cache
def document() -> dict[str, Any]:
    """The vocabulary as its file has it."""
    text = (files("features.guessing") / "vocabulary.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def table_words(table: str) -> tuple[str, ...]:
    """Names of a contract's table, its own first."""
    return (table, *document()["tables"].get(table, ()))


@cache
def column_words(table: str, column: str) -> tuple[str, ...]:
    """Names of a contract's column, its own first."""
    said = document()
    own = said["columns of"].get(f"{table}.{column}", ())
    return (column, column.removesuffix("_at"), *own, *said["columns"].get(column, ()))


@cache
def value_words(table: str, column: str) -> Map[str, str]:
    """A category's values by the letters and digits of what they are called."""
    allowed = allowed_values(TABLES[table], column)
    said = document()["values of"].get(column, {})
    words = {key(word): value for value in allowed for word in said.get(value, ())}
    return words | {key(value): value for value in allowed}


@lru_cache(maxsize=_MOST_KEPT)
def likeness(name: str, words: tuple[str, ...]) -> float:
    """How alike a written name is to one of some names, from 0 to 1.

    >>> likeness("customerId", ("customer_id",))
    1.0
    """
    written = _compared(name)
    return max((_alike(written, _compared(word)) for word in words), default=0.0)


@lru_cache(maxsize=_MOST_KEPT)
def _compared(name: str) -> tuple[str, frozenset[str]]:
    """What names are compared by: letters and digits, and words."""
    return key(name), frozenset(tokens(name))


def _alike(name: tuple[str, frozenset[str]], word: tuple[str, frozenset[str]]) -> float:
    (here, mine), (there, theirs) = name, word
    if not here or not there:
        return 0.0
    if here == there or here.removesuffix("s") == there.removesuffix("s"):
        return 1.0
    if mine == theirs:
        return 0.95
    if theirs <= mine:
        return 0.55 + 0.35 * len(there) / len(here)
    if min(len(here), len(there)) < _SHORTEST:
        return 0.0
    matcher = SequenceMatcher(None, here, there)
    # The first two are bounds that cost little.
    if matcher.real_quick_ratio() >= _ALIKE and matcher.quick_ratio() >= _ALIKE:
        ratio = matcher.ratio()
        if ratio >= _ALIKE:
            return 0.85 * ratio
    return 0.45 if there in here and len(there) > len(here) / 2 else 0.0


def tokens(name: str) -> list[str]:
    """The words of a name: ``crm_customerID`` has crm, customer and id."""
    return [word.casefold().removesuffix("s") or word for word in _CAMEL.split(name) if word]
