"""What predictions may be used for: marks of who objects now, and what marketing is not told."""

from models.score_set import BARS_MARKETING, PROFILING_OBJECTION
from models.words.catalogue import Catalogue
from serving.contract.predictions import Prediction


def marked(marks: list[str], *, objects: bool) -> list[str]:
    """Marks of a prediction, with what follows from the customer's objection to profiling."""
    if objects and PROFILING_OBJECTION not in marks:
        return [*marks, PROFILING_OBJECTION]
    return marks


def bar_of(marks: list[str]) -> str | None:
    """The first mark that bars marketing; None where none does."""
    return next((mark for mark in BARS_MARKETING if mark in marks), None)


def barred(prediction: Prediction, catalogue: Catalogue) -> Prediction:
    """A prediction for marketing, withheld where a mark bars that, in the words of a language."""
    mark = bar_of(prediction["marks"])
    if mark is None:
        return prediction
    return {
        **prediction,
        "probability": None,
        "band": None,
        "reasons": [],
        "scored_at": None,
        "error": {"code": mark, "detail": catalogue.marks[mark]},
    }
