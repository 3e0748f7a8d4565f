"""Reasons in words: what is known about a customer behind each reason. They claim no cause."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

from holdfast.arrays import Floats
from models.reasons.coded import Effect, strongest_reasons
from models.reasons.explain import Decode, Explanation
from models.reasons.meaning import FeatureMeaning
from models.words.catalogue import Catalogue, words
from models.words.sentence import fallback, is_as_it_should_be, own_sentence, sentence

# Reasons tried in addition to those asked for, since two may have the same text.
_SPARE = 5


@dataclass(frozen=True)
class WordedReason:
    """One reason for a prediction, in words.

    Parameters
    ----------
    reason : str
        Key of the reason: the contributions of all features that share it are added up.
    driver : str
        Part of the service that the feature is about.
    contribution : float
        Log-odds that the reason adds to the raw margin.
    direction : {"raises", "lowers"}
        Whether it raises or lowers the predicted risk.
    actionable : bool
        Care can change what the text is about, and there is something to change: it raises the risk,
        its value is known, and is not at its best already.
    feature : str
        The feature that the text is about: of the reason's features the one that contributes most
        in its direction, or a related feature that is easier to understand.
    value : float or None
        The customer's value of it; None if missing.
    unit : str
        Unit of the value.
    text : str
        What is known about the customer, in the language asked for.
    """

    reason: str
    driver: str
    contribution: float
    direction: Effect
    actionable: bool
    feature: str
    value: float | None
    unit: str
    text: str

    def to_json(self) -> dict[str, Any]:
        """The reason as JSON."""
        return asdict(self)


def reasons(
    explanation: Explanation,
    matrix: Floats,
    meanings: Sequence[FeatureMeaning],
    language: str,
    count: int,
    *,
    only: Effect | None = None,
    decode: Decode | None = None,
) -> list[tuple[WordedReason, ...]]:
    """The strongest reasons for each row's prediction, in words.

    Parameters
    ----------
    explanation : Explanation
        Of n rows.
    matrix : (n, k) float64
        The rows' features, NaN for missing.
    meanings : sequence of FeatureMeaning
        What the k features mean, in the order of the columns.
    language : str
        A BCP 47 tag, such as ``en``, ``zh-Hans`` or ``zh-TW``.
    count : int
        Most reasons for a row.
    only : {"raises", "lowers"}, optional
        Leave out reasons of the other direction.
    decode : Decode, optional
        How to write values of features without words.

    Returns
    -------
    list of n tuples of WordedReason
        Strongest first. Fewer than `count` if fewer contribute at least `LEAST_CONTRIBUTION`, or if
        two have the same text.

    Raises
    ------
    InputError
        There are no words in that language, or the meanings are not those of the columns.
    """
    catalogue = words(language)
    strongest = strongest_reasons(explanation, meanings, count + _SPARE, only=only)
    by_name = {meaning.name: meaning for meaning in meanings}
    reasons_by_row = []
    for row, (features, contributions) in enumerate(
        zip(strongest.features.tolist(), strongest.contributions.tolist(), strict=True)
    ):
        values = dict(zip(by_name, matrix[row].tolist(), strict=True))
        by_text: dict[str, WordedReason] = {}
        for feature, contribution in zip(features, contributions, strict=True):
            if len(by_text) == count or feature < 0:
                break
            reason = word(
                meanings[feature], contribution, values, by_name, catalogue, decode=decode
            )
            by_text.setdefault(reason.text, reason)
        reasons_by_row.append(tuple(by_text.values()))
    return reasons_by_row


def word(
    largest: FeatureMeaning,
    contribution: float,
    values: Mapping[str, float],
    meanings: Mapping[str, FeatureMeaning],
    catalogue: Catalogue,
    *,
    decode: Decode | None = None,
) -> WordedReason:
    """Put one reason into words.

    Parameters
    ----------
    largest : FeatureMeaning
        The reason's feature that contributes most in its direction.
    contribution : float
        Log-odds that the reason adds to the raw margin.
    values : mapping of str to float
        The customer's features by name, NaN where missing: `largest`, and those that
        `models.words.forms.context_of` names.
    meanings : mapping of str to FeatureMeaning
        What the model's features mean, by name.
    catalogue : Catalogue
        The language.
    decode : Decode, optional
        How to write values of features without words.
    """
    own = largest.words
    worded = (
        sentence(largest.name, values, catalogue)
        if own is None
        else own_sentence(largest.name, own, values, catalogue)
    )
    shown = largest if worded is None else meanings[worded.feature]
    value = values[shown.name] if isfinite(values[shown.name]) else None
    if worded is None:
        decoded = value if value is None or decode is None else decode(shown.name, value)
        text = fallback(shown.about or shown.name, decoded, catalogue)
    else:
        text = worded.text
    return WordedReason(
        reason=largest.reason,
        driver=shown.driver,
        contribution=contribution,
        direction="raises" if contribution > 0 else "lowers",
        actionable=can_change(shown, value, contribution),
        feature=shown.name,
        value=value,
        unit=shown.unit,
        text=text,
    )


def can_change(meaning: FeatureMeaning, value: float | None, contribution: float) -> bool:
    """Whether care can change what a reason is about, for the better.

    Parameters
    ----------
    meaning : FeatureMeaning
        Of the feature that the reason is about.
    value : float or None
        Its value; None if missing.
    contribution : float
        Log-odds that the reason adds.
    """
    return (
        meaning.actionable
        and contribution > 0
        and value is not None
        # Of what is better high, such as speed, nothing is the worst.
        and (
            meaning.direction == "decreasing"
            or not is_as_it_should_be(meaning.name, value, meaning.words)
        )
    )
