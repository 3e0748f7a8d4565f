"""Feast's Redis online store, with the server's address from this project's settings.

Named in `feature_store.yaml` by its class path. Unlike in packed records the last write wins,
whatever its time: Feast's own check for newer values would also drop corrections of the same time.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal

from feast import FeatureView, RepoConfig
from feast.infra.online_stores.helpers import _mmh3, _redis_key, _redis_key_prefix
from feast.infra.online_stores.redis import RedisOnlineStore as FeastRedisOnlineStore
from feast.infra.online_stores.redis import RedisOnlineStoreConfig as FeastRedisOnlineStoreConfig
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from pydantic import Field, StrictStr, field_validator
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from features.online.settings import OnlineSettings, present_type, redis_connection
from holdfast.errors import ModelError

if TYPE_CHECKING:
    from feast import FeatureStore


class RedisOnlineStoreConfig(FeastRedisOnlineStoreConfig):
    """The `online_store` section of `feature_store.yaml`."""

    type: Literal["features.online.redis_store.RedisOnlineStore"] = (
        "features.online.redis_store.RedisOnlineStore"
    )
    connection_string: StrictStr = Field(
        default_factory=lambda: redis_connection(OnlineSettings.read())
    )
    skip_dedup: bool = True

    _present_type = field_validator("type", mode="before")(present_type)


class RedisOnlineStore(FeastRedisOnlineStore):
    """Feast's Redis store, which fails soon and can forget."""

    def keep_only(self, config: RepoConfig, view: FeatureView, ids: Iterable[str]) -> None:
        """Forget a view's values of all entities but these.

        Parameters
        ----------
        config : RepoConfig
            The repository's configuration.
        view : FeatureView
            A view with one join key of type string.
        ids : iterable of str
            Whose values stay.
        """
        version = config.entity_key_serialization_version
        kept = {
            _redis_key(
                config.project,
                EntityKey(join_keys=view.join_keys, entity_values=[Value(string_val=entity)]),
                version,
            )
            for entity in ids
        }
        client = self._get_client(config.online_store)
        fields = [_mmh3(f"{view.name}:{field.name}") for field in view.features] + [
            f"_ts:{view.name}".encode()
        ]
        pattern = _redis_key_prefix(view.join_keys) + b"*" + config.project.encode()
        with client.pipeline(transaction=False) as pipe:
            for key in client.scan_iter(pattern, count=1000):
                if key not in kept:
                    pipe.hdel(key, *fields)  # a key whose last field is gone is gone itself
            pipe.execute()

    def _get_client(self, online_store_config: FeastRedisOnlineStoreConfig) -> Redis:
        if self._client is None:
            # One more try, at once, for a connection that died idle; the client's own backoff lasts
            # ten seconds.
            super()._get_client(online_store_config).set_retry(Retry(NoBackoff(), 1))
        return self._client


def forget_entities(store: "FeatureStore", ids: Mapping[str, Iterable[str]]) -> int:
    """Forget all that a repository's Redis holds of entities; how many were there.

    Parameters
    ----------
    store : FeatureStore
        The repository.
    ids : mapping of str to iterable of str
        Entities by join key.

    Raises
    ------
    ModelError
        The server does not answer.
    """
    config = store.config
    online = store._get_provider().online_store
    keys = [
        _redis_key(
            config.project,
            EntityKey(join_keys=[join_key], entity_values=[Value(string_val=entity)]),
            config.entity_key_serialization_version,
        )
        for join_key, entities in ids.items()
        for entity in entities
    ]
    try:
        client = online._get_client(config.online_store)
        return int(client.delete(*keys)) if keys else 0
    except RedisError as error:
        raise ModelError("online store", f"does not answer: {error}") from error
