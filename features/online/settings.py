"""Settings of online reads."""

import json
import re
from importlib.util import find_spec
from typing import Literal
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr

from holdfast.errors import InputError
from holdfast.settings import Section


class OnlineSettings(Section):
    """Which online store holds the newest features, and which live events wait in it."""

    online_store: Literal["packed", "redis"] = Field(
        default="packed",
        description="Where the newest features are kept: `packed` files in the home directory, or `redis`.",
    )
    # Without a rule of its own: an error about it would show the password.
    redis_url: SecretStr | None = Field(
        default=None,
        description="The Redis server, as `redis://USER:PASSWORD@HOST:PORT/DATABASE`, or `rediss:` for TLS; "
        "`redis://127.0.0.1:6379` where it is not set.",
    )
    held_events: int = Field(
        default=10_000,
        ge=0,
        le=1_000_000,
        description="Most live events that are held because no build knows their id yet; 0 to hold none.",
    )
    held_days: float = Field(
        default=14.0,
        gt=0,
        le=365,
        description="How long such an event is held, in days; the next build after it forgets and counts it.",
    )


PACKED_TYPE = "features.online.feast_plugin.PackedOnlineStore"
REDIS_TYPE = "features.online.redis_store.RedisOnlineStore"
_EARLIER_TYPES = {
    "features.packed_online_store.PackedOnlineStore": PACKED_TYPE,
    "features.redis_online_store.RedisOnlineStore": REDIS_TYPE,
}
"""Class paths in homes made before the stores moved."""

_SECTIONS = {
    "packed": f"online_store:\n  type: {PACKED_TYPE}\n  path: online\n",
    "redis": f"online_store:\n  type: {REDIS_TYPE}\n",
}
_DEFAULT_URL = "redis://127.0.0.1:6379"
_OPTIONS = {"redis": "", "rediss": ",ssl=true"}
# Not Feast's default of waiting forever: a request must hear that the server is gone.
_TIMEOUTS = ",socket_connect_timeout=2,socket_timeout=10"


def online_store_section(settings: OnlineSettings) -> str:
    """The `online_store` section of a `feature_store.yaml`, without secrets; errors as in
    `require_client`.
    """
    require_client(settings)
    return _SECTIONS[settings.online_store]


def present_type(written: str) -> str:
    """The class path of an online store as it is now, for one that a home's `feature_store.yaml`
    may hold.
    """
    return _EARLIER_TYPES.get(written, written)


def configured_store(configuration: str) -> OnlineSettings:
    """Settings with the online store that a `feature_store.yaml` names; packed files where it is
    empty.
    """
    named = map(present_type, re.findall(r"^  type: (\S+)$", configuration, re.MULTILINE))
    return OnlineSettings(online_store="redis" if REDIS_TYPE in named else "packed")


def require_client(settings: OnlineSettings) -> None:
    """Require that what the online store needs is installed.

    Raises
    ------
    InputError
        It is not.
    """
    if settings.online_store == "redis" and find_spec("redis") is None:
        raise InputError(
            settings.variable("online_store"),
            "needs the packages of requirements-scale.lock",
            "redis",
        )


def redis_url(settings: OnlineSettings) -> SecretStr:
    """Address of the Redis server, as it is set or by default."""
    return settings.redis_url or SecretStr(_DEFAULT_URL)


def redis_connection(settings: OnlineSettings) -> str:
    """The Redis server in Feast's words.

    Raises
    ------
    InputError
        The URL is none of a Redis server; its password is not shown.
    """
    given = redis_url(settings).get_secret_value()
    try:
        parts = urlsplit(given)
        port = parts.port or 6379
        database = int(parts.path.strip("/") or 0)
    except ValueError:
        raise _wrong_url() from None
    secrets = {"username": unquote(parts.username or ""), "password": unquote(parts.password or "")}
    # Feast splits the string at commas and colons.
    if (
        parts.scheme not in _OPTIONS
        or not parts.hostname
        or ":" in parts.hostname
        or any("," in text for text in secrets.values())
    ):
        raise _wrong_url()
    # As JSON, or Feast would take a password of digits for a number.
    named = "".join(f",{name}={json.dumps(text)}" for name, text in secrets.items() if text)
    return f"{parts.hostname}:{port},db={database}{_OPTIONS[parts.scheme]}{_TIMEOUTS}{named}"


def _wrong_url() -> InputError:
    return InputError(
        OnlineSettings.variable("redis_url"),
        "must be redis://USER:PASSWORD@HOST:PORT/DATABASE, or rediss:, with no comma in user and password",
    )
