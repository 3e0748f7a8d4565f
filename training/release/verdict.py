"""Verdict: whether a version may become champion, and every reason why not."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Finding:
    """One reason to refuse a version.

    Parameters
    ----------
    rule : str
        Which rule is not met: complete, positives, better_than_constant, champion, slope,
        observed_over_expected, level, top_deciles, slices, explanation_cost, additivity, leaks; or, from
        `training.release.readiness`, loads, scores, online or columns.
    where : str
        Horizon, stratum, slice, column or place in a document; empty where the whole version is
        meant.
    message : str
        The figure and the rule, in words.
    """

    rule: str
    where: str
    message: str


@dataclass(frozen=True)
class Verdict:
    """What the gate decided.

    Parameters
    ----------
    passed : bool
        The version may become champion.
    reasons : tuple of Finding
        Everything that speaks against it; empty where it passed.
    explained : dict of str to str
        Leak flags that a person explained, with their reasons.
    """

    passed: bool
    reasons: tuple[Finding, ...]
    explained: dict[str, str] = field(default_factory=dict)

    def with_reasons(self, reasons: tuple[Finding, ...]) -> "Verdict":
        """The verdict with further reasons, if any."""
        return Verdict(self.passed and not reasons, (*reasons, *self.reasons), self.explained)

    def beyond(self, rules: frozenset[str]) -> tuple[Finding, ...]:
        """The reasons that come from other rules than these."""
        return tuple(reason for reason in self.reasons if reason.rule not in rules)

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def of_horizon(horizon: str) -> str:
    """How a message about one horizon begins; empty where the model has none."""
    return f"{horizon} days: " if horizon else ""


def missing(place: str) -> Finding:
    """The finding that a place in a document is missing."""
    return Finding("complete", place, f"{place} is missing")
