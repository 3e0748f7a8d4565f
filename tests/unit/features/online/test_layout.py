"""The stored layout of a feature service."""

import json
from typing import Any

import pytest

from features.encoding.encoding import Column
from features.online.layout import OnlineLayout, OnlineLinks, OnlineView
from holdfast.errors import ModelError

PLAN = Column(name="套餐", feature="c0", kind="category", why="text", categories=("基础", "高级"))
LAYOUT = OnlineLayout(
    name="churn_v1",
    entity="subscription_id",
    views=(
        OnlineView("usage", "subscription_id", ("c0", "minutes"), 30.0),
        OnlineView("contact", "customer_id", ("contacts_91d",), None),
    ),
    links=OnlineLinks("subscription_links", ("linked_customer",), ("customer_id",)),
    encoded=(PLAN,),
)
# As releases have written it since online stores have layouts.
STORED = {
    "name": "churn_v1",
    "entity": "subscription_id",
    "views": [
        {
            "name": "usage",
            "entity": "subscription_id",
            "columns": ["c0", "minutes"],
            "ttl_days": 30.0,
        },
        {
            "name": "contact",
            "entity": "customer_id",
            "columns": ["contacts_91d"],
            "ttl_days": None,
        },
    ],
    "links": {
        "view": "subscription_links",
        "columns": ["linked_customer"],
        "entities": ["customer_id"],
    },
    "encoding": [
        {
            "name": "套餐",
            "feature": "c0",
            "kind": "category",
            "why": "text",
            "categories": ["基础", "高级"],
        }
    ],
}


def test_it_is_stored_as_ever_and_read_back() -> None:
    assert json.loads(json.dumps(LAYOUT.to_json())) == STORED
    assert OnlineLayout.from_json(STORED) == LAYOUT


@pytest.mark.parametrize(
    "changes, place",
    [
        ({"links": "subscription_links"}, "links"),
        ({"encoding": [{"name": "套餐"}]}, r"encoding\.0\.feature"),
        (
            {"views": [{"name": "usage", "entity": "x", "columns": [1], "ttl_days": None}]},
            "views.0",
        ),
    ],
)
def test_what_another_release_wrote_is_refused(changes: dict[str, Any], place: str) -> None:
    with pytest.raises(ModelError, match=f"another release; materialize again.*{place}"):
        OnlineLayout.from_json(STORED | changes)
