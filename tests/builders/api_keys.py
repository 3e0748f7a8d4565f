"""API keys without a database: what a guard knows, and one secret."""

from datetime import UTC, datetime
from pathlib import Path

from holdfast.home import Home
from serving.access.access import Access
from serving.access.key_ring import KeyRing
from serving.access.key_store import ApiKey, StoredSecret
from serving.access.scope import KeyScope
from serving.access.secret import NewSecret, make_secret

SECRET = make_secret()
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class KnownKeys:
    """Stands for the store: holds keys, which a test may replace, or an error to raise."""

    def __init__(self, *keys: ApiKey) -> None:
        self.keys = keys
        self.error: Exception | None = None

    def all(self) -> tuple[ApiKey, ...]:
        if self.error is not None:
            raise self.error
        return self.keys


def a_key(
    *secrets: StoredSecret, revoked_at: datetime | None = None, scope: KeyScope | None = None
) -> ApiKey:
    """The key `crm`, with `SECRET` unless other secrets are given."""
    return ApiKey(
        name="crm",
        scopes=frozenset({scope or KeyScope.PREDICTIONS_SERVICE}),
        created_at=NOW,
        revoked_at=revoked_at,
        secrets=secrets or (stored(SECRET),),
    )


def stored(secret: NewSecret, expires_at: datetime | None = None) -> StoredSecret:
    """What is kept of a secret."""
    return StoredSecret(secret.id, secret.digest, expires_at)


def known_access(keyed: bool) -> Access:
    """The access rules of a service that knows the key `crm`, or none."""
    access = Access(Home(Path("/")), lambda: NOW, per_minute=1_000)
    access.keys = KeyRing(KnownKeys(*([a_key()] if keyed else [])).all, lambda: NOW)
    return access
