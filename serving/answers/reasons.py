"""Reasons of predictions as the contract has them, in the words that every page uses."""

from collections.abc import Mapping, Sequence
from typing import Any

from holdfast.arrays import Floats
from models.reasons.explain import Decode
from models.reasons.meaning import FeatureMeaning
from models.reasons.worded import WordedReason, reasons
from models.score_set import reasons_in_words
from serving.contract.predictions import Reason
from serving.served.model import ServedModel, decode_operator_with


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
        [_reason(one, model.column(one.feature).name, model.decode) for one in of_row]
        for of_row in worded
    ]


def stored_reasons(
    codes: Sequence[Mapping[str, Any]] | None,
    meanings: Mapping[str, FeatureMeaning],
    language: str,
    count: int,
) -> list[Reason]:
    """The reasons that a night stored with a score (`models.score_set.SCHEMA`); none where it stored
    none.

    Parameters
    ----------
    codes : sequence of mapping, or None
        What it stored.
    meanings : mapping of str to FeatureMeaning
        What the model's features mean, by feature.
    language : str
        A language that there are words in.
    count : int
        Most reasons.
    """
    decode = decode_operator_with(meanings.values())
    worded = reasons_in_words(codes, meanings, language, count, decode=decode)
    return [_reason(one, one.feature, decode) for one in worded]


def _reason(one: WordedReason, column: str, decode: Decode) -> Reason:
    return {
        "text": one.text,
        "driver": one.driver,
        "feature": column,
        "value": None if one.value is None else decode(one.feature, one.value),
        "unit": one.unit,
        "contribution": one.contribution,
        "actionable": one.actionable,
    }
