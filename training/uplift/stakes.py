"""What is at stake: the effect from which an action is worth its cost."""

from dataclasses import dataclass

from holdfast.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Stakes:
    """What an effect must reach to matter.

    Parameters
    ----------
    break_even : float or None
        Effect from which the action is worth its cost; above 0. None where nobody said.
    detect : float or None
        Effect that an experiment should be able to find; above 0. None for `break_even`.
    cost, value : float or None
        Cost of treating one customer, and value of one more good outcome (or of one unit of an
        outcome of numbers), both above 0: their ratio is the break-even effect.

    `break_even` and `detect` are in percentage points for an outcome of two values, else in the
    outcome's unit.
    """

    break_even: float | None = None
    detect: float | None = None
    cost: float | None = None
    value: float | None = None

    def checked(self) -> "Stakes":
        """Return the stakes themselves, if they can be.

        Raises
        ------
        InputError
            One is not above 0, cost and value do not come together, or break-even is given twice.
        """
        named = {
            "--break-even": self.break_even,
            "--detect": self.detect,
            "--cost": self.cost,
            "--value": self.value,
        }
        for option, number in named.items():
            if number is not None and not 0 < number < float("inf"):
                raise InputError(option, "must be a number above 0", number)
        if (self.cost is None) != (self.value is None):
            missing, given = ("--cost", self.value) if self.cost is None else ("--value", self.cost)
            raise InputError(
                missing, "must be given too: cost / value is the break-even effect", given
            )
        if self.cost is not None and self.break_even is not None:
            raise InputError("--break-even", "must not be given with --cost", self.break_even)
        return self

    def least(self, binary: bool) -> float | None:
        """The break-even effect, as a share for an outcome of two values."""
        if self.cost is not None and self.value is not None:
            return self.cost / self.value
        return _as_effect(self.break_even, binary)

    def sought(self, binary: bool) -> float | None:
        """The effect that experiments should find, as a share for an outcome of two values."""
        return self.least(binary) if self.detect is None else _as_effect(self.detect, binary)


def _as_effect(number: float | None, binary: bool) -> float | None:
    return None if number is None else number / 100 if binary else number


NO_STAKES = Stakes()
