"""Ids that an online store knows, as if a night had named them."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from features.live.state import State
from features.packed.store import PackedStore

AT = datetime(2026, 1, 1, tzinfo=UTC)


def name_ids(
    store: PackedStore,
    *,
    subscriptions: Sequence[str] = (),
    customers: Sequence[str] = (),
    accounts: Sequence[str] = (),
) -> None:
    """Let a store know ids: events of theirs count."""
    for view, column, ids in (
        ("subscription_links", "linked_customer", subscriptions),
        ("customer_links", "linked_account", customers),
    ):
        times = np.full(len(ids), AT.replace(tzinfo=None), "datetime64[us]")
        store.write_texts(view, [column], ids, times, [[None]] * len(ids))
    with store.updating({}, ["account"]) as update:
        for account in accounts:
            if update.get_state("account", account) is None:
                update.put_state("account", account, State(0, {}).to_json())
