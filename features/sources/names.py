"""Names of tables and columns as exports write them, and the contracts' names that they mean.

``SUBSCRIPTION_ID``, `` Subscription-Id `` and ``subscriptionId`` are one name: letters and digits
count, their case and what stands between them do not.
"""

import unicodedata
from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from features.table_files.paths import file_stem
from holdfast.errors import InputError

_ALIKE = 0.8
"""From this ratio on (`difflib`), a name is likely a misspelling of another."""


def contract_names(
    field: str, written: Sequence[str], known: Collection[str]
) -> tuple[list[str], Mapping[str, str]]:
    """The names of a table's columns, those that a contract knows in its spelling.

    Parameters
    ----------
    field : str
        What to name in an error: the table and its file.
    written : sequence of str
        The header's names.
    known : collection of str
        The contract's.

    Returns
    -------
    names : list of str
        One per column; unknown ones without blanks around them. A column that has the contract's
        very name goes before one that only resembles it.
    renamed : mapping of str to str
        Written names that were taken as another.

    Raises
    ------
    InputError
        Two columns have one name.
    """
    by_key = {key(name): name for name in known}
    exact = set(written) & set(known)
    names: list[str] = []
    renamed: dict[str, str] = {}
    for name in written:
        meant = by_key.get(key(name))
        if name in exact or meant is None or meant in exact:
            names.append(name if name in exact else name.strip())
            continue
        if meant in renamed.values():
            other = next(one for one, taken in renamed.items() if taken == meant)
            raise InputError(
                field,
                f"column names must differ; this one and {other!r} are both taken for {meant!r}:"
                " rename or remove one",
                name,
            )
        names.append(meant)
        renamed[name] = meant
    refuse_repeats(field, names)
    return names, renamed


def refuse_repeats(field: str, names: Sequence[str]) -> None:
    """Refuse a header that names a column twice.

    Raises
    ------
    InputError
        Names the column.
    """
    repeated = next((name for k, name in enumerate(names) if name in names[:k]), None)
    if repeated is not None:
        raise InputError(field, "column names must differ; this one repeats", repeated)


def suggestions(unknown: Collection[str], absent: Collection[str]) -> Mapping[str, str]:
    """Unknown names that are likely misspellings, and the absent ones that they likely mean."""
    by_key = {key(name): name for name in absent}
    meant: dict[str, str] = {}
    for name in unknown:
        for near in get_close_matches(key(name), list(by_key), 1, _ALIKE):
            meant[name] = by_key[near]
    return meant


def suggested_tables(unknown: Collection[str], absent: Collection[str]) -> Mapping[str, str]:
    """As `suggestions`, of files and folders and the tables that they likely hold."""
    stems = {file_stem(Path(name)) or name: name for name in unknown}
    return {stems[stem]: table for stem, table in suggestions(list(stems), absent).items()}


def key(name: str) -> str:
    """What counts of a name: its letters and digits, without case."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    return "".join(sign for sign in plain if sign.isalnum())
