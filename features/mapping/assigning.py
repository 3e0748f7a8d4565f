"""Which written column each column of a contract takes."""

from collections.abc import Mapping as Map
from collections.abc import Sequence
from dataclasses import dataclass

from features.contracts.tables import TABLES
from features.mapping.mapping import RelationMapping
from features.sources.names import contract_names, key, suggestions
from holdfast.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """The columns of a contract that a relation gives.

    Parameters
    ----------
    taken : mapping of str to str
        Written column by contract's column, in the contract's order.
    by_name : tuple of str
        Contract's columns that the mapping does not name, found by their own name.
    unused : tuple of str
        Written columns that nothing takes.
    """

    taken: Map[str, str]
    by_name: tuple[str, ...]
    unused: tuple[str, ...]


def assign(relation: RelationMapping, written: Sequence[str]) -> Assignment:
    """Find the written column of each contract's column.

    A column that the mapping names is taken for what it is named for, also for several; by its own
    name it is taken only if the mapping does not name it.

    Parameters
    ----------
    relation : RelationMapping
        The mapping.
    written : sequence of str
        The relation's columns.

    Raises
    ------
    InputError
        A column that the mapping names is not there, two columns have one name, or values are about a
        column that is not there.
    """
    contract = TABLES[relation.table]
    named = {
        column: find_name(name, written, f"{relation.field}.columns.{column}", "a column")
        for column, name in relation.columns.items()
    }
    rest = [name for name in written if name not in named.values()]
    open_columns = [column for column in contract.columns if column not in named]
    names, _ = contract_names(f"{relation.field} ({relation.shown})", rest, open_columns)
    own = dict(zip(names, rest, strict=True))
    taken = named | {column: own[column] for column in open_columns if column in own}
    for column in relation.values:
        if column not in taken:
            raise InputError(
                f"{relation.field}.values.{column}",
                "must be about a column that is there; name it in columns",
                relation.shown,
            )
    in_order = {column: taken[column] for column in contract.columns if column in taken}
    return Assignment(
        taken=in_order,
        by_name=tuple(column for column in in_order if column not in named),
        unused=tuple(name for name in written if name not in in_order.values()),
    )


def find_name(name: str, there: Sequence[str], field: str, what: str) -> str:
    """A name as it is written: this very one, or the only one of the same letters and digits.

    Raises
    ------
    InputError
        It is not there; names the one that is likely meant.
    """
    if name in there:
        return name
    alike = [one for one in there if key(one) == key(name)]
    if len(alike) == 1:
        return alike[0]
    near = suggestions([name], there).get(name)
    meant = f"; is {near!r} meant?" if near else ""
    raise InputError(field, f"must name {what} that is there{meant}", name)
