"""How often an experiment is looked at, and how far its intervals must reach for that.

An interval made for one look covers too little when the experiment is evaluated again and again as
it grows, and somebody acts on the first that lies above zero. `care.sequential` has both remedies;
here they are chosen for an experiment, and reach every figure of its evaluation alike.
"""

from dataclasses import dataclass, replace
from functools import cache
from math import inf
from typing import Literal

from care.sequential import sequence_half_width, spending_bounds
from holdfast.errors import InputError

ANY, ONCE = "any", "once"

TOLERANCE = 0.05
"""Share of a planned look's customers by which it may come earlier or later."""

Unplanned = Literal["not_a_planned_look", "beyond_last_look"]
"""Why a look is none of the plan: it lies before or between those, or beyond the last."""


@dataclass(frozen=True, kw_only=True)
class Looks:
    """When an experiment is looked at.

    Parameters
    ----------
    planned : tuple of int
        Customers or households at each look of a plan that was made before the first, ascending;
        the last is the end.
    expected : int or None
        Without a plan, looks at any time: the customers at which intervals are narrowest, chosen
        before the first look. With neither, the experiment is looked at once.
    """

    planned: tuple[int, ...] = ()
    expected: int | None = None

    @classmethod
    def read(cls, text: str, expected: int) -> "Looks":
        """Looks as a person gives them: ``once``, ``any``, or the customers at each planned look.

        Parameters
        ----------
        text : str
            Such as ``2000,4000,8000``.
        expected : int
            Customers at which intervals are narrowest, for ``any``.

        Raises
        ------
        InputError
            It is none of these, or numbers do not ascend.

        Examples
        --------
        >>> Looks.read("2000,4000,8000", 10_000).planned
        (2000, 4000, 8000)
        """
        if text == ONCE:
            return cls()
        if text == ANY:
            return cls(expected=expected)
        parts = [part.strip() for part in text.split(",")]
        numbers = [int(part) for part in parts if part.isdecimal()]
        ascending = all(low < high for low, high in zip([0, *numbers], numbers, strict=False))
        if len(numbers) < len(parts) or not ascending:
            raise InputError(
                "--looks",
                f"must be {ONCE}, {ANY}, or numbers of customers that ascend, such as 2000,4000,8000",
                text,
            )
        return cls(planned=tuple(numbers))

    @property
    def told(self) -> str:
        """As a person gives them; `read` reads it back.

        >>> Looks(planned=(2000, 4000)).told
        '2000,4000'
        """
        if self.planned:
            return ",".join(map(str, self.planned))
        return ONCE if self.expected is None else ANY

    @property
    def once(self) -> bool:
        """Whether there is no other look than this one."""
        return not self.planned and self.expected is None

    def at(self, clusters: int) -> "Look":
        """The look at so many customers or households.

        One that is not in the plan spends nothing of the chance of a false claim, which planned looks
        spend as a whole. Its intervals reach as far as those of the last planned look before it, or of
        the first.
        """
        if not self.planned:
            return Look(clusters=clusters, looks=self)
        end = self.planned[-1]
        planned = self.planned_at(clusters)
        if planned is None:
            reached = [look for look in self.planned if look <= clusters] or self.planned[:1]
            shares = [look / end for look in reached]
        else:
            before = [look for look in self.planned if look < planned]
            shares = [*(look / end for look in before), min(clusters / end, 1.0)]
        return Look(clusters=clusters, looks=self, information=tuple(shares))

    def planned_at(self, clusters: int) -> int | None:
        """The planned look that this one is, by its customers; None where it is none of them.

        >>> looks = Looks(planned=(2000, 4000))
        >>> looks.planned_at(4100), looks.planned_at(3000), looks.planned_at(5000)
        (4000, None, None)
        """
        nearest = min(self.planned, key=lambda look: abs(look - clusters), default=0)
        return nearest if nearest and abs(nearest - clusters) <= TOLERANCE * nearest else None


@dataclass(frozen=True, kw_only=True)
class Look:
    """One look at an experiment.

    Parameters
    ----------
    clusters : int
        Customers or households of the experiment by then.
    looks : Looks
        The other looks.
    information : tuple of float
        Share of the planned customers at each planned look so far and, where it is planned, at this
        one.
    smallest_arm : float
        Effective number of clusters in the smaller of the arms that are compared.
    """

    clusters: int
    looks: Looks = Looks()
    information: tuple[float, ...] = ()
    smallest_arm: float = inf

    @property
    def unplanned(self) -> Unplanned | None:
        """Why it is none of the planned looks; None where it is, or where there is no plan."""
        planned = self.looks.planned
        if not planned or self.looks.planned_at(self.clusters) is not None:
            return None
        return "beyond_last_look" if self.clusters > planned[-1] else "not_a_planned_look"

    def comparing(self, smallest_arm: float) -> "Look":
        """The same look, at arms of which the smaller has so many clusters."""
        return replace(self, smallest_arm=smallest_arm)

    def critical(self, alpha: float, freedom: int) -> float:
        """Standard errors beyond which an estimate is clear of a value, at all looks together.

        Parameters
        ----------
        alpha : float
            Chance of a false claim, two-sided, between 0 and 1.
        freedom : int
            Degrees of freedom of the standard error. It has no more than the smaller arm gives, whose
            clusters alone tell how much that arm varies.
        """
        # Only here, because it takes half a second, and a wrong table is refused before.
        from scipy.stats import norm
        from scipy.stats import t as student

        least = max(min(float(freedom), self.smallest_arm - 1), 1.0)
        once = float(student.isf(alpha / 2, least))
        if self.looks.expected is not None:
            always = sequence_half_width(self.clusters, 1.0, self.looks.expected, alpha)
            return max(always, once)
        if self.information:
            # In the tail of the normal distribution, so that a small alpha does not round to none.
            tail = float(norm.sf(_bound(self.information, alpha)))
            return float(student.isf(tail, least))
        return once

    def later(self, clusters: int) -> "Look":
        """A look at more customers: the last of the plan where there is one."""
        planned = self.looks.planned
        size = max(clusters, planned[-1]) if planned else clusters
        return self.looks.at(size).comparing(self.smallest_arm * size / max(self.clusters, 1))


ONLY_ONCE = Looks()
ONLY_LOOK = Look(clusters=0)
"""The only one at its experiment."""


@cache
def _bound(information: tuple[float, ...], alpha: float) -> float:
    return float(spending_bounds(information, alpha)[-1])
