"""Rules of calibration: whether probabilities agree with what happened in the test period, of all
rows and by stratum.

All intervals are asked about jointly, and slope and shape apart from the level of the period.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from holdfast.sentences import Sentence, sentence
from models.level.revision import LEVEL_MOVES, HorizonLevel
from training.evaluation.assess import EVERYBODY
from training.evaluation.assessment import (
    CONFIDENCE,
    Assessment,
    CalibrationFigures,
    Decile,
    Estimate,
)
from training.evaluation.reliability import share_bounds
from training.release.evidence import assessment_place
from training.release.level import coverage_findings, is_judged_by_origins
from training.release.verdict import Finding, of_horizon, of_stratum

SLOPE = (0.9, 1.1)
"""A calibration slope whose joint interval lies wholly outside is refused; see `joint_interval`."""

OBSERVED_OVER_EXPECTED = (0.95, 1.05)
"""The same for observed over expected. That of all rows is the level of the test period."""

TOP_DECILES = 3
"""Deciles, highest probability first, whose shares must have come true: care acts on these. """

_FIGURES = 2
"""Slope, and observed over expected."""

_AS_PREDICTED = Estimate(1.0, 1.0, 1.0)
"""The level where nothing is removed."""

_DECILE_CONFIDENCE = 0.99
"""Probability that no decile is refused if all that are asked about are at the ends of the
tolerance.
"""

_LEAST_IN_STRATA = 0.99
"""Share of the rows that must belong to strata whose calibration was evaluated; the rest may be
rows without a known stratum. """


def joint_interval(estimate: Estimate, calibrations: int) -> tuple[float, float]:
    """The interval of a slope, or of observed over expected, widened so that those of all horizons
    and strata hold the true figures jointly.

    One interval of 95 % misses the true figure one time in twenty; among 24 independent ones, seven
    times in ten at least one does. So each gets the confidence ``0.95 ** (1 / m)`` of
    the m that are asked about (Sidak), and its arms grow as the quantiles of the normal
    distribution do. Where figures go together, as those of two horizons do, this is wider than
    needed.

    Parameters
    ----------
    estimate : Estimate
        With its own interval, of `CONFIDENCE`.
    calibrations : int
        Of how many horizons and strata together slope and observed over expected are asked about.

    Examples
    --------
    >>> low, high = joint_interval(Estimate(0.8, 0.7, 0.9), calibrations=12)
    >>> round(low, 2), round(high, 2)
    (0.64, 0.96)
    """
    asked = max(_FIGURES * calibrations, 1)
    jointly, alone = norm.ppf((1.0 + np.array([CONFIDENCE ** (1.0 / asked), CONFIDENCE])) / 2.0)
    arm = float(jointly / alone)
    return (
        estimate.value - arm * (estimate.value - estimate.low),
        estimate.value + arm * (estimate.high - estimate.value),
    )


@dataclass(frozen=True)
class DecileRule:
    """What the top deciles must keep.

    Parameters
    ----------
    tolerance : float
        Relative difference between the true and the predicted share that is tolerated.
    calibrations : int
        Of how many horizons and strata together deciles are asked about. Each bound is as much
        wider as is needed for all of them to hold jointly (Sidak).
    """

    tolerance: float
    calibrations: int

    def bounds(self, decile: Decile, level: Estimate) -> tuple[float, float]:
        """Bounds of the observed share, at some level that the interval holds; those of the
        assessment where it does not say how many rows the decile is worth.
        """
        low_level, high_level = joint_interval(level, self.calibrations)
        if decile.effective_rows is None:
            return decile.joint_low * low_level, decile.joint_high * high_level
        asked = max(self.calibrations, 1) * TOP_DECILES
        low, high = share_bounds(
            np.clip(decile.predicted * np.array([low_level, high_level]), 0.0, 1.0),
            np.full(2, decile.effective_rows),
            _DECILE_CONFIDENCE ** (1.0 / asked),
            self.tolerance,
        )
        return float(low[0]), float(high[1])


def calibration_findings(
    horizon: str,
    assessment: Assessment,
    has_strata: bool,
    deciles: DecileRule,
    of_origins: HorizonLevel | None = None,
) -> Iterator[Finding]:
    """What speaks against the calibration of one horizon, of all rows and by stratum.

    Parameters
    ----------
    horizon : str
        Its name in documents.
    assessment : Assessment
        Its figures.
    has_strata : bool
        Whether the version has strata; then nearly all rows must be in one that was evaluated.
    deciles : DecileRule
        What the top deciles must keep, and of how many calibrations all rules are asked about.
    of_origins : HorizonLevel, optional
        The level of the version within the horizon. Where enough earlier dates judge it, it is that
        which is asked about, and not the level of the test period, which is always removed then.
    """
    everybody = assessment.strata.get(EVERYBODY)
    in_strata = sum(
        calibration.rows
        for stratum, calibration in assessment.strata.items()
        if stratum != EVERYBODY
    )
    if everybody and (everybody.rows, everybody.positives) != (
        assessment.rows,
        assessment.positives,
    ):
        yield Finding(
            "complete",
            assessment_place(horizon, "strata"),
            of_horizon(horizon, sentence("calibrated_on_other_rows")),
        )
    if has_strata and not _LEAST_IN_STRATA * assessment.rows <= in_strata <= assessment.rows:
        words = sentence("strata_cover", rows=in_strata, all=assessment.rows)
        yield Finding("complete", assessment_place(horizon, "strata"), of_horizon(horizon, words))
    level = _AS_PREDICTED
    off = _level(horizon, everybody, deciles.calibrations) if everybody else None
    judge = of_origins if is_judged_by_origins(of_origins) else None
    if everybody and (judge or (off and off.rule == "level")):
        level = everybody.observed_over_expected
    if off and not (judge and off.rule == "level"):
        yield off
    if judge:
        yield from coverage_findings(horizon, judge)
    for stratum, calibration in assessment.strata.items():
        beside = _beside(calibration.observed_over_expected, level)
        ratio = None if stratum == EVERYBODY else beside
        for rule, what in _calibration(calibration, ratio, level, deciles):
            yield Finding(
                rule, f"{horizon}/{stratum}", of_horizon(horizon, of_stratum(stratum, what))
            )


def _level(horizon: str, everybody: CalibrationFigures, calibrations: int) -> Finding | None:
    """What is wrong with the level of all rows.

    One test period does not tell a wrong level from a season. So a level that is off asks for more
    evidence, unless no season moves it that far.
    """
    low, high = joint_interval(everybody.observed_over_expected, calibrations)
    lowest, highest = OBSERVED_OVER_EXPECTED
    if low <= highest and high >= lowest:
        return None
    how = "too_high" if high < lowest else "too_low"
    moves = high >= 1.0 / LEVEL_MOVES and low <= LEVEL_MOVES
    is_season = moves and everybody.observed_over_expected.value > 0
    words = sentence(
        f"level_{how}" if is_season else how, low=low, high=high, lowest=lowest, highest=highest
    )
    return Finding(
        "level" if is_season else "observed_over_expected",
        f"{horizon}/{EVERYBODY}",
        of_horizon(horizon, of_stratum(EVERYBODY, words)),
    )


def _beside(estimate: Estimate, level: Estimate) -> Estimate:
    """Observed over expected of a stratum, divided by the level. Errors are taken as independent,
    which is wider than needed: the stratum's rows are among all rows.
    """
    if level == _AS_PREDICTED or estimate.value <= 0:
        return estimate
    ratio = estimate.value / level.value
    below, above = (
        float(np.hypot(of_stratum / estimate.value, of_level / level.value))
        for of_stratum, of_level in (
            (estimate.value - estimate.low, level.high - level.value),
            (estimate.high - estimate.value, level.value - level.low),
        )
    )
    return Estimate(ratio, ratio * (1.0 - below), ratio * (1.0 + above))


def _calibration(
    calibration: CalibrationFigures,
    ratio: Estimate | None,
    level: Estimate,
    deciles: DecileRule,
) -> Iterator[tuple[str, Sentence]]:
    """Slope and shape at a level, which was removed from the ratio of observed over expected; None
    for all rows, whose ratio is the level. Yields rules that are not met, with what was found.
    """
    for rule, estimate, (lowest, highest), below, above in (
        ("slope", calibration.slope, SLOPE, "too_extreme", "too_cautious"),
        ("observed_over_expected", ratio, OBSERVED_OVER_EXPECTED, "too_high", "too_low"),
    ):
        if estimate is None:
            continue
        low, high = joint_interval(estimate, deciles.calibrations)
        if high < lowest or low > highest:
            code = below if high < lowest else above
            yield rule, sentence(code, low=low, high=high, lowest=lowest, highest=highest)
    if len(calibration.deciles) < TOP_DECILES:
        few = sentence("few_deciles", fewest=TOP_DECILES, deciles=len(calibration.deciles))
        yield "complete", few
    for rank, decile in enumerate(reversed(calibration.deciles[-TOP_DECILES:]), start=1):
        low, high = deciles.bounds(decile, level)
        if not low <= decile.observed <= high:
            yield (
                "top_deciles",
                sentence(
                    "decile",
                    rank=rank,
                    observed=decile.observed,
                    predicted=decile.predicted,
                    low=low,
                    high=high,
                    tolerance=deciles.tolerance,
                ),
            )
