"""Keys in a real file: what is kept, and what other processes see of it."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from holdfast.errors import HomeError, InputError
from holdfast.home import Home
from serving.access.access import Access
from serving.access.key_list import list_keys
from serving.access.key_ring import KeyRing
from serving.access.key_store import KeyStore
from serving.contract.problem import Problem
from tests.builders.clocks import NOW, clock_at

SERVICE = ["predictions:service"]


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return KeyStore(Home(tmp_path), clock_at())


def ring_at(home: Path, moment: datetime = NOW) -> KeyRing:
    return KeyRing(KeyStore(Home(home), clock_at(moment)).all, clock_at(moment))


def refusal(ring: KeyRing, secret: str) -> str:
    with pytest.raises(Problem) as refused:
        ring.find(secret)
    return refused.value.detail


def test_nothing_is_written_by_asking(store: KeyStore, tmp_path: Path) -> None:
    assert store.all() == ()
    assert list_keys(Home(tmp_path), clock_at()) == []
    assert not list(tmp_path.iterdir())


def test_a_key_opens_and_its_secret_is_kept_nowhere(store: KeyStore, tmp_path: Path) -> None:
    issued = store.create("crm", SERVICE, lifetime_days=30)
    assert issued.expires_at == NOW + timedelta(days=30)
    assert ring_at(tmp_path).find(issued.secret)[0].name == "crm"
    random = issued.secret[-43:]
    assert all(random.encode() not in path.read_bytes() for path in (tmp_path / "access").iterdir())
    assert random not in repr(issued) + repr(store.all())
    assert "expired" in refusal(ring_at(tmp_path, NOW + timedelta(days=30)), issued.secret)


@pytest.mark.parametrize(
    "name, days, field",
    [
        ("", None, "NAME"),
        ("a b", None, "NAME"),
        ("a" * 65, None, "NAME"),
        ("crm", 0, "--expires-days"),
        ("crm", 3651, "--expires-days"),
    ],
)
def test_a_wrong_value_changes_nothing(
    store: KeyStore, tmp_path: Path, name: str, days: int | None, field: str
) -> None:
    with pytest.raises(InputError, match=field):
        store.create(name, SERVICE, lifetime_days=days)
    assert not list(tmp_path.iterdir())


def test_a_name_is_used_once(store: KeyStore) -> None:
    store.create("crm", SERVICE)
    store.revoke("crm")
    before = store.all()
    with pytest.raises(InputError, match="NAME: is taken"):
        store.create("crm", SERVICE)
    for change in (lambda: store.rotate("crm", 1), lambda: store.revoke("other")):
        with pytest.raises(InputError, match="NAME"):
            change()
    assert store.revoke("crm") is False
    assert store.all() == before


def test_a_rotated_key_has_two_secrets_until_the_overlap_ends(
    store: KeyStore, tmp_path: Path
) -> None:
    first = store.create("crm", SERVICE, lifetime_days=30)
    second = KeyStore(Home(tmp_path), clock_at(NOW + timedelta(days=10))).rotate("crm", 7)
    assert second.expires_at == NOW + timedelta(days=40)
    before, after = NOW + timedelta(days=16, hours=23), NOW + timedelta(days=17)
    for secret in (first.secret, second.secret):
        assert ring_at(tmp_path, before).find(secret)[0].name == "crm"
    assert "expired" in refusal(ring_at(tmp_path, after), first.secret)
    assert ring_at(tmp_path, after).find(second.secret)[0].name == "crm"
    assert ring_at(tmp_path, after).is_required()


def test_a_rotation_never_prolongs_an_earlier_secret(store: KeyStore, tmp_path: Path) -> None:
    first = store.create("crm", SERVICE, lifetime_days=3)
    store.rotate("crm", 3650)
    ring = ring_at(tmp_path, NOW + timedelta(days=3))
    assert ring.is_required()
    assert "expired" in refusal(ring, first.secret)


def test_another_process_ends_a_key_that_this_one_knows(store: KeyStore, tmp_path: Path) -> None:
    issued = store.create("crm", SERVICE)
    elapsed = [0.0]
    ring = KeyRing(store.all, clock_at(), lambda: elapsed[0])
    assert ring.find(issued.secret)[0].name == "crm"
    program = (
        "import sys; from pathlib import Path; from holdfast.clock import system_clock\n"
        "from holdfast.home import Home; from serving.access.key_store import KeyStore\n"
        "print(KeyStore(Home(Path(sys.argv[1])), system_clock).revoke('crm'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[4])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "True\n", done.stderr
    elapsed[0] = 2.0
    assert "revoked" in refusal(ring, issued.secret)


def test_a_scope_of_a_later_release_opens_nothing(store: KeyStore, tmp_path: Path) -> None:
    store.create("crm", SERVICE)
    with sqlite3.connect(tmp_path / "access" / "keys.db") as connection:
        connection.execute("UPDATE keys SET scopes = 'billing:all'")
    (key,) = store.all()
    assert key.scopes == frozenset()


def test_what_is_no_database_is_named_without_its_content(store: KeyStore, tmp_path: Path) -> None:
    store.create("crm", SERVICE)
    path = tmp_path / "access" / "keys.db"
    path.write_bytes(b"s3cret" * 1000)
    for use in (store.all, lambda: store.create("other", SERVICE)):
        with pytest.raises(HomeError, match=r"keys\.db.*SQLite") as refused:
            use()
        assert "s3cret" not in str(refused.value)


def test_a_mistyped_home_gets_no_key(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="--home: must be an existing home"):
        KeyStore(Home(tmp_path / "hmoe"), clock_at())


async def _use(home: Path, secret: str, moment: datetime) -> Access:
    access = Access(Home(home), clock_at(moment), per_minute=1_000)
    access.start()
    assert (await access.authenticate(secret)).name == "crm"
    return access


@pytest.mark.anyio
async def test_the_last_day_of_use_is_noted(store: KeyStore, tmp_path: Path) -> None:
    issued = store.create("crm", SERVICE)
    days = [NOW + timedelta(days=1), NOW + timedelta(days=2), NOW + timedelta(days=1)]
    for moment in days:
        await _use(tmp_path, issued.secret, moment)
    (key,) = list_keys(Home(tmp_path), clock_at())
    assert key["secrets"][0]["last_used"] == (NOW + timedelta(days=2)).date().isoformat()


@pytest.fixture
def unprivileged_home() -> Iterator[Path]:
    """A home of somebody else, for the rest of the test: root would write anywhere."""
    import tempfile

    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        home = Path(folder)
        (home / "access").mkdir()
        home.chmod(0o755)
        as_root = os.geteuid() == 0
        try:
            yield home
        finally:
            if as_root:
                os.seteuid(0)
            (home / "access").chmod(0o755)


@pytest.mark.anyio
async def test_a_home_that_cannot_be_written_knows_its_keys(
    unprivileged_home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = KeyStore(Home(unprivileged_home), clock_at())
    issued = store.create("crm", SERVICE)
    (unprivileged_home / "access").chmod(0o555)
    if os.geteuid() == 0:
        os.seteuid(65_534)
    await _use(unprivileged_home, issued.secret, datetime(2030, 1, 2, tzinfo=UTC))
    assert "does not note when API keys were last used" in caplog.text
    with pytest.raises(HomeError, match=r"keys\.db"):
        store.revoke("crm")
