"""Opening a Feast repository."""

import logging
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from feast import FeatureStore


def open_feast(repository: Path) -> "FeatureStore":
    """Open a Feast repository, quietly.

    Parameters
    ----------
    repository : Path
        Directory of its ``feature_store.yaml``.
    """
    logging.getLogger("feast").setLevel(logging.WARNING)
    warnings.filterwarnings(
        "ignore", "fetch_arrow_table", DeprecationWarning
    )  # between ibis and DuckDB
    from feast import FeatureStore

    return FeatureStore(repo_path=str(repository))
