"""API keys as they are kept: named, with scopes, and only digests of their secrets."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from holdfast.clock import Clock
from holdfast.errors import HomeError, InputError
from holdfast.home import Home
from serving.access.database import open_keys, unusable
from serving.access.scope import KeyScope, read_scopes
from serving.access.secret import NewSecret, make_secret

MOST_DAYS = 3_650
"""Longest time that a key may be valid, and an old secret beside a new one, in days."""

_MOST_NAME = 128
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

_metadata = sa.MetaData()
# Times are whole seconds since 1970 in UTC.
_keys = sa.Table(
    "keys",
    _metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("scopes", sa.Text, nullable=False),
    sa.Column("lifetime_days", sa.Integer),
    sa.Column("created_at", sa.Integer, nullable=False),
    sa.Column("revoked_at", sa.Integer),
)
# A table of its own: files of earlier releases have none.
_persons = sa.Table(
    "persons",
    _metadata,
    sa.Column("key", sa.Text, sa.ForeignKey(_keys.c.name), primary_key=True),
    sa.Column("person", sa.Text, nullable=False),
)
_secrets = sa.Table(
    "secrets",
    _metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, sa.ForeignKey(_keys.c.name), nullable=False),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    sa.Column("created_at", sa.Integer, nullable=False),
    sa.Column("expires_at", sa.Integer),
)


@dataclass(frozen=True)
class StoredSecret:
    """What is kept of one secret of a key.

    Parameters
    ----------
    id : str
        Names the secret.
    digest : bytes
        SHA-256 of its random bytes.
    expires_at : datetime or None
        From when on it is no longer valid, in UTC; None for never.
    """

    id: str
    digest: bytes
    expires_at: datetime | None


@dataclass(frozen=True)
class ApiKey:
    """A key as it is kept.

    Parameters
    ----------
    name : str
        Who asks with it.
    scopes : frozenset of KeyScope
        What it may be used for.
    created_at : datetime
        When it was made, in UTC.
    revoked_at : datetime or None
        When it was revoked, in UTC; None while it was not.
    secrets : tuple of StoredSecret
        Newest first; more than one after a rotation.
    person : str or None
        Name of the person whose key it is; None for a system's.
    """

    name: str
    scopes: frozenset[KeyScope]
    created_at: datetime
    revoked_at: datetime | None
    secrets: tuple[StoredSecret, ...]
    person: str | None = None

    @cached_property
    def counted_as(self) -> str:
        """What its requests are counted by where several homes, with keys of one name, count."""
        return f"{self.name}@{_seconds(self.created_at)}"

    @property
    def expires_at(self) -> datetime | None:
        """When its newest secret ends, in UTC; None for never."""
        return self.secrets[0].expires_at

    def is_valid(self, now: datetime) -> bool:
        """Whether anybody can ask with it at that time."""
        ends = self.expires_at
        return self.revoked_at is None and (ends is None or now < ends)


@dataclass(frozen=True)
class IssuedKey:
    """A key whose secret was just made.

    Parameters
    ----------
    name : str
        The key.
    secret : str
        What its caller sends. It is kept nowhere.
    expires_at : datetime or None
        When the secret ends, in UTC; None for never.
    """

    name: str
    secret: str
    expires_at: datetime | None

    def __repr__(self) -> str:
        return f"IssuedKey(name={self.name!r})"


class KeyStore:
    """The keys of a home, in `access/keys.db`. Each call is one transaction.

    Parameters
    ----------
    home : Home
        Whose keys they are.
    clock : Clock
        What time it is.

    Raises
    ------
    HomeError
        There is no such directory: a key of a mistyped home would open nothing.
    """

    def __init__(self, home: Home, clock: Clock) -> None:
        if not home.root.is_dir():
            raise HomeError("--home", "must be an existing home", str(home.root))
        self._path = home.access / "keys.db"
        self._clock = clock
        self._reading = open_keys(self._path, writable=False)

    def create(
        self,
        name: str,
        scopes: Iterable[str],
        *,
        person: str | None = None,
        lifetime_days: int | None = None,
    ) -> IssuedKey:
        """Make a key.

        Parameters
        ----------
        name : str
            Who will ask with it: 1 to 64 letters, digits, dots, dashes and underscores.
        scopes : iterable of str
            Names of what it may be used for, at least one.
        person : str, optional
            Name of the person whose key it is, 1 to 128 characters; needed to approve plans of care.
        lifetime_days : int, optional
            Days for which each of its secrets is valid, 1 to 3650; for ever where it is not given.

        Raises
        ------
        InputError
            A value breaks its rule, or the name is taken, be it by a key that was revoked: what
            the log says of a name is about one key. Nothing is changed.
        """
        if not _NAME.fullmatch(name):
            rule = "must be 1 to 64 letters, digits, dots, dashes or underscores"
            raise InputError("NAME", rule, name)
        chosen = read_scopes(scopes)
        _require_person(person, chosen)
        _require_days("--expires-days", lifetime_days, 1)
        secret, now = make_secret(), self._now()
        expires_at = _lifetime(lifetime_days, now)
        with self._writing() as connection:
            if connection.scalar(sa.select(_keys.c.name).where(_keys.c.name == name)):
                raise InputError("NAME", "is taken; choose a name that was never used", name)
            connection.execute(
                _keys.insert().values(
                    name=name,
                    scopes=" ".join(sorted(chosen)),
                    lifetime_days=lifetime_days,
                    created_at=_seconds(now),
                )
            )
            if person is not None:
                connection.execute(_persons.insert().values(key=name, person=person.strip()))
            _insert_secret(connection, name, secret, now, expires_at)
        return IssuedKey(name, secret.text, expires_at)

    def rotate(self, name: str, overlap_days: int) -> IssuedKey:
        """Give a key a new secret; those before stay valid for a while, so that its caller can
        change over without a gap.

        Parameters
        ----------
        name : str
            The key. The new secret is valid as long as its first one was.
        overlap_days : int
            Days for which earlier secrets stay valid at most, 0 to 3650.

        Raises
        ------
        InputError
            There is no such key, it was revoked, or the number of days breaks its rule.
        """
        _require_days("--overlap-days", overlap_days, 0)
        secret, now = make_secret(), self._now()
        with self._writing() as connection:
            key = _require_key(connection, name)
            if key.revoked_at is not None:
                raise InputError("NAME", "must be a key that was not revoked", name)
            expires_at = _lifetime(key.lifetime_days, now)
            latest = _seconds(now + timedelta(days=overlap_days))
            connection.execute(
                _secrets.update()
                .where(_secrets.c.key == name)
                .where(sa.or_(_secrets.c.expires_at.is_(None), _secrets.c.expires_at > latest))
                .values(expires_at=latest)
            )
            _insert_secret(connection, name, secret, now, expires_at)
        return IssuedKey(name, secret.text, expires_at)

    def revoke(self, name: str) -> bool:
        """End a key for good.

        Returns
        -------
        bool
            Whether it was valid until now; False where it was revoked before.

        Raises
        ------
        InputError
            There is no such key.
        """
        with self._writing() as connection:
            if _require_key(connection, name).revoked_at is not None:
                return False
            connection.execute(
                _keys.update().where(_keys.c.name == name).values(revoked_at=_seconds(self._now()))
            )
        return True

    def all(self) -> tuple[ApiKey, ...]:
        """All keys by name, revoked ones too; none where no key was ever made.

        Raises
        ------
        HomeError
            They cannot be read.
        """
        if not self._path.exists():
            return ()
        try:
            with self._reading.begin() as connection:
                keys = connection.execute(sa.select(_keys).order_by(_keys.c.name)).all()
                secrets = connection.execute(
                    sa.select(_secrets).order_by(
                        _secrets.c.created_at.desc(), sa.text("rowid DESC")
                    )
                ).all()
                persons = (
                    {row.key: row.person for row in connection.execute(sa.select(_persons))}
                    if sa.inspect(connection).has_table(_persons.name)
                    else {}
                )
        except sa.exc.SQLAlchemyError as error:
            raise unusable(self._path, "read", error) from None
        return tuple(_stored_key(key, secrets, persons.get(key.name)) for key in keys)

    def _now(self) -> datetime:
        return self._clock().replace(microsecond=0)

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with open_keys(self._path, writable=True).begin() as connection:
                _metadata.create_all(connection)
                yield connection
        except (OSError, sa.exc.SQLAlchemyError) as error:
            raise unusable(self._path, "written", error) from None


def _require_days(option: str, days: int | None, least: int) -> None:
    if days is not None and not least <= days <= MOST_DAYS:
        raise InputError(option, f"must be {least} to {MOST_DAYS}", days)


def _require_person(person: str | None, scopes: frozenset[KeyScope]) -> None:
    if person is None:
        if KeyScope.CARE_APPROVE in scopes:
            rule = "must name the person who will approve with a key of the scope care:approve"
            raise InputError("--person", rule)
    elif not (1 <= len(person.strip()) <= _MOST_NAME and person.isprintable()):
        raise InputError("--person", f"must be 1 to {_MOST_NAME} printable characters", person)


def _require_key(connection: sa.Connection, name: str) -> sa.Row[Any]:
    key = connection.execute(sa.select(_keys).where(_keys.c.name == name)).one_or_none()
    if key is None:
        raise InputError("NAME", "must be a key that `holdfast keys list` shows", name)
    return key


def _insert_secret(
    connection: sa.Connection, key: str, secret: NewSecret, now: datetime, ends: datetime | None
) -> None:
    connection.execute(
        _secrets.insert().values(
            id=secret.id,
            key=key,
            digest=secret.digest,
            created_at=_seconds(now),
            expires_at=None if ends is None else _seconds(ends),
        )
    )


def _stored_key(key: sa.Row[Any], secrets: Iterable[sa.Row[Any]], person: str | None) -> ApiKey:
    return ApiKey(
        name=key.name,
        # What a scope of a later release opens is not known here.
        scopes=frozenset(KeyScope(name) for name in key.scopes.split() if name in set(KeyScope)),
        created_at=_time(key.created_at),
        revoked_at=_optional_time(key.revoked_at),
        secrets=tuple(
            StoredSecret(secret.id, secret.digest, _optional_time(secret.expires_at))
            for secret in secrets
            if secret.key == key.name
        ),
        person=person,
    )


def _lifetime(days: int | None, now: datetime) -> datetime | None:
    return None if days is None else now + timedelta(days=days)


def _seconds(time: datetime) -> int:
    return int(time.timestamp())


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _optional_time(seconds: int | None) -> datetime | None:
    return None if seconds is None else _time(seconds)
