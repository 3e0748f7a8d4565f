"""The layout of a feature service: which views, of which entities, make up the row that is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from features.encoding.encoding import Encoding
from features.packed.record import Text
from holdfast.arrays import Floats, Times
from holdfast.errors import ModelError


@dataclass(frozen=True)
class OnlineView:
    """A feature view as a service reads it.

    Parameters
    ----------
    name : str
        The view's name in Feast.
    entity : str
        Join key whose ids its records have, such as ``customer_id``.
    columns : tuple of str
        The columns that the service has of it, in the service's order.
    ttl_days : float or None
        Older values are stale, in days; None where they never are.
    """

    name: str
    entity: str
    columns: tuple[str, ...]
    ttl_days: float | None = None


@dataclass(frozen=True)
class OnlineLinks:
    """The view of texts that names the other entities an entity belongs to.

    Parameters
    ----------
    view : str
        The view's name, such as ``subscription_links``.
    columns : tuple of str
        The columns that hold ids, such as ``linked_customer``.
    entities : tuple of str
        For each column the join key whose ids it holds, such as ``customer_id``.
    """

    view: str
    columns: tuple[str, ...]
    entities: tuple[str, ...]

    def ids(self, entity: str, texts: Sequence[Sequence[Text]]) -> list[Text]:
        """Ids of another entity.

        Parameters
        ----------
        entity : str
            One of `entities`.
        texts : sequence of n sequences of (str or None)
            The records of the view, in the order of `columns`.

        Returns
        -------
        list of n (str or None)
            None where there is no link.
        """
        position = self.entities.index(entity)
        return [row[position] for row in texts]


@dataclass(frozen=True)
class OnlineLayout:
    """What a feature service consists of.

    Parameters
    ----------
    name : str
        The service's name in Feast.
    entity : str
        Join key whose ids are asked for.
    views : tuple of OnlineView
        Its views of numbers, in the service's order.
    links : OnlineLinks or None
        Whose the asked ids are; needed where a view is of another entity.
    encoding : Encoding or None
        How its numbers read to a person; only a team's own table has one.

    Raises
    ------
    ModelError
        No link leads from the asked entity to a view's.
    """

    name: str
    entity: str
    views: tuple[OnlineView, ...]
    links: OnlineLinks | None = None
    encoding: Encoding | None = None

    def __post_init__(self) -> None:
        known = {self.entity, *(self.links.entities if self.links else ())}
        for view in self.views:
            if view.entity not in known:
                raise ModelError(
                    f"feature service {self.name}",
                    f"has no link from {self.entity} to {view.entity}",
                    view.name,
                )

    @cached_property
    def features(self) -> tuple[str, ...]:
        """Feature names, in the order of the matrix that is read."""
        return tuple(column for view in self.views for column in view.columns)

    @cached_property
    def linked(self) -> bool:
        """Whether a view is of another entity than the one asked for."""
        return any(view.entity != self.entity for view in self.views)

    def to_json(self) -> dict[str, Any]:
        """As a JSON document."""
        links = self.links
        return {
            "name": self.name,
            "entity": self.entity,
            "views": [
                {
                    "name": view.name,
                    "entity": view.entity,
                    "columns": list(view.columns),
                    "ttl_days": view.ttl_days,
                }
                for view in self.views
            ],
            "links": links
            and {
                "view": links.view,
                "columns": list(links.columns),
                "entities": list(links.entities),
            },
            "encoding": self.encoding and self.encoding.to_json(),
        }

    @classmethod
    def from_json(cls, document: Any) -> "OnlineLayout":
        """From a JSON document.

        Raises
        ------
        ModelError
            It is no layout.
        """
        try:
            links, encoding = document["links"], document["encoding"]
            return cls(
                name=document["name"],
                entity=document["entity"],
                views=tuple(
                    OnlineView(
                        view["name"], view["entity"], tuple(view["columns"]), view["ttl_days"]
                    )
                    for view in document["views"]
                ),
                links=links
                and OnlineLinks(links["view"], tuple(links["columns"]), tuple(links["entities"])),
                encoding=None if encoding is None else Encoding.from_json(encoding),
            )
        except (KeyError, TypeError) as error:
            raise ModelError(
                "layout of a feature service",
                f"was written by another release; materialize again: {error!r}",
            ) from None


class OnlineReader(Protocol):
    """Reads the rows of one feature service from where they lie."""

    def read(self, ids: Sequence[str]) -> tuple[Floats, Times]:
        """Read the newest features, as `features.online.service.read`, times by view."""
