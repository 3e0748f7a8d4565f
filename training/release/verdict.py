"""Verdict: whether a version may become champion, and every reason why not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from holdfast.sentences import Sentence, as_written, named, read_sentence, sentence, worded
from training.release.sentences import TEMPLATES


@dataclass(frozen=True)
class Finding:
    """One reason to refuse a version.

    Parameters
    ----------
    rule : str
        Which rule is not met: complete, nothing_found, positives, months, better_than_constant, champion, slope,
        observed_over_expected, level, top_deciles, slices, refit, explanation_cost, additivity, leaks; or, from
        `training.release.readiness`, loads, scores, online or columns.
    where : str
        Horizon, stratum, slice, column or place in a document; empty where the whole version is
        meant.
    sentence : Sentence
        The figure and the rule.
    """

    rule: str
    where: str
    sentence: Sentence

    @property
    def message(self) -> str:
        """The sentence in English."""
        return worded(self.sentence, TEMPLATES)

    def to_json(self) -> dict[str, Any]:
        """As it is stored; `message_of` words it."""
        return {"rule": self.rule, "where": self.where, "sentence": self.sentence.to_json()}


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
        """As JSON, as it is stored: sentences as data."""
        return {
            "passed": self.passed,
            "reasons": [reason.to_json() for reason in self.reasons],
            "explained": dict(self.explained),
        }

    def to_worded_json(self) -> dict[str, Any]:
        """As JSON, with each reason's ``message`` in English beside its sentence."""
        return with_messages(self.to_json())


def with_messages(verdict: Mapping[str, Any]) -> dict[str, Any]:
    """A stored verdict, with each reason's ``message`` in English; those of earlier releases have
    nothing else.
    """
    reasons = [{**reason, "message": message_of(reason)} for reason in verdict["reasons"]]
    return {**verdict, "reasons": reasons}


def message_of(reason: Mapping[str, Any]) -> str:
    """The English of a stored reason."""
    return worded(sentence_of(reason), TEMPLATES)


def sentence_of(reason: Mapping[str, Any]) -> Sentence:
    """The sentence of a stored reason; that of an earlier release is only known as text."""
    stored = reason.get("sentence")
    return as_written(str(reason.get("message", ""))) if stored is None else read_sentence(stored)


def of_horizon(horizon: str, what: Sentence) -> Sentence:
    """A sentence about one horizon; as it is where the model has none."""
    return sentence("of_horizon", days=horizon, what=what) if horizon else what


def of_stratum(stratum: str, what: Sentence) -> Sentence:
    """A sentence about one stratum."""
    return sentence("of_stratum", stratum=named(stratum), what=what)


def missing(place: str) -> Finding:
    """The finding that a place in a document is missing."""
    return Finding("complete", place, sentence("missing", place=place))
