"""The customers who are asked about, and the probabilities that a right answer gives."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from benchmarks.tabular.cases import Case
from features.flat.repository import VIEW
from features.online import service as online
from features.online.settings import OnlineSettings
from features.packed.store import PackedStore
from holdfast.arrays import Floats, Times
from holdfast.clock import system_clock
from holdfast.home import Home
from models.churn import TABLE_CHURN
from models.registry import load_champion
from models.scorer import Scorer
from pipeline.quickstart import quickstart
from training.settings import TrainingConfig

_STEP = 1e-4
"""What each rewriting adds to every value, so that no record is ever the same as one before."""


@dataclass(frozen=True)
class Customers:
    """n customers with all features known, and the model that scores them.

    Parameters
    ----------
    home : Home
        Where they are stored.
    scorer : Scorer
        Of the home's champion, in this process.
    ids : list of n str
        Who they are.
    matrix : (n, k) float64
        Their features as `quickstart` stored them.
    times : (n,) datetime64[us]
        When these were true, UTC.
    """

    home: Home
    scorer: Scorer
    ids: list[str]
    matrix: Floats
    times: Times

    def probabilities(self, matrix: Floats | None = None) -> dict[str, float]:
        """What the service must answer, by id: of the features as stored, or of others."""
        scores = self.scorer.score(self.matrix if matrix is None else matrix)
        return dict(zip(self.ids, scores.probability.tolist(), strict=True))

    def uncalibrated(self) -> dict[str, float]:
        """What the first booster alone must answer, by id."""
        booster = self.scorer.version.main.everyone.boosters[0]
        margins = np.asarray(booster.predict(self.matrix, raw_score=True))
        return dict(zip(self.ids, expit(margins).tolist(), strict=True))

    def changed(self, step: int) -> Floats:
        """Other features for everybody: those of the customer ``step`` places before, and a little
        more of each.
        """
        return np.roll(self.matrix, step, axis=0) + step * _STEP

    def write(self, matrix: Floats) -> None:
        """Write features to the online store, while a service reads it."""
        store = PackedStore(online.online_directory(self.home.features))
        store.write(VIEW, self.scorer.version.features, self.ids, self.times, matrix)


def make_customers(case: Case, home: Home, most: int) -> Customers:
    """A home of `quickstart` on a table, and up to so many of its customers.

    Whoever lacks a feature is left out, because arrays in JSON hold no missing numbers.
    """
    run = quickstart(case.path, case.roles, home, TrainingConfig.read(), clock=system_clock)
    scorer = Scorer(load_champion(home, TABLE_CHURN).model, threads=1)
    service = online.open_service(home, scorer.version.service, OnlineSettings())
    matrix, times = online.read(service, run.customers.ids)
    chosen = np.flatnonzero(~np.isnan(matrix).any(axis=1))[:most]
    return Customers(
        home=home,
        scorer=scorer,
        ids=[run.customers.ids[place] for place in chosen],
        matrix=matrix[chosen],
        times=times[chosen, 0],
    )
