"""Profit: the expected maximum profit of a retention campaign (EMPC), and its share of the profit
that a perfect ranking would earn.

The campaign of Verbraken, Verbeke and Baesens (2013): everybody above a threshold is contacted. A
leaver accepts the offer with probability gamma, which is Beta distributed, and then stays; a stayer
takes the offer without need. The threshold is the best one for each gamma.

`empulse.metrics.empc_score` is the reference: tests compare these functions with it. It takes no
weights, and about 20 ms for 200,000 rows, sorting included, which is too slow for 500 draws of
several models; here a draw is one pass over blocks that are already sorted.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression
from scipy.special import betainc

from holdfast.arrays import Floats
from training.evaluation.ranking import Masses, ratio
from training.settings import AssessmentSettings


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """What a retention campaign costs and brings, in any one currency.

    Parameters
    ----------
    alpha, beta : float
        Of the Beta distribution of gamma, the share of leavers who accept: above 0.
    clv : float
        Value of a customer who stays: above the cost of an offer.
    incentive_cost : float
        Cost of an accepted offer: at least 0.
    contact_cost : float
        Cost of a contact: at least 0.
    """

    alpha: float
    beta: float
    clv: float
    incentive_cost: float
    contact_cost: float

    @classmethod
    def of(cls, settings: AssessmentSettings) -> "Campaign":
        """The campaign that the settings describe; its defaults are theirs."""
        return cls(
            alpha=settings.accepts_alpha,
            beta=settings.accepts_beta,
            clv=settings.clv,
            incentive_cost=settings.incentive_cost,
            contact_cost=settings.contact_cost,
        )


def maximum_profit(masses: Masses, campaign: Campaign) -> Floats:
    """EMPC of each weighting: the largest expected profit, per row of weight 1.

    For one gamma the profit of contacting down to a threshold is linear in the positives and the
    negatives above it, so the best threshold is a corner of the upper hull of the ROC curve. Each
    edge of the hull, with positives P and negatives N, is worth contacting where ``gamma * (clv -
    incentive) * P > contact * P + (incentive + contact) * N``; since edges get worse downwards, the
    maximum is the sum over edges of the expected profit of each where it is positive.

    Parameters
    ----------
    masses : Masses
        Positives and negatives by block, highest probability first.
    campaign : Campaign
        Costs and gains.
    """
    mass = masses.positive + masses.negative
    profit = np.full(mass.shape[1], np.nan)
    for column in range(mass.shape[1]):
        there = mass[:, column] > 0
        if there.any():
            profit[column] = _hull_profit(
                masses.positive[there, column], mass[there, column], campaign
            )
    return profit


def perfect_profit(masses: Masses, campaign: Campaign) -> Floats:
    """EMPC, per row of weight 1, of scores that put every positive above every negative."""
    each = _edge_profit(np.ones(1), np.zeros(1), campaign)[0]
    profit: Floats = each * ratio(masses.positives[-1], masses.all[-1])
    return profit


def _hull_profit(positive: Floats, mass: Floats, campaign: Campaign) -> float:
    # The hull's edges are the blocks that isotonic regression of the share of positives pools.
    hull = isotonic_regression(positive / mass, weights=mass, increasing=False).blocks[:-1]
    edge = np.add.reduceat(positive, hull)
    return float(
        _edge_profit(edge, np.add.reduceat(mass, hull) - edge, campaign).sum() / mass.sum()
    )


def _edge_profit(positive: Floats, negative: Floats, campaign: Campaign) -> Floats:
    gain, wasted = (
        campaign.clv - campaign.incentive_cost,
        campaign.incentive_cost + campaign.contact_cost,
    )
    cost = campaign.contact_cost * positive + wasted * np.maximum(negative, 0.0)
    worth = np.divide(cost, gain * positive, out=np.full(len(cost), np.inf), where=positive > 0)
    least = np.clip(worth, 0.0, 1.0)
    above = 1.0 - betainc(campaign.alpha, campaign.beta, least)
    accepted = (
        campaign.alpha
        / (campaign.alpha + campaign.beta)
        * (1.0 - betainc(campaign.alpha + 1.0, campaign.beta, least))
    )
    profit: Floats = gain * accepted * positive - cost * above
    return profit
