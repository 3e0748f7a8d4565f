"""The level of risk as a version's documents tell it, for the gate and the model card."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from holdfast.documents import inspect_document
from holdfast.sentences import sentence
from models.level.revision import LEVEL, HorizonLevel, LevelRevision
from training.evaluation.assess import EVERYBODY
from training.level.revise import FEWEST_ORIGINS, is_refuted, share_that_may_hold
from training.release.verdict import Finding, of_horizon, of_stratum


def find_level(documents: Mapping[str, Any]) -> LevelRevision | None:
    """The first revision of a version; None where it has none, or none that can be read."""
    revision, _ = inspect_document(LevelRevision, documents.get(LEVEL), LEVEL)
    return revision


LEVEL_OF_ONE_PERIOD = (
    "Observed over expected of all rows is the level of one test period. In other seasons the level is"
    " *assumed*, unless earlier bands were seen to hold what came."
)
"""What a model card says of the level."""

LEVEL_COLUMNS = (
    *("within", "cut-offs", "season", "odds are multiplied by", "band"),
    *("earlier bands that held", "the level is"),
)
"""Names of the columns of `level_rows`."""


def is_judged_by_origins(level: HorizonLevel | None) -> bool:
    """Whether there are enough earlier dates to judge a level by."""
    return level is not None and level.origins >= FEWEST_ORIGINS


def coverage_findings(horizon: str, level: HorizonLevel) -> Iterator[Finding]:
    """What speaks against a level that earlier dates judge.

    Parameters
    ----------
    horizon : str
        Its name in documents.
    level : HorizonLevel
        The level.
    """
    if is_refuted(level.origins, level.covered):
        words = sentence("level_not_covered", covered=level.covered, origins=level.origins)
        yield Finding(
            "level", f"{horizon}/{EVERYBODY}", of_horizon(horizon, of_stratum(EVERYBODY, words))
        )


def level_rows(revision: LevelRevision) -> list[tuple[str, ...]]:
    """Rows of the model card's table of a level, under `LEVEL_COLUMNS`."""
    rows: list[tuple[str, ...]] = []
    for days, level in revision.horizons.items():
        low, high = level.band(1.0, dict(zip(level.lines, level.shares, strict=True)))
        factor = float(np.exp(level.common))
        rows.append(
            (
                f"{days} days",
                str(len({one.cutoff for one in level.shifts})),
                "yes" if level.has_season else "no",
                f"{factor:.2f}",
                f"{factor * low:.2f} to {factor * high:.2f}",
                _held(level),
                level.status,
            )
        )
    return rows


def _held(level: HorizonLevel) -> str:
    held = f"{level.covered} of {level.origins}"
    if not level.origins:
        return held
    low, high = share_that_may_hold(level.origins, level.covered)
    return f"{held} (of all such bands {low:.0%} to {high:.0%} may hold)"
