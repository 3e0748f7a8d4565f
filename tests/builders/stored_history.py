"""A home with raw tables and a history of features, as far as their names say."""

from features.fields import VIEWS
from features.operator.repository import OperatorRepository
from holdfast.home import Home


def write_history(home: Home, *mondays: str) -> None:
    """Make empty files of all views for some Mondays, such as 2025-01-06."""
    home.raw.mkdir(parents=True)
    for view in VIEWS:
        folder = OperatorRepository(home).tables / view / "history"
        folder.mkdir(parents=True)
        for monday in mondays:
            (folder / f"{monday}.parquet").touch()
