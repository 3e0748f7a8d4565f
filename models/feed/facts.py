"""What a score feed as a whole is about, and the kinds of change that it reports.

A feed holds the newest score of every subscription and customer, each under the number of its last
*report*. A score is reported when it changes, not each night: whoever has read all numbers up to
one of them has missed nothing, and reads on from there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from holdfast.documents import to_document
from models.reasons.meaning import FeatureMeaning

Change = Literal["scored", "band", "step", "marks", "customer", "excluded"]

CHANGES: Mapping[Change, str] = {
    "scored": "there was no score before",
    "band": "another risk band",
    "step": "the probability has moved by the step or more since the last report",
    "marks": "a mark that bars marketing was added or removed",
    "customer": "the subscription belongs to another customer",
    "excluded": "there is no score any more",
}
"""Why a score was reported last, with what that means; of several, the first that applies."""

CURSOR_DAYS = 30
"""How long a reader may wait before it reads on."""

KEPT_DAYS = 40
"""How long who is excluded stays in the feed: longer than `CURSOR_DAYS`, because a night takes time
between its clock's reading and the publication of its feed.
"""


@dataclass(frozen=True, kw_only=True)
class FeedModel:
    """What a feed holds of one model.

    Parameters
    ----------
    version : str
        The version that scored.
    alias : {"champion", "shadow"}
        As what it scored.
    at : str
        Time of the snapshot (ISO 8601, UTC).
    scored_at : str
        When the scores were made (ISO 8601, UTC).
    inputs : str
        Digest of all that the scores were made from.
    scores : int
        How many there are, over all horizons.
    meanings : tuple of FeatureMeaning
        What the model's features mean, for the words of reasons.
    """

    version: str
    alias: str
    at: str
    scored_at: str
    inputs: str
    scores: int
    meanings: tuple[FeatureMeaning, ...]


@dataclass(frozen=True, kw_only=True)
class FeedFacts:
    """What a feed as a whole is about.

    Parameters
    ----------
    feed : str
        Which feed it is: eight hexadecimal digits. Another one begins its numbers anew.
    number : int
        How many times it was written.
    made_at : str
        When it was written (ISO 8601, UTC, by the home's clock).
    last_report : int
        The highest number that a report has, or had.
    models : dict of str to FeedModel
        By name, those that score.
    changes : dict of str to dict
        What this writing reported: counts by model and kind of change.
    """

    feed: str
    number: int
    made_at: str
    last_report: int
    models: dict[str, FeedModel]
    changes: dict[str, dict[str, int]]

    def to_json(self) -> dict[str, Any]:
        """The facts as JSON."""
        return to_document(self)


def changes_in_words(changes: Mapping[str, Mapping[str, int]]) -> str:
    """How many scores changed, on one line.

    >>> changes_in_words({"churn": {"band": 1200, "excluded": 3}, "csat_low": {"step": 1}})
    'churn 1,200 band, 3 excluded; csat_low 1 step'
    >>> changes_in_words({})
    'none'
    """
    counted = [
        f"{model} " + ", ".join(f"{kinds[kind]:,} {kind}" for kind in CHANGES if kind in kinds)
        for model, kinds in changes.items()
    ]
    return "; ".join(counted) or "none"
