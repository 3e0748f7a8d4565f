"""An experiment evaluated from beginning to end: checked, estimated, and told with its verdicts."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from training.settings import LeakWatchSettings
from training.uplift.experiment import Experiment
from training.uplift.looks import ONLY_ONCE, Looks
from training.uplift.result import ActionUplift, Evidence, TakenLook
from training.uplift.settings import UpliftSettings
from training.uplift.stakes import NO_STAKES, Stakes

if TYPE_CHECKING:
    from models.uplift import UpliftModel
    from training.uplift.balance import Imbalance, OutcomeLike
    from training.uplift.earlier import EarlierLooks
    from training.uplift.estimate import EvaluatedExperiment


_LOOKS_TOLD = 6
"""Earlier looks that are told of an experiment; all are in the result."""


@dataclass(frozen=True, kw_only=True)
class UpliftConfig:
    """How experiments are evaluated.

    Parameters
    ----------
    settings : UpliftSettings
        Figures.
    leaks : LeakWatchSettings
        From when a feature is suspected to be the outcome in other words.
    stakes : Stakes
        What an effect must reach to matter.
    looks : Looks
        How often each experiment is looked at.
    """

    settings: UpliftSettings
    leaks: LeakWatchSettings
    stakes: Stakes = NO_STAKES
    looks: Looks = ONLY_ONCE


@dataclass(frozen=True, kw_only=True)
class ExperimentEvaluation:
    """An experiment with its estimates, balance checks and models.

    Parameters
    ----------
    result : EvaluatedExperiment
        Verdicts and models.
    imbalances : tuple of Imbalance
        Features in which arms differ by more than chance.
    outcome_like : tuple of OutcomeLike
        Features that nearly are the outcome.
    notes : tuple of str
        How the experiment was read, to be shown.
    models : tuple of UpliftModel
        One per action; none where the evidence is observational, or nothing ranks customers.
    columns : list of dict
        How the columns of a team's own table were read.
    earlier : tuple of TakenLook
        Looks at its actions before this one, in the order in which they were taken.
    """

    result: "EvaluatedExperiment"
    imbalances: "tuple[Imbalance, ...]"
    outcome_like: "tuple[OutcomeLike, ...]"
    notes: tuple[str, ...]
    models: "tuple[UpliftModel, ...]"
    columns: list[dict[str, Any]] = field(default_factory=list)
    earlier: tuple[TakenLook, ...] = ()

    @property
    def experiment(self) -> Experiment:
        """The experiment."""
        return self.result.experiment

    @property
    def actions(self) -> tuple[ActionUplift, ...]:
        """The estimates for each action."""
        return self.result.actions

    @property
    def evidence(self) -> Evidence:
        """Whether arms were drawn at random, as somebody says and the arms do not contradict."""
        return self.actions[0].finding.evidence

    @property
    def adjusted_by(self) -> tuple[str, ...]:
        """Columns that the estimates are adjusted for and customers ranked by; may be none."""
        return self.experiment.labels if self.experiment.is_ranked else ()

    @property
    def clusters(self) -> int:
        """Number of independent clusters: households, customers or rows."""
        return len(np.unique(self.experiment.cluster))

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        from models.uplift import Uplift

        experiment = self.experiment
        return {
            "experiment": experiment.name,
            "outcome": experiment.outcome_name,
            "evidence": self.evidence,
            "drawn_at_random": experiment.drawn_at_random,
            "label_of_predictions": Uplift.label,
            "rows": len(experiment.outcome),
            "clusters": self.clusters,
            "looks": self.result.look.looks.told,
            "earlier_looks": [asdict(look) for look in self.earlier],
            "control": experiment.arms[0],
            "propensity": experiment.source,
            "left_out": experiment.left_out,
            "marks": experiment.marked(),
            "imbalances": [vars(imbalance) for imbalance in self.imbalances],
            "outcome_like": [vars(column) for column in self.outcome_like],
            "notes": list(self.notes),
            "adjusted_by": list(self.adjusted_by),
            "actions": [action.to_json() for action in self.actions],
            **({"columns": self.columns} if self.columns else {}),
        }


@dataclass(frozen=True, kw_only=True)
class EstimatedExperiment:
    """An experiment's estimates, before anything is claimed of its actions.

    Parameters
    ----------
    result : EvaluatedExperiment
        The estimates.
    imbalances : tuple of Imbalance
        Features in which arms differ by more than chance, and arms that differ in missing outcomes.
    outcome_like : tuple of OutcomeLike
        Features that nearly are the outcome.
    evidence : {"randomised", "observational"}
        What kind of evidence it is.
    notes : tuple of str
        Features that are not used, and why.
    """

    result: "EvaluatedExperiment"
    imbalances: "tuple[Imbalance, ...]"
    outcome_like: "tuple[OutcomeLike, ...]"
    evidence: Evidence
    notes: tuple[str, ...]


def estimate_experiment(
    experiment: Experiment,
    config: UpliftConfig,
    missing_outcomes: "tuple[Imbalance, ...]" = (),
) -> EstimatedExperiment:
    """Evaluate an experiment by the features that were known before its arms were drawn.

    What differs between arms drawn at random, or nearly is the outcome, was perhaps written after
    the draw: an estimate that is adjusted for it loses what the action did.

    Parameters
    ----------
    experiment : Experiment
        The experiment.
    config : UpliftConfig
        How to evaluate it.
    missing_outcomes : tuple of Imbalance
        Arms whose outcomes are missing more, or less, often than those of control.

    Raises
    ------
    InputError
        The experiment is too small, or has no control, no valid propensities or no variation.
    """
    # Imported here, so that a wrong option or table is refused before that takes its seconds.
    from training.uplift.balance import imbalances, outcome_like
    from training.uplift.estimate import evaluate_experiment
    from training.uplift.verdicts import evidence_of

    experiment = experiment.checked()
    differing = (*imbalances(experiment), *missing_outcomes)
    alike = outcome_like(experiment, config.leaks, config.settings.seed)
    after = {imbalance.feature for imbalance in differing if imbalance.feature is not None}
    notes = [f"{name!r} differs between the arms and is not used" for name in sorted(after)]
    resembling = {column.feature for column in alike} - after
    notes += [f"{name!r} resembles the outcome and is not used" for name in sorted(resembling)]
    used = experiment.without(after | resembling)
    result = evaluate_experiment(used.with_a_feature(), config.settings, config.looks)
    moved = [action for action in result.actions if action.adjusted_by_more_than_chance]
    if moved and used.is_ranked:
        notes += map(_moved, moved)
        plain = used.without(used.labels).with_a_feature()
        result = evaluate_experiment(plain, config.settings, config.looks)
    return EstimatedExperiment(
        result=result,
        imbalances=differing,
        outcome_like=alike,
        evidence=evidence_of(experiment.drawn_at_random is not None, not differing and not moved),
        notes=tuple(notes),
    )


def evaluate_together(
    estimated: Sequence[EstimatedExperiment],
    stakes: Stakes,
    service: str | None,
    earlier: "EarlierLooks",
) -> list[ExperimentEvaluation]:
    """Give verdicts on all actions together, and make a model of each that was drawn at random.

    Parameters
    ----------
    estimated : sequence of EstimatedExperiment
        Results of `estimate_experiment`.
    stakes : Stakes
        What an effect must reach to matter.
    service : str or None
        Feature service that the features come from; None for a team's own table.
    earlier : EarlierLooks
        Looks that were taken before.
    """
    from training.uplift.verdicts import with_verdicts

    results = with_verdicts([(one.result, one.evidence) for one in estimated], stakes, earlier)
    before = [_before(result, earlier) for result in results]
    return [
        ExperimentEvaluation(
            result=result,
            imbalances=one.imbalances,
            outcome_like=one.outcome_like,
            notes=(*one.notes, *_looks_notes(result, taken)),
            models=tuple(
                result.model(place, name, service)
                for place, name in enumerate(model_names(result.experiment.arms[1:]))
            )
            if one.evidence == "randomised" and result.experiment.is_ranked
            else (),
            earlier=taken,
        )
        for one, result, taken in zip(estimated, results, before, strict=True)
    ]


def _before(result: "EvaluatedExperiment", earlier: "EarlierLooks") -> tuple[TakenLook, ...]:
    """Looks at the actions of an experiment before this one."""
    from training.uplift.earlier import look_at

    return tuple(
        look
        for place in range(len(result.actions))
        for look in earlier.before(look_at(result.experiment, place, result.look))
    )


def _looks_notes(result: "EvaluatedExperiment", earlier: tuple[TakenLook, ...]) -> tuple[str, ...]:
    """How often it is looked at, and what was found before."""
    taken = [_taken(look) for look in earlier[-_LOOKS_TOLD:]]
    if not taken:
        return _plan_notes(result)
    more = len(earlier) - len(taken)
    told = "; ".join(taken) + (
        f"; and {more} before (earlier_looks in uplift.json)" if more else ""
    )
    return (*_plan_notes(result), f"looked at before: {told}")


def _taken(look: TakenLook) -> str:
    found = "no verdict" if look.verdict is None else look.verdict.replace("_", " ")
    return (
        f"{look.at[:10]} at {look.clusters:,} customers or households, --looks {look.looks}, "
        f"{look.action}: {found}"
    )


def _plan_notes(result: "EvaluatedExperiment") -> tuple[str, ...]:
    looks = result.look.looks
    if looks.once and any(action.finding.earlier_look for action in result.actions):
        return ("intervals hold for a single look, and this is not the first",)
    if looks.once:
        return ("looked at once: without --looks at the first look, later ones have no verdict",)
    if looks.expected is not None:
        narrowest = f"they are narrowest at {looks.expected:,} customers or households"
        return (f"intervals hold however often it is looked at; {narrowest}",)
    told = ", ".join(f"{look:,}" for look in looks.planned)
    planned = f"intervals hold jointly at the planned looks: {told} customers or households"
    here = f"this look at {result.look.clusters:,} is none of them: no verdict is given"
    if result.look.unplanned is None:
        return (planned,)
    if result.look.unplanned == "beyond_last_look":
        here += ", as the experiment has grown beyond its end"
    return (f"{planned}; {here}",)


def model_names(actions: Sequence[str]) -> list[str]:
    """Names of models: ``uplift_`` and the action's name in plain letters, its number where that is not
    enough.

    >>> model_names(["Courtesy call", "送流量"])
    ['uplift_courtesy_call', 'uplift_action_2']
    """
    plain = [re.sub(r"[^a-z0-9]+", "_", action.lower()).strip("_") for action in actions]
    return [
        f"uplift_{name}"
        if name and plain.count(name) == 1
        else f"uplift_{name or 'action'}_{place + 1}"
        for place, name in enumerate(plain)
    ]


def _moved(action: ActionUplift) -> str:
    return (
        f"the features together differ between {action.action!r} and control by more than chance: "
        "none is used, as one was perhaps filled in afterwards"
    )
