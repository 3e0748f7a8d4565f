"""SQL that live views share: which rows of a table count for each asked row."""

from features.sql.expressions import known, within

MOMENTS = "moments"
"""Name of the relation of distinct (join key, cut-off) pairs in the queries of live views."""


def moments(key: str, asked: str) -> str:
    """SQL: every (join key, cut-off) asked for, once."""
    return f"SELECT DISTINCT {key}, cutoff FROM {asked}"


def rows_within(table: str, key: str, columns: str, days: int) -> str:
    """SQL: known rows of an event table in the window before each moment.

    Parameters
    ----------
    table : str
        An event table.
    key : str
        Join key, a column of the table and of `moments`.
    columns : str
        What to select, of the table `t`.
    days : int
        Length of the window.
    """
    return f"""
        SELECT m.{key}, m.cutoff, {columns}
        FROM {MOMENTS} AS m
        JOIN {table} AS t
          ON t.{key} = m.{key} AND {known("t", "m.cutoff")} AND {within("t", "m.cutoff", days)}
    """


def rows_in_force(table: str, key: str, columns: dict[str, str]) -> str:
    """SQL: for each key of a state table, the row in force at each moment.

    Parameters
    ----------
    table : str
        A state table.
    key : str
        Join key, a column of the table's key and of `moments`.
    columns : dict of str to str
        What to select, of the table `t`, by name.
    """
    values = ", ".join(f"{value} AS {name}" for name, value in columns.items())
    return f"""
        SELECT m.{key}, m.cutoff, {values}
        FROM {MOMENTS} AS m
        JOIN {table} AS t ON t.{key} = m.{key} AND {known("t", "m.cutoff")}
    """
