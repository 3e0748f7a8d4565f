"""The Redis online store under the class path that older homes name."""

from features.online.redis_store import RedisOnlineStore, RedisOnlineStoreConfig

__all__ = ["RedisOnlineStore", "RedisOnlineStoreConfig"]
