"""MLflow's empty database, made once in a session: MLflow comes to it by all its migrations since
its first release, which take it a second for every new home.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import sqlalchemy
from mlflow.store.db import utils

from tests.builders.shared import built_once


@contextmanager
def copied_registries(folder: Path) -> Iterator[None]:
    """Let MLflow begin a new database with a copy of the one that it made in this folder."""
    made_by_mlflow = utils._initialize_tables

    def make(folder: Path) -> None:
        engine = sqlalchemy.create_engine(f"sqlite:///{folder / 'mlflow.db'}")
        made_by_mlflow(engine)
        engine.dispose()

    template = built_once(folder, make) / "mlflow.db"

    def copy(engine: sqlalchemy.Engine) -> None:
        with closing(sqlite3.connect(template)) as source, engine.connect() as target:
            database = target.connection.driver_connection
            assert isinstance(database, sqlite3.Connection)
            source.backup(database)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utils, "_initialize_tables", copy)
        yield
