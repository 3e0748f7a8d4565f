"""Response: how likely an invited customer was to answer, from what the operator could see.

Every row's probability comes from boosters that have seen nothing of its customer, and nothing that
was known only after the training period: invitations of the test period are scored by what had been
learned before it.
"""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import log_loss, roc_auc_score

from holdfast.arrays import Floats, Texts, Times
from models.calibration import PlattCalibration
from training.surveys.settings import SurveySettings

_PARAMETERS: dict[str, object] = {
    "objective": "binary",
    "metric": "binary_logloss",
    "learning_rate": 0.05,
    "num_leaves": 8,
    "min_data_in_leaf": 60,
    "feature_fraction": 0.6,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
"""Small trees: weights are one over what these say, so that a probability too low by chance costs
more than one too blunt.
"""

_PATIENCE_ROUNDS = 30


@dataclass(frozen=True, kw_only=True)
class Response:
    """How likely each invited row was to answer.

    Parameters
    ----------
    probability : (n,) float64
        In (0, 1].
    kind : {"boosters", "one rate"}
        Cross-fitted boosters, or one rate for all where there is too little to learn from.
    rows, answers : int
        Invitations that could be learned from, and how many of them were answered.
    rounds : int
        Boosting rounds; 0 for one rate.
    auc, log_loss, log_loss_of_rate : float or None
        Of the cross-fitted probabilities of those invitations, and log loss of their one rate; None
        for one rate.
    fitted_until : datetime or None
        Nothing known from then on was learned from; None where everything was.
    """

    probability: Floats
    kind: str
    rows: int
    answers: int
    rounds: int
    auc: float | None
    log_loss: float | None
    log_loss_of_rate: float | None
    fitted_until: datetime | None

    def to_json(self) -> dict[str, Any]:
        """All but the probabilities, as JSON."""
        facts = asdict(self)
        del facts["probability"]
        return facts | {"fitted_until": self.fitted_until and self.fitted_until.isoformat()}


def fit_response(
    matrix: Floats,
    features: tuple[str, ...],
    answered: NDArray[np.bool_],
    customers: Texts,
    known_at: Times,
    *,
    fitted_until: datetime | None,
    settings: SurveySettings,
    seed: int,
    threads: int = 0,
) -> Response:
    """Learn who answers from the invitations whose outcome was known in time, and give every row's
    probability.

    Parameters
    ----------
    matrix : (n, k) float64
        What could be seen of each invited row, NaN for missing.
    features : tuple of str
        Names of the k columns.
    answered : (n,) bool
        The invitation was answered.
    customers : (n,) str
        Whose rows they are; a customer is never on both sides.
    known_at : (n,) datetime64[us]
        When it was known whether the row answered, UTC.
    fitted_until : datetime or None
        Learn from rows known before it alone; None for all rows.
    settings : SurveySettings
        Folds, rounds, and the fewest answers to learn from.
    seed : int
        Seed of the boosters.
    threads : int
        Threads, 0 for all cores; the result does not depend on it.
    """
    learned = (
        np.ones(len(answered), dtype=np.bool_)
        if fitted_until is None
        else known_at < np.datetime64(fitted_until.astimezone(UTC).replace(tzinfo=None), "us")
    )
    label = answered.astype(np.float64)
    rows, answers = int(learned.sum()), int(label[learned].sum())
    fold = customer_folds(customers, settings.response_folds, seed)
    if (
        min(answers, rows - answers) < settings.fewest_answers
        or len(np.unique(fold[learned])) < settings.response_folds
    ):
        return _one_rate(label, rows, answers, fitted_until)
    boosters, rounds = _cross_fit(
        matrix[learned], features, label[learned], fold[learned], settings, seed, threads
    )
    margin = np.empty(len(label))
    for number, booster in enumerate(boosters):
        mine = fold == number
        if mine.any():
            margin[mine] = booster.predict(
                matrix[mine], raw_score=True, num_iteration=rounds, num_threads=threads
            )
    # Shallow boosters are a little shy of the ends: margins of rows they have not seen say by how
    # much.
    probability = PlattCalibration.fit(margin[learned], label[learned]).probability(margin)
    said, truth = probability[learned], label[learned]
    return Response(
        probability=probability,
        kind="boosters",
        rows=rows,
        answers=answers,
        rounds=rounds,
        auc=float(roc_auc_score(truth, said)),
        log_loss=float(log_loss(truth, said)),
        log_loss_of_rate=float(log_loss(truth, np.full(rows, answers / rows))),
        fitted_until=fitted_until,
    )


def customer_folds(customers: Texts, folds: int, seed: int) -> NDArray[np.int64]:
    """A fold from 0 for each row, by its customer's id alone: the same customer is in the same fold
    of every table.
    """
    ids, rows = np.unique(customers, return_inverse=True)
    # Salted, so that these folds have nothing to do with how fitting and calibration rows are
    # parted.
    return np.array(
        [crc32(f"response {seed} {id_}".encode()) % folds for id_ in ids], dtype=np.int64
    )[rows]


def _cross_fit(
    matrix: Floats,
    features: tuple[str, ...],
    label: Floats,
    fold: NDArray[np.int64],
    settings: SurveySettings,
    seed: int,
    threads: int,
) -> tuple[list[lgb.Booster], int]:
    folds = [
        (np.flatnonzero(fold != number), np.flatnonzero(fold == number))
        for number in range(settings.response_folds)
    ]
    result = lgb.cv(
        {**_PARAMETERS, "seed": seed, "num_threads": threads},
        lgb.Dataset(
            matrix,
            label,
            feature_name=list(features),
            free_raw_data=False,
            params={"verbosity": -1},
        ),
        num_boost_round=settings.response_rounds,
        folds=folds,
        callbacks=[lgb.early_stopping(_PATIENCE_ROUNDS, verbose=False)],
        return_cvbooster=True,
    )
    found = result["cvbooster"]
    return list(found.boosters), int(found.best_iteration)


def _one_rate(label: Floats, rows: int, answers: int, fitted_until: datetime | None) -> Response:
    # The rate of all rows, whenever they were known: it tells none of them apart.
    return Response(
        probability=np.full(len(label), float(label.mean()) if label.any() else 1.0),
        kind="one rate",
        rows=rows,
        answers=answers,
        rounds=0,
        auc=None,
        log_loss=None,
        log_loss_of_rate=None,
        fitted_until=fitted_until,
    )
