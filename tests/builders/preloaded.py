"""Imported by the server that forks the processes of a test: what quickstart and a night import,
most of it only when they come to need it. Each process would else spend more than a second on it.
"""

from importlib import import_module

from sqlalchemy.orm import configure_mappers

from features.online.feast_store import import_feast

MODULES = (
    *("pipeline.quickstart", "pipeline.table_model", "pipeline.night.nightly"),
    *("features.flat.repository", "features.online.feast_plugin", "features.operator.definitions"),
    *("features.compute.build", "features.compute.whole", "features.operator.materialize"),
    *("features.intake.check", "features.intake.judge", "features.packed.bulk_writer"),
    *(
        "features.sources.files.folder",
        "features.sources.files.text_part",
        "features.sources.files.workbook_part",
    ),
    *("feast.infra.compute_engines.local.compute", "feast.infra.offline_stores.duckdb"),
    *("feast.infra.passthrough_provider", "feast.infra.registry.sql", "feast.repo_operations"),
    *("ibis.backends.duckdb.converter", "ibis.backends.polars", "sqlalchemy.dialects.sqlite"),
    *("matplotlib.figure", "matplotlib.backends.backend_agg", "matplotlib.backends.backend_svg"),
    *("mlflow.store.db.utils", "mlflow.store.model_registry.sqlalchemy_workspace_store"),
    "mlflow.store.tracking.sqlalchemy_workspace_store",
    *("pandera.backends.pandas.register", "pandera.strategies.pandas_strategies"),
    *("pytest", "tests.builders.clocks", "tests.builders.night"),
)

import_feast()
for _name in MODULES:
    import_module(_name)
configure_mappers()
