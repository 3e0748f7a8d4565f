"""What features are, and the units of their numbers, in the language of a page.

The texts are those of the catalogue (`features.fields`). A feature of a team's own table, or one
that an earlier release had, is described as its version was trained with it. Units are in the
catalogues of pages as ``unit points``: the same word means other things elsewhere.
"""

from features.fields import VIEWS
from reports.words.texts import ENGLISH, Texts

_FEATURES = [feature for view in VIEWS.values() for feature in view.features]
ABOUTS = frozenset(feature.about for feature in _FEATURES)
UNITS = frozenset(feature.unit for feature in _FEATURES)


def catalogue_texts() -> list[str]:
    """Descriptions and units of all features, as the catalogues of pages have them."""
    abouts = dict.fromkeys(feature.about for feature in _FEATURES)
    return [*abouts, *(_unit(unit) for unit in sorted(UNITS))]


def about_words(about: str, texts: Texts = ENGLISH) -> str:
    """What a feature is; as it stands where the catalogue does not have it."""
    return texts.gettext(about) if about in ABOUTS else about


def unit_words(unit: str, texts: Texts = ENGLISH) -> str:
    """The unit of a feature's number; as it stands where the catalogue does not have it."""
    return texts.gettext(_unit(unit)) if unit in UNITS and texts.language != "en" else unit


def _unit(unit: str) -> str:
    return f"unit {unit}"
