"""Rates of care that follows a rule: when it reaches which rows, by time and by features.

A row is followed from its cut-off until care by a rule reaches it (the event) or until something
else ends the time: care that was drawn, the loss (or its notice), the end of the label. Within a stratum
(rows of one cut-off and billing type) there is a hazard at each time at which care reached somebody.
Features tell who was reached sooner than others of the same stratum: a step ``h`` of the
hazard reaches a row with the probability ``1 - exp(-r h)``, where ``r``, its relative rate, is fitted
by boosters with the likelihood of proportional hazards in discrete time. (LightGBM's own
``cross_entropy_lambda`` is that likelihood too, but makes no progress where steps are small.)
Every row's rate is from boosters that did not learn from its customer.

A rule cannot reach a line that is already lost. Whether a row was reached at all would therefore tell
of its loss; the rate in the time that it was followed does not.
"""

from dataclasses import dataclass
from zlib import crc32

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from holdfast.arrays import Floats, Texts, Times

FOLDS = 3
"""Folds of customers."""

MOST_ROUNDS = 100

_ROWS_AT_ONCE = 50_000
_LEAST = 1e-12
_LARGEST_LOG_RATE = 30.0
_TIES = 0.005
_NEWTON_STEPS = 12

_PARAMETERS: dict[str, object] = {
    "metric": "None",
    "learning_rate": 0.1,
    "num_leaves": 8,
    "min_data_in_leaf": 60,
    "feature_fraction": 0.6,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "max_delta_step": 1.0,
    "max_bin": 63,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
    "seed": 0,
}
"""Small trees, because weights are one over a probability: one that is too low by chance costs more
than one that is too close to that of others.
"""


class StratumHazards:
    """Cumulative hazard of care by a rule in each stratum, for rows whose relative rate is 1.

    Its steps reach as many rows as truly were at each time. With rates of 1 that is minus the
    logarithm of the Kaplan-Meier estimate; with others, Breslow's estimate, exact for ties.

    Parameters
    ----------
    stratum : (n,) int64
        Codes of the rows' strata; rows of one have the same cut-off.
    until : (n, w) datetime64[us]
        How long each row was followed by the end of each window, shortest first.
    reached : (n,) bool
        Care by a rule ended that time.
    rate : (n, w) float64
        Relative rates of the rows in each window.
    """

    def __init__(
        self, stratum: NDArray[np.int64], until: Times, reached: NDArray[np.bool_], rate: Floats
    ) -> None:
        self._steps: dict[int, tuple[Times, Floats]] = {}
        for code in np.unique(stratum[reached]).tolist():
            inside = np.flatnonzero(stratum == code)
            times, hazards = _steps(until[inside], reached[inside], rate[inside])
            self._steps[code] = times, np.concatenate([[0.0], np.cumsum(hazards)])

    def by_window(
        self, stratum: NDArray[np.int64], until: Times, *, before: bool = False
    ) -> Floats:
        """The hazard in each window of rows of some strata.

        Parameters
        ----------
        stratum : (n,) int64
            Codes.
        until : (n, w) datetime64[us]
            How long each row was followed by the end of each window.
        before : bool
            Without the step at that very time.
        """
        cumulative = np.zeros(until.shape)
        for code, (steps, hazard) in self._steps.items():
            inside = np.flatnonzero(stratum == code)
            place = np.searchsorted(steps, until[inside], "left" if before else "right")
            cumulative[inside] = hazard[place]
        if not before:
            return np.diff(cumulative, axis=1, prepend=0.0)
        whole = self.by_window(stratum, until).cumsum(axis=1)
        started = np.concatenate([np.zeros((len(until), 1)), whole[:, :-1]], axis=1)
        return np.maximum(cumulative - started, 0.0)


def _steps(until: Times, reached: NDArray[np.bool_], rate: Floats) -> tuple[Times, Floats]:
    """Times at which care reached rows of a stratum, and the hazard at each."""
    last = until[:, -1]
    times, events = np.unique(last[reached], return_counts=True)
    at_risk = np.zeros(len(times))
    for window in range(until.shape[1]):
        # The window's rates count from the end of the one before it to its own end.
        at_risk += _still(until[:, window], rate[:, window], times)
        if window:
            at_risk -= _still(until[:, window - 1], rate[:, window], times)
    hazards = events / at_risk
    for number in np.flatnonzero(hazards > _TIES).tolist():
        there = last >= times[number]
        window = (until[there] < times[number]).sum(axis=1)
        rates = rate[there, window]
        # Where care reached all who were left, nobody represents them, at any weight.
        count = min(float(events[number]), len(rates) - 0.5)
        for _ in range(_NEWTON_STEPS):
            left = np.exp(-hazards[number] * rates)
            hazards[number] += (count - (1 - left).sum()) / (rates @ left)
    return times, hazards


def _still(until: Times, rate: Floats, times: Times) -> Floats:
    """Sum of the rates of the rows that are followed at some times, those included."""
    order = np.argsort(until)
    sums = np.concatenate([np.cumsum(rate[order][::-1])[::-1], [0.0]])
    still: Floats = sums[np.searchsorted(until[order], times, "left")]
    return still


@dataclass(frozen=True)
class Followed:
    """Rows in windows of time, and the likelihood of their rates.

    Parameters
    ----------
    passed : (n,) float64
        The stratum's hazard that a row went through without care by a rule.
    met : (n,) float64
        The hazard at the time at which it reached the row; 0 where it did not.
    """

    passed: Floats
    met: Floats

    def rows(self, chosen: NDArray[np.bool_]) -> "Followed":
        """Some of the rows."""
        return Followed(self.passed[chosen], self.met[chosen])

    def loss(self, log_rate: Floats) -> float:
        """Minus the log-likelihood of the rows' rates."""
        rate = np.exp(np.clip(log_rate, -_LARGEST_LOG_RATE, _LARGEST_LOG_RATE))
        reached = self.met > 0
        chance = -np.expm1(-self.met[reached] * rate[reached])
        return float(self.passed @ rate - np.log(np.maximum(chance, _LEAST)).sum())

    def derivatives(self, log_rate: Floats) -> tuple[Floats, Floats]:
        """First and second derivatives of the loss by each row's logarithm of its rate."""
        rate = np.exp(np.clip(log_rate, -_LARGEST_LOG_RATE, _LARGEST_LOG_RATE))
        survived, step = self.passed * rate, np.clip(self.met * rate, _LEAST, 500)
        share = np.where(self.met > 0, step / np.expm1(step), 0.0)
        return survived - share, survived + share * np.maximum(share + step - 1, 0.0)


@dataclass(frozen=True)
class RelativeRates:
    """How much sooner than others of their stratum care by a rule reaches rows, by their features.

    Parameters
    ----------
    boosters : tuple of lightgbm.Booster
        One per fold of customers, fitted without it.
    rounds : int
        Rounds of each that count.
    shift, slope : float
        Correct the boosters' logarithms of rates, out of fold.
    """

    boosters: tuple[lgb.Booster, ...]
    rounds: int
    shift: float
    slope: float

    @classmethod
    def fit(
        cls,
        matrix: Floats,
        customers: Texts,
        passed: Floats,
        met: Floats,
        threads: int = 0,
    ) -> "RelativeRates":
        """Fit the boosters, out of fold by customer.

        Parameters
        ----------
        matrix : (n, k) float64
            Features as known at the cut-off, NaN for missing.
        customers : (n,) str
            The rows' customers.
        passed : (n, w) float64
            The stratum's hazard in each of w consecutive windows that the row went through without
            such care.
        met : (n, w) float64
            The hazard at the time at which it reached the row, in that window; else 0.
        threads : int
            0 for all cores.
        """
        rows, windows = np.nonzero((passed > 0) | (met > 0))
        followed = Followed(passed[rows, windows], met[rows, windows])
        long = np.column_stack([matrix[rows], windows])
        fold = customer_folds(customers)[rows]
        boosters, losses = [], np.zeros(MOST_ROUNDS)
        for number in range(FOLDS):
            inside = fold == number
            booster, by_round = _boosted(long, followed, ~inside, inside, threads)
            boosters.append(booster)
            losses += by_round
        rates = cls(tuple(boosters), int(losses.argmin()) + 1, 0.0, 1.0)
        log_rate = np.log(rates.of(matrix, customers, passed.shape[1], threads)[rows, windows])
        shift, slope = _corrected(log_rate, followed)
        return cls(rates.boosters, rates.rounds, shift, slope)

    def of(self, matrix: Floats, customers: Texts, windows: int, threads: int = 0) -> Floats:
        """Relative rates of rows in each window, from boosters that did not learn from their
        customers.

        Returns
        -------
        (n, w) float64
            Positive; 1 where care reaches the row as soon as others of its stratum.
        """
        log_rate = np.zeros((len(matrix), windows))
        fold = customer_folds(customers)
        for number, booster in enumerate(self.boosters):
            of_fold = np.flatnonzero(fold == number)
            for start in range(0, len(of_fold), _ROWS_AT_ONCE):
                inside = of_fold[start : start + _ROWS_AT_ONCE]
                part = np.column_stack([matrix[inside], np.zeros(len(inside))])
                for window in range(windows):
                    part[:, -1] = window
                    log_rate[inside, window] = booster.predict(
                        part, num_iteration=self.rounds, num_threads=threads
                    )
        corrected = np.exp(self.shift + self.slope * log_rate)
        return np.asarray(corrected, dtype=np.float64)


def customer_folds(customers: Texts) -> NDArray[np.int64]:
    """Fold of each row, from 0, by its customer's id: the same in every table.

    >>> customer_folds(np.array(["0004711", "0004714", "0004711"])).tolist()
    [0, 2, 0]
    """
    ids, rows = np.unique(customers, return_inverse=True)
    # Salted, so that these folds are independent of the others that ids decide.
    folds = [crc32(f"care {id_}".encode()) % FOLDS for id_ in ids.tolist()]
    return np.array(folds, dtype=np.int64)[rows]


def _boosted(
    matrix: Floats,
    followed: Followed,
    learnt: NDArray[np.bool_],
    held_out: NDArray[np.bool_],
    threads: int,
) -> tuple[lgb.Booster, Floats]:
    """A booster of some rows, and the loss on others after each round."""
    own, others = followed.rows(learnt), followed.rows(held_out)
    data = lgb.Dataset(
        matrix[learnt], np.zeros(len(own.passed)), free_raw_data=False, params={"verbosity": -1}
    )
    valid = data.create_valid(matrix[held_out], np.zeros(len(others.passed)))
    losses: dict[str, dict[str, list[float]]] = {}
    booster = lgb.train(
        {
            **_PARAMETERS,
            "num_threads": threads,
            "objective": lambda log_rate, _: own.derivatives(log_rate),
        },
        data,
        num_boost_round=MOST_ROUNDS,
        valid_sets=[valid],
        valid_names=["held out"],
        feval=lambda log_rate, _: ("loss", others.loss(log_rate), False),
        callbacks=[lgb.record_evaluation(losses)],
    )
    return booster, np.array(losses["held out"]["loss"])


def _corrected(log_rate: Floats, followed: Followed) -> tuple[float, float]:
    """Shift and slope of the logarithms of rates with the greatest likelihood: out of fold, boosters
    tell rates apart by too little or too much.
    """

    def loss(values: Floats) -> tuple[float, Floats]:
        corrected = values[0] + values[1] * log_rate
        slope, _ = followed.derivatives(corrected)
        return followed.loss(corrected), np.array([slope.sum(), slope @ log_rate])

    start, bounds = np.array([0.0, 1.0]), [(-3, 3), (0, 3)]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return float(found.x[0]), float(found.x[1])
