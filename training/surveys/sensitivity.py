"""Sensitivity bands of survey figures, with sampling uncertainty from resampling customers."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from holdfast.arrays import Floats, Texts
from models.dissatisfaction import (
    ANY_ODDS_RATIO,
    OddsRatios,
    SensitivityBand,
    calibration_band,
    prevalence_band,
    tilted_weights,
)
from training.evaluation.bootstrap import Figures, interval, resample
from training.settings import AssessmentSettings


@dataclass(frozen=True, kw_only=True)
class SampledBand:
    """A figure of all who were invited, its sensitivity band, and the sampling uncertainty of both.

    Parameters
    ----------
    odds_ratio : float
        The largest plausible effect of satisfaction itself on the odds of answering, either way.
    least, most : float
        The odds ratios at the ends of the band: these limits, or narrower ones that data set.
    evidence : {"assumed", "estimated"}
        Whether data set one of them.
    estimate : float
        The figure if satisfaction has no effect.
    estimate_low, estimate_high : float
        Interval of the estimate from resampling customers.
    low, high : float
        The band: the figure at either end of the plausible odds ratios.
    region_low, region_high : float
        Lower limit of the interval of `low`, and upper limit of that of `high`: band and sampling
        together.
    """

    odds_ratio: float
    least: float
    most: float
    evidence: str
    estimate: float
    estimate_low: float
    estimate_high: float
    low: float
    high: float
    region_low: float
    region_high: float

    def __contains__(self, value: float) -> bool:
        return self.region_low <= value <= self.region_high

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def sampled_prevalence(
    label: Floats,
    design: Floats,
    response: Floats,
    customers: Texts,
    odds_ratio: float,
    settings: AssessmentSettings,
    seed: int,
    possible: OddsRatios = ANY_ODDS_RATIO,
) -> SampledBand:
    """Share of dissatisfied among all who were invited.

    Parameters
    ----------
    label, design, response : (n,) float64
        Of answered rows, as in `models.dissatisfaction.tilted_weights`.
    customers : (n,) str
        The rows' customers: rows of one customer are resampled together. Weights are kept, not
        estimated again.
    odds_ratio : float
        The largest plausible odds ratio; at least 1.
    settings : AssessmentSettings
        Draws.
    seed : int
        Of the draws.
    possible : OddsRatios
        Narrower limits that data set.
    """
    band = prevalence_band(label, design, response, odds_ratio, possible=possible)
    return _sampled(band, label, None, design, response, customers, settings, seed)


def sampled_calibration(
    label: Floats,
    probability: Floats,
    design: Floats,
    response: Floats,
    customers: Texts,
    odds_ratio: float,
    settings: AssessmentSettings,
    seed: int,
    possible: OddsRatios = ANY_ODDS_RATIO,
) -> SampledBand:
    """Observed over expected of all who were invited: 1 where probabilities are right on average.

    Parameters
    ----------
    probability : (n,) float64
        Predicted, of answered rows.
    label, design, response, customers, odds_ratio, settings, seed, possible
        As in `sampled_prevalence`.
    """
    band = calibration_band(label, probability, design, response, odds_ratio, possible=possible)
    return _sampled(band, label, probability, design, response, customers, settings, seed)


def _sampled(
    band: SensitivityBand,
    label: Floats,
    probability: Floats | None,
    design: Floats,
    response: Floats,
    customers: Texts,
    settings: AssessmentSettings,
    seed: int,
) -> SampledBand:
    names, customer = np.unique(customers, return_inverse=True)
    tilted = [
        tilted_weights(label, design, response, float(np.log(ratio)))
        for ratio in (band.most, 1.0, band.least)
    ]
    divisor = design * response * (np.ones(len(label)) if probability is None else probability)
    rows = [*(weight * label for weight in tilted), *tilted, divisor]
    sums = np.stack([np.bincount(customer, weights=row, minlength=len(names)) for row in rows])

    def figures(counts: Floats) -> Figures:
        drawn = sums @ counts
        # Observed among all, over what is expected of all; without probabilities, over one.
        expected = drawn[6] / drawn[4]
        return {"figure": drawn[:3] / drawn[3:6] / expected}

    drawn = resample(
        len(names),
        settings.draws,
        seed,
        figures,
        sums.size,
        "Resampling customers",
    )["figure"]
    limits = [interval(float(drawn[0, end]), drawn[1:, end]) for end in range(3)]
    assumed = (band.least, band.most) == (1.0 / band.odds_ratio, band.odds_ratio)
    return SampledBand(
        odds_ratio=band.odds_ratio,
        least=band.least,
        most=band.most,
        evidence="assumed" if assumed else "estimated",
        estimate=band.estimate,
        estimate_low=limits[1][0],
        estimate_high=limits[1][1],
        low=band.low,
        high=band.high,
        region_low=min(limits[0][0], band.low),
        region_high=max(limits[2][1], band.high),
    )
