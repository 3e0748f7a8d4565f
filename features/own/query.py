"""The SQL that computes a home's own view: its SELECT over rows that are known, and nothing else."""

from features.contracts.schema import Table
from features.own.sandbox import ASKED, inspect_sql
from features.own.sql_text import plain_sql
from features.sql.expressions import known, quoted, text_sql
from features.sql.raw import READABLE
from features.views.declaration import OwnFeature, OwnView

ASKED_COLUMNS: dict[str, tuple[str, ...]] = {
    "subscription": (
        *("subscription_id", "customer_id", "account_id", "household", "home_cell_id"),
        *("product_line", "billing_type", "plan_id", "region", "cutoff"),
    ),
    "customer": ("customer_id", "household", "cutoff"),
}
"""What the relation `asked` has, by entity: one row for each entity of the snapshot."""

TWICE = "must give one row for each entity, and gives more for "
OUT_OF_BOUNDS = "must lie within its minimum and maximum, and does not for"


def given_columns(table: Table) -> tuple[str, ...]:
    """Columns of a raw table that own features are given: all but special ones."""
    columns = table.schema.columns
    return tuple(name for name in columns if columns[name].metadata["data_class"] != "special")


def own_query(view: OwnView, asked: str) -> str:
    """SQL of the view's features, one row for each row of `asked`, not rounded.

    It fails where the view's SELECT gives two rows for an entity, or a value out of its bounds.

    Parameters
    ----------
    view : OwnView
        The view.
    asked : str
        The relation of its entity in `features.compute.population`.

    Raises
    ------
    InputError
        The SQL may do what it must not (`features.own.sandbox`).
    """
    key = view.join_key
    values = ", ".join(f"own.{quoted(name)}" for name in view.columns)
    firsts = ", ".join(f"{_bounded(one, key)} AS {quoted(one.name)}" for one in view.own_features)
    twice = f"error({text_sql(TWICE)} || {key})"
    return f"""
    SELECT {ASKED}.{key}, {ASKED}.cutoff, {values}
    FROM {asked} AS {ASKED}
    LEFT JOIN (
        SELECT {key}, {firsts}
        FROM ({own_rows(view, asked, plain_sql(view.sql))})
        GROUP BY {key}
        HAVING CASE WHEN count(*) > 1 THEN {twice} ELSE true END
    ) AS own ON own.{key} = {ASKED}.{key}
    """


def own_rows(view: OwnView, asked: str, sql: str) -> str:
    """SQL of what the view's SELECT itself gives, which begins on the second line.

    Parameters
    ----------
    view, asked
        As of `own_query`.
    sql : str
        The SELECT, as it was written or without comments.
    """
    reading, faults = inspect_sql(view.sql, view.sql_path)
    if faults:
        raise faults[0].error()
    given = [
        f"{ASKED} AS (SELECT {', '.join(ASKED_COLUMNS[view.entity])} FROM temp.{asked})",
        *(_known_rows(READABLE[name], asked) for name in sorted(reading.tables)),
    ]
    # As a part by itself, so that errors name what is wrong in it and not what is around it.
    return f"WITH {', '.join(given)}, own_select AS (\n{sql}\n) SELECT * FROM own_select"


def _bounded(feature: OwnFeature, key: str) -> str:
    """SQL aggregate: the value of the one row, which fails where it is out of bounds."""
    value = f"any_value({quoted(feature.name)})"
    low, high = feature.minimum, feature.maximum
    if low is None and high is None:
        return value
    out = [f"{value}::DOUBLE < {low!r}"] if low is not None else []
    out += [f"{value}::DOUBLE > {high!r}"] if high is not None else []
    told = f"error({text_sql(f'{feature.name} {OUT_OF_BOUNDS} ')} || {key})"
    return f"CASE WHEN {' OR '.join(out)} THEN {told} ELSE {value} END"


def _known_rows(table: Table, asked: str) -> str:
    """SQL: the rows of a raw table that count at the cut-off; of a state table, what holds then."""
    columns = ", ".join(f"raw.{quoted(name)}" for name in given_columns(table))
    cutoff = f"(SELECT max(cutoff) FROM temp.{asked})"
    return f"{table.name} AS (SELECT {columns} FROM temp.{table.name} AS raw WHERE {known('raw', cutoff)})"
