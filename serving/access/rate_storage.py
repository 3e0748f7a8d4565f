"""Where requests are counted, so that all workers of a service see one count.

`limits` brings the sliding window, and stores for it in Redis and in memory. It has none for
SQLite, which stands here.
"""

from collections.abc import Callable

import sqlalchemy as sa
from limits.errors import ConfigurationError
from limits.storage import RedisStorage
from limits.storage.base import TimestampedSlidingWindow
from pydantic import SecretStr
from sqlalchemy.dialects.sqlite import insert

from holdfast.errors import InputError
from serving.access.database import requests_metadata
from serving.access.rate_limit import RequestCounts, Window
from serving.settings import ServingSettings

# A caller waits for it.
_REDIS_SECONDS = 1

_counts = sa.Table(
    "request_counts",
    requests_metadata,
    sa.Column("window", sa.Text, primary_key=True),
    sa.Column("counted", sa.Integer, nullable=False),
    sa.Column("expires_at", sa.Float, nullable=False, index=True),
)


def redis_counts(url: SecretStr) -> RequestCounts:
    """Counts in a Redis server, which several machines may share. Nothing is asked of it yet.

    Raises
    ------
    InputError
        The URL is none of a Redis server, or the packages for it are not installed. The password
        is not shown.
    """
    try:
        return RedisStorage(
            url.get_secret_value(),
            wrap_exceptions=True,
            key_prefix="holdfast:requests",
            socket_connect_timeout=_REDIS_SECONDS,
            socket_timeout=_REDIS_SECONDS,
        )
    except (ConfigurationError, ValueError):
        raise InputError(
            ServingSettings.variable("rate_store"),
            "needs the packages of requirements-scale.lock, and HOLDFAST_REDIS_URL as "
            "redis://USER:PASSWORD@HOST:PORT/DATABASE, or rediss:",
            "redis",
        ) from None


class SqliteCounts(TimestampedSlidingWindow):
    """Counts of the running and the last window of each key, by the rule that `limits` has for its
    own storages.

    Parameters
    ----------
    requests : Engine
        The file that all workers share.
    seconds : callable
        Seconds since 1970, the same for all workers.
    """

    def __init__(self, requests: sa.Engine, seconds: Callable[[], float]) -> None:
        self._requests = requests
        self._seconds = seconds

    def acquire_sliding_window_entry(
        self, key: str, limit: int, expiry: int, amount: int = 1
    ) -> bool:
        """Count some requests unless that would pass the limit.

        Parameters
        ----------
        key : str
            Whose requests.
        limit : int
            Most requests in a window.
        expiry : int
            Length of a window, in seconds.
        amount : int
            How many to count.

        Returns
        -------
        bool
            Whether they were counted: all of them or none.
        """
        now = self._seconds()
        _, current = self.sliding_window_keys(key, expiry, now)
        statement = insert(_counts).values(
            window=current, counted=amount, expires_at=now + 2 * expiry
        )
        with self._requests.begin() as connection:
            connection.execute(_counts.delete().where(_counts.c.expires_at < now))
            last, last_left, running, _ = self._window(connection, key, expiry, now)
            if int(last * last_left / expiry + running) + amount > limit:
                return False
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[_counts.c.window],
                    set_={"counted": _counts.c.counted + amount},
                )
            )
        return True

    def get_sliding_window(self, key: str, expiry: int) -> Window:
        """Count of the last window and the seconds for which it still weighs; count of the running
        one, and the seconds until it weighs no more.
        """
        with self._requests.begin() as connection:
            return self._window(connection, key, expiry, self._seconds())

    def _window(self, connection: sa.Connection, key: str, expiry: int, now: float) -> Window:
        last, running = self.sliding_window_keys(key, expiry, now)
        rows = connection.execute(
            sa.select(_counts.c.window, _counts.c.counted).where(
                _counts.c.window.in_([last, running])
            )
        )
        counts: dict[str, int] = {row.window: row.counted for row in rows}
        left = expiry - now % expiry
        return counts.get(last, 0), left, counts.get(running, 0), left + expiry
