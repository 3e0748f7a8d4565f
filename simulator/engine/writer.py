"""Numbers and codes written as parquet files that obey the contracts."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.contracts.tables import HAPPENED, TABLES
from features.contracts.vocabulary import ARMS
from simulator.weekly.campaign import BREACHES
from simulator.weekly.churn import CAUSES, KINDS
from simulator.world.calendar import NEVER
from simulator.world.care_actions import ACTIONS
from simulator.world.draws import Array
from simulator.world.plans import PlanCatalogue
from simulator.world.population import Population
from simulator.world.regions import LANGUAGES, NAMES, TIME_ZONES
from simulator.world.rows import Columns
from simulator.world.texts import compose

UTC = pa.timestamp("us", "UTC")
TRUTH_TABLES: dict[str, dict[str, pa.DataType]] = {
    "states": {
        "subscription_id": pa.string(),
        "customer_id": pa.string(),
        "satisfaction": pa.float32(),
        "hazard_a_week": pa.float32(),
        "driver": pa.string(),
        "care_driver": pa.string(),
        "leaving": pa.bool_(),
        "margin_a_week": pa.float32(),
        **{f"stay_effect_{action}": pa.float32() for action in ACTIONS},
        HAPPENED: UTC,
    },
    "losses": {
        "subscription_id": pa.string(),
        "churn": pa.string(),
        "cause": pa.string(),
        "decided_week": pa.int64(),
        HAPPENED: UTC,
    },
    "invitations": {
        "invitation_id": pa.string(),
        "customer_id": pa.string(),
        "score": pa.int64(),
        "answers": pa.bool_(),
        "answers_if_reminded": pa.bool_(),
        HAPPENED: UTC,
    },
    "contacts": {
        "contact_id": pa.string(),
        "subscription_id": pa.string(),
        "action": pa.string(),
        "arm": pa.string(),
        "delivered": pa.bool_(),
        "log_hazard_shift": pa.float32(),
        "cost": pa.float32(),
        "breach": pa.string(),
        HAPPENED: UTC,
    },
}
"""Tables of the truth: column types by column."""

_NUMBERED = {
    "bill_id": "B",
    "payment_id": "P",
    "refund_id": "R",
    "interaction_id": "I",
    "ticket_id": "T",
    "order_id": "O",
    "appointment_id": "V",
    "request_id": "Q",
    "incident_id": "N",
    "invitation_id": "J",
    "contact_id": "K",
}
"""Letter before the number of each kind of event."""
_TRUTH_CHOICES = {
    "churn": KINDS,
    **dict.fromkeys(("cause", "driver", "care_driver"), CAUSES),
    "action": ACTIONS,
    "arm": ARMS,
    "breach": BREACHES,
}
"""Values of the categorical columns of the truth, in the order of their codes."""
NOT_SIMULATED = frozenset(
    {
        *("accounts", "external_ids", "do_not_call_screenings", "products", "bill_lines"),
        "notices",
    }
)
"""Raw tables of which the simulator knows nothing."""

_FIRST_EVENT = 10**14
"""Added to event numbers."""
_OWN_KEYS = frozenset(_NUMBERED)


@dataclass(frozen=True)
class Names:
    """Ids of the positions in a block, as dictionaries of Arrow strings, and names of contacts and
    of their campaigns that were given from outside, by the contact's number.
    """

    lines: pa.Array
    customers: pa.Array
    accounts: pa.Array
    plans: pa.Array
    given: dict[int, tuple[str, str]] = field(default_factory=dict)


def names(population: Population, plans: PlanCatalogue) -> Names:
    """Ids of a block's lines, customers, accounts and plans.

    Parameters
    ----------
    population : Population
        The block's.
    plans : PlanCatalogue
        Plan ids.
    """
    customers = population.customers.number
    return Names(
        lines=_numbered("S", population.lines.number, 9),
        customers=_numbered("C", customers, 8),
        accounts=_numbered("A", customers, 8),
        plans=pa.array(plans.ids),
    )


def shared_names(plans: PlanCatalogue) -> Names:
    """Ids for the tables that all blocks share."""
    none = pa.array([], pa.string())
    return Names(none, none, none, pa.array(plans.ids))


def _numbered(letter: str, numbers: Array, width: int) -> pa.Array:
    digits = pc.utf8_lpad(pc.cast(pa.array(numbers, mask=numbers < 0), pa.string()), width, "0")
    return pc.binary_join_element_wise(letter, digits, "")


def _event_ids(letter: str, numbers: Array) -> pa.Array:
    """Ids of events: like `_numbered`, but of one length without padding, which is much faster."""
    digits = pc.cast(pa.array(numbers + _FIRST_EVENT, mask=numbers < 0), pa.string())
    return pc.binary_join_element_wise(letter, digits, "")


def _coded(codes: Array, dictionary: pa.Array) -> pa.Array:
    return pa.DictionaryArray.from_arrays(
        pa.array(codes.astype(np.int32), mask=codes < 0), dictionary
    )


@cache
def _choices(table: str, column: str) -> tuple[str, ...] | None:
    """Values of a categorical column, in the order of their codes."""
    if table in TRUTH_TABLES:
        return _TRUTH_CHOICES.get(column)
    for check in TABLES[table].schema.columns[column].checks:
        if "allowed_values" in (check.statistics or {}):
            return tuple(check.statistics["allowed_values"])
    return None


def _area(codes: Array, _: Names) -> pa.Array:
    level, place = codes // 1_000_000, codes % 1_000_000
    texts = [
        NAMES[where] if kind == 1 else f"cell-{where:05d}"
        for kind, where in zip(level, place, strict=True)
    ]
    return pa.array(texts, mask=codes < 0)


_NAMED: dict[str, Callable[[Array, Names], pa.Array]] = {
    "subscription_id": lambda codes, names: _coded(codes, names.lines),
    "replaced_by": lambda codes, names: _coded(codes, names.lines),
    "customer_id": lambda codes, names: _coded(codes, names.customers),
    "account_id": lambda codes, names: _coded(codes, names.accounts),
    "household_id": lambda codes, _: _numbered("H", codes, 8),
    "plan_id": lambda codes, names: _coded(codes, names.plans),
    "region": lambda codes, _: _coded(codes, pa.array(NAMES)),
    "time_zone": lambda codes, _: pa.array(np.array(TIME_ZONES)[codes]).dictionary_encode(),
    "language": lambda codes, _: _coded(codes, pa.array(LANGUAGES)),
    "home_cell_id": lambda codes, _: _cells(codes),
    "agent_id": lambda codes, _: _numbered("G", codes, 6),
    "campaign_id": lambda codes, _: _numbered("CMP", codes, 4),
    "action": lambda codes, _: _coded(codes, pa.array(ACTIONS)),
    "area_id": _area,
    "text": lambda codes, _: pa.array(
        [None if code < 0 else compose(int(code)) for code in codes], pa.string()
    ),
}


def _cells(codes: Array) -> pa.Array:
    return _numbered("cell-", codes, 5).dictionary_encode()


def to_arrow(table: str, columns: Columns, names: Names) -> pa.Table:
    """Make an Arrow table with the columns and types of a raw table or a table of the truth.

    Columns that may be null and are not simulated are left out.

    Parameters
    ----------
    table : str
        Raw table, or table of the truth.
    columns : dict of str to array
        Numbers and codes.
    names : Names
        Ids of positions.
    """
    if table in TRUTH_TABLES:
        types = TRUTH_TABLES[table]
    else:
        schema = TABLES[table].arrow_schema
        types = {column.name: column.type for column in schema if column.name in columns}
    made = {
        name: _column(table, name, type_, columns[name], names) for name, type_ in types.items()
    }
    if names.given and "contact_id" in made:
        numbers = np.asarray(columns["contact_id"]).tolist()
        given = [names.given.get(number, ("", "")) for number in numbers]
        made["contact_id"] = _renamed(made["contact_id"], [contact for contact, _ in given])
        if "campaign_id" in made:
            made["campaign_id"] = _renamed(made["campaign_id"], [campaign for _, campaign in given])
    return pa.table(made)


def truth_column(name: str, type_: pa.DataType, values: Array, names: Names) -> pa.Array:
    """Make one column of the truth.

    Parameters
    ----------
    name : str
        Its name, which says what numbers and codes in it mean.
    type_ : pyarrow.DataType
        Its type.
    values : array
        Numbers or codes; null where the code is negative, or the time never comes.
    names : Names
        Ids of positions.
    """
    return _column("losses", name, type_, values, names).cast(type_)


def _renamed(ids: pa.Array, given: list[str]) -> pa.Array:
    """Ids, but for those that have a given name."""
    is_given = pa.array([bool(name) for name in given])
    return pc.if_else(is_given, pa.array(given, pa.string()), ids)


def _column(table: str, name: str, type_: pa.DataType, values: Array, names: Names) -> pa.Array:
    if pa.types.is_string(type_):
        choices = _choices(table, name)
        if choices is not None:
            return _coded(np.asarray(values), pa.array(choices))
        if name in _NAMED:
            return _NAMED[name](np.asarray(values), names)
        return _event_ids(_NUMBERED[name], np.asarray(values))
    if pa.types.is_timestamp(type_):
        return pa.array(
            np.asarray(values, dtype=np.int64), pa.int64(), mask=np.asarray(values) == NEVER
        ).cast(type_)
    if pa.types.is_floating(type_):
        rounded = (
            values
            if table in TRUTH_TABLES
            else np.round(np.asarray(values, dtype=np.float64), 4 if "prob" in name else 2)
        )
        return pa.array(np.asarray(rounded, dtype=np.float64), from_pandas=True).cast(type_)
    whole = np.asarray(values).astype(np.int64)
    return pa.array(whole, mask=whole < 0).cast(type_)


class Parts:
    """Parquet files of one block or of the shared tables, one per table, written in row groups.

    Parameters
    ----------
    folder : Path
        Folder with a subfolder per table.
    file : str
        Name of the files.
    """

    def __init__(self, folder: Path, file: str) -> None:
        self._folder, self._file = folder, file
        self._open: dict[str, pq.ParquetWriter] = {}

    def write(self, table: str, rows: pa.Table) -> None:
        """Add rows to a table's file."""
        if table not in self._open:
            path = self._folder / table / self._file
            path.parent.mkdir(parents=True, exist_ok=True)
            self._open[table] = pq.ParquetWriter(path, rows.schema, **_settings(rows.schema))
        self._open[table].write_table(rows, row_group_size=1 << 20)

    def close(self) -> None:
        """Finish all files."""
        for writer in self._open.values():
            writer.close()
        self._open.clear()


def write_missing(folder: Path, without: Collection[str] = ()) -> None:
    """Write an empty file for each raw table or table of the truth without rows.

    Parameters
    ----------
    folder : Path
        The simulation's.
    without : collection of str
        Raw tables that the operator does not have, beside those that are never simulated.
    """
    schemas = {
        ("raw", name): table.arrow_schema
        for name, table in TABLES.items()
        if name not in without and name not in NOT_SIMULATED
    }
    schemas |= {
        ("truth", name): pa.schema(list(types.items())) for name, types in TRUTH_TABLES.items()
    }
    for (kind, name), schema in schemas.items():
        if not (folder / kind / name).is_dir():
            parts = Parts(folder / kind, "empty.parquet")
            parts.write(name, schema.empty_table())
            parts.close()


def _settings(schema: pa.Schema) -> dict[str, Any]:
    """Fixed settings, so that equal rows give equal bytes. All columns but event ids repeat."""
    ids = [name for name in schema.names if name in _OWN_KEYS]
    return {
        "compression": "zstd",
        "compression_level": 1,
        "use_dictionary": [name for name in schema.names if name not in ids],
        "column_encoding": dict.fromkeys(ids, "DELTA_BYTE_ARRAY"),
        "store_schema": False,
        "write_statistics": True,
    }
