"""The level of risk in the training report: by how much a version's first revision moves odds, and
whether earlier bands were seen to hold what came.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from models.level.revision import QUANTILE, HorizonLevel
from reports.kit.forest import Entry, Forest, forest
from reports.training.figures import horizon_words, interval
from reports.words.texts import ENGLISH, Texts
from training.evaluation.assessment import Estimate
from training.level.revise import FEWEST_ORIGINS
from training.release.level import find_level


def level_forest(documents: Mapping[str, Any], texts: Texts = ENGLISH) -> Forest | None:
    """What odds are multiplied by within each horizon, with its band; None where a version has no
    level.

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
    entries = []
    for horizon, level in revision.horizons.items():
        factor = _factor(level)
        entries.append(
            Entry(
                label=horizon_words(horizon, texts),
                estimate=factor,
                text=interval(factor, 2, texts=texts),
                kind="ours" if level.status == "judged" else "baseline",
                note=level_words(level, texts),
            )
        )
    return forest(
        [("", entries)],
        reference=1.0,
        left=texts.gettext("fewer than in the training rows"),
        right=texts.gettext("more than in the training rows"),
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
            "judged: {covered} of {origins} earlier bands held what came; band of {confidence} %"
        )
    elif level.origins < FEWEST_ORIGINS:
        words = texts.gettext(
            "assumed: {origins} earlier bands, and {fewest} are needed to judge it; band of {confidence} %"
        )
    else:
        words = texts.gettext(
            "assumed: only {covered} of {origins} earlier bands held what came; band of {confidence} %"
        )
    return words.format(
        covered=level.covered, origins=level.origins, fewest=FEWEST_ORIGINS, confidence=confidence
    )


def _factor(level: HorizonLevel) -> Estimate:
    """What odds are multiplied by; its band as of a rare outcome, whose odds are its probability."""
    low, high = level.band(1.0, dict(zip(level.lines, level.shares, strict=True)))
    factor = float(np.exp(level.common))
    return Estimate(factor, factor * low, factor * high)
