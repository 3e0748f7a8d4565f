"""How a view declares its features.

Each module of this package is one view: a table of its features, made with `Shared`, and the SQL
that computes them. `features.fields` collects the views.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack

from features.contracts.vocabulary import BILLING_TYPES

Driver = Literal["network", "price", "service", "contract", "usage", "relationship"]
Direction = Literal["increasing", "decreasing", "none"]
DataClass = Literal["traffic", "location", "special", "none"]

DRIVERS: tuple[Driver, ...] = (
    *("network", "price", "service"),
    *("contract", "usage", "relationship"),
)
"""Parts of the service that drive churn and dissatisfaction."""

ENTITIES: dict[str, str] = {
    "subscription": "subscription_id",
    "customer": "customer_id",
    "account": "account_id",
    "cell": "cell_id",
    "contact": "interaction_id",
}
"""Entities and their join keys."""

NOT_KNOWN = "not known"
"""A missing value says nothing: rows, or what to compare them with, are not there."""

STANDS_IN: dict[str, str] = {"usage_weeks": "usage_days"}
"""Tables, and the other one that is enough for their features."""

ALL_LINES: tuple[str, ...] = BILLING_TYPES
UNDER_CONTRACT = ("postpaid", "fixed")
PREPAID = ("prepaid",)
MOBILE = ("postpaid", "prepaid")
"""Billing types of the lines that a feature can apply to."""

NEVER = "never null"
"""A value is there wherever the feature's tables are there and the row's entity is known."""


@dataclass(frozen=True)
class Feature:
    """One feature.

    Parameters
    ----------
    name, about, unit : str
        Its name, its meaning, and what its number counts.
    driver : str
        Part of the service it describes: network, price, service, contract, usage or relationship.
    actionable : bool
        Whether care can change it.
    churn, dissatisfaction : {"increasing", "decreasing", "none"}
        How the risk can move when the value grows, where that can be argued.
    reason : str
        Key of the words for it; features with the same meaning share one.
    live : bool
        Whether events update it between builds.
    data_class : {"traffic", "location", "special", "none"}
        How sensitive it is.
    tables : tuple of str
        Raw tables it needs: where one is absent, the feature is missing, by name.
    null : str
        What a missing value means by the contracts of its tables, such as "no minimum term";
        `NOT_KNOWN` where it can mean that nothing is known, `NEVER` where there is always a value.
    lines : tuple of str
        Billing types of the lines that it can apply to: it is no reason to tell of any other.
    """

    name: str
    about: str
    unit: str
    driver: Driver
    actionable: bool
    churn: Direction
    dissatisfaction: Direction
    reason: str
    live: bool
    data_class: DataClass
    tables: tuple[str, ...]
    null: str
    lines: tuple[str, ...] = ALL_LINES

    @property
    def null_has_meaning(self) -> bool:
        """Whether a missing value is a fact about the entity: not applicable, or never happened."""
        return self.null not in (NOT_KNOWN, NEVER)

    def absent(self, present: Collection[str]) -> tuple[str, ...]:
        """Tables that it lacks where some are there; see `absent_tables`."""
        return absent_tables(self.tables, present)

    @property
    def tags(self) -> dict[str, str]:
        """What Feast's field keeps of it beside name and description."""
        return {
            "unit": self.unit,
            "driver": self.driver,
            "actionable": "yes" if self.actionable else "no",
            "direction.churn": self.churn,
            "direction.dissatisfaction": self.dissatisfaction,
            "reason": self.reason,
            "live": "yes" if self.live else "no",
            "data_class": self.data_class,
            "tables": ",".join(self.tables),
            "null": self.null,
            "lines": ",".join(self.lines),
        }


@dataclass(frozen=True)
class View:
    """Features of one entity that are built, stored and read together.

    Parameters
    ----------
    name : str
        Name of the view, of its module and of its feature table.
    entity : str
        One of `ENTITIES`.
    features : tuple of Feature
        In the order in which they are stored.
    """

    name: str
    entity: str
    features: tuple[Feature, ...]

    @property
    def join_key(self) -> str:
        """The entity's id column."""
        return ENTITIES[self.entity]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the features, in order."""
        return tuple(feature.name for feature in self.features)


def absent_tables(tables: Collection[str], present: Collection[str]) -> tuple[str, ...]:
    """Tables that a feature needs and that are not there, nor another one that is enough.

    Parameters
    ----------
    tables : collection of str
        Tables that it needs, as `Feature` has them.
    present : collection of str
        Raw tables that are there.

    Examples
    --------
    >>> absent_tables(("usage_weeks", "plans"), {"usage_days"})
    ('plans',)
    """
    return tuple(
        table for table in tables if table not in present and STANDS_IN.get(table) not in present
    )


OWN_PREFIX = "own_"
"""What the names of a home's own views and features begin with: none of ours ever does."""


def is_own(name: str) -> bool:
    """Whether a view or feature of that name is a home's own."""
    return name.startswith(OWN_PREFIX)


@dataclass(frozen=True)
class OwnFeature(Feature):
    """A feature that a home declares for itself.

    Parameters
    ----------
    minimum, maximum : float or None
        Bounds of its values, which `holdfast features check` holds it to.
    form : mapping
        Form of the sentences about it, as `models.words.own` reads it.
    """

    minimum: float | None = None
    maximum: float | None = None
    form: Mapping[str, Any] = field(default_factory=dict)

    def absent(self, present: Collection[str]) -> tuple[str, ...]:
        """Tables that it lacks where some are there: its SQL reads those that it names, no others."""
        return tuple(table for table in self.tables if table not in present)


@dataclass(frozen=True)
class OwnView(View):
    """A view that a home declares for itself (see `features.own`).

    Parameters
    ----------
    sql : str
        One SELECT that gives the join key and the features.
    services : tuple of str
        Feature services that have its features.
    words : mapping of str to mapping
        Words about the features, as they were written: by language, then as in
        `models.words.own`.
    path : Path
        The file that declares it.
    """

    sql: str
    services: tuple[str, ...]
    words: Mapping[str, Any]
    path: Path

    @property
    def sql_path(self) -> Path:
        """The file of its SQL."""
        return self.path.with_suffix(".sql")

    @property
    def own_features(self) -> tuple[OwnFeature, ...]:
        """Its features, in order."""
        return tuple(one for one in self.features if isinstance(one, OwnFeature))


class Facts(TypedDict, total=False):
    """What a field may have otherwise than its group; the keys are parameters of `Feature`."""

    driver: Driver
    tables: tuple[str, ...]
    actionable: bool
    churn: Direction
    dissatisfaction: Direction
    live: bool
    data_class: DataClass
    null: str
    lines: tuple[str, ...]


class Directions(TypedDict):
    """How both risks move when the value grows."""

    churn: Direction
    dissatisfaction: Direction


MORE_IS_WORSE: Directions = {"churn": "increasing", "dissatisfaction": "increasing"}
LESS_IS_WORSE: Directions = {"churn": "decreasing", "dissatisfaction": "decreasing"}


@dataclass(frozen=True, kw_only=True)
class Shared:
    """What several features have in common, so that the row of each names only the rest.

    The parameters are those of `Feature`. What a missing value means has no default: every view
    has to say it.

    Examples
    --------
    >>> use = Shared(driver="usage", tables=("usage_weeks",), null=NOT_KNOWN)
    >>> minutes = use.family("minutes_{days}d", (7, 28), "minutes", "voice", "In {days} days")
    >>> [(feature.name, feature.about) for feature in minutes]
    [('minutes_7d', 'In 7 days'), ('minutes_28d', 'In 28 days')]
    """

    driver: Driver
    tables: tuple[str, ...]
    null: str
    actionable: bool = False
    churn: Direction = "none"
    dissatisfaction: Direction = "none"
    live: bool = False
    data_class: DataClass = "none"
    lines: tuple[str, ...] = ALL_LINES

    def but(self, **facts: Unpack[Facts]) -> "Shared":
        """The same group but for some facts."""
        return replace(self, **facts)

    def field(
        self, name: str, unit: str, reason: str, about: str, **facts: Unpack[Facts]
    ) -> Feature:
        """One feature, with facts of its own where they differ from the group's."""
        group = self.but(**facts)
        return Feature(
            name=name,
            about=about,
            unit=unit,
            driver=group.driver,
            actionable=group.actionable,
            churn=group.churn,
            dissatisfaction=group.dissatisfaction,
            reason=reason,
            live=group.live,
            data_class=group.data_class,
            tables=group.tables,
            null=group.null,
            lines=group.lines,
        )

    def family(
        self,
        name: str,
        windows: Iterable[int],
        unit: str,
        reason: str,
        about: str,
        **facts: Unpack[Facts],
    ) -> tuple[Feature, ...]:
        """One feature for each window; ``{days}`` in name and meaning stands for its length.

        Parameters
        ----------
        name, unit, reason, about, **facts
            As `Feature` has them.
        windows : iterable of int
            Lengths in days.
        """
        return tuple(
            self.field(name.format(days=days), unit, reason, about.format(days=days), **facts)
            for days in windows
        )
