"""Databases for ledgers."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from tests.builders.servers import POSTGRES_URL, require_postgres

KINDS = ("sqlite", "postgresql")


@contextmanager
def ledger_url(kind: str, folder: Path) -> Iterator[str]:
    """URL of an empty database that is thrown away."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/care.db"
        return
    server, schema = require_postgres(), f"care_{uuid.uuid4().hex[:12]}"
    with server.begin() as connection:
        connection.execute(sa.schema.CreateSchema(schema))
    yield f"{POSTGRES_URL}?options=-csearch_path%3D{schema}"
    with server.begin() as connection:
        connection.execute(sa.schema.DropSchema(schema, cascade=True))
    server.dispose()
