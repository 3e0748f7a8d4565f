"""The level of risk: a common shift of log-odds by horizon and product line, beside a model version.

Boosters and calibrations say how risky one row is beside another. How many leave in all moves with
the season and from year to year; that is the level, ``p = expit(logit(calibrated) + shift)``. A
revision gives the shifts at one date with their uncertainty, and keeps what they were made from, so
that later ones need no old labels. A level is *judged* where bands of earlier dates were seen to
cover what came, and *assumed* where too few were seen: then its band is wider.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import log
from typing import Literal

import numpy as np

from holdfast.documents import to_document

LEVEL = "level.json"
"""Name of a version's document with its first revision."""

LEVEL_MOVES = 2.1
"""By how much the true level of risk moves within a year, mostly with the season: measured on a
simulated operator, and taken to be the same of others.
"""

ASSUMED_ERROR = log(LEVEL_MOVES) / 2
"""Standard error of a level without a season of its own, in log-odds. Of a yearly cosine of the range
``log(LEVEL_MOVES)``, values of two unrelated dates differ by half the range, as a root mean square.
"""

QUANTILE, ASSUMED_QUANTILE = 1.645, 2.576
"""Standard errors on either side of a band that holds 90 %, and 99 %. A level whose season was
estimated but whose bands were not seen to cover is told with the wider one.
"""


@dataclass(frozen=True, kw_only=True)
class Shift:
    """What one cut-off says of the level of a product line.

    Parameters
    ----------
    cutoff : str
        ISO 8601, UTC.
    line : str
        Stratum; empty where the rows have none.
    shift : float
        Log-odds by which outcomes were more frequent than predicted by boosters that did not learn
        from them.
    error : float
        Its standard error, by customers.
    expected : float
        Outcomes that were predicted.
    """

    cutoff: str
    line: str
    shift: float
    error: float
    expected: float


@dataclass(frozen=True, kw_only=True)
class HorizonLevel:
    """The level within one horizon.

    Parameters
    ----------
    status : {"judged", "assumed"}
        Whether its bands were seen to cover.
    has_season : bool
        Whether its season was estimated; without one the level is that of the training rows.
    lines : tuple of str
        Strata.
    shares : tuple of float
        Share of each in the predicted outcomes; adds up to 1.
    shift : tuple of float
        Log-odds to add, by line.
    covariance : tuple of tuples of float
        Of the errors of these.
    quantile : float
        Standard errors on either side of a band.
    origins, covered : int
        Earlier dates, with outcomes that do not overlap, at which the level was predicted from what
        was known then, and how many of those bands held what came.
    lag_days : int
        Days from a cut-off until its labels are complete.
    shifts : tuple of Shift
        What it was made from, oldest first.
    read_until : str
        Last cut-off that was learnt from or read for a shift, whether it gave one or not: ISO 8601, UTC.
        Empty where it was not kept yet.
    """

    status: Literal["judged", "assumed"]
    has_season: bool
    lines: tuple[str, ...]
    shares: tuple[float, ...]
    shift: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    quantile: float
    origins: int
    covered: int
    lag_days: int
    shifts: tuple[Shift, ...]
    read_until: str = ""

    @property
    def common(self) -> float:
        """The shift of all lines together, in log-odds."""
        return float(np.dot(self.shares, self.shift))

    def of(self, line: str) -> float:
        """The shift of a line; that of all lines for one that was never seen."""
        return self._by_line.get(line, self.common)

    def band(self, expected: float, sensitivity: Mapping[str, float]) -> tuple[float, float]:
        """Bounds of a sum of probabilities, for the uncertainty of the level alone.

        Parameters
        ----------
        expected : float
            The sum; at least 0.
        sensitivity : mapping of str to float
            By line, how much of the sum one unit of log-odds moves: the sum of ``p (1 - p)``.

        Examples
        --------
        >>> low, high = assumed_level().band(100.0, {"": 90.0})
        >>> round(low), round(high)
        (58, 173)
        """
        if expected <= 0:
            return 0.0, 0.0
        moves = np.array([sensitivity.get(line, 0.0) for line in self.lines])
        others = sum(moved for line, moved in sensitivity.items() if line not in self.lines)
        moves = moves + others * np.array(self.shares)
        arm = self.quantile * float(np.sqrt(moves @ np.array(self.covariance) @ moves)) / expected
        return expected * float(np.exp(-arm)), expected * float(np.exp(arm))

    @cached_property
    def _by_line(self) -> dict[str, float]:
        return dict(zip(self.lines, self.shift, strict=True))


@dataclass(frozen=True, kw_only=True)
class LevelRevision:
    """The level of a version, as of a date.

    Parameters
    ----------
    at : str
        The date that its shifts are for, ISO 8601 in UTC.
    horizons : dict of str to HorizonLevel
        By horizon in days.
    """

    at: str
    horizons: dict[str, HorizonLevel]

    def of(self, horizon_days: int | None) -> HorizonLevel:
        """The level within a horizon; an assumed one where nothing is known of it."""
        return self.horizons.get(str(horizon_days), _NOTHING_KNOWN)

    @cached_property
    def moves_anything(self) -> bool:
        """Whether any shift is other than 0."""
        return any(shift != 0.0 for one in self.horizons.values() for shift in one.shift)

    @cached_property
    def sha256(self) -> str:
        """Digest of what it holds."""
        text = json.dumps(to_document(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def assumed_level(
    lines: tuple[str, ...] = ("",),
    shares: tuple[float, ...] = (1.0,),
    *,
    lag_days: int = 0,
    shifts: tuple[Shift, ...] = (),
) -> HorizonLevel:
    """The level where no season can be told: that of the training rows, give or take a season.

    Parameters
    ----------
    lines, shares, lag_days, shifts
        As in `HorizonLevel`.
    """
    row = (ASSUMED_ERROR**2,) * len(lines)
    return HorizonLevel(
        status="assumed",
        has_season=False,
        lines=lines,
        shares=shares,
        shift=(0.0,) * len(lines),
        covariance=(row,) * len(lines),
        quantile=QUANTILE,
        origins=0,
        covered=0,
        lag_days=lag_days,
        shifts=shifts,
    )


_NOTHING_KNOWN = assumed_level()

NO_LEVEL = LevelRevision(at="", horizons={})
"""Of versions that were made before there were levels: assumed within every horizon."""
