"""What a file of the build is computed from, as a digest that the file carries.

It is made of SQL and of what is known of the raw tables that the SQL names. A query cannot read a
table that it does not name.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from features.sql.raw import READABLE


@dataclass(frozen=True)
class Inputs:
    """What a file would be computed from tonight.

    Parameters
    ----------
    now : str
        The digest.
    with_remembered : str
        The digest if absent tables, as they are remembered, were there.
    lacks_tables : bool
        Whether one of those is needed.
    """

    now: str
    with_remembered: str
    lacks_tables: bool

    def give(self, stored: str | None) -> bool:
        """Whether a file with that digest is what they give."""
        return stored in (self.now, self.with_remembered)

    def may_replace(self, stored: str | None) -> bool:
        """Whether a file with that digest, or none, may be replaced.

        What was computed from a table is not replaced without it.
        """
        return stored is None or not self.lacks_tables


def names_in(sql: Iterable[str]) -> frozenset[str]:
    """All words of SQL: every relation that it reads is among them."""
    return frozenset[str]().union(*map(_words, sql))


@lru_cache(maxsize=128)  # a view's SQL is the same for each of a hundred snapshots
def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text))


def tables_named(sql: Iterable[str]) -> frozenset[str]:
    """Raw tables that SQL names."""
    return names_in(sql) & READABLE.keys()


def digest_of_inputs(sql: Iterable[str], known: Mapping[str, str], *more: str) -> str:
    """Digest of SQL and of what is known of the tables that it names.

    Parameters
    ----------
    sql : iterable of str
        All SQL that a file is computed by.
    known : mapping of str to str
        Digests of what is known, by table.
    *more : str
        What it is computed from besides.
    """
    texts = tuple(sql)
    rows = {name: known[name] for name in sorted(tables_named(texts) & known.keys())}
    return hashlib.sha256("\0".join([json.dumps(rows), *more, *texts]).encode()).hexdigest()[:24]
