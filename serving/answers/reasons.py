"""Reasons of predictions as the contract has them, in the words that every page uses."""

from holdfast.arrays import Floats
from models.reasons.worded import reasons
from serving.contract.predictions import Reason
from serving.served.model import ServedModel


def reasons_of(
    model: ServedModel, matrix: Floats, place: int, language: str, count: int
) -> list[list[Reason]]:
    """The strongest reasons of each of n rows within one horizon.

    Parameters
    ----------
    model : ServedModel
        The model.
    matrix : (n, k) float64
        The rows' features.
    place : int
        Position of the horizon among the version's.
    language : str
        A language that there are words in.
    count : int
        Most reasons for each.

    Raises
    ------
    ModelError
        A row holds a category that came after the store's encoding was read.
    """
    if count == 0 or len(matrix) == 0:
        return [[] for _ in matrix]
    explanation = model.scorer.explain_told(matrix, model.version.horizons[place])
    worded = reasons(explanation, matrix, model.meanings, language, count, decode=model.decode)
    return [
        [
            {
                "text": one.text,
                "driver": one.driver,
                "feature": model.column(one.feature).name,
                "value": None if one.value is None else model.decode(one.feature, one.value),
                "unit": one.unit,
                "contribution": one.contribution,
                "actionable": one.actionable,
            }
            for one in of_row
        ]
        for of_row in worded
    ]
