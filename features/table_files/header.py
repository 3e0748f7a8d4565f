"""The names of a table's columns, made usable: trimmed, none blank, none twice."""

from collections.abc import Sequence

from holdfast.errors import InputError


def usable_names(written: Sequence[str]) -> tuple[list[str], list[str]]:
    """Names for columns as a header writes them.

    Parameters
    ----------
    written : sequence of str
        The header's fields.

    Returns
    -------
    names : list of str
        Distinct: blanks around them removed, a blank one called ``Unnamed: 0`` by its position, a
        repeated one numbered as in ``fee.1``.
    notes : list of str
        What was changed, blanks around names aside.

    Raises
    ------
    InputError
        No field has a name.
    """
    # A second byte order mark is left where a program wrote one into a text that had one.
    written = [field.replace("\N{ZERO WIDTH NO-BREAK SPACE}", "") for field in written]
    names: list[str] = []
    notes: list[str] = []
    if not any(field.strip() for field in written):
        raise InputError("TABLE", "must have a header line with column names")
    taken = {field.strip() for field in written}
    used: set[str] = set()
    for position, field in enumerate(written):
        plain = field.strip() or f"Unnamed: {position}"
        name, number = plain, 0
        while name in used or (number and name in taken):
            number += 1
            name = f"{plain}.{number}"
        if not field.strip():
            notes.append(f"column {position + 1} has no name and is called {name!r}")
        elif name != plain:
            notes.append(f"column {position + 1} repeats the name {plain!r} and is called {name!r}")
        used.add(name)
        names.append(name)
    return names, notes
