"""Verdicts: what an experiment allows to be claimed of each of its actions, and no more.

A verdict word is only given where arms were drawn at random: somebody says so, and the arms agree
with it, each arm has enough customers or households, the look is one of the plan where there is a
plan, and no earlier look was made with another. *Works* and *harms* hold jointly over all actions
(Holm 1979), as do *too small to matter* and *targetable*, so that none of them is wrong more often
than once in twenty runs, however many actions there are.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from training.evaluation.assessment import CONFIDENCE
from training.uplift.earlier import NONE_EARLIER, EarlierLooks, look_at
from training.uplift.estimate import EvaluatedExperiment
from training.uplift.experiment import FEWEST_IN_AN_ARM_FOR_A_VERDICT
from training.uplift.inference import PointEstimate
from training.uplift.looks import Look
from training.uplift.result import ActionUplift, Evidence, Finding, TakenLook, Verdict, WhyNot
from training.uplift.stakes import Stakes

ALPHA = 1 - CONFIDENCE
POWER = 0.8
"""Chance with which an experiment of the size told finds the effect that it is to find."""


def evidence_of(claimed: bool, balanced: bool) -> Evidence:
    """What kind of evidence an experiment is.

    Parameters
    ----------
    claimed : bool
        Whether somebody says that its arms were drawn at random.
    balanced : bool
        Whether the arms are as alike as a draw makes them, in all that is known of them.
    """
    return "randomised" if claimed and balanced else "observational"


def with_verdicts(
    evaluated: Sequence[tuple[EvaluatedExperiment, Evidence]],
    stakes: Stakes,
    earlier: EarlierLooks = NONE_EARLIER,
) -> list[EvaluatedExperiment]:
    """Give each action its verdicts, jointly with all other randomised actions.

    Parameters
    ----------
    evaluated : sequence of (EvaluatedExperiment, {"randomised", "observational"})
        Experiments that are evaluated together.
    stakes : Stakes
        What an effect must reach to matter.
    earlier : EarlierLooks
        Looks that were taken before.

    Returns
    -------
    list of EvaluatedExperiment
        The same with verdicts; where the evidence is observational without any, and without groups,
        policies, curve and figures of the ranking, which would be read as effects.
    """
    actions = [
        _Action(result, place, stakes, earlier)
        for result, evidence in evaluated
        for place in range(len(result.actions))
        if evidence == "randomised"
    ]
    shown = stepwise_jointly([action.clear_of_zero for action in actions])
    small = stepwise_jointly([action.clear_of_break_even for action in actions])
    ranked = stepwise_jointly([action.ranking_clear_of_random for action in actions])
    findings: Mapping[tuple[int, int], Finding] = {
        action.key: action.finding(effect, too_small, ranking, len(actions))
        for action, effect, too_small, ranking in zip(actions, shown, small, ranked, strict=True)
    }
    return [
        replace(
            result,
            actions=tuple(
                _with_finding(action, findings[id(result), place])
                if evidence == "randomised"
                else _only_differences(action)
                for place, action in enumerate(result.actions)
            ),
        )
        for result, evidence in evaluated
    ]


def _with_finding(action: ActionUplift, finding: Finding) -> ActionUplift:
    """An action with what may be claimed of it; where that is nothing, no group is harmed either."""
    groups = action.groups
    if finding.why_not is not None:
        groups = tuple(replace(group, harmed=False) for group in groups)
    return replace(action, finding=finding, groups=groups)


def _only_differences(action: ActionUplift) -> ActionUplift:
    """An observational comparison: without what would be read as effects on groups or policies, or
    as a ranking by effect.
    """
    return replace(
        action,
        finding=Finding(),
        qini=None,
        autoc=None,
        slope=None,
        policies=(),
        groups=(),
        curve=(),
    )


def stepwise_jointly(claims: Sequence[Callable[[float], bool]], alpha: float = ALPHA) -> list[bool]:
    """Which of several claims hold jointly, by Holm's procedure (1979).

    Parameters
    ----------
    claims : sequence of callable
        Whether a claim holds with a chance of being wrong of at most its argument, two-sided.
    alpha : float
        Chance that any claim is wrong.

    Examples
    --------
    >>> p_values = [0.001, 0.04, 0.02]
    >>> stepwise_jointly([lambda level, p=p: p <= level for p in p_values], 0.05)
    [True, True, True]
    >>> p_values = [0.03, 0.04, 0.06]
    >>> stepwise_jointly([lambda level, p=p: p <= level for p in p_values], 0.05)
    [False, False, False]
    """
    holds = [False] * len(claims)
    while not all(holds):
        level = alpha / holds.count(False)
        more = [place for place, claim in enumerate(claims) if not holds[place] and claim(level)]
        if not more:
            break
        for place in more:
            holds[place] = True
    return holds


def customers_needed(estimate: PointEstimate, effect: float, look: Look, alpha: float) -> int:
    """Customers or households with which an experiment of this kind finds an effect.

    Parameters
    ----------
    estimate : PointEstimate
        Its standard error tells how much outcomes vary; its value is not used, as a size that
        follows what was observed would find what chance has shown.
    effect : float
        The effect to be found, above 0, in four of five cases.
    look : Look
        The look at which the estimate was made.
    alpha : float
        Chance of a false claim.
    """
    from scipy.stats import norm

    beyond = float(norm.ppf(POWER))
    needed = float(look.clusters)
    for _ in range(30):  # the bound of looks at any time depends on the size, a little
        critical = look.later(int(needed)).critical(alpha, max(int(needed), 2) - 1)
        needed = look.clusters * (estimate.standard_error * (critical + beyond) / effect) ** 2
        needed = max(needed, 2.0)
    return int(needed) + 1


class _Action:
    """One action of an experiment, with what it may claim."""

    def __init__(
        self, result: EvaluatedExperiment, place: int, stakes: Stakes, earlier: EarlierLooks
    ) -> None:
        self.key = (id(result), place)
        self._uplift: ActionUplift = result.actions[place]
        self._look = result.look.comparing(self._uplift.smaller_arm.effective_clusters)
        self._barring = earlier.barring(look_at(result.experiment, place, result.look))
        self._why_not = _why_not(self._look, self._barring)
        binary = result.experiment.binary
        self._break_even, self._sought = stakes.least(binary), stakes.sought(binary)

    def clear_of_zero(self, alpha: float) -> bool:
        estimate = self._uplift.estimate
        return self._why_not is None and abs(estimate.value) > self._reach(estimate, alpha)

    def clear_of_break_even(self, alpha: float) -> bool:
        estimate = self._uplift.estimate
        return (
            self._why_not is None
            and self._break_even is not None
            and estimate.value + self._reach(estimate, alpha) < self._break_even
        )

    def ranking_clear_of_random(self, alpha: float) -> bool:
        ranking = self._uplift.ranking
        return (
            self._why_not is None
            and self._uplift.ranked
            and ranking.value > self._reach(ranking, alpha)
        )

    def finding(self, clear: bool, too_small: bool, ranking: bool, actions: int) -> Finding:
        verdict: Verdict = "not_enough_data"
        if clear and self._uplift.estimate.value < 0:
            verdict = "harms"
        elif too_small:
            verdict = "too_small_to_matter"
        elif clear:
            verdict = "works"
        more = None
        if verdict == "not_enough_data" and self._sought is not None and self._why_not is None:
            needed = customers_needed(
                self._uplift.estimate, self._sought, self._look, ALPHA / actions
            )
            more = max(needed - self._look.clusters, 0)
        return Finding(
            evidence="randomised",
            verdict=verdict,
            targetable=ranking if self._uplift.ranked else None,
            actions=actions,
            break_even=self._break_even,
            sought=self._sought,
            more_needed=more,
            why_not=self._why_not,
            earlier_look=self._barring if self._why_not == "looked_before" else None,
        )

    def _reach(self, estimate: PointEstimate, alpha: float) -> float:
        if estimate.standard_error == 0:
            return 0.0
        return estimate.standard_error * self._look.critical(alpha, estimate.clusters - 1)


def _why_not(look: Look, barring: TakenLook | None) -> WhyNot | None:
    """Why nothing may be claimed at a look, whatever the estimates are."""
    if look.smallest_arm < FEWEST_IN_AN_ARM_FOR_A_VERDICT:
        return "too_few_clusters"
    return "looked_before" if barring is not None else look.unplanned
