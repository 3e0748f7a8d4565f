"""What a model's feature means: all that must be known to tell a person about its value.

It travels with a model version as JSON, in the order of the model's columns, so that reasons read
the same years later, whatever the feature store has become: `holdfast.documents` writes and reads
it.
"""

from dataclasses import dataclass
from typing import Literal, Self

from models.words.catalogue import words

MEANINGS = "features.json"
"""Name of the document with one `FeatureMeaning` per column of the model, in order."""

Direction = Literal["increasing", "decreasing", "none"]

TABLE_DRIVER = "table"
"""Driver of a column of a team's own table, of which nobody has said what it tells of."""


@dataclass(frozen=True)
class FeatureMeaning:
    """One feature of a model.

    Parameters
    ----------
    name, about, unit : str
        What it is called, what it says, and what its number counts.
    driver : str
        Part of the service it tells of: network, price, service, contract, usage or relationship,
        or `TABLE_DRIVER`.
    actionable : bool
        Care can change it.
    direction : {"increasing", "decreasing", "none"}
        How the predicted risk can move when the value grows, where that was argued for this model's
        target.
    reason : str
        Key of what it tells about; features that mean the same share one.
    """

    name: str
    about: str
    unit: str
    driver: str
    actionable: bool
    direction: Direction
    reason: str

    @classmethod
    def of_column(cls, feature: str, about: str = "") -> Self:
        """Meaning of a column of a team's own table: it is a reason of its own, and nobody knows
        whether care can change it.
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
        return f"{words(language).reason_label(self.reason)} ({self.name.replace('_', ' ')})"
