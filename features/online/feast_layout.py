"""The layout of a feature service as Feast's registry knows it."""

from typing import TYPE_CHECKING

from features.encoding.encoding import Encoding
from features.online.layout import OnlineLayout, OnlineLinks, OnlineView
from holdfast.errors import ModelError

if TYPE_CHECKING:
    from feast import FeatureStore, FeatureView

ENTITY_TAG = "entity"
"""Tag of a feature service: the join key whose ids are asked for. Needed where its views are of
several entities.
"""


def layout_of(store: "FeatureStore", name: str, encoding: Encoding | None = None) -> OnlineLayout:
    """What a feature service consists of.

    Ids of other entities come from the view of texts named like the asked entity,
    ``subscription_links`` for ``subscription_id``: its field ``linked_customer`` holds ids of
    ``customer_id``, and so on.

    Parameters
    ----------
    store : FeatureStore
        The repository, open.
    name : str
        The feature service.
    encoding : Encoding, optional
        How its numbers read to a person.

    Raises
    ------
    ModelError
        There is no such service, or it cannot be read for ids of one entity.
    """
    from feast.errors import FeastObjectNotFoundException

    try:
        service = store.get_feature_service(name)
        parts = [
            (store.get_feature_view(part.name), part) for part in service.feature_view_projections
        ]
    except FeastObjectNotFoundException as error:
        raise ModelError(
            f"feature service {name}", f"is not whole in the Feast registry: {error}"
        ) from None
    views = tuple(
        _view(view, [field.name for field in part.features])
        for view, part in parts
        if not holds_texts(view)
    )
    entities = {view.entity for view in views}
    entity = service.tags.get(ENTITY_TAG) or (entities.pop() if len(entities) == 1 else None)
    if entity is None:
        raise ModelError(
            f"feature service {name}",
            f"must hold in its tag {ENTITY_TAG!r} whose ids are asked for",
            sorted(entities),
        )
    links = _links(store, entity) if any(view.entity != entity for view in views) else None
    return OnlineLayout(name, entity, views, links, None if encoding is None else encoding.columns)


def holds_texts(view: "FeatureView") -> bool:
    """Whether all features of a view are strings."""
    return all(str(field.dtype) == "String" for field in view.features)


def _view(view: "FeatureView", columns: list[str]) -> OnlineView:
    days = view.ttl.total_seconds() / 86_400 if view.ttl else None
    return OnlineView(view.name, _join_key(view), tuple(columns), days)


def _links(store: "FeatureStore", entity: str) -> OnlineLinks | None:
    from feast.errors import FeastObjectNotFoundException

    try:
        view = store.get_feature_view(f"{entity.removesuffix('_id')}_links")
    except FeastObjectNotFoundException:
        return None
    columns = tuple(field.name for field in view.features)
    return OnlineLinks(
        view.name, columns, tuple(f"{column.removeprefix('linked_')}_id" for column in columns)
    )


def _join_key(view: "FeatureView") -> str:
    if len(view.join_keys) != 1:
        raise ModelError(f"feature view {view.name}", "must have one join key", view.join_keys)
    return str(view.join_keys[0])
