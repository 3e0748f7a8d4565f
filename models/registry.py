"""The one loader: from an alias in MLflow's registry to a model version in memory."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlparse

from holdfast.errors import ModelError
from holdfast.settings import Home, keep_parts_private
from models.version import ModelVersion, load_version

CHAMPION = "champion"

MODEL_DIGEST = "model_sha256"
"""Tag of a registered version that holds the SHA-256 of its ``model.json``."""


@dataclass(frozen=True)
class ChampionAddress:
    """Where the champion is.

    Parameters
    ----------
    number : str
        Number it is registered under.
    directory : Path
        Its files.
    sha256 : str
        SHA-256 of its ``model.json``.
    """

    number: str
    directory: Path
    sha256: str


@dataclass(frozen=True)
class RegisteredVersion:
    """A model version and the number it is registered under."""

    number: str
    model: ModelVersion


def load_champion(home: Home, name: str) -> RegisteredVersion:
    """Load the version that carries the alias ``champion``.

    Parameters
    ----------
    home : Home
        Where registry and artifacts lie. It may have been moved since the version was registered.
    name : str
        Registered model, such as ``churn``.

    Raises
    ------
    ModelError
        No registry, a damaged one, no champion, or a damaged version.
    """
    return load_registered(find_champion(home, name))


def load_registered(address: ChampionAddress) -> RegisteredVersion:
    """Load a version from its address; ModelError where it is damaged."""
    return RegisteredVersion(number=address.number, model=load_version(address.directory, address.sha256))


def find_champion(home: Home, name: str) -> ChampionAddress:
    """Look up the champion without loading it; errors as in `load_champion`."""
    if not home.tracking.is_file():
        raise ModelError(str(home.tracking), "no model registry there; `holdfast quickstart` makes one")
    keep_parts_private()
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        client = MlflowClient(tracking_uri=f"sqlite:///{home.tracking}", registry_uri=f"sqlite:///{home.tracking}")
        found = client.get_model_version_by_alias(name, CHAMPION)
    except (MlflowException, SQLAlchemyError) as error:
        first_line = str(error).splitlines()[0]
        raise ModelError(str(home.tracking), f"holds no readable champion of model {name!r}: {first_line}") from error
    number, digest = str(found.version), found.tags.get(MODEL_DIGEST)
    if digest is None:
        raise ModelError(f"model {name} version {number}", f"must carry the tag {MODEL_DIGEST}, which registering it sets")
    return ChampionAddress(number, _artifact_directory(home, str(found.source)), digest)


def _artifact_directory(home: Home, source: str) -> Path:
    # MLflow stores absolute addresses; only the part below the artifact directory survives a move of the home.
    path = unquote(urlparse(source).path)
    _, separator, below = path.rpartition(f"/{home.artifacts.name}/")
    if not separator or ".." in Path(below).parts:
        raise ModelError("registry", f"model versions must lie below {home.artifacts.name}", source)
    return home.artifacts / below
