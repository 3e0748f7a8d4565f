"""Why customers, lines and rows are left out of a training or of a night's scores, in words."""

from reports.words.texts import ENGLISH, Texts
from training.labelling.exclusions import EXCLUDED


def excluded_words(reason: str, texts: Texts = ENGLISH) -> str:
    """Why some were left out; without underscores for a reason that is not known here."""
    return texts.gettext(EXCLUDED[reason]) if reason in EXCLUDED else reason.replace("_", " ")
