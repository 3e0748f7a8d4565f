"""Value: the expected margin of a subscription over a horizon, and how much of it is at stake.

Besides the assumptions in `ValueSettings`: the present monthly margin continues as long as the
subscription does, a lost subscription has no margin from the middle of the horizon on, and nothing
is counted beyond the horizon.
"""

from dataclasses import dataclass

import numpy as np

from holdfast.arrays import Floats
from holdfast.errors import InputError
from models.settings import ValueSettings

DAYS_A_MONTH = 30
DAYS_A_YEAR = 365

LOST_SHARE = 0.5
"""Share of the horizon's margin lost by a loss within it, which comes in the middle on average."""


@dataclass(frozen=True)
class HorizonProbability:
    """Probabilities of being lost within a horizon.

    Parameters
    ----------
    probability : (n,) float64
        0 to 1; NaN where unknown.
    horizon_days : int
        Days of the horizon.
    """

    probability: Floats
    horizon_days: int


@dataclass(frozen=True)
class Value:
    """Margin of n subscriptions over a horizon, if they stay.

    Parameters
    ----------
    if_staying : (n,) float64
        In the operator's currency, discounted to now; NaN where the margin is unknown, negative
        where the margin is negative.
    horizon_days : int
        Days of the horizon.
    settings : ValueSettings
        The assumptions.
    """

    if_staying: Floats
    horizon_days: int
    settings: ValueSettings

    def at_stake(self, risk: HorizonProbability) -> Floats:
        """Margin expected to be lost within the horizon: (n,) float64, NaN where unknown.

        Raises
        ------
        InputError
            The probability is of another horizon, or of another number of rows.
        """
        if risk.horizon_days != self.horizon_days:
            raise InputError(
                "horizon_days",
                f"must be {self.horizon_days}, the horizon of the value",
                risk.horizon_days,
            )
        if len(risk.probability) != len(self.if_staying):
            raise InputError(
                "probability",
                f"must be of {len(self.if_staying)} subscriptions",
                len(risk.probability),
            )
        return LOST_SHARE * risk.probability * self.if_staying

    def expected(self, risk: HorizonProbability) -> Floats:
        """Margin expected over the horizon, losses deducted; errors as in `at_stake`."""
        return self.if_staying - self.at_stake(risk)

    @property
    def assumptions(self) -> dict[str, float]:
        """All assumptions by name, to be shown beside the figures."""
        return {
            "horizon_days": self.horizon_days,
            "lost_share": LOST_SHARE,
            **self.settings.model_dump(),
        }


def value_of(monthly_margin: Floats, horizon_days: int, settings: ValueSettings) -> Value:
    """Value of subscriptions over a horizon, if they stay.

    Parameters
    ----------
    monthly_margin : (n,) float64
        Margin per month of 30 days, in the operator's currency; NaN where unknown.
    horizon_days : int
        Days of the horizon, at least 1.
    settings : ValueSettings
        The assumptions.

    Raises
    ------
    InputError
        The horizon is not positive, or a margin is infinite.

    Notes
    -----
    With a margin of m per day and a yearly discount rate r, continuously compounded as
    d = ln(1 + r) / 365 per day, the present value of H days is ``m * (1 - exp(-d H)) / d``, and
    ``m * H`` without a discount.

    Examples
    --------
    >>> value = value_of(np.array([20.0]), 90, ValueSettings(discount_a_year=0.0))
    >>> value.if_staying.tolist()
    [60.0]
    >>> value.at_stake(HorizonProbability(np.array([0.2]), 90)).tolist()
    [6.0]
    """
    if horizon_days < 1:
        raise InputError("horizon_days", "must be 1 or more", horizon_days)
    if np.isinf(monthly_margin).any():
        raise InputError("monthly_margin", "must be finite or missing")
    rate = np.log1p(settings.discount_a_year) / DAYS_A_YEAR
    days = float(-np.expm1(-rate * horizon_days) / rate) if rate > 0 else float(horizon_days)
    kept = 1 - settings.cost_to_serve_share
    return Value(monthly_margin / DAYS_A_MONTH * days * kept, horizon_days, settings)
