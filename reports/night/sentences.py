"""What a night says of itself, in words (see `holdfast.sentences`)."""

from collections.abc import Mapping
from functools import partial

from features.intake.sentences import TEMPLATES as OF_TABLES
from holdfast.sentences import Sentence, worded
from reports.night.words import named
from reports.words.nights import OF_NIGHTS
from reports.words.texts import ENGLISH, Texts

TEMPLATES: Mapping[str, str] = {**OF_TABLES, **OF_NIGHTS}
"""Sentences of a night, and those of raw tables that they hold."""


def told(what: Sentence, texts: Texts = ENGLISH) -> str:
    """A sentence of a night, or of a raw table, in words."""
    return worded(what, TEMPLATES, texts.gettext, partial(named, texts=texts))
