"""The response model: the probability that an invited customer answers, from observed columns.

Every row's probability comes from boosters that were not fitted on its customer, nor on anything
that became known after the training period.
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
from training.counting import fewest_of_a_class
from training.settings import SurveySettings

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
"""Small trees: weights are one over these probabilities, so that one that is too low by chance
costs more than one that is too close to the mean.
"""

_PATIENCE_ROUNDS = 30


@dataclass(frozen=True, kw_only=True)
class Response:
    """The probability that each invited row was answered.

    Parameters
    ----------
    probability : (n,) float64
        In (0, 1].
    kind : {"boosters", "one rate"}
        Cross-fitted boosters, or one rate for all rows where there are too few answers.
    rows, invitations, answers : int
        Rows the model was fitted on; the distinct invitations that they are of (one may be the label
        of several cut-offs); and how many of these were answered.
    rounds : int
        Boosting rounds; 0 for one rate.
    auc, log_loss, log_loss_of_rate : float or None
        Of the cross-fitted probabilities of those rows, and log loss of their one rate; None for one
        rate.
    fitted_until : datetime or None
        Only rows known before this were fitted on; None where all rows were.
    """

    probability: Floats
    kind: str
    rows: int
    invitations: int
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
    invitation_ids: Texts,
    known_at: Times,
    *,
    fitted_until: datetime | None,
    settings: SurveySettings,
    seed: int,
    threads: int = 0,
) -> Response:
    """Fit the response model on invitations known in time, and predict every row's probability.

    Parameters
    ----------
    matrix : (n, k) float64
        Observed columns of each invited row, NaN for missing.
    features : tuple of str
        Names of the k columns.
    answered : (n,) bool
        The invitation was answered.
    customers : (n,) str
        The rows' customers, who are never on both sides of a fold.
    invitation_ids : (n,) str
        The rows' invitations: one that is the label of several cut-offs is counted once.
    known_at : (n,) datetime64[us]
        When it was known whether the row answered, UTC.
    fitted_until : datetime or None
        Fit on rows known before it alone; None for all rows.
    settings : SurveySettings
        Folds, rounds, and the fewest answers to fit on.
    seed : int
        Seed of the boosters.
    threads : int
        Threads, 0 for all cores; the result does not depend on it.
    """
    fitted = (
        np.ones(len(answered), dtype=np.bool_)
        if fitted_until is None
        else known_at < np.datetime64(fitted_until.astimezone(UTC).replace(tzinfo=None), "us")
    )
    label = answered.astype(np.float64)
    sizes = {
        "rows": int(fitted.sum()),
        "invitations": len(np.unique(invitation_ids[fitted])),
        "answers": len(np.unique(invitation_ids[fitted & answered])),
    }
    fold = customer_folds(customers, settings.response_folds, seed)
    fewest = fewest_of_a_class(label[fitted], customers[fitted])
    if fewest < settings.fewest_answers or len(np.unique(fold[fitted])) < settings.response_folds:
        return _one_rate(label, sizes, fitted_until)
    boosters, rounds = _cross_fit(
        matrix[fitted], features, label[fitted], fold[fitted], settings, seed, threads
    )
    margin = np.empty(len(label))
    for number, booster in enumerate(boosters):
        inside = fold == number
        if inside.any():
            margin[inside] = booster.predict(
                matrix[inside], raw_score=True, num_iteration=rounds, num_threads=threads
            )
    # Probabilities of shallow boosters are too close to the mean; out-of-fold margins correct that.
    probability = PlattCalibration.fit(margin[fitted], label[fitted]).probability(margin)
    predicted, outcome = probability[fitted], label[fitted]
    return Response(
        probability=probability,
        kind="boosters",
        **sizes,
        rounds=rounds,
        auc=float(roc_auc_score(outcome, predicted)),
        log_loss=float(log_loss(outcome, predicted)),
        log_loss_of_rate=float(log_loss(outcome, np.full(len(outcome), outcome.mean()))),
        fitted_until=fitted_until,
    )


def customer_folds(customers: Texts, folds: int, seed: int) -> NDArray[np.int64]:
    """Fold of each row, from 0, by its customer's id: the same in every table.

    >>> customer_folds(np.array(["0004711", "0004712", "0004711"]), folds=5, seed=1).tolist()
    [4, 0, 4]
    """
    ids, rows = np.unique(customers, return_inverse=True)
    # Salted, so that these folds are independent of the split into fitting and tuning rows.
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
    boosters = result["cvbooster"]
    return list(boosters.boosters), int(boosters.best_iteration)


def _one_rate(label: Floats, sizes: dict[str, int], fitted_until: datetime | None) -> Response:
    # The rate of all rows, early or late: the same for each of them, it cannot leak anything.
    return Response(
        probability=np.full(len(label), float(label.mean()) if label.any() else 1.0),
        kind="one rate",
        **sizes,
        rounds=0,
        auc=None,
        log_loss=None,
        log_loss_of_rate=None,
        fitted_until=fitted_until,
    )
