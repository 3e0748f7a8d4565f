"""What a model's feature means: all that is needed to explain its value to a person.

It is stored with a model version as JSON, in the order of the model's columns, so that reasons stay
the same when the feature store changes: `holdfast.documents` writes and reads it.
"""

from dataclasses import dataclass
from typing import Literal, Self

from models.words.catalogue import Catalogue, words
from models.words.own import OwnWords

MEANINGS = "features.json"
"""Name of the document with one `FeatureMeaning` per column of the model, in order."""

Direction = Literal["increasing", "decreasing", "none"]

TABLE_DRIVER = "table"
"""Driver of a column of a team's own table: nothing says what it is about."""


@dataclass(frozen=True)
class FeatureMeaning:
    """One feature of a model.

    Parameters
    ----------
    name, about, unit : str
        Its name, its description, and the unit of its values.
    driver : str
        Part of the service that it is about: network, price, service, contract, usage or relationship,
        or `TABLE_DRIVER`.
    actionable : bool
        Care can change it.
    direction : {"increasing", "decreasing", "none"}
        Direction in which the predicted risk may change when the value grows.
    reason : str
        Reason key; features about the same thing share one.
    words : OwnWords or None
        Words about a feature that the home declared for itself; None for ours, and in versions of
        earlier releases, which knew no others.
    """

    name: str
    about: str
    unit: str
    driver: str
    actionable: bool
    direction: Direction
    reason: str
    words: OwnWords | None = None

    @classmethod
    def of_column(cls, feature: str, about: str = "") -> Self:
        """Meaning of a column of a team's own table: its own reason, and not actionable, since nothing
        says whether care can change it.
        """
        return cls(feature, about, "", TABLE_DRIVER, False, "none", feature)

    def label(self, language: str) -> str:
        """Name for a plot: the reason in words and the feature, such as ``Dropped calls and
        connections (drops 28d)``; of a column of a team's own table, its name alone.

        Raises
        ------
        InputError
            There are no words in that language.
        """
        if self.driver == TABLE_DRIVER:
            return self.name
        return f"{self.reason_label(words(language))} ({self.name.replace('_', ' ')})"

    def reason_label(self, catalogue: Catalogue) -> str:
        """Name of its reason in a language."""
        own = {} if self.words is None else self.words.labels
        return own.get(catalogue.language) or catalogue.reason_label(self.reason)
