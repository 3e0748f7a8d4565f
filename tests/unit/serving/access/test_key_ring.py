from datetime import timedelta

import pytest

from holdfast.errors import HomeError
from serving.access.key_ring import REFRESH_SECONDS, KeyRing
from serving.access.secret import make_secret
from serving.contract.problem import Problem
from tests.builders.api_keys import NOW, SECRET, KnownKeys, a_key, stored


class Ring:
    """A key ring, and the times it is told."""

    def __init__(self, *keys: object) -> None:
        self.store = KnownKeys(*keys)  # type: ignore[arg-type]
        self.now, self.elapsed = NOW, 0.0
        self.ring = KeyRing(self.store.all, lambda: self.now, lambda: self.elapsed)

    def find(self, secret: str = SECRET.text) -> str:
        """Name of the key, or why it is refused."""
        try:
            assert self.ring.is_required()
            return self.ring.find(secret)[0].name
        except Problem as problem:
            return f"{problem.status} {problem.detail}"


def test_a_key_is_known_by_its_secret_alone() -> None:
    ring = Ring(a_key())
    assert ring.find() == "crm"
    assert ring.find(make_secret().text).startswith("401 The key is not known")
    # The same id with other random bytes.
    other = SECRET.text[:22] + make_secret().text[22:]
    assert other[:22] == SECRET.text[:22]
    assert ring.find(other).startswith("401 The key is not known")


def test_a_revoked_key_is_refused_once_the_keys_are_read_again() -> None:
    ring = Ring(a_key())
    assert ring.find() == "crm"
    ring.store.keys = (a_key(revoked_at=NOW),)
    ring.elapsed = REFRESH_SECONDS - 0.1
    assert ring.find() == "crm"
    ring.elapsed = REFRESH_SECONDS
    assert ring.find().startswith("401 The key was revoked")


def test_a_secret_ends_to_the_second() -> None:
    ring = Ring(a_key(stored(SECRET, NOW + timedelta(seconds=10))))
    ring.now = NOW + timedelta(seconds=9.9)
    assert ring.find() == "crm"
    ring.now = NOW + timedelta(seconds=10)
    assert ring.find().startswith("401 The key has expired")


def test_both_secrets_open_while_they_overlap() -> None:
    new = make_secret()
    ring = Ring(a_key(stored(new), stored(SECRET, NOW + timedelta(days=1))))
    assert ring.find() == ring.find(new.text) == "crm"
    ring.now = NOW + timedelta(days=1)
    assert ring.find().startswith("401 The key has expired")
    assert ring.find(new.text) == "crm"


def test_the_first_key_closes_an_open_server_and_nothing_opens_it_again() -> None:
    ring = Ring()
    assert not ring.ring.is_required()
    ring.store.keys = (a_key(),)
    ring.elapsed = 2
    assert ring.ring.is_required()
    ring.store.keys = ()
    ring.elapsed = 4
    assert ring.ring.is_required()
    assert ring.find().startswith("401")


def test_keys_that_cannot_be_read_are_believed_for_half_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ring = Ring(a_key())
    assert ring.find() == "crm"
    ring.store.error = HomeError("keys.db", "is damaged")
    ring.elapsed = 30
    assert ring.find() == "crm"
    assert "is damaged" in caplog.text
    ring.elapsed = 30.1
    assert ring.find().startswith("503")
    ring.store.error = None
    ring.elapsed = 33
    assert ring.find() == "crm"


def test_a_valid_key_is_one_that_somebody_can_ask_with() -> None:
    for key, valid in (
        (a_key(), True),
        (a_key(revoked_at=NOW), False),
        (a_key(stored(SECRET, NOW)), False),
    ):
        ring = Ring(key).ring
        ring.refresh()
        assert ring.has_valid() == valid
        assert ring.is_required()
