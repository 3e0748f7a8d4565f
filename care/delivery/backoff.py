"""When what could not be handed over is tried again."""

from datetime import datetime, timedelta
from random import Random

MOST_ATTEMPTS = 15
"""After so many it is given up: with the waits below, after about five hours."""

_FIRST_SECONDS, _LONGEST_SECONDS = 5.0, 3600.0


def next_attempt(now: datetime, attempt: int, wait_seconds: float, random: Random) -> datetime:
    """When to try again: after twice as long each time, up to an hour, and not all at once.

    Parameters
    ----------
    now : datetime
        When the attempt failed.
    attempt : int
        Its number, from 1.
    wait_seconds : float
        How long the receiver asks to be left alone; heeded up to an hour.
    random : Random
        Spreads the attempts, from half to one and a half of the wait.
    """
    doubled = min(_LONGEST_SECONDS, _FIRST_SECONDS * 2.0 ** min(attempt - 1, 20))
    asked = min(wait_seconds, _LONGEST_SECONDS)
    return now + timedelta(seconds=max(asked, doubled * random.uniform(0.5, 1.5)))
