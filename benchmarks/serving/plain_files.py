"""What the servers beside holdfast's read: a Feast repository on SQLite, and the boosters."""

import contextlib
import io
import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import mlflow

from features.flat.repository import ID, SERVICE, definitions
from features.online.feast_store import open_feast
from holdfast.documents import to_document
from holdfast.home import Home
from models.version import ModelVersion

_CONFIGURATION = """\
project: plain
provider: local
registry: registry.db
offline_store:
  type: duckdb
online_store:
  type: sqlite
  path: online.db
entity_key_serialization_version: 3
"""


def write_plain_files(home: Home, version: ModelVersion, folder: Path) -> None:
    """Write the folder of the plain stack: the home's features, once more, and its model.

    Parameters
    ----------
    home : Home
        A home of `quickstart`.
    version : ModelVersion
        Its champion.
    folder : Path
        To be made.
    """
    folder.mkdir()
    for name in ("customer_table.parquet", "encoding.json"):
        shutil.copy(home.features / name, folder)
    (folder / "feature_store.yaml").write_text(_CONFIGURATION, encoding="utf-8")
    store = open_feast(folder)
    store.apply(list(definitions(folder)))
    now = datetime.now(UTC)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        store.materialize(now - timedelta(days=3_650), now + timedelta(days=1))
    boosters = {
        f"booster_{place}.txt": one for place, one in enumerate(version.main.everyone.boosters)
    }
    for name, booster in boosters.items():
        booster.save_model(folder / name)
    model = {
        "service": SERVICE,
        "id": ID,
        "boosters": list(boosters),
        "calibration": to_document(version.main.everyone.calibration),
    }
    (folder / "model.json").write_text(json.dumps(model), encoding="utf-8")


def write_mlflow_model(version: ModelVersion, folder: Path) -> None:
    """Write the first booster as `mlflow models serve` reads it, which serves one alone."""
    mlflow.lightgbm.save_model(
        version.main.everyone.boosters[0], str(folder), pip_requirements=["lightgbm"]
    )
