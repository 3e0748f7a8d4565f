"""The refit: what scores has learnt from all labelled rows, by the procedure that was evaluated on
fewer of them.

No figure of a test period is one of what was fitted again, because it has learnt from those rows.
Whether it is still the model that was evaluated is asked elsewhere: on margins that were not learnt
from the row, and on the newest snapshot, whose labels nobody knows. If it is not, what was evaluated
scores.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from holdfast.documents import inspect_document
from holdfast.sentences import Sentence, named, sentence, worded
from training.release.sentences import TEMPLATES
from training.release.verdict import Finding, of_horizon

REFIT = "refit.json"
"""Name of the document with `RefitFacts`. Versions whose boosters are those that were evaluated, as
those made before there were refits, have none.
"""

LEAST_RANK_CORRELATION = 0.8
"""Of the probabilities of both, over the same rows: below it they put other rows first."""

MOST_SHIFT = 1.25
"""By how much the mean probability of a slice may move, either way, beyond that of all rows."""

MOST_LOSS = 1.02
"""Log loss of the refit over that of what was evaluated, on margins that were not learnt from the
row, at most.
"""


Figure = TypeVar("Figure", int, float, str)


@dataclass(frozen=True, kw_only=True)
class PairFigures:
    """What was evaluated and what was fitted again, on the same rows.

    Parameters
    ----------
    rows : int
        How many.
    rank_correlation : float
        Spearman's, of their probabilities.
    level : float
        Mean probability of what was fitted again over that of what was evaluated.
    shifts : dict of str to float
        By slice, such as ``billing_type/prepaid``: the same ratio of its rows, over `level`; of
        slices in which enough customers have the outcome, or are expected to have it.
    """

    rows: int
    rank_correlation: float
    level: float
    shifts: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class HorizonRefit:
    """The comparison within one horizon. Where what was fitted again does not score, ``served`` is the
    same as ``evaluated``, and what was fitted again is called ``refitted``.

    Parameters
    ----------
    rows : dict of str to int
        Rows that were learnt from: ``evaluated``, ``served`` and perhaps ``refitted``.
    cross_fitted : PairFigures
        On the rows that both learnt from, by margins that were not learnt from the row.
    log_loss : dict of str to float
        On the same rows, by the same names.
    snapshot : PairFigures or None
        On the newest snapshot; None where there is none.
    until : dict of str to str
        Last cut-off that was learnt from, ISO 8601 in UTC, by the same names. Empty where it was not
        kept by horizon yet.
    trees : dict of str to int
        Trees of all boosters, by the same names: more rows fill more leaves, and what would have more of
        them than the gate allows is left out. Empty where they were not kept yet.
    """

    rows: dict[str, int]
    cross_fitted: PairFigures
    log_loss: dict[str, float]
    snapshot: PairFigures | None
    until: dict[str, str] = field(default_factory=dict)
    trees: dict[str, int] = field(default_factory=dict)

    def not_used(self) -> "HorizonRefit":
        """The same comparison where what was evaluated scores."""
        return replace(
            self,
            rows=_not_served(self.rows),
            log_loss=_not_served(self.log_loss),
            until=_not_served(self.until),
            trees=_not_served(self.trees),
        )


@dataclass(frozen=True, kw_only=True)
class RefitFacts:
    """How what was fitted again compares with what was evaluated.

    Parameters
    ----------
    until : dict of str to str
        Last cut-off that was learnt from within the longest horizon, ISO 8601 in UTC: ``evaluated``,
        ``served`` of what scores, and ``refitted`` of what was fitted again where that does not score.
    snapshot_at : str or None
        Time of the newest snapshot, ISO 8601 in UTC.
    horizons : dict of str to HorizonRefit
        By `training.evaluation.assessment.horizon_name`.
    used : bool
        Whether what was fitted again scores. Where it is unlike what was evaluated, that scores.
    """

    until: dict[str, str]
    snapshot_at: str | None
    horizons: dict[str, HorizonRefit]
    used: bool = True

    def not_used(self) -> "RefitFacts":
        """The same comparison where what was evaluated scores. One that an earlier release stored so,
        with no name for what was fitted again, gets that name.
        """
        horizons = {name: one.not_used() for name, one in self.horizons.items()}
        until = _not_served(self.until) if self.used else self.until
        *_, longest = [None, *horizons.values()]
        if longest is not None and longest.until:
            until = longest.until
        return replace(self, used=False, horizons=horizons, until=until)

    @property
    def told(self) -> tuple[Sentence, ...]:
        """Why it is not used; empty where it is."""
        findings = () if self.used else unlike(self, tuple(self.horizons))
        return tuple(finding.sentence for finding in findings)

    def in_words(self, words: Callable[[str], str]) -> str:
        """Which boosters score, as a sentence that goes on from those that were evaluated.

        Parameters
        ----------
        words : callable
            Words for a horizon, from its name.
        """
        if self.used:
            return (
                "those that score were fitted again, as these were, on all labelled rows until"
                f" {self.served_until(words)}."
            )
        why = "; ".join(worded(one, TEMPLATES) for one in self.told)
        return (
            "these score, too: fitted again on all labelled rows they were unlike those that were"
            f" evaluated ({why})."
        )

    def served_until(self, words: Callable[[str], str]) -> str:
        """Days of the last cut-offs that served boosters learnt from: one, or one per horizon where a
        shorter horizon has learnt from later ones.

        Parameters
        ----------
        words : callable
            Words for a horizon, from its name.

        Examples
        --------
        >>> figures = PairFigures(rows=2, rank_correlation=1.0, level=1.0, shifts={})
        >>> one = {"rows": {}, "cross_fitted": figures, "log_loss": {}, "snapshot": None}
        >>> horizons = {
        ...     days: HorizonRefit(**one, until={"served": day})
        ...     for days, day in (("30", "2026-06-29"), ("90", "2026-05-04"))
        ... }
        >>> until = {"evaluated": "2026-01-05", "served": "2026-05-04"}
        >>> refit = RefitFacts(until=until, snapshot_at=None, horizons=horizons)
        >>> refit.served_until(lambda horizon: f"within {horizon} days")
        '2026-06-29 (within 30 days), 2026-05-04 (within 90 days)'
        """
        last = self.until["served"]
        if not self.used:
            return last[:10]
        days = {name: one.until.get("served", last)[:10] for name, one in self.horizons.items()}
        if set(days.values()) <= {last[:10]}:
            return last[:10]
        return ", ".join(f"{day} ({words(name)})" for name, day in days.items())


def read_refit(documents: Mapping[str, Any]) -> RefitFacts | None:
    """The facts of a version; None where it has none, or none that can be read."""
    facts, _ = inspect_document(RefitFacts, documents.get(REFIT), REFIT)
    return facts.not_used() if facts is not None and not facts.used else facts


def _not_served(figures: dict[str, Figure]) -> dict[str, Figure]:
    """Figures of what was evaluated and of what was fitted again, where the former scores."""
    if "refitted" in figures or not figures.keys() >= {"evaluated", "served"}:
        return figures
    evaluated = figures["evaluated"]
    return {"evaluated": evaluated, "served": evaluated, "refitted": figures["served"]}


def _again(figures: Mapping[str, Figure]) -> Figure:
    """The figure of what was fitted again, whether it scores or not."""
    return figures["refitted"] if "refitted" in figures else figures["served"]


def refit_findings(documents: Mapping[str, Any], horizons: tuple[str, ...]) -> Iterator[Finding]:
    """Why what scores is not what was evaluated; nothing where it is, or where nothing was fitted again.

    Parameters
    ----------
    documents : mapping of str to JSON
        The version's.
    horizons : tuple of str
        Those that must have been compared.
    """
    if REFIT not in documents:
        return
    facts = read_refit(documents)
    if facts is None or facts.used:
        yield from unlike(facts, horizons)


def unlike(facts: RefitFacts | None, horizons: tuple[str, ...]) -> Iterator[Finding]:
    """Why what was fitted again is not the model that was evaluated, whichever of them scores.

    Parameters
    ----------
    facts : RefitFacts or None
        The comparison; None where it cannot be read.
    horizons : tuple of str
        Those that must have been compared.
    """
    for horizon in horizons:
        one = facts.horizons.get(horizon) if facts else None
        if one is None or not one.log_loss.keys() >= {"evaluated", "served"}:
            yield Finding("refit", horizon, of_horizon(horizon, sentence("refit_not_compared")))
            continue
        before = one.log_loss["evaluated"]
        after = _again(one.log_loss)
        if not after <= MOST_LOSS * before:
            words = sentence("refit_predicts_worse", before=before, after=after, most=MOST_LOSS)
            yield Finding("refit", horizon, of_horizon(horizon, words))
        if one.trees and (fewer := _again(one.trees)) < one.trees["evaluated"]:
            words = sentence("refit_has_fewer_trees", before=one.trees["evaluated"], after=fewer)
            yield Finding("refit", horizon, of_horizon(horizon, words))
        for figures in filter(None, (one.cross_fitted, one.snapshot)):
            yield from _unlike(horizon, figures)


def _unlike(horizon: str, figures: PairFigures) -> Iterator[Finding]:
    if not figures.rank_correlation >= LEAST_RANK_CORRELATION:
        words = sentence(
            "refit_ranks_otherwise",
            correlation=figures.rank_correlation,
            least=LEAST_RANK_CORRELATION,
        )
        yield Finding("refit", horizon, of_horizon(horizon, words))
    for name, shift in figures.shifts.items():
        if not 1 / MOST_SHIFT <= shift <= MOST_SHIFT:
            column, _, value = name.partition("/")
            words = sentence(
                "refit_moves_slice",
                column=named(column),
                value=named(value),
                shift=shift,
                most=MOST_SHIFT,
            )
            yield Finding("refit", f"{horizon}/{name}", of_horizon(horizon, words))
