"""What a model's feature means: all that must be known to tell a person about its value.

It travels with a model version as JSON, in the order of the model's columns, so that reasons read
the same years later, whatever the feature store has become.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self, cast

from holdfast.errors import InputError
from models.words.catalogue import words

Direction = Literal["increasing", "decreasing", "none"]

DIRECTIONS: tuple[Direction, ...] = ("increasing", "decreasing", "none")

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

    def to_json(self) -> dict[str, str | bool]:
        """The meaning as JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: object) -> Self:
        """Read back what `to_json` wrote.

        Raises
        ------
        InputError
            A field is missing, not known, or not of its type.
        """
        if not isinstance(document, dict):
            raise InputError("meaning", "must be a JSON object", document)
        known = [field.name for field in fields(cls)]
        for name in dict.fromkeys([*known, *document]):
            if name not in known:
                raise InputError(f"meaning.{name}", f"must be one of {', '.join(known)}")
            wanted = bool if name == "actionable" else str
            if not isinstance(document.get(name), wanted):
                raise InputError(
                    f"meaning.{name}",
                    f"must be a {'boolean' if wanted is bool else 'text'}",
                    document.get(name),
                )
        if document["direction"] not in DIRECTIONS:
            raise InputError(
                "meaning.direction",
                f"must be one of {', '.join(DIRECTIONS)}",
                document["direction"],
            )
        return cls(**cast("dict[str, Any]", document))


def meanings_from_json(document: object) -> tuple[FeatureMeaning, ...]:
    """Read a model version's ``features.json``: a list of meanings, in the order of its columns;
    errors as in `from_json`.
    """
    if not isinstance(document, list):
        raise InputError("features.json", "must be a list", document)
    return tuple(FeatureMeaning.from_json(entry) for entry in document)


def meanings_to_json(meanings: Sequence[FeatureMeaning]) -> list[dict[str, str | bool]]:
    """The meanings as JSON, in order."""
    return [meaning.to_json() for meaning in meanings]
