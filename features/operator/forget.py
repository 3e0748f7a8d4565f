"""People's records deleted from the operator's online store, whichever it is."""

from collections.abc import Mapping

import pyarrow.parquet as pq

from features.compute.forget import STATES_OF_PEOPLE
from features.erased.people import People
from features.live.exclusions import EXCLUSIONS
from features.live.held import forget as forget_held
from features.online.owned import OWNED_VIEW
from features.online.service import online_directory
from features.online.settings import configured_store
from features.operator.repository import OperatorRepository
from features.packed.store import PackedStore


def forget_online(repository: OperatorRepository, people: People, others: Mapping[str, str]) -> int:
    """Delete people's records and states; how many were there.

    A packed store's file still holds what stood in them; `scrub_online` overwrites it.

    Parameters
    ----------
    repository : OperatorRepository
        Whose online store it is; it need not exist.
    people : People
        Whose records go.
    others : mapping of str to str
        Views of the packed store that are not of features, with the kind of id that they are
        kept by.

    Raises
    ------
    ModelError
        The online store does not answer.
    """
    if not (repository.directory / "feature_store.yaml").exists():
        return 0
    # A home that went from one store to the other still has both.
    return _forget_packed(repository, people, others) + _forget_in_redis(repository, people)


def _forget_packed(
    repository: OperatorRepository, people: People, others: Mapping[str, str]
) -> int:
    packed = packed_store(repository)
    if packed is None:
        return 0
    kinds = _kinds_of_views(repository) | dict(others)
    held = forget_held(packed, people.ids)
    return held + packed.forget(
        # A view that nobody declares any more: whatever it was kept by.
        {view: _ids(people, kinds.get(view)) for view in packed.views()},
        {state: _ids(people, kind) for state, kind in STATES_OF_PEOPLE.items()}
        | {EXCLUSIONS: _ids(people, "subscription_id")},
    )


def _forget_in_redis(repository: OperatorRepository, people: People) -> int:
    written = (repository.directory / "feature_store.yaml").read_text(encoding="utf-8")
    if configured_store(written).online_store != "redis":
        return 0
    from features.online.redis_store import forget_entities

    keys = sorted({kind for kind in _kinds_of_views(repository).values() if kind in people.ids})
    return forget_entities(repository.feast(), {key: people.ids[key] for key in keys})


def scrub_online(repository: OperatorRepository) -> bool:
    """Overwrite what was deleted; False where a reader keeps it."""
    packed = packed_store(repository)
    return packed is None or packed.scrub()


def packed_store(repository: OperatorRepository) -> PackedStore | None:
    """The repository's packed store; None where it has none."""
    directory = online_directory(repository.directory)
    return PackedStore(directory) if (directory / "data.mdb").exists() else None


def _kinds_of_views(repository: OperatorRepository) -> dict[str, str]:
    """Kind of id that records of each view are kept by: the first column of its table."""
    tables = {path.parent.name: path for path in repository.tables.glob("*/newest.parquet")}
    kinds = {view: str(pq.read_schema(path).names[0]) for view, path in tables.items()}
    return kinds | {OWNED_VIEW: "customer_id"}


def _ids(people: People, kind: str | None) -> list[str]:
    if kind is None:
        return sorted({one for some in people.ids.values() for one in some})
    return sorted(people.ids.get(kind, ()))
