"""The level of risk in the training report: by how much a version's first revision moves odds, and
whether earlier bands were seen to hold what came.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.level.revision import QUANTILE, HorizonLevel
from reports.kit.forest import Entry, Forest, forest
from reports.training.figures import horizon_words, interval
from reports.words.texts import ENGLISH, Texts
from training.evaluation.assessment import Estimate
from training.level.revise import FEWEST_ORIGINS, share_that_may_hold
from training.release.level import find_level


@dataclass(frozen=True)
class LevelView:
    """The level of a version.

    Parameters
    ----------
    factors : Forest
        What odds are multiplied by within each horizon, with its band.
    grounds : tuple of (str, str)
        The horizons in words, and what the level within each rests on.
    """

    factors: Forest
    grounds: tuple[tuple[str, str], ...]


def level_view(documents: Mapping[str, Any], texts: Texts = ENGLISH) -> LevelView | None:
    """The level of a version; None where it has none.

    Parameters
    ----------
    documents : mapping
        Of the version.
    texts : Texts
        Words of the page.
    """
    revision = find_level(documents)
    if revision is None:
        return None
    levels = [(horizon_words(days, texts), level) for days, level in revision.horizons.items()]
    return LevelView(
        factors=forest(
            [("", [_entry(horizon, level, texts) for horizon, level in levels])],
            reference=1.0,
            left=texts.gettext("fewer than in the training rows"),
            right=texts.gettext("more than in the training rows"),
        ),
        grounds=tuple((horizon, level_words(level, texts)) for horizon, level in levels),
    )


def level_words(level: HorizonLevel, texts: Texts = ENGLISH) -> str:
    """What a level rests on: judged or assumed, why, and how wide its band is."""
    confidence = 90 if level.quantile == QUANTILE else 99
    if not level.has_season:
        words = texts.gettext(
            "assumed: outcomes of less than two years, too few for a season; band of {confidence} %"
        )
    elif level.status == "judged":
        words = texts.gettext(
            "judged: {covered} of {origins} earlier bands held what came (share of all such bands:"
            " {low} to {high} %); band of {confidence} %"
        )
    elif level.origins < FEWEST_ORIGINS:
        words = texts.gettext(
            "assumed: {origins} earlier bands, and {fewest} are needed to judge it; band of {confidence} %"
        )
    else:
        words = texts.gettext(
            "assumed: only {covered} of {origins} earlier bands held what came; band of {confidence} %"
        )
    low, high = share_that_may_hold(level.origins, level.covered)
    return words.format(
        covered=level.covered,
        origins=level.origins,
        fewest=FEWEST_ORIGINS,
        confidence=confidence,
        low=round(100 * low),
        high=round(100 * high),
    )


def _entry(horizon: str, level: HorizonLevel, texts: Texts) -> Entry:
    # The band is that of a rare outcome, whose odds are its probability.
    low, high = level.band(1.0, dict(zip(level.lines, level.shares, strict=True)))
    factor = float(np.exp(level.common))
    estimate = Estimate(factor, factor * low, factor * high)
    return Entry(
        label=horizon,
        estimate=estimate,
        text=interval(estimate, 2, texts=texts),
        kind="ours" if level.status == "judged" else "baseline",
    )
