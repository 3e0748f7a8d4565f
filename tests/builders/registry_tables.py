"""A registry of one version in the tables that are read without MLflow."""

import sqlite3

from holdfast.home import Home


def write_registry_tables(home: Home) -> None:
    """Register version 1 of the model churn, the champion; it has no files."""
    home.root.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(home.tracking) as database:
        database.execute("CREATE TABLE model_versions (name, version, current_stage)")
        database.execute("CREATE TABLE registered_model_aliases (name, alias, version)")
        database.execute("CREATE TABLE model_version_tags (name, version, key, value)")
        database.execute("INSERT INTO model_versions VALUES ('churn', 1, 'None')")
        database.execute("INSERT INTO registered_model_aliases VALUES ('churn', 'champion', 1)")
