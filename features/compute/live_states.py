"""SQL that makes everybody's states from the raw tables, as known at a build's cut-off.

A state made here is the state that `apply_event` arrives at from all rows that had arrived by then.
"""

from collections.abc import Iterator
from datetime import datetime

import pyarrow

from features.contracts.tables import TABLES
from features.contracts.vocabulary import INCIDENT_LEVELS
from features.live.event import microseconds
from features.live.items import GRACE, KINDS, REACH, ItemKind, categories
from features.live.state import NATION, STATE_TABLES
from features.sql.expressions import time_sql

_ARRIVED = "epoch_us(arrived_at)"


def state_queries(cutoff: datetime) -> dict[str, str]:
    """SQL of the state documents of every kind of entity.

    Parameters
    ----------
    cutoff : datetime
        The build's, with a time zone. Event tables must show what happened `REACH` and `GRACE`
        before it.

    Returns
    -------
    dict of str to str
        By kind, such as "customer": a query with the columns id and document, in order of id.
    """
    now = microseconds(cutoff)
    queries = {}
    for kind, tables in STATE_TABLES.items():
        items = " UNION ALL ".join(_items(kind, table, cutoff) for table in tables)
        queries[kind] = f"""
            SELECT id, {_document(now, tables)} AS document
            FROM (
                SELECT id, source, array_to_string(list_sort(list(item)), ',') AS items
                FROM ({items})
                GROUP BY id, source
            )
            GROUP BY id
            ORDER BY id
        """
    return queries


def link_queries(cutoff: datetime, cells: str) -> dict[str, str]:
    """SQL of the documents that name the cells an incident hits.

    They read the relation ``cell_regions`` of the view `cell_live`.

    Parameters
    ----------
    cutoff : datetime
        The build's, with a time zone.
    cells : str
        A relation with the column cell_id: all cells that features are made for.

    Returns
    -------
    dict of str to str
        By kind of link, as `state_queries`.
    """
    homes = f"""
        SELECT DISTINCT asked.cell_id, home.region
        FROM {cells} AS asked
        LEFT JOIN cell_regions AS home
          ON home.cell_id = asked.cell_id AND wall_week(home.monday) = wall_week({time_sql(cutoff)})
    """
    listed = "to_json(list(cell_id ORDER BY cell_id))::VARCHAR AS document"
    return {
        "region_cells": f"SELECT region AS id, {listed} FROM ({homes}) WHERE region IS NOT NULL GROUP BY region ORDER BY region",
        "nation_cells": f"SELECT '{NATION}' AS id, {listed} FROM ({homes}) HAVING count(*) > 0",
        "cell_region": f"""
            SELECT cell_id AS id, coalesce(to_json(region)::VARCHAR, 'null') AS document FROM ({homes}) ORDER BY cell_id
        """,
    }


def _document(now: int, tables: tuple[str, ...]) -> str:
    """SQL: the JSON text of a state, from the texts of its items by table."""
    parts = [
        f"""coalesce(',"{table}":[' || any_value(items) FILTER (source = '{table}') || ']', '')"""
        for table in tables
    ]
    return " || ".join((f"""'{{"t":{now}'""", *parts, "'}'"))


def _items(kind: str, table: str, cutoff: datetime) -> str:
    """SQL: the items of a table that states of a kind of entity keep."""
    item = KINDS[table]
    values = ", ".join(
        ("epoch_us(happened_at)", f"{_ARRIVED} - epoch_us(happened_at)", *_forms(item))
    )
    selected = f"'{table}' AS source, json_array({values})::VARCHAR AS item"
    kept = _KEPT[item.keep](item, cutoff)
    if table == "incidents" and kind in INCIDENT_LEVELS:
        id_ = f"'{NATION}'" if kind == NATION else "area_id"
        named = "" if kind == NATION else " AND area_id IS NOT NULL"
        return f"""
            WITH kept AS ({kept}),
            named AS (SELECT DISTINCT incident_id, {id_} AS id FROM kept WHERE level = '{kind}'{named})
            SELECT named.id, {selected} FROM kept JOIN named USING (incident_id)
        """
    return f"SELECT {item.owner} AS id, {selected} FROM ({kept})"


def _forms(item: ItemKind) -> Iterator[str]:
    """SQL: the columns of an item, in the form that items hold them."""
    for name in item.columns:
        names = categories(item.table, name)
        type_ = TABLES[item.table].schema.columns[name].metadata["arrow"]
        if names:
            yield f"list_position({names}, {name}) - 1"
        elif pyarrow.types.is_boolean(type_):
            yield f"{name}::INTEGER"
        elif pyarrow.types.is_timestamp(type_):
            yield f"epoch_us({name})"
        else:
            yield name


def _window(item: ItemKind, cutoff: datetime) -> str:
    now = microseconds(cutoff)
    return f"""
        SELECT * FROM {item.table}
        WHERE arrived_at <= {time_sql(cutoff)}
          AND {_ARRIVED} > {now - REACH - GRACE}
          AND (superseded_at IS NULL OR epoch_us(superseded_at) > {now - GRACE})
    """


def _in_force(item: ItemKind, cutoff: datetime) -> str:
    return _settled(item, cutoff, f"{_ARRIVED} <= {microseconds(cutoff) - GRACE}")


def _history(item: ItemKind, cutoff: datetime) -> str:
    now = microseconds(cutoff)
    return _settled(
        item,
        cutoff,
        f"{_ARRIVED} <= {now - GRACE} AND epoch_us(happened_at) <= {now - REACH - GRACE}",
    )


def _settled(item: ItemKind, cutoff: datetime, settled: str) -> str:
    """SQL: all rows that are not settled, and of those that are the last one of each key."""
    keys = ", ".join(TABLES[item.table].key)
    order = ["happened_at DESC", "arrived_at DESC"]
    if item.stronger is not None:
        name = item.columns[item.stronger - 2]
        order.insert(1, f"list_position({categories(item.table, name)}, {name}) DESC")
    return f"""
        SELECT * FROM {item.table}
        WHERE arrived_at <= {time_sql(cutoff)}
        QUALIFY NOT ({settled})
             OR row_number() OVER (PARTITION BY {keys}, {settled} ORDER BY {", ".join(order)}) = 1
    """


def _incident(item: ItemKind, cutoff: datetime) -> str:
    oldest = microseconds(cutoff) - REACH - GRACE
    return f"""
        SELECT * FROM {item.table}
        WHERE arrived_at <= {time_sql(cutoff)}
        WINDOW incident AS (PARTITION BY incident_id)
        QUALIFY max({_ARRIVED}) OVER incident > {oldest}
             OR epoch_us(first_value(started_at) OVER (incident ORDER BY happened_at DESC, arrived_at DESC)) > {oldest}
    """


_KEPT = {"window": _window, "in force": _in_force, "history": _history, "incident": _incident}
