"""The SQL of a home's own view as text; needs no library, so that versions are read in no time."""

import hashlib
import re

from features.views.declaration import OwnView

_TOKEN = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/|\s+|.""", re.DOTALL)


def plain_sql(sql: str) -> str:
    r"""SQL without comments, and with single spaces: the same for what computes the same.

    Examples
    --------
    >>> plain_sql("SELECT a  -- the id\n  FROM asked")
    'SELECT a FROM asked'
    """
    parts: list[str] = []
    for token in _TOKEN.findall(sql):
        is_space = token.isspace() or token.startswith(("--", "/*"))
        if not is_space:
            parts.append(token)
        elif parts and parts[-1] != " ":
            parts.append(" ")
    return "".join(parts).rstrip(" ;")


def sql_digest(view: OwnView) -> str:
    """Digest of what a view computes, for versions that were trained on it."""
    return hashlib.sha256(plain_sql(view.sql).encode()).hexdigest()[:24]
