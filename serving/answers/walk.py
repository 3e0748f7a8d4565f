"""One page of everybody's scores, or of those that have changed, and where to go on.

A full export reads one feed from its beginning to its end, whatever nights come meanwhile; its end is
where changes since then begin. Changes are read from the newest feed. A score that changes while
they are read gets a new number, beyond all that were read, and so is met later.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from holdfast.errors import HoldfastError, InputError
from models.feed.facts import CURSOR_DAYS, FeedFacts
from serving.contract.cursor import Cursor, ExpiredCursorError
from serving.served.feeds import Feeds

_LIFETIME_SECONDS = CURSOR_DAYS * 86_400


class NoScoresError(HoldfastError):
    """No night has reported scores yet."""


@dataclass(frozen=True)
class Walk:
    """One page.

    Parameters
    ----------
    facts : FeedFacts
        What the feed that was read is about.
    rows : list of dict
        Its scores, by column.
    next : Cursor
        Where to go on.
    more : bool
        Whether there is more to read now.
    """

    facts: FeedFacts
    rows: list[dict[str, Any]]
    next: Cursor
    more: bool


def walk(
    feeds: Feeds,
    since: Cursor | None,
    models: Sequence[str] | None,
    count: int,
    now: datetime,
) -> Walk:
    """Read one page.

    Parameters
    ----------
    feeds : Feeds
        The home's.
    since : Cursor or None
        Where the reader has come to; None to begin a full export.
    models : sequence of str or None
        The models to read; None for all, or for those of the cursor.
    count : int
        Most scores, at least 1.
    now : datetime
        What time it is in the home, UTC.

    Raises
    ------
    NoScoresError
        There is nothing to read yet.
    ExpiredCursorError
        The cursor is too old, or what it reads is not there any more.
    InputError
        A model is not scored by the night, or not one of the cursor's.
    ModelError
        The feed is damaged.
    """
    cursor = _begun(feeds, models, now) if since is None else _checked(since, models, now)
    reader = feeds.newest() if cursor.export is None else feeds.numbered(cursor.export)
    facts = None if reader is None else reader.facts
    if (
        reader is None
        or facts is None
        or facts.feed != cursor.feed
        or cursor.after > facts.last_report
    ):
        raise ExpiredCursorError("the scores that the cursor was reading are not there any more")
    try:
        page = reader.page(
            cursor.after, count, cursor.models, scored_only=cursor.export is not None
        )
    except FileNotFoundError:
        raise ExpiredCursorError(
            "the scores that the cursor was reading were replaced meanwhile"
        ) from None
    following = replace(cursor, after=page.last)
    if not page.more:
        if cursor.export is None:
            following = replace(following, complete_at=int(now.timestamp()))
        following = replace(following, export=None)
    return Walk(facts, page.rows, following, page.more)


def _begun(feeds: Feeds, models: Sequence[str] | None, now: datetime) -> Cursor:
    newest = feeds.newest()
    if newest is None:
        raise NoScoresError("no night has reported scores yet")
    facts = newest.facts
    for place, model in enumerate(models or ()):
        if model not in facts.models:
            there = ", ".join(facts.models)
            raise InputError(
                f"models[{place}]", f"must be one that the night scores ({there})", model
            )
    return Cursor(facts.feed, 0, int(now.timestamp()), _sorted(models), facts.number)


def _checked(cursor: Cursor, models: Sequence[str] | None, now: datetime) -> Cursor:
    if now.timestamp() - cursor.complete_at > _LIFETIME_SECONDS:
        raise ExpiredCursorError(f"the cursor is older than {CURSOR_DAYS} days")
    if models is not None and _sorted(models) != cursor.models:
        there = "all" if cursor.models is None else ", ".join(cursor.models)
        rule = f"must be those of the cursor ({there}), or be left out; others need an export of their own"
        raise InputError("models", rule, ",".join(models))
    return cursor


def _sorted(models: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if models is None else tuple(sorted(set(models)))
