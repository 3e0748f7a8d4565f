"""What the scores of a night change: the next score feed, unless there is one of these scores."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from features.settings import FeatureSettings
from holdfast.errors import ModelError
from holdfast.failpoint import Failpoint, no_failpoint
from holdfast.home import Home
from models.feed.changes import FeedSet, write_next
from models.feed.facts import FeedFacts
from models.feed.files import FeedFiles
from models.reasons.meaning import FeatureMeaning
from models.score_set import ScoreFacts
from models.settings import FeedSettings
from models.targets import TARGETS

_log = logging.getLogger(__name__)

MeaningsOf = Callable[[str], tuple[FeatureMeaning, ...]]
"""Gives what the features of a model's scoring version mean."""


def update_feed(
    home: Home,
    sets: Sequence[ScoreFacts],
    meanings_of: MeaningsOf,
    settings: FeedSettings,
    *,
    every_model: bool,
    now: datetime,
    features: FeatureSettings,
    failpoint: Failpoint = no_failpoint,
) -> FeedFacts | None:
    """Report what has changed.

    Models of contacts are left out: a contact is scored a few times after its close, and then never
    again.

    Parameters
    ----------
    home : Home
        Holds the score sets and the feed.
    sets : sequence of ScoreFacts
        The score sets of the newest snapshot.
    meanings_of : callable
        Gives the meanings of a model's features.
    settings : FeedSettings
        What counts as a change.
    every_model : bool
        Whether these are all models that score, so that scores by others have ended.
    now : datetime
        What time it is in the home, UTC.
    features : FeatureSettings
        Memory and threads that it may use.
    failpoint : Failpoint, optional
        For tests.

    Returns
    -------
    FeedFacts or None
        What the newest feed is about; None where there is none. One that is damaged is made anew.
    """
    files = FeedFiles(home.score_feed)
    try:
        newest = files.newest()
    except ModelError as error:
        _log.warning("the score feed begins anew, and all cursors have expired: %s", error)
        newest = None
    before = {} if newest is None else newest.models
    reported = [facts for facts in sets if TARGETS[facts.model].entity != "contact"]
    # A snapshot that is older than what is reported changes nothing.
    changed = [
        facts
        for facts in reported
        if facts.model not in before
        or (before[facts.model].inputs != facts.inputs and before[facts.model].at <= facts.at)
    ]
    ended = set(before) - {facts.model for facts in reported} if every_model else set()
    if not changed and not ended:
        return newest
    feed_sets = [
        FeedSet(
            home.score_sets / f"at={facts.at[:10]}" / f"{facts.model}.parquet",
            facts,
            meanings_of(facts.model),
        )
        for facts in changed
    ]
    return write_next(
        *(files, newest, feed_sets, ended),
        step=settings.step,
        now=now,
        memory_gb=features.memory_gb,
        threads=features.threads_to_use,
        failpoint=failpoint,
    )
