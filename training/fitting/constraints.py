"""Monotone constraints: which way a booster's margin may not go when a feature rises."""

from collections.abc import Sequence

from holdfast.errors import InputError
from models.reasons.meaning import FeatureMeaning
from training.fitting.parameters import Parameters

_CONSTRAINT = {"increasing": 1, "decreasing": -1, "none": 0}


def constraints_of(meanings: Sequence[FeatureMeaning]) -> tuple[int, ...]:
    """Monotone constraints, one per feature: 1 where the margin may only rise with it, -1 where it
    may only fall, else 0.
    """
    return tuple(_CONSTRAINT[meaning.direction] for meaning in meanings)


def constrained(parameters: Parameters, constraints: Sequence[int] | None) -> dict[str, object]:
    """Parameters with monotone constraints, in a form that LightGBM keeps.

    LightGBM's method ``advanced`` breaks them where values are missing, and path smoothing breaks
    them with any method; so the method is ``intermediate``, without smoothing.

    Parameters
    ----------
    parameters : mapping
        LightGBM parameters.
    constraints : sequence of int or None
        One per feature: 1 where the margin may only rise with it, -1 where it may only fall, 0
        where it is free, as categories must be. None, or all free, leaves the parameters as they
        are.

    Raises
    ------
    InputError
        A constraint is something else.
    """
    if constraints is None or not any(constraints):
        return dict(parameters)
    wrong = next((constraint for constraint in constraints if constraint not in (-1, 0, 1)), None)
    if wrong is not None:
        raise InputError("constraints", "must each be -1, 0 or 1", wrong)
    return {
        **parameters,
        "monotone_constraints": list(constraints),
        "monotone_constraints_method": "intermediate",
        "path_smooth": 0.0,
    }
