"""The layout of a feature service: which views, of which entities, make up the row that is read."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf
from typing import Annotated, Any, Protocol

from pydantic import Field

from features.encoding.encoding import Column, Encoding
from features.packed.environment import PackedEnvironment
from features.packed.record import Text
from features.views.declaration import is_own
from holdfast.arrays import Floats, Times
from holdfast.documents import read_document, to_document
from holdfast.errors import InputError, ModelError


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
    ttl_days: float | None


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
    encoded : tuple of Column or None
        How its numbers read to a person; only a team's own table has this.

    Raises
    ------
    ModelError
        No link leads from the asked entity to a view's.
    """

    name: str
    entity: str
    views: tuple[OnlineView, ...]
    links: OnlineLinks | None
    encoded: Annotated[tuple[Column, ...] | None, Field(alias="encoding")]

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
    def encoding(self) -> Encoding | None:
        """The encoding of a team's own table."""
        return None if self.encoded is None else Encoding(self.encoded)

    @cached_property
    def linked(self) -> bool:
        """Whether a view is of another entity than the one asked for."""
        return any(view.entity != self.entity for view in self.views)

    @cached_property
    def lifetimes(self) -> tuple[float, ...]:
        """How old the values of each view may be, in microseconds; infinite for no limit."""
        return tuple(
            inf if view.ttl_days is None else view.ttl_days * 86_400_000_000.0
            for view in self.views
        )

    def narrowed(self, features: Collection[str]) -> "OnlineLayout":
        """The layout without columns of a home's own views that are not among some features.

        A version goes on to be served when the home adds features that it was not trained on.
        """
        views = [
            replace(
                view,
                columns=tuple(
                    name for name in view.columns if not is_own(view.name) or name in features
                ),
            )
            for view in self.views
        ]
        kept = tuple(view for view in views if view.columns)
        return self if kept == self.views else replace(self, views=kept)

    def to_json(self) -> dict[str, Any]:
        """As a JSON document."""
        return to_document(self)

    @classmethod
    def from_json(cls, document: object) -> "OnlineLayout":
        """From a JSON document.

        Raises
        ------
        ModelError
            It is no layout.
        """
        try:
            return read_document(cls, document, "layout of a feature service")
        except InputError as error:
            raise ModelError(
                "layout of a feature service",
                f"was written by another release; materialize again: {error}",
            ) from None


class OnlineReader(Protocol):
    """Reads the rows of one feature service from where they lie."""

    def read(self, ids: Sequence[str]) -> tuple[Floats, Times]:
        """Read the newest features, as `features.online.service.read`, times by view."""

    def narrowed(self, layout: OnlineLayout) -> "OnlineReader":
        """A reader of fewer columns, from the same place."""

    def owners(self, entity: str, ids: Sequence[str]) -> list[Text]:
        """Whose the asked ids are.

        Parameters
        ----------
        entity : str
            Join key of whom they belong to, such as ``customer_id``.
        ids : sequence of n str
            Entities of the service.

        Returns
        -------
        list of n (str or None)
            None where nothing tells.

        Raises
        ------
        ModelError
            The online store does not answer.
        """

    @property
    def environment(self) -> PackedEnvironment | None:
        """Where the records lie, which says whether anything was written; None for other stores."""
