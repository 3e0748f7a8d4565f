"""All keys of a home for a person who looks after them."""

from typing import Any

from holdfast.clock import Clock
from holdfast.home import Home
from serving.access.key_store import KeyStore
from serving.access.usage import last_days


def list_keys(home: Home, clock: Clock) -> list[dict[str, Any]]:
    """All keys by name, ready for JSON.

    Returns
    -------
    list of dict
        ``name``; ``state``, which is ``valid``, ``expired`` or ``revoked``; ``scopes``;
        ``created_at`` and ``revoked_at``; ``secrets``, newest first, each with ``id``,
        ``expires_at`` (None for never) and ``last_used`` (a day in UTC, None for never).

    Raises
    ------
    HomeError
        Keys or notes of their use cannot be read.
    """
    now = clock()
    used = last_days(home)
    listed = []
    for key in KeyStore(home, clock).all():
        state = "valid" if key.is_valid(now) else "expired" if key.revoked_at is None else "revoked"
        secrets = [
            {
                "id": secret.id,
                "expires_at": secret.expires_at and secret.expires_at.isoformat(),
                "last_used": used[secret.id].isoformat() if secret.id in used else None,
            }
            for secret in key.secrets
        ]
        listed.append(
            {
                "name": key.name,
                "person": key.person,
                "state": state,
                "scopes": sorted(key.scopes),
                "created_at": key.created_at.isoformat(),
                "revoked_at": key.revoked_at and key.revoked_at.isoformat(),
                "secrets": secrets,
            }
        )
    return listed
