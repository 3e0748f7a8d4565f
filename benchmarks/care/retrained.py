"""A model of churn retrained after months of our own care, beside one that ignores that care.

Both learn from the same lines and cut-offs. One leaves out the rows that care touched and weighs others for them, as
holdfast does; the other takes every label as it is. Both are evaluated on the same later cut-offs, from which on our
campaigns had ended; rows that the operator's own campaigns touched are left out there, and others weighed for them.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from unittest import mock

import numpy as np

from benchmarks.care.played_months import TRAINING, PlayedOperator
from holdfast.arrays import Floats
from models.churn import CHURN
from models.scorer import Scorer
from models.version import ModelVersion
from training.evaluation.metrics import auc, log_loss
from training.labelling import dataset as labelled
from training.labelling.care.exposure import CareExposure, HorizonExposure, care_exposure
from training.labelling.dataset import Dataset, churn_dataset
from training.operator.model import train_operator_model

TOUCHED = "contacts_28d"
"""Feature of those whom the first campaign calls, where it is above 0."""


def models_beside(played: PlayedOperator, campaigns_over: datetime) -> list[Mapping[str, object]]:
    """A row per model, horizon and group of lines.

    Parameters
    ----------
    played : PlayedOperator
        After its campaigns, and so long after them that labels of later cut-offs are complete.
    campaigns_over : datetime
        Start of the test period: nobody was contacted by our campaigns from then on.
    """
    until = played.clock()
    handled = churn_dataset(played.home, TRAINING.labels, until=until)
    with mock.patch.object(labelled, "care_exposure", _nobody_touched):
        ignoring = churn_dataset(played.home, TRAINING.labels, until=until)
    rows: list[Mapping[str, object]] = []
    for name, dataset in (("care handled", handled), ("care ignored", ignoring)):
        model = train_operator_model(
            dataset, CHURN, TRAINING, made_at=until, test_from=campaigns_over
        )
        learnt = len(dataset.ids)
        rows += [
            {"model": name, "rows learnt from": learnt, **row}
            for row in _evaluated(model.version, handled, campaigns_over)
        ]
    return rows


def _nobody_touched(*asked: object) -> CareExposure:
    found = care_exposure(*asked)  # type: ignore[arg-type]
    return CareExposure(
        {days: _untouched(one) for days, one in found.horizons.items()}, found.holdout
    )


def _untouched(one: HorizonExposure) -> HorizonExposure:
    nobody = np.zeros(len(one.touched), dtype=np.bool_)
    return replace(
        one,
        touched=nobody,
        by_rule=nobody,
        control_weight=np.ones(len(nobody)),
        until=one.end,
    )


def _evaluated(version: ModelVersion, dataset: Dataset, since: datetime) -> list[dict[str, object]]:
    """Figures of what was evaluated, on rows from a date on."""
    start = np.datetime64(since.replace(tzinfo=None), "us")
    test = np.flatnonzero(dataset.complete & (dataset.cutoffs >= start))
    evaluated = replace(version, horizon_models=version.evaluated or version.horizon_models)
    scores = Scorer(evaluated, threads=0).score_all(np.ascontiguousarray(dataset.matrix[test]))
    called = dataset.matrix[test, dataset.features.index(TOUCHED)] > 0
    rows = []
    for days, score in zip(CHURN.horizons_days, scores, strict=True):
        known = ~np.isnan(dataset.labels[days][test])
        for group, chosen in (("all", known), ("in touch lately", known & called)):
            label, weight = (
                values[test][chosen] for values in (dataset.labels[days], dataset.weight_of(days))
            )
            rows.append(
                {"days": days, "lines": group, **_figures(score.probability[chosen], label, weight)}
            )
    return rows


def _figures(probability: Floats, label: Floats, weight: Floats) -> dict[str, object]:
    return {
        "rows": len(label),
        "lost": int(label.sum()),
        "observed over expected": float((weight @ label) / (weight @ probability)),
        "AUC": auc(label, probability, weight),
        "log loss": log_loss(label, probability, weight),
    }
