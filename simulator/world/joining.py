"""When customers join, by the law of an operator in equilibrium.

Customers of each sort join at an even rate, forever, and last as long as their lines do. Those who
are there at the start of the burn-in are then all who joined in the past and are still there: their
age has a density proportional to the chance of lasting that long, and who lasts longer is found
among them more often. As many join as are lost, and leavers are replaced by their like, so that risk
does not fall because the likeliest to leave leave first.
"""

from dataclasses import dataclass

import numpy as np

from simulator.world.calendar import FIRST_WEEK, LAST_WEEK
from simulator.world.draws import Array, Draws
from simulator.world.lifetimes import AGES, Lifetimes
from simulator.world.parameters import PopulationParameters


@dataclass(frozen=True)
class Joining:
    """When customers join, and their lines start.

    Parameters
    ----------
    join : array of float
        Week in which each customer joins; before the burn-in for those who are there already.
    start : array of float
        Week in which each line starts.
    lasts : array of bool
        Whether each line is yet to start, or has lasted until the burn-in. Each customer has one
        that is or has.
    """

    join: Array
    start: Array
    lasts: Array


def draw_joining(
    draws: Draws, owner: Array, delay: Array, lifetimes: Lifetimes, magnitudes: PopulationParameters
) -> Joining:
    """Draw when customers join.

    Parameters
    ----------
    draws : Draws
        The block's.
    owner : array of int
        Customer of each line, ascending.
    delay : array of float
        How many weeks after the customer each line starts; 0 for the customer's first.
    lifetimes : Lifetimes
        Of the lines.
    magnitudes : PopulationParameters
        Longest tenure and growth.
    """
    random = draws.generator("joining")
    count = int(owner[-1]) + 1
    window = LAST_WEEK - FIRST_WEEK
    at_once = np.flatnonzero(delay == 0)
    starts = np.searchsorted(owner[at_once], np.arange(count))
    gone = np.log1p(-np.minimum(lifetimes.of(at_once).survival(), 1 - 1e-12))
    here = -np.expm1(np.add.reduceat(gone, starts, axis=0))
    age, lifetime = _stationary_age(here, random.random(count))
    was_there = random.random(count) * (lifetime + magnitudes.growth * window) < lifetime
    join = np.where(was_there, FIRST_WEEK - age, FIRST_WEEK + window * random.random(count))

    start = join[owner] + delay
    lasted = lifetimes.survival_at(np.maximum(FIRST_WEEK - start, 0))
    lasts = random.random(len(owner)) < lasted
    lasts[at_once] = _last_one_at_least(
        lasts[at_once], lasted[at_once], owner[at_once], starts, random.random(count)
    )
    lasts |= start >= FIRST_WEEK
    # Nobody is older than the operator: its first customers joined in its first years.
    most = magnitudes.tenure_weeks_most
    founded = FIRST_WEEK - most * (1 - magnitudes.founding_share * random.random(count))
    capped = np.where(join < FIRST_WEEK - most, founded, join)
    start = np.where(delay == 0, capped[owner], np.maximum(start, capped[owner]))
    return Joining(capped, start, lasts)


def _stationary_age(survival: Array, uniform: Array) -> tuple[Array, Array]:
    """Age with a density proportional to survival, and the mean lifetime, in weeks, of each row."""
    steps = (survival[:, 1:] + survival[:, :-1]) / 2 * np.diff(AGES)
    lived = np.cumsum(steps, axis=1)
    lifetime = lived[:, -1]
    wanted = uniform * lifetime
    place = np.minimum((lived < wanted[:, None]).sum(axis=1), len(AGES) - 2)
    row = np.arange(len(survival))
    rest = (wanted - lived[row, place]) / np.maximum(steps[row, place], 1e-12) + 1
    age: Array = AGES[place] + np.clip(rest, 0, 1) * np.diff(AGES)[place]
    return age, lifetime


def _last_one_at_least(
    lasts: Array, chance: Array, owner: Array, starts: Array, uniform: Array
) -> Array:
    """Whether each line lasts, given that at least one of its customer's does.

    The first that lasts is drawn; those before it do not, those after it as `lasts` says.
    """
    none = np.cumsum(np.log1p(-np.minimum(chance, 1 - 1e-12)))
    before = none[starts] - np.log1p(-np.minimum(chance[starts], 1 - 1e-12))
    some = -np.expm1(none - before[owner])
    ends = np.concatenate([starts[1:], [len(owner)]]) - 1
    reached = some >= uniform[owner] * some[ends][owner]
    reached[ends] = True
    first = reached & np.concatenate([[True], ~reached[:-1] | (owner[1:] != owner[:-1])])
    return first | (reached & lasts)
