"""The subscriptions of each customer, as the newest snapshot has them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from features.online.service import online_directory
from features.online.settings import OnlineSettings
from features.packed.store import PackedStore
from holdfast.errors import ModelError

OWNED_VIEW = "customer_subscriptions"
"""View of texts: for each customer its subscriptions in service, as a JSON array, in order."""

OWNED_COLUMN = "subscriptions"


class OwnedSubscriptions:
    """Reads from packed records which subscriptions customers have.

    Parameters
    ----------
    store : PackedStore
        That of the operator's repository.
    """

    def __init__(self, store: PackedStore) -> None:
        self._store = store

    @classmethod
    def open(cls, repository: Path, settings: OnlineSettings) -> Self | None:
        """Open a repository's; None where it has no packed records."""
        directory = online_directory(repository)
        if settings.online_store != "packed" or not (directory / "data.mdb").exists():
            return None
        return cls(PackedStore(directory))

    def subscriptions_of(self, customer_ids: Sequence[str]) -> list[tuple[str, ...]] | None:
        """The subscriptions of each of n customers; None where a release before this one wrote the
        store, and nobody knows.
        """
        try:
            texts, _ = self._store.read_texts(OWNED_VIEW, [OWNED_COLUMN], customer_ids)
        except ModelError:
            return None
        return [tuple(json.loads(row[0])) if row[0] else () for row in texts]
