"""How often an experiment is looked at, and how far its intervals must reach for that.

An interval made for one look covers too little when the experiment is evaluated again and again as
it grows, and somebody acts on the first that lies above zero. `care.sequential` has both remedies;
here they are chosen for an experiment, and reach every figure of its evaluation alike.
"""

from dataclasses import dataclass
from functools import cache

from care.sequential import sequence_half_width, spending_bounds
from holdfast.errors import InputError

ANY, ONCE = "any", "once"


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
    def once(self) -> bool:
        """Whether there is no other look than this one."""
        return not self.planned and self.expected is None

    def at(self, clusters: int) -> "Look":
        """The look at so many customers or households."""
        if not self.planned:
            return Look(clusters=clusters, looks=self)
        end = self.planned[-1]
        before = tuple(look / end for look in self.planned if look < min(clusters, end))
        return Look(clusters=clusters, looks=self, information=(*before, min(clusters / end, 1.0)))


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
        Share of the planned customers at each planned look so far and at this one.
    """

    clusters: int
    looks: Looks = Looks()
    information: tuple[float, ...] = ()

    def critical(self, alpha: float, freedom: int) -> float:
        """Standard errors beyond which an estimate is clear of a value, at all looks together.

        Parameters
        ----------
        alpha : float
            Chance of a false claim, two-sided, between 0 and 1.
        freedom : int
            Degrees of freedom of the standard error.
        """
        # Only here, because it takes half a second, and a wrong table is refused before.
        from scipy.stats import norm
        from scipy.stats import t as student

        if self.looks.expected is not None:
            return sequence_half_width(self.clusters, 1.0, self.looks.expected, alpha)
        if self.information:
            # In the tail of the normal distribution, so that a small alpha does not round to none.
            tail = float(norm.sf(_bound(self.information, alpha)))
            return float(student.isf(tail, freedom))
        return float(student.isf(alpha / 2, freedom))

    def later(self, clusters: int) -> "Look":
        """A look at more customers: the last of the plan where there is one."""
        planned = self.looks.planned
        return self.looks.at(max(clusters, planned[-1]) if planned else clusters)


ONLY_ONCE = Looks()
ONLY_LOOK = Look(clusters=0)
"""The only one at its experiment."""


@cache
def _bound(information: tuple[float, ...], alpha: float) -> float:
    return float(spending_bounds(information, alpha)[-1])
