"""Arms: who is treated, and who is withheld at random so that an effect can be measured.

The unit is the household, since what is done for one of its people spills over to the others
(Godinho de Matos, Ferreira and Belo 2018). Each draw is a salted hash, so that a household is in the
same arm whenever and wherever it is asked, and nobody can choose it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from care.model import Arm
from holdfast.arrays import Floats
from holdfast.errors import InputError

_BITS = 64


@dataclass(frozen=True, kw_only=True)
class Holdout:
    """Households that are sent no offer of any campaign.

    Parameters
    ----------
    salt : str
        Secret of the home, at least 16 characters. Another one draws other households.
    share : float
        Share of all households, 0 to 0.2; 0.02 to 0.05 is usual.
    washout_days : int
        After the yearly draw, outcomes of the first days still show what was done before, and are
        not counted.
    """

    salt: str
    share: float = 0.03
    washout_days: int = 90

    def __post_init__(self) -> None:
        if len(self.salt) < 16:
            # The salt is a secret: it is not shown.
            raise InputError("salt", "must have at least 16 characters")
        if not 0 <= self.share <= 0.2:
            raise InputError("share", "must lie between 0 and 0.2", self.share)

    def contains(self, households: Sequence[str], year: int) -> NDArray[np.bool_]:
        """Which households are held out in a year.

        Parameters
        ----------
        households : sequence of str, n
            Ids.
        year : int
            Calendar year in the operator's time; each draws anew.

        Returns
        -------
        (n,) bool
        """
        held: NDArray[np.bool_] = uniform(households, self.salt, f"holdout {year}") < self.share
        return held

    def counts_from(self, year_begins: datetime) -> datetime:
        """From when on outcomes of a year's holdout count."""
        return year_begins + timedelta(days=self.washout_days)


@dataclass(frozen=True)
class Arms:
    """The arms of households.

    Parameters
    ----------
    arm : (n,) int8
        Codes of `Arm`.
    propensity : (n,) float64
        Probability with which each was drawn into its arm.
    """

    arm: NDArray[np.int8]
    propensity: Floats


def draw_arms(
    households: Sequence[str], campaign: str, control_share: float, holdout: Holdout, year: int
) -> Arms:
    """Draw the arms of a campaign's households.

    Parameters
    ----------
    households : sequence of str, n
        Ids of those that policy allows, after caps: whoever is refused anyway is in no arm.
    campaign : str
        Id of the campaign; each draws anew.
    control_share : float
        Share that is withheld of the households that are not held out, 0 to 0.9.
    holdout : Holdout
        The households that are sent no offer.
    year : int
        Calendar year of the plan.

    Returns
    -------
    Arms
        In the order of the households. The same household is in the same arm in every plan of the
        campaign within a year.

    Raises
    ------
    InputError
        The share lies outside its range.
    """
    if not 0 <= control_share <= 0.9:
        raise InputError("control_share", "must lie between 0 and 0.9", control_share)
    held = holdout.contains(households, year)
    is_control = uniform(households, holdout.salt, f"campaign {campaign}") < control_share
    arm = np.where(held, Arm.HOLDOUT, np.where(is_control, Arm.CONTROL, Arm.TREATMENT))
    within = np.where(is_control, control_share, 1 - control_share)
    propensity = np.where(held, holdout.share, (1 - holdout.share) * within)
    return Arms(arm.astype(np.int8), propensity)


def uniform(ids: Sequence[str], salt: str, purpose: str) -> Floats:
    """A number for each id, drawn once and for ever.

    Parameters
    ----------
    ids : sequence of str, n
        Ids.
    salt : str
        Secret of the home.
    purpose : str
        What it is drawn for; numbers of different purposes are independent.

    Returns
    -------
    (n,) float64
        From 0 to below 1, as if uniformly distributed: the first 53 bits of SHA-256 of salt, purpose
        and id.
    """
    # The purpose is hashed first and has a fixed length then, so that no id can imitate one.
    begun = hashlib.sha256(salt.encode() + hashlib.sha256(purpose.encode()).digest())
    numbers = np.empty(len(ids), dtype=np.uint64)
    for place, name in enumerate(ids):
        digest = begun.copy()
        digest.update(name.encode())
        numbers[place] = int.from_bytes(digest.digest()[: _BITS // 8], "big")
    # 53 bits are what a double holds: more could round up to 1.
    drawn: Floats = (numbers >> np.uint64(_BITS - 53)).astype(np.float64) * 2.0**-53
    return drawn
