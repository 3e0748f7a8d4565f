"""What the access rules of a running service rest on: its keys, and the file that it writes."""

import logging
from datetime import date

import sqlalchemy as sa
from anyio import to_thread

from holdfast.clock import Clock
from holdfast.errors import HomeError
from holdfast.home import Home
from serving.access.database import open_requests
from serving.access.key_ring import KeyRing
from serving.access.key_store import ApiKey, KeyStore
from serving.access.usage import note_use

_log = logging.getLogger(__name__)


class Access:
    """Who may ask the service of a home.

    Parameters
    ----------
    home : Home
        Whose keys count.
    clock : Clock
        What time it is: the machine's, also for a simulated operator, because callers are real.
    """

    def __init__(self, home: Home, clock: Clock) -> None:
        self.keys = KeyRing(KeyStore(home, clock).all, clock)
        self._home = home
        self._clock = clock
        self._requests: sa.Engine | None = None
        self._noted: dict[str, date] = {}

    def start(self) -> None:
        """Open the file that the service writes, in the process that serves. In a home that cannot
        be written it answers all the same, and the log says what it does without.
        """
        try:
            self._requests = open_requests(self._home, durable=False)
        except HomeError as error:
            _log.warning("does not note when API keys were last used: %s", error)

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
