"""Tables in a database: in SQLite as texts, in PostgreSQL with types."""

from collections.abc import Mapping

import pyarrow as pa
import sqlalchemy as sa

POSTGRES = {
    pa.string(): "text",
    pa.int64(): "bigint",
    pa.float64(): "numeric",
    pa.bool_(): "boolean",
    pa.timestamp("us", "UTC"): "timestamptz",
}


def fill(
    url: str,
    tables: Mapping[str, pa.Table],
    types: Mapping[pa.DataType, str] = POSTGRES,
    *,
    create: bool = True,
) -> None:
    """Create tables and put rows into them.

    Parameters
    ----------
    url : str
        SQLAlchemy URL. SQLite gets texts, whatever the types.
    types : mapping, optional
        The database's type of each of Arrow's.
    create : bool
        False where the tables are there.
    """
    engine = sa.create_engine(url)
    is_sqlite = engine.dialect.name == "sqlite"
    with engine.begin() as connection:
        for name, table in tables.items():
            columns = ", ".join(
                f'"{field.name}" {"text" if is_sqlite else types[field.type]}'
                for field in table.schema
            )
            if create:
                connection.execute(sa.text(f"CREATE TABLE {name} ({columns})"))
            insert = sa.table(name, *(sa.column(column) for column in table.column_names)).insert()
            rows = _texts(table) if is_sqlite else table.to_pylist()
            if rows:
                connection.execute(insert, rows)
    engine.dispose()


def _texts(table: pa.Table) -> list[dict[str, object]]:
    return [
        {
            name: value.isoformat() if hasattr(value, "isoformat") else value
            for name, value in row.items()
        }
        for row in table.to_pylist()
    ]
