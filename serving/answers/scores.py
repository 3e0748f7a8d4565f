"""Scores of rows within the horizons asked, with reasons."""

from dataclasses import dataclass
from typing import Literal, cast

from holdfast.arrays import Floats
from serving.answers.question import AskedModel
from serving.answers.reasons import reasons_of
from serving.contract.predictions import Reason

Band = Literal["high", "medium", "low"]


@dataclass(frozen=True)
class HorizonScore:
    """The score of one row within one horizon.

    Parameters
    ----------
    probability : float
        Calibrated, 0 to 1.
    band : str
        Risk band.
    reasons : list of Reason
        Strongest first.
    """

    probability: float
    band: Band
    reasons: list[Reason]


def score_rows(
    asked: AskedModel, matrix: Floats, language: str, reasons: int
) -> list[list[HorizonScore]]:
    """Score rows.

    Parameters
    ----------
    asked : AskedModel
        The model, and its h horizons.
    matrix : (n, k) float64
        Features in the model's order, NaN for missing.
    language : str
        Language of reasons.
    reasons : int
        Most reasons for each score.

    Returns
    -------
    n lists of h HorizonScore
        In the order of the horizons asked.
    """
    if len(matrix) == 0:
        return []
    # All horizons, because probabilities must not decrease from one to the next.
    every = asked.model.scorer.score_all(matrix)
    columns = []
    for place in asked.places:
        scores = every[place]
        why = reasons_of(asked.model, matrix, place, language, reasons)
        columns.append(
            [
                HorizonScore(probability, cast(Band, band), of_row)
                for probability, band, of_row in zip(
                    scores.probability.tolist(), scores.band.tolist(), why, strict=True
                )
            ]
        )
    return [list(of_row) for of_row in zip(*columns, strict=True)]
