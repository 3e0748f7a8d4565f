"""The operator's regions: name, time zone, languages, share of customers, and how strong competitors
are. All are invented.
"""

from dataclasses import dataclass

import numpy as np

from simulator.world.draws import Array, Draws

LANGUAGES = ("en", "zh-Hans", "zh-Hant")


@dataclass(frozen=True)
class Region:
    """A region: its name, IANA time zone, shares of `LANGUAGES`, and share of customers."""

    name: str
    time_zone: str
    languages: tuple[float, float, float]
    share: float


REGIONS = (
    Region("Harbour", "Asia/Hong_Kong", (0.18, 0.10, 0.72), 0.12),
    Region("New Peaks", "Asia/Hong_Kong", (0.08, 0.12, 0.80), 0.08),
    Region("Camphor Coast", "Asia/Taipei", (0.04, 0.02, 0.94), 0.10),
    Region("Jade Hills", "Asia/Taipei", (0.03, 0.02, 0.95), 0.05),
    Region("Pearl Delta", "Asia/Shanghai", (0.04, 0.94, 0.02), 0.15),
    Region("River Bend", "Asia/Shanghai", (0.02, 0.97, 0.01), 0.11),
    Region("Lake Plain", "Asia/Shanghai", (0.02, 0.97, 0.01), 0.09),
    Region("North Gate", "Asia/Shanghai", (0.03, 0.96, 0.01), 0.08),
    Region("Straits", "Asia/Singapore", (0.62, 0.35, 0.03), 0.09),
    Region("Orchard", "Asia/Singapore", (0.70, 0.28, 0.02), 0.06),
    Region("Swan Shore", "Australia/Perth", (0.91, 0.06, 0.03), 0.05),
    Region("Goldfields", "Australia/Perth", (0.95, 0.03, 0.02), 0.02),
)
NAMES = tuple(region.name for region in REGIONS)
TIME_ZONES = tuple(region.time_zone for region in REGIONS)


def shares() -> Array:
    """Share of customers of each region."""
    return np.array([region.share for region in REGIONS])


def languages() -> Array:
    """Shares of languages, one row per region."""
    return np.array([region.languages for region in REGIONS])


def competition(draws: Draws, week: int | None) -> Array:
    """Strength of competitors in each region, in standard deviations: slow waves about a level.

    Parameters
    ----------
    draws : Draws
        Its seed decides.
    week : int or None
        The week; None for the level.
    """
    random = Draws(draws.seed).generator("competition")
    period, phase = random.uniform(26, 60, len(REGIONS)), random.random(len(REGIONS))
    level: Array = 0.7 * random.standard_normal(len(REGIONS))
    if week is None:
        return level
    strength: Array = level + np.sin(2 * np.pi * (week / period + phase))
    return strength
