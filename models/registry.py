"""Registry: finds model versions in MLflow by name and number or alias, and loads them. All loading
goes through here.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

from holdfast.errors import ModelError
from holdfast.home import Home
from holdfast.logging import progress
from holdfast.sqlite import reading_address, writable_database
from models.stored import DESCRIPTION, read_verified

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from models.version import ModelVersion

CHAMPION = "champion"
"""Alias of the version that is served."""

CHALLENGER = "challenger"
"""Alias of the version registered last, until it becomes champion."""

SHADOW = "shadow"
"""Alias of the version that is scored, marked so, while its model has no champion."""

PREVIOUS = "previous"
"""Alias of the version that was champion before; a rollback goes back to it."""

MOVES = "champion_since"
"""Tag that holds when and how a version became champion, and which one it replaced, as a JSON list,
newest last.
"""

SHADOW_SINCE = "shadow_since"
"""Tag that holds when a version became shadow, as a JSON list, newest last."""

# As MLflow's own store asks: versions that were deleted stay in the table under another stage.
_NUMBERS = (
    "SELECT name, version FROM model_versions WHERE current_stage != 'Deleted_Internal'"
    " ORDER BY version DESC"
)
_REPLACED = (
    "SELECT value FROM model_version_tags JOIN registered_model_aliases USING (name, version)"
    " WHERE name = ? AND alias = ? AND key = ?"
)
_ALIASES = "SELECT name, alias FROM registered_model_aliases ORDER BY version DESC, alias"

MODEL_DIGEST = "model_sha256"
"""Tag of a registered version that holds the SHA-256 of its ``model.json``."""


@dataclass(frozen=True)
class VersionAddress:
    """Where a version is, such as the champion.

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
    model: "ModelVersion"


@dataclass(frozen=True, kw_only=True)
class RegistryEntry:
    """What the registry holds about a version, without its files.

    Parameters
    ----------
    name, number : str
        The registered model, and the version's number.
    aliases : tuple of str
        Aliases that point to it, sorted.
    made_at : datetime
        When it was registered, UTC.
    run_id : str
        MLflow run that made it.
    source : str
        Address of its files in the registry.
    tags : dict of str to str
        Tags of the version.
    metrics : dict of str to float
        Figures of its run.
    """

    name: str
    number: str
    aliases: tuple[str, ...]
    made_at: datetime
    run_id: str
    source: str
    tags: dict[str, str]
    metrics: dict[str, float]

    def address(self, home: Home) -> VersionAddress:
        """Where its files are; ModelError where the registry holds no valid address."""
        return _address(home, self.name, self.number, self.source, self.tags)


def load_champion(home: Home, name: str) -> RegisteredVersion:
    """Load the version that carries the alias ``champion``.

    Parameters
    ----------
    home : Home
        The home with registry and artifacts. It may have been moved since the version was
        registered.
    name : str
        Registered model, such as ``churn``.

    Raises
    ------
    ModelError
        No registry, a damaged one, no champion, or a damaged version.
    """
    return load_registered(find_champion(home, name))


def load_registered(address: VersionAddress, *, evaluated: bool = False) -> RegisteredVersion:
    """Load a version from its address.

    Parameters
    ----------
    address : VersionAddress
        Where it is.
    evaluated : bool
        Whether to load the boosters that its figures are of, and not those that score.

    Raises
    ------
    ModelError
        It is damaged.
    """
    # Only here, because it loads LightGBM, which takes more than a second.
    from models.version import load_evaluated, load_version

    load = load_evaluated if evaluated else load_version
    return RegisteredVersion(number=address.number, model=load(address.directory, address.sha256))


def read_documents(address: VersionAddress) -> dict[str, Any]:
    """Read all JSON documents of a version of any kind, ``model.json`` included, checked against
    their digests. No booster is parsed.

    Raises
    ------
    ModelError
        A file is missing, damaged or no JSON.
    """
    description = _read_json(address.directory / DESCRIPTION, address.sha256)
    digests = description.get("sha256", {}) if isinstance(description, dict) else {}
    documents = {name: digest for name, digest in digests.items() if name.endswith(".json")}
    return {
        DESCRIPTION: description,
        **{
            name: _read_json(address.directory / Path(name).name, digest)
            for name, digest in documents.items()
        },
    }


def _read_json(path: Path, sha256: str) -> Any:
    try:
        return json.loads(read_verified(path, sha256))
    except (OSError, ValueError) as error:
        raise ModelError(str(path), f"cannot be read: {type(error).__name__}") from error


def find_champion(home: Home, name: str) -> VersionAddress:
    """Look up the champion without loading it; errors as in `load_champion`."""
    with _registry(home, f"holds no readable champion of model {name!r}") as client:
        version = client.get_model_version_by_alias(name, CHAMPION)
    return _address(home, name, str(version.version), str(version.source), version.tags)


def find_served(home: Home, names: Sequence[str]) -> list[tuple[RegistryEntry, str]]:
    """Look up the versions that answer for models, without loading them.

    Parameters
    ----------
    home : Home
        As in `load_champion`.
    names : sequence of str
        Registered models; some of them need not exist.

    Returns
    -------
    list of (RegistryEntry, str)
        In the order of the names: of each model the champion, or the shadow where it has no
        champion, and which of these aliases it has. Figures of runs are not read.

    Raises
    ------
    ModelError
        No registry, a damaged one, or neither champion nor shadow of any of the models.
    """
    with _registry(home, f"holds no readable champion of model {' or '.join(names)}") as client:
        registered = {
            str(model.name): {alias: str(number) for alias, number in dict(model.aliases).items()}
            for model in _all_pages(client.search_registered_models)
        }
        served = []
        for name in names:
            aliases = registered.get(name, {})
            alias = next((alias for alias in (CHAMPION, SHADOW) if alias in aliases), None)
            if alias is not None:
                version = client.get_model_version(name, aliases[alias])
                served.append((_entry(version, aliases, {}), alias))
        if not served:
            client.get_model_version_by_alias(names[0], CHAMPION)  # MLflow's own error
    return served


def moves(tags: Mapping[str, str]) -> list[dict[str, Any]]:
    """When a version became champion, from its tags: ``at``, ``how`` (gate, rollback, ungated),
    ``replaced``; newest last.
    """
    entries: list[dict[str, Any]] = json.loads(tags.get(MOVES, "[]"))
    return entries


def alias_since(entry: RegistryEntry, alias: str) -> datetime:
    """When a version became champion or shadow, UTC; when it was registered where nothing tells."""
    tag = {CHAMPION: MOVES, SHADOW: SHADOW_SINCE}[alias]
    return _since(entry.tags, tag) if tag in entry.tags else entry.made_at


def _since(tags: Mapping[str, str], tag: str) -> datetime:
    made = json.loads(tags.get(tag, "[]"))
    return datetime.fromisoformat(made[-1]["at"]) if made else datetime.min.replace(tzinfo=UTC)


def find_version(home: Home, name: str, which: str) -> RegistryEntry:
    """Look up a version.

    Parameters
    ----------
    home : Home
        The home with the registry.
    name : str
        Registered model.
    which : str
        A number, or one of the aliases ``champion``, ``challenger``, ``previous`` and ``shadow``.

    Raises
    ------
    ModelError
        No registry, a damaged one, no such model, or no such version of it; the message lists what
        there is.
    """
    entries = {entry.number: entry for entry in list_versions(home, name)}
    by_alias = {alias: entry for entry in entries.values() for alias in entry.aliases}
    entry = entries.get(which) or by_alias.get(which)
    if entry is None:
        names = [name] if entries else [entry.name for entry in list_versions(home)]
        raise _not_registered(name, which, [*entries, *by_alias], names)
    return entry


def require_version(home: Home, name: str, which: str) -> None:
    """Refuse a version that is not registered before MLflow is imported, which takes seconds.

    It reads the registry's own tables. Where they are not as this release of MLflow makes them,
    nothing is refused here, and `find_version` asks MLflow.

    Parameters
    ----------
    home, name, which
        As in `find_version`.

    Raises
    ------
    ModelError
        No registry, no such model, or no such version of it.
    """
    registered = _registered(home)
    if registered is not None and which not in registered.get(name, ()):
        raise _not_registered(name, which, registered.get(name, ()), registered)


def require_served(home: Home, names: Sequence[str]) -> None:
    """Refuse a home with neither champion nor shadow of any of some models, as `require_version`
    does.

    Raises
    ------
    ModelError
        No registry, or neither a champion nor a shadow of any of them.
    """
    registered = _registered(home)
    if registered is not None and not any(
        {CHAMPION, SHADOW} & set(registered.get(name, ())) for name in names
    ):
        versions = "; ".join(f"{name} {', '.join(of)}" for name, of in sorted(registered.items()))
        raise ModelError(
            f"model {' or '.join(names)}", f"has no champion; registered are: {versions or 'none'}"
        )


def require_previous(home: Home, name: str) -> None:
    """Refuse a model whose champion replaced no other version, as `require_version` does.

    Raises
    ------
    ModelError
        No registry, no such model, no champion of it, or no version that was champion before.
    """
    require_version(home, name, CHAMPION)
    registered = _registered(home)
    if registered is None or PREVIOUS in registered[name]:
        return
    # A move that was killed half-way has set the champion but not yet the previous one.
    recorded = _query(home, _REPLACED, name, CHAMPION, MOVES)
    if recorded is not None and not any(
        move["replaced"] for (value,) in recorded for move in json.loads(value)
    ):
        raise no_previous(name)


def no_previous(name: str) -> ModelError:
    """The error for a model that has no champion to go back to."""
    return ModelError(
        "rollback", f"needs a version of model {name} that was champion before the present one"
    )


def _registered(home: Home) -> dict[str, list[str]] | None:
    """Numbers and aliases by model, from the registry's own tables; None where they cannot be read."""
    require_registry(home)
    numbers, aliases = _query(home, _NUMBERS), _query(home, _ALIASES)
    if numbers is None or aliases is None:
        return None
    registered: dict[str, list[str]] = {}
    for model, version in (*numbers, *aliases):
        registered.setdefault(model, []).append(str(version))
    return registered


def _query(home: Home, query: str, *values: str) -> list[Any] | None:
    """Rows of the registry's own tables; None where they cannot be read."""
    try:
        with closing(sqlite3.connect(reading_address(home.tracking), uri=True)) as database:
            return database.execute(query, values).fetchall()
    except sqlite3.Error:
        return None


def require_registry(home: Home) -> None:
    """Refuse a home without a registry; ModelError."""
    if not home.tracking.is_file():
        raise ModelError(
            str(home.tracking),
            "no model registry there; `holdfast quickstart` or `holdfast train` makes one",
        )


def _not_registered(
    name: str, which: str, versions: Sequence[str], names: Iterable[str]
) -> ModelError:
    """The error for a version that is not among a model's numbers and aliases."""
    if name not in names:
        registered = ", ".join(sorted(set(names))) or "none"
        return ModelError("model", f"must be one that was registered ({registered})", name)
    if which in (CHAMPION, CHALLENGER, PREVIOUS, SHADOW):
        return ModelError(f"model {name}", f"has no {which}; it has {', '.join(versions)}")
    return ModelError("NUMBER", f"must be a version of model {name} ({', '.join(versions)})", which)


def list_versions(home: Home, name: str | None = None) -> list[RegistryEntry]:
    """All versions of a model, or of all models by name, newest first; ModelError where there is no
    readable registry.
    """
    with (
        progress("Reading the model registry (MLflow)"),
        _registry(home, "cannot be read") as client,
    ):
        models = sorted(
            _all_pages(client.search_registered_models), key=lambda model: str(model.name)
        )
        entries = []
        for model in models:
            if name in (None, model.name):
                aliases = {alias: str(number) for alias, number in dict(model.aliases).items()}
                versions = _all_pages(
                    client.search_model_versions, filter_string=f"name = '{model.name}'"
                )
                own = [_entry(version, aliases, _metrics(client, version)) for version in versions]
                entries += sorted(own, key=lambda entry: -int(entry.number))
    return entries


@contextmanager
def _registry(home: Home, problem: str) -> "Iterator[MlflowClient]":
    require_registry(home)
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    address = f"sqlite:///{writable_database(home.tracking)}"
    try:
        yield MlflowClient(tracking_uri=address, registry_uri=address)
    except (MlflowException, SQLAlchemyError) as error:
        first_line = str(error).splitlines()[0]
        hint = "; `holdfast models list` shows what there is" if _is_absent(error) else ""
        raise ModelError(str(home.tracking), f"{problem}: {first_line}{hint}") from error


def _is_absent(error: Exception) -> bool:
    """Whether MLflow says that there is no such model or alias."""
    absent = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
    return getattr(error, "error_code", None) in absent


def _all_pages(search: Any, **options: Any) -> list[Any]:
    results, token = [], None
    while True:
        page = search(**options, page_token=token)
        results += page
        token = page.token
        if not token:
            return results


def _metrics(client: "MlflowClient", version: Any) -> dict[str, float]:
    from mlflow.exceptions import MlflowException

    try:
        return dict(client.get_run(version.run_id).data.metrics)
    except MlflowException:
        return {}  # the run was deleted; the version itself is complete


def _entry(version: Any, aliases: dict[str, str], metrics: dict[str, float]) -> RegistryEntry:
    number = str(version.version)
    return RegistryEntry(
        name=str(version.name),
        number=number,
        aliases=tuple(sorted(alias for alias, of in aliases.items() if of == number)),
        made_at=datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=version.creation_timestamp),
        run_id=str(version.run_id),
        source=str(version.source),
        tags=dict(version.tags),
        metrics=metrics,
    )


def _address(
    home: Home, name: str, number: str, source: str, tags: dict[str, str]
) -> VersionAddress:
    digest = tags.get(MODEL_DIGEST)
    if digest is None:
        raise ModelError(
            f"model {name} version {number}",
            f"must carry the tag {MODEL_DIGEST}, which registering it sets",
        )
    return VersionAddress(number, _artifact_directory(home, source), digest)


def _artifact_directory(home: Home, source: str) -> Path:
    # MLflow stores absolute addresses; only the part below the artifact directory survives a move
    # of the home.
    path = unquote(urlparse(source).path)
    _, separator, below = path.rpartition(f"/{home.artifacts.name}/")
    if not separator or ".." in Path(below).parts:
        raise ModelError("registry", f"model versions must lie below {home.artifacts.name}", source)
    return home.artifacts / below
