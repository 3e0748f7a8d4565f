"""What the access rules of a running service rest on: its keys, and the file that it writes."""

import logging
from datetime import date
from functools import cached_property

import sqlalchemy as sa
from anyio import to_thread
from pydantic import SecretStr

from holdfast.clock import Clock
from holdfast.errors import HomeError
from holdfast.home import Home
from serving.access.database import open_requests
from serving.access.idempotency import IdempotentAnswers
from serving.access.key_ring import KeyRing
from serving.access.key_store import ApiKey, KeyStore
from serving.access.rate_limit import Allowance, RateLimiter, RequestCounts
from serving.access.rate_storage import SqliteCounts, redis_counts
from serving.access.usage import note_use
from serving.contract.problem import Problem

_log = logging.getLogger(__name__)


class Access:
    """Who may ask the service of a home.

    Parameters
    ----------
    home : Home
        Whose keys count.
    clock : Clock
        What time it is: the machine's, also for a simulated operator, because callers are real.
    per_minute : int
        Most requests of a key in a minute.
    redis_url : SecretStr, optional
        The Redis server to count requests in, instead of the home.
    """

    def __init__(
        self, home: Home, clock: Clock, per_minute: int, redis_url: SecretStr | None = None
    ) -> None:
        self.keys = KeyRing(KeyStore(home, clock).all, clock)
        self._home = home
        self._clock = clock
        self._per_minute = per_minute
        self._redis_url = redis_url
        self._limiter = RateLimiter(None, per_minute)
        self._requests: sa.Engine | None = None
        self._noted: dict[str, date] = {}

    def start(self) -> None:
        """Open what the workers of a service share, in the process that serves. In a home that
        cannot be written it answers all the same, and the log says what it does without.
        """
        try:
            self._requests = open_requests(self._home, durable=False)
        except HomeError as error:
            without = "does not note when API keys were last used"
            if self._redis_url is None:
                without += ", and each worker counts requests alone"
            _log.warning("%s: %s", without, error)
        self._limiter = RateLimiter(self._store(), self._per_minute)

    async def count(self, key: ApiKey) -> Allowance:
        """Count a request of a key; errors as `RateLimiter.count`."""
        return await self._limiter.count(key.name, key.counted_as)

    def _store(self) -> RequestCounts | None:
        if self._redis_url is not None:
            return redis_counts(self._redis_url)
        if self._requests is None:
            return None
        return SqliteCounts(self._requests, lambda: self._clock().timestamp())

    @cached_property
    def answers(self) -> IdempotentAnswers:
        """The answers that are kept for whoever sends a request again.

        Raises
        ------
        Problem
            409, where the home cannot be written.
        """
        try:
            # Its own connections: what it remembers must outlive a loss of power.
            return IdempotentAnswers(open_requests(self._home, durable=True), self._clock)
        except HomeError as error:
            _log.warning("cannot keep answers: %s", error)
            detail = "The home cannot be written where it is served, so nothing is changed."
            raise Problem(409, detail, code="read_only") from None

    async def authenticate(self, secret: str) -> ApiKey:
        """The valid key of a secret, whose use is noted once a day; errors as `KeyRing.find`."""
        key, stored = self.keys.find(secret)
        today = self._clock().date()
        if self._noted.get(stored.id) != today:
            self._noted[stored.id] = today
            await self._note(stored.id, today)
        return key

    async def _note(self, secret_id: str, today: date) -> None:
        if self._requests is None:
            return
        try:
            await to_thread.run_sync(note_use, self._requests, secret_id, today)
        except sa.exc.SQLAlchemyError as error:
            _log.warning("cannot note that an API key was used: %s", type(error).__name__)
