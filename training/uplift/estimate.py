"""Uplift of actions from a randomised experiment: on average, by group and by policy."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from holdfast.arrays import Floats
from holdfast.cores import core_count
from holdfast.logging import Advance, progress
from models.boosters.threads import threads_that_boost
from models.uplift import UpliftGroup, UpliftModel
from training.uplift import inference
from training.uplift.experiment import Experiment
from training.uplift.groups import groups
from training.uplift.inference import PointEstimate
from training.uplift.learners import Learners
from training.uplift.looks import ONLY_LOOK, ONLY_ONCE, Look, Looks
from training.uplift.ranking import EvaluatedPart, PartSequence, evaluate_in_sequence
from training.uplift.result import ActionUplift, Arm, CurvePoint, PolicyValue
from training.uplift.scores import ArmScores, cluster_folds, cross_fit, score_rows
from training.uplift.settings import UpliftSettings

_CURVE_POINTS = 20

_ALARMS = 50
"""Comparisons that turn an interval of 95 % into one of 99.9 %."""

_AVERAGE_FOLDS = 5
"""Folds for scoring average effects; more would hardly improve the models."""


@dataclass(frozen=True)
class EvaluatedExperiment:
    """An experiment with its estimates and models.

    Parameters
    ----------
    experiment : Experiment
        The experiment.
    actions : tuple of ActionUplift
        The estimates for each action.
    boosters : tuple of lightgbm.Booster
        For each action, a booster of its effect, fitted on all rows.
    look : Look
        The look at the experiment that the intervals are for.
    """

    experiment: Experiment
    actions: tuple[ActionUplift, ...]
    boosters: tuple[lgb.Booster, ...]
    look: Look

    def model(self, action: int, name: str, service: str | None) -> UpliftModel:
        """The uplift model of an action, ready to be stored.

        Parameters
        ----------
        action : int
            Position of the action.
        name : str
            Name to register it under.
        service : str or None
            Feature service that the features come from.
        """
        uplift, booster = self.actions[action], self.boosters[action]
        raw = np.asarray(booster.predict(self.experiment.matrix, num_threads=0), dtype=np.float64)
        ends = np.quantile(raw, 1 - np.arange(1, len(uplift.groups) + 1) / len(uplift.groups))
        return UpliftModel(
            name=name,
            action=uplift.action,
            service=service,
            features=self.experiment.features,
            booster=booster,
            average=uplift.average.value,
            low=uplift.average.low,
            high=uplift.average.high,
            centre=float(raw.mean()),
            slope=_share_kept(uplift),
            works=uplift.works,
            targetable=uplift.targetable,
            groups=tuple(
                UpliftGroup(float(end), group.effect.value, group.effect.low, group.effect.high)
                for end, group in zip(ends, uplift.groups, strict=True)
            ),
            documents={"uplift.json": uplift.to_json()},
        )


def _share_kept(uplift: ActionUplift) -> float:
    """Share of predicted differences that a model keeps: none where its ranking is not shown to work."""
    if not uplift.targetable or uplift.slope is None:
        return 0.0
    return float(np.clip(uplift.slope.value, 0, 1))


def evaluate_experiment(
    experiment: Experiment, settings: UpliftSettings, looks: Looks = ONLY_ONCE
) -> EvaluatedExperiment:
    """Estimate each action's average effect, its effects by group, and the value of policies.

    Nothing is claimed of the actions yet: `training.uplift.verdicts` does that for all actions that
    are evaluated together.

    Parameters
    ----------
    experiment : Experiment
        The experiment.
    settings : UpliftSettings
        How to evaluate it.
    looks : Looks
        How often it is looked at: all intervals hold at all looks together.

    Raises
    ------
    InputError
        The experiment is too small, or has no control, no valid propensities or no variation.
    """
    experiment = experiment.checked()
    learners = Learners(experiment, settings.seed)
    count = settings.repeats * (_AVERAGE_FOLDS + settings.folds - 1)
    with progress(f"Evaluating {experiment.name}", count) as advance:
        scores = _score_all(experiment, learners, settings, advance)
        sequences = evaluate_in_sequence(experiment, learners, settings, advance)
    rows = np.arange(len(experiment.outcome))
    actions = range(len(experiment.arms) - 1)
    boosters = tuple(learners.fit_effect(rows, scores.effect[action]) for action in actions)
    look = looks.at(len(np.unique(experiment.cluster)))
    return EvaluatedExperiment(
        experiment,
        tuple(
            _evaluate_action(experiment, scores, sequences, action, settings, look)
            for action in actions
        ),
        boosters,
        look,
    )


def _score_all(
    experiment: Experiment, learners: Learners, settings: UpliftSettings, advance: Advance
) -> ArmScores:
    """Scores of all rows, each by models of other clusters, averaged over random folds."""
    rows = np.arange(len(experiment.outcome))

    def expect(repeat: int) -> Floats:
        random = np.random.default_rng([settings.seed, 1_000 + repeat])
        folds = cluster_folds(experiment.cluster, _AVERAGE_FOLDS, random)
        expected, _ = cross_fit(experiment, learners, rows, folds)
        advance(_AVERAGE_FOLDS)
        return expected

    with threads_that_boost(core_count()) as pool:
        expected = list(pool.map(expect, range(settings.repeats)))
    return score_rows(experiment, rows, np.mean(expected, axis=0))


@dataclass(frozen=True)
class _View:
    """An evaluated part, for one action."""

    part: EvaluatedPart
    action: int
    cluster: NDArray[np.int64]

    @property
    def effect(self) -> Floats:
        return self.part.scores.effect[self.action]

    @property
    def predicted(self) -> Floats:
        return self.part.predicted[self.action]

    @property
    def untreated(self) -> Floats:
        return self.part.scores.arms[0]

    @property
    def weighted(self) -> tuple[Floats, Floats]:
        weighted = self.part.scores.weighted
        return weighted[0], weighted[self.action + 1] - weighted[0]


_Measure = Callable[[_View], PointEstimate]


def _evaluate_action(
    experiment: Experiment,
    scores: ArmScores,
    sequences: list[PartSequence],
    action: int,
    settings: UpliftSettings,
    look: Look,
) -> ActionUplift:
    views = [
        [_View(part, action, experiment.cluster[part.rows]) for part in sequence]
        for sequence in sequences
    ]

    def over(measure: _Measure) -> PointEstimate:
        """A figure of all evaluated rows: combined over parts, averaged over sequences."""
        return inference.average(
            [
                inference.combine([(measure(view), len(view.cluster)) for view in row])
                for row in views
            ]
        )

    ranked = experiment.is_ranked
    treated, control = (
        np.where(experiment.arm == arm, 1 / experiment.propensity, 0.0) for arm in (action + 1, 0)
    )
    actions = len(experiment.arms) - 1
    arms = _arm(experiment, 0), _arm(experiment, action + 1)
    look = look.comparing(min(arm.effective_clusters for arm in arms))
    average = inference.mean(scores.effect[action], experiment.cluster)
    qini = over(lambda view: inference.area(view.effect, view.predicted, view.cluster, "qini"))
    return ActionUplift(
        action=experiment.arms[action + 1],
        control=arms[0],
        treatment=arms[1],
        estimate=average,
        average=average.interval(look=look),
        unadjusted=inference.difference(
            experiment.outcome, treated, control, experiment.cluster
        ).interval(look=look),
        adjustment=inference.adjustment(
            scores.effect[action], experiment.outcome, treated, control, experiment.cluster
        ).interval(_ALARMS * actions, ONLY_LOOK.comparing(look.smallest_arm)),
        ranked=ranked,
        ranking=qini,
        qini=qini.interval(look=look) if ranked else None,
        autoc=over(
            lambda view: inference.area(view.effect, view.predicted, view.cluster, "autoc")
        ).interval(look=look)
        if ranked
        else None,
        slope=over(
            lambda view: inference.slope(view.effect, view.predicted, view.cluster)
        ).interval(look=look)
        if ranked
        else None,
        policies=_policies(over, settings.capacity_share, look) if ranked else (),
        groups=groups(
            experiment, sequences, action, settings.groups, settings.groups * actions, look
        )
        if ranked
        else (),
        curve=tuple(_curve(over, look)) if ranked else (),
    )


def _arm(experiment: Experiment, position: int) -> Arm:
    inside = experiment.arm == position
    clusters, effective = experiment.clusters(position)
    return Arm(
        name=experiment.arms[position],
        rows=int(inside.sum()),
        outcome=float(experiment.outcome[inside].mean()),
        clusters=clusters,
        effective_clusters=effective,
    )


def _by_risk(view: _View) -> Floats:
    """To treat first those with the worst predicted outcome without the action."""
    return -view.part.scores.expected[0]


def _policies(
    over: Callable[[_Measure], PointEstimate], capacity: float, look: Look
) -> tuple[PolicyValue, ...]:
    rankings: dict[str, tuple[float, Callable[[_View], Floats]]] = {
        "nobody": (0.0, lambda view: np.zeros(len(view.cluster))),
        "everybody": (1.0, lambda view: np.zeros(len(view.cluster))),
        "random": (capacity, lambda view: np.zeros(len(view.cluster))),
        "riskiest": (capacity, _by_risk),
        "model": (capacity, lambda view: view.predicted),
    }
    return tuple(
        _policy(over, name, share, ranking, look) for name, (share, ranking) in rankings.items()
    )


def _policy(
    over: Callable[[_Measure], PointEstimate],
    name: str,
    share: float,
    ranking: Callable[[_View], Floats],
    look: Look,
) -> PolicyValue:
    def value(
        view: _View,
        *,
        weighted: bool = False,
        absolute: bool = False,
        over_random: bool = False,
        over_riskiest: bool = False,
    ) -> PointEstimate:
        base, score = view.weighted if weighted else (view.untreated, view.effect)
        return inference.gain(
            score,
            ranking(view),
            share,
            view.cluster,
            base=base if absolute else None,
            over_random=over_random,
            other=_by_risk(view) if over_riskiest else None,
        )

    chooses = name in ("riskiest", "model")
    return PolicyValue(
        name=name,
        share=share,
        weighted=over(partial(value, weighted=True, absolute=True)).interval(look=look),
        doubly_robust=over(partial(value, absolute=True)).interval(look=look),
        gain=over(value).interval(look=look),
        over_random=over(partial(value, over_random=True)).interval(look=look) if chooses else None,
        over_riskiest=over(partial(value, over_riskiest=True)).interval(look=look)
        if name == "model"
        else None,
    )


def _curve(over: Callable[[_Measure], PointEstimate], look: Look) -> list[CurvePoint]:
    def gain(view: _View, *, share: float) -> PointEstimate:
        return inference.gain(view.effect, view.predicted, share, view.cluster)

    shares = np.linspace(0, 1, _CURVE_POINTS + 1)
    return [
        CurvePoint(
            share=float(share),
            gain=over(partial(gain, share=float(share))).interval(look=look),
        )
        for share in shares
    ]
