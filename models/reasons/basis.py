"""What reasons are told against: a line's own kind, and what is a fact about it.

Contributions compare a row with the average row of training. Told as they are, they give every
prepaid line the reason that it has no minimum term, which is true of all prepaid lines and tells an
agent nothing. So what a person is told leaves out

- what is typical of the row's own stratum: its mean contribution is taken off each feature;
- features that cannot apply to its kind of line;
- missing values, unless a missing value is a fact by contract: what is unknown is no reason.

What is left out goes into the base, so that base and contributions still add up to the raw margin.
"""

from dataclasses import dataclass, field

REASON_BASIS = "reasons.json"
"""Name of the document with the `ReasonBasis` of a version."""


@dataclass(frozen=True, kw_only=True)
class ReasonBasis:
    """What the reasons of a version are told against.

    Parameters
    ----------
    strata : dict of str to tuple of str
        Names of the strata that a feature applies to, by feature; features that apply to all are
        not listed.
    null_facts : tuple of str
        Features whose missing value is a fact, such as that there was no recharge.
    typical : dict of str to dict of str to tuple of float
        By horizon (`horizon_key`) and stratum: mean contribution of each of the k features, in the
        model's order. Empty where nothing is typical of a stratum, as in a model without strata.
    """

    strata: dict[str, tuple[str, ...]] = field(default_factory=dict)
    null_facts: tuple[str, ...] = ()
    typical: dict[str, dict[str, tuple[float, ...]]] = field(default_factory=dict)


PLAIN = ReasonBasis()
"""Basis of a model of a team's own table: every feature applies to every row, and a missing value is
unknown.
"""


def horizon_key(horizon_days: int | None) -> str:
    """Key of a horizon in `ReasonBasis.typical`."""
    return "" if horizon_days is None else str(horizon_days)
