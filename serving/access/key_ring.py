"""The keys as a running server knows them: read again every two seconds."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from holdfast.clock import Clock
from holdfast.errors import HomeError
from serving.access.key_store import ApiKey, StoredSecret
from serving.access.secret import is_same, read_secret
from serving.contract.problem import Problem

REFRESH_SECONDS = 2.0
"""How old what is known of the keys may be: a key that was revoked is refused after that time."""

_MOST_SECONDS = 30.0  # how long keys that cannot be read again are believed

_log = logging.getLogger(__name__)

KnownKeys = Mapping[str, tuple[ApiKey, StoredSecret]]
"""Keys by the ids of their secrets."""


class InvalidKeyError(Exception):
    """A secret is none of a valid key; the message says why."""


def by_secret(keys: Iterable[ApiKey]) -> KnownKeys:
    """Keys by the ids of their secrets."""
    return {secret.id: (key, secret) for key in keys for secret in key.secrets}


def find_valid(known: KnownKeys, secret: str, now: datetime) -> tuple[ApiKey, StoredSecret]:
    """The key of a secret, and what is kept of the secret.

    Raises
    ------
    InvalidKeyError
        It is no valid key. Only who holds the secret is told what has become of the key.
    """
    read = read_secret(secret)
    found = None if read is None else known.get(read[0])
    if read is None or found is None or not is_same(read[1], found[1].digest):
        raise InvalidKeyError("The key is not known here.")
    key, stored = found
    if key.revoked_at is not None:
        raise InvalidKeyError("The key was revoked.")
    if stored.expires_at is not None and now >= stored.expires_at:
        raise InvalidKeyError("The key has expired.")
    return found


class KeyRing:
    """Finds the key of a secret. Once there was a key, requests without one are refused for as
    long as the server runs, whatever happens to the file.

    Parameters
    ----------
    read_keys : callable
        Gives the keys as they are kept now, or raises a HomeError: `KeyStore.all`.
    clock : Clock
        What time it is, for expiry.
    elapsed : callable
        Seconds that never go back, for the age of what is known.
    """

    def __init__(
        self,
        read_keys: Callable[[], Iterable[ApiKey]],
        clock: Clock,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read_keys = read_keys
        self._clock = clock
        self._elapsed = elapsed
        self._by_secret: KnownKeys = {}
        self._read_at = -float("inf")
        self._tried_at = -float("inf")
        self._required = False

    def refresh(self) -> None:
        """Read the keys now.

        Raises
        ------
        HomeError
            They cannot be read. What was known stays.
        """
        self._tried_at = self._elapsed()
        keys = tuple(self._read_keys())
        self._read_at = self._tried_at
        self._by_secret = by_secret(keys)
        self._required = self._required or bool(keys)

    def has_valid(self) -> bool:
        """Whether there is a key that anybody can ask with now, as far as was read."""
        return any(key.is_valid(self._clock()) for key, _ in self._by_secret.values())

    def is_required(self) -> bool:
        """Whether a request must bring a key: from the first key on that was ever made.

        Raises
        ------
        Problem
            503, where the keys have not been readable for half a minute.
        """
        self._keep_fresh()
        return self._required

    def find(self, secret: str) -> tuple[ApiKey, StoredSecret]:
        """The key of a secret, and what is kept of the secret.

        Raises
        ------
        Problem
            401, where it is no valid key; 503 as `is_required`.
        """
        self._keep_fresh()
        try:
            return find_valid(self._by_secret, secret, self._clock())
        except InvalidKeyError as error:
            raise unauthorized(str(error)) from None

    def _keep_fresh(self) -> None:
        if self._elapsed() - self._tried_at >= REFRESH_SECONDS:
            try:
                self.refresh()
            except HomeError as error:
                _log.warning("cannot read the API keys again: %s", error)
        if self._elapsed() - self._read_at > _MOST_SECONDS:
            detail = "The server cannot read its API keys; its log says why."
            raise Problem(503, detail, headers={"Retry-After": "2"})


def unauthorized(reason: str) -> Problem:
    """401, which tells how to send a key."""
    detail = f"{reason} The request needs `Authorization: Bearer KEY` with a key of this server."
    return Problem(401, detail, headers={"WWW-Authenticate": "Bearer"})
