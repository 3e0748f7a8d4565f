"""The scorer: turns features into predictions, online and in batch. Nothing else scores."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

import lightgbm as lgb
import numpy as np
from scipy.special import expit, logit

from holdfast.arrays import Floats, Positions, Texts
from holdfast.documents import read_document
from holdfast.errors import ModelError
from models.bands import Bands
from models.boosters.average import average_margin
from models.boosters.single_row import SingleRow
from models.horizons import never_decreasing
from models.level.revision import LevelRevision
from models.reasons.basis import PLAIN, REASON_BASIS, ReasonBasis, horizon_key
from models.reasons.explain import BULK_ROWS, Explanation, explain
from models.reasons.row_shap import RowShap
from models.reasons.told import told
from models.reasons.trees import UnsupportedTreesError
from models.strata import EVERYONE
from models.version import HorizonModel, ModelVersion, StratumModel

BoosterKey = tuple[int, ...]
"""Which boosters a stratum model averages."""

_FEW_ROWS = 8
"""Up to so many rows are scored one by one, without LightGBM's preparation of a call."""


@dataclass(frozen=True)
class Scores:
    """Predictions for n rows.

    Parameters
    ----------
    margin : (n,) float64
        Raw margin, log-odds before calibration.
    probability : (n,) float64
        Calibrated, 0 to 1.
    band : (n,) str
        ``high``, ``medium`` or ``low``.
    """

    margin: Floats
    probability: Floats
    band: Bands


class Scorer:
    """Scores and explains with one model version.

    Parameters
    ----------
    version : ModelVersion
        What to score with.
    threads : int
        Threads of one call: 1 in a server, 0 (all cores) in batch. The results do not depend on it.
    level : LevelRevision, optional
        The level of risk to predict at. Default: that of the rows that the version learnt from.
    """

    def __init__(
        self, version: ModelVersion, threads: int, level: LevelRevision | None = None
    ) -> None:
        self.version = version
        self.threads = threads
        # A level that moves nothing is none, so that probabilities stay bit for bit what they are.
        self._level = level if level is not None and level.moves_anything else None
        self._bases: dict[BoosterKey, float] = {}
        self._single_rows: dict[int, SingleRow] = {}
        self._row_shaps: dict[BoosterKey, RowShap] = {}
        basis = version.documents.get(REASON_BASIS)
        # Versions from before reasons had a basis have none.
        self._basis = PLAIN if basis is None else read_document(ReasonBasis, basis, REASON_BASIS)

    def prepare(self) -> None:
        """Lay out what explains few rows at a time, which takes 0.1 to 1.3 seconds for a booster:
        for a server, so that no request waits for it. Contributions change by less than 1e-9.
        """
        stratum_models = {
            _key(stratum_model): stratum_model
            for horizon_model in self.version.horizon_models
            for stratum_model in horizon_model.stratum_models.values()
        }
        for key, stratum_model in stratum_models.items():
            with suppress(UnsupportedTreesError):
                self._row_shaps[key] = RowShap(stratum_model.boosters)

    def score(self, matrix: Floats, horizon_days: int | None = None) -> Scores:
        """Score rows within one horizon.

        Parameters
        ----------
        matrix : (n, k) float64
            Features in the version's order, NaN for missing.
        horizon_days : int, optional
            A horizon of the version. Default: its longest.

        Raises
        ------
        ModelError
            The matrix has another number of columns than the model has features, or there is no
            such horizon.
        """
        return self.score_all(matrix)[self.version.place(horizon_days)]

    def score_all(self, matrix: Floats) -> list[Scores]:
        """Score rows within every horizon, in the order of the version's horizons; errors as in
        `score`.

        Probabilities never decrease with the horizon, even where those of the single horizon models
        do.
        """
        self._check(matrix)
        rows = list(self._strata(matrix))
        margins, probabilities = np.empty((2, len(self.version.horizon_models), len(matrix)))
        for place, horizon_model in enumerate(self.version.horizon_models):
            for stratum, chosen in rows:
                stratum_model = horizon_model.stratum_model(stratum)
                margins[place, chosen] = self._margin(stratum_model, matrix[chosen])
                calibrated = stratum_model.calibration.probability(margins[place, chosen])
                if self._level is not None:
                    shift = self._level.of(horizon_model.horizon_days).of(stratum)
                    calibrated = expit(logit(calibrated) + shift)
                probabilities[place, chosen] = calibrated
        return [
            Scores(margin, probability, horizon_model.bands.assign(probability))
            for margin, probability, horizon_model in zip(
                margins, never_decreasing(probabilities), self.version.horizon_models, strict=True
            )
        ]

    def explain(self, matrix: Floats, horizon_days: int | None = None) -> Explanation:
        """Explain the raw margins of one horizon's boosters; same matrix, horizon and errors as
        `score`.
        """
        self._check(matrix)
        horizon_model = self.version.horizon_models[self.version.place(horizon_days)]
        groups = self._by_boosters(horizon_model, matrix)
        if len(groups) == 1:
            return self._explain(groups[0][0], matrix)
        base, contributions = np.empty(len(matrix)), np.empty(matrix.shape)
        for stratum_model, chosen in groups:
            explanation = self._explain(stratum_model, matrix[chosen])
            base[chosen], contributions[chosen] = explanation.base, explanation.contributions
        return Explanation(base=base, contributions=contributions)

    def explain_told(self, matrix: Floats, horizon_days: int | None = None) -> Explanation:
        """Explain rows as a person is told it: `as_told` of `explain`."""
        return self.as_told(self.explain(matrix, horizon_days), matrix, horizon_days)

    def as_told(
        self, explanation: Explanation, matrix: Floats, horizon_days: int | None = None
    ) -> Explanation:
        """What sets rows apart from typical rows of their own stratum, as
        `models.reasons.told.told`, from an explanation of the same rows and horizon.
        """
        version, strata = self.version, self.strata_of(matrix)
        days = version.horizons[version.place(horizon_days)]
        typical = self._basis.typical.get(horizon_key(days), {})
        return told(explanation, matrix, version.features, self._basis, strata, typical)

    def base(self, matrix: Floats) -> Floats:
        """The margins that contributions to the longest horizon start from: (n,) float64; errors as
        in `score`.
        """
        self._check(matrix)
        base = np.empty(len(matrix))
        for stratum_model, chosen in self._by_boosters(self.version.main, matrix):
            base[chosen] = self._base_of(stratum_model)
        return base

    def _base_of(self, stratum_model: StratumModel) -> float:
        # It is the same for every row, so one empty row is enough.
        key = _key(stratum_model)
        if key not in self._bases:
            empty = np.full((1, len(self.version.features)), np.nan)
            self._bases[key] = float(explain(stratum_model.boosters, empty, self.threads).base[0])
        return self._bases[key]

    def _explain(self, stratum_model: StratumModel, matrix: Floats) -> Explanation:
        prepared = self._row_shaps.get(_key(stratum_model))
        if prepared is None or len(matrix) >= BULK_ROWS:
            return explain(stratum_model.boosters, matrix, self.threads)
        return Explanation(np.full(len(matrix), prepared.base), prepared.contributions(matrix))

    def _margin(self, stratum_model: StratumModel, matrix: Floats) -> Floats:
        if len(matrix) > _FEW_ROWS:
            return average_margin(stratum_model.boosters, matrix, self.threads)
        single_rows = [self._single_row(booster) for booster in stratum_model.boosters]
        return np.array(
            [
                sum(single_row.margin(row) for single_row in single_rows) / len(single_rows)
                for row in matrix
            ]
        )

    def _single_row(self, booster: lgb.Booster) -> SingleRow:
        if id(booster) not in self._single_rows:
            self._single_rows[id(booster)] = SingleRow(booster)
        return self._single_rows[id(booster)]

    def _strata(self, matrix: Floats) -> Iterator[tuple[str, Positions | slice]]:
        """Strata with their rows; all rows at once where no stratum has a model of its own, or where
        they are of one stratum.
        """
        if self._is_of_one_stratum:
            yield EVERYONE, slice(None)
            return
        strata = self.strata_of(matrix)
        names = sorted(set(strata.tolist()))
        for name in names:
            yield name, slice(None) if len(names) == 1 else np.flatnonzero(strata == name)

    @cached_property
    def _is_of_one_stratum(self) -> bool:
        """Whether no stratum has a model, or a level, of its own."""
        horizon_models = self.version.horizon_models
        return self.version.strata is None or (
            self._level is None
            and all(len(horizon_model.stratum_models) == 1 for horizon_model in horizon_models)
        )

    def strata_of(self, matrix: Floats) -> Texts:
        """Stratum of each row of a matrix as of `score`, (n,); `EVERYONE` where it has none."""
        if self.version.strata is None:
            return np.full(len(matrix), EVERYONE)
        return self.version.strata.of(matrix[:, self._strata_column])

    @cached_property
    def _strata_column(self) -> int:
        strata = self.version.strata
        return -1 if strata is None else self.version.features.index(strata.feature)

    def _by_boosters(
        self, horizon_model: HorizonModel, matrix: Floats
    ) -> list[tuple[StratumModel, Positions]]:
        """Rows by the boosters that score them, each with a stratum model that holds them."""
        groups: dict[BoosterKey, tuple[StratumModel, list[Positions]]] = {}
        everybody, strata = np.arange(len(matrix)), list(self._strata(matrix))
        if len(strata) == 1:
            return [(horizon_model.stratum_model(strata[0][0]), everybody)]
        for stratum, chosen in strata:
            stratum_model = horizon_model.stratum_model(stratum)
            groups.setdefault(_key(stratum_model), (stratum_model, []))[1].append(everybody[chosen])
        return [
            (stratum_model, np.sort(np.concatenate(rows)))
            for stratum_model, rows in groups.values()
        ] or [(horizon_model.everyone, everybody)]

    def _check(self, matrix: Floats) -> None:
        expected = len(self.version.features)
        if matrix.ndim != 2 or matrix.shape[1] != expected:
            raise ModelError(
                "features", f"the model needs rows of {expected} features", matrix.shape
            )


def _key(stratum_model: StratumModel) -> BoosterKey:
    return tuple(map(id, stratum_model.boosters))
