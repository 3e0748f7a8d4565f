"""The Redis online store under the class path that homes made before it moved hold in their
`feature_store.yaml`.
"""

from features.online.redis_store import RedisOnlineStore, RedisOnlineStoreConfig

__all__ = ["RedisOnlineStore", "RedisOnlineStoreConfig"]
