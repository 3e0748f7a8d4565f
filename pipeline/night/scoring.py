"""Scoring of a population with one version, in passes of batches over the newest snapshot.

The first pass gives everybody probabilities, the second explains the riskiest, the third makes the
rows. Between them only probabilities and the codes of reasons are kept in memory. The riskiest are
explained in batches of their own, because the tables of `models.reasons.tree_shap` are made anew for
every batch.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa

from features.operator.kept_rows import NarrowedRows
from holdfast.arrays import Floats, Positions
from holdfast.logging import Advance
from models.level.revision import LevelRevision
from models.reasons.coded import StrongestReasons, actionable_share, strongest_reasons
from models.reasons.meaning import FeatureMeaning
from models.score_set import (
    IDS,
    MARKS,
    ExpectedCount,
    HorizonScores,
    ScoreFacts,
    score_rows,
)
from models.scorer import Scorer
from models.settings import ScoreSettings, ValueSettings
from models.value import value_of
from training.operator.population import ScoredPopulation

BATCH_ROWS = 100_000
MARGIN = "monthly_margin_91d"
"""Feature that a value is computed from."""


class Scoring:
    """Scores whom a version may speak of.

    Parameters
    ----------
    scorer : Scorer
        The version.
    meanings : sequence of FeatureMeaning
        What its features mean.
    population : ScoredPopulation
        Whom it speaks of: n entities.
    marks : sequence of n tuples of str
        Their marks.
    features : NarrowedRows
        Their features, in the version's order.
    settings, values
        Whom to explain, and assumptions behind a value.
    level : LevelRevision or None
        The level that the scorer predicts at, whose band counts have; None where counts have none.
    """

    def __init__(
        self,
        scorer: Scorer,
        meanings: Sequence[FeatureMeaning],
        population: ScoredPopulation,
        marks: Sequence[tuple[str, ...]],
        features: NarrowedRows,
        settings: ScoreSettings,
        values: ValueSettings,
        level: LevelRevision | None,
    ) -> None:
        self._scorer = scorer
        self._meanings = meanings
        self._population = population
        self._marks = marks
        self._features = features
        self._settings = settings
        self._values = values
        self._level = level
        self._places = features.places(population.rows[features.join_key].to_arrow())
        horizons = len(scorer.version.horizon_models)
        self._probability: Floats = np.full((horizons, len(self._places)), np.nan)
        # By horizon and line, how much of the sum of probabilities one unit of log-odds moves.
        self._sensitivity: list[dict[str, float]] = [defaultdict(float) for _ in range(horizons)]
        self._explained: list[Positions] = []
        self._reasons: list[StrongestReasons] = []
        self._shares: list[Floats] = []

    @property
    def steps(self) -> int:
        """Steps of all passes together."""
        everybody, horizons = len(self._places), len(self._probability)
        return 2 * everybody + horizons * _riskiest_count(everybody, self._settings.explained_share)

    def give_probabilities(self, advance: Advance) -> None:
        """The first pass: probabilities of everybody, and with them who is explained."""
        for rows in self._batches():
            matrix = self._features.read(self._places[rows])
            lines = self._scorer.strata_of(matrix)
            for place, scores in enumerate(self._scorer.score_all(matrix)):
                self._probability[place, rows] = scores.probability
                moved = scores.probability * (1.0 - scores.probability)
                for line in np.unique(lines).tolist():
                    self._sensitivity[place][line] += float(moved[lines == line].sum())
            advance(len(matrix))
        self._explained = [
            riskiest(probability, self._settings.explained_share)
            for probability in self._probability
        ]

    def explain(self, advance: Advance) -> None:
        """The second pass: reasons of the riskiest, of every horizon."""
        for place, explained in enumerate(self._explained):
            parts = [
                self._explain(place, explained[start : start + BATCH_ROWS])
                for start in range(0, max(len(explained), 1), BATCH_ROWS)
            ]
            self._reasons.append(
                StrongestReasons(
                    np.concatenate([reasons.features for reasons, _ in parts]),
                    np.concatenate([reasons.contributions for reasons, _ in parts]),
                )
            )
            self._shares.append(np.concatenate([share for _, share in parts]))
            advance(len(explained))

    def facts(self, **named: str) -> ScoreFacts:
        """What the scores as a whole are about, after the first pass.

        Parameters
        ----------
        **named : str
            model, version, alias, inputs, at and scored_at, as in `ScoreFacts`.
        """
        models = self._scorer.version.horizon_models
        keys = ["" if one.horizon_days is None else str(one.horizon_days) for one in models]
        bands = {}
        for key, one, probability in zip(keys, models, self._probability, strict=True):
            names, counts = np.unique(one.bands.assign(probability), return_counts=True)
            bands[key] = dict(zip(names.tolist(), counts.tolist(), strict=True))
        return ScoreFacts(
            **named,
            entities=len(self._places),
            explained={key: len(of) for key, of in zip(keys, self._explained, strict=True)},
            excluded=self._population.excluded,
            marks={
                mark: count
                for mark in MARKS
                if (count := sum(mark in marks for marks in self._marks))
            },
            bands=bands,
            expected={} if self._level is None else self._expected(self._level, keys),
        )

    def _expected(self, revision: LevelRevision, keys: Sequence[str]) -> dict[str, ExpectedCount]:
        """How many will have the outcome, by horizon, with their bands."""
        expected = {}
        for place, key in enumerate(keys):
            level = revision.of(self._scorer.version.horizons[place])
            value = float(self._probability[place].sum())
            low, high = level.band(value, self._sensitivity[place])
            expected[key] = ExpectedCount(value=value, low=low, high=high, level=level.status)
        return expected

    def rows(self, facts: ScoreFacts, scored_at: datetime, advance: Advance) -> Iterator[pa.Table]:
        """The third pass: rows of the score set, batch by batch."""
        ids = (
            self._population.rows.select(IDS)
            .to_arrow()
            .cast(pa.schema([(name, pa.string()) for name in IDS]))
        )
        for rows in self._batches():
            matrix = self._features.read(self._places[rows])
            times = self._features.times(self._places[rows])
            yield score_rows(
                ids.slice(rows.start, len(matrix)),
                [self._horizon(place, rows, matrix) for place in range(len(self._probability))],
                matrix,
                self._meanings,
                model=facts.model,
                version=facts.version,
                marks=self._marks[rows],
                feature_times=pa.array(times).cast(pa.timestamp("us", "UTC")),
                scored_at=pa.scalar(scored_at, pa.timestamp("us", "UTC")),
            )
            advance(len(matrix))

    def _batches(self) -> Iterator[slice]:
        for start in range(0, len(self._places), BATCH_ROWS):
            yield slice(start, min(start + BATCH_ROWS, len(self._places)))

    def _horizon(self, place: int, rows: slice, matrix: Floats) -> HorizonScores:
        horizon_model = self._scorer.version.horizon_models[place]
        first, last = np.searchsorted(self._explained[place], (rows.start, rows.stop))
        probability, reasons = self._probability[place, rows], self._reasons[place]
        return HorizonScores(
            horizon_days=horizon_model.horizon_days,
            probability=probability,
            band=horizon_model.bands.assign(probability),
            value=self._value(matrix, horizon_model.horizon_days),
            explained=self._explained[place][first:last] - rows.start,
            reasons=StrongestReasons(
                reasons.features[first:last], reasons.contributions[first:last]
            ),
            actionable_share=self._shares[place][first:last],
        )

    def _explain(self, place: int, entities: Positions) -> tuple[StrongestReasons, Floats]:
        count = min(self._settings.reasons, len({meaning.reason for meaning in self._meanings}))
        if len(entities) == 0:
            return StrongestReasons(np.empty((0, count), np.intp), np.empty((0, count))), np.empty(
                0
            )
        matrix = self._features.read(self._places[entities])
        explanation = self._scorer.explain_told(matrix, self._scorer.version.horizons[place])
        return (
            strongest_reasons(explanation, self._meanings, count),
            actionable_share(explanation, self._meanings),
        )

    def _value(self, matrix: Floats, horizon_days: int | None) -> Floats:
        features = self._scorer.version.features
        if MARGIN not in features or horizon_days is None:
            return np.full(len(matrix), np.nan)
        return value_of(matrix[:, features.index(MARGIN)], horizon_days, self._values).if_staying


def riskiest(probability: Floats, share: float) -> Positions:
    """Positions of a share of the rows, those with the highest probability, ascending.

    Parameters
    ----------
    probability : (n,) float64
        No NaN.
    share : float
        0 to 1. Of equal probabilities at the limit the first rows count.

    Examples
    --------
    >>> riskiest(np.array([0.1, 0.9, 0.5, 0.2]), 0.5).tolist()
    [1, 2]
    """
    count = _riskiest_count(len(probability), share)
    return np.sort(np.argsort(-probability, kind="stable")[:count])


def _riskiest_count(rows: int, share: float) -> int:
    return int(np.ceil(share * rows))
