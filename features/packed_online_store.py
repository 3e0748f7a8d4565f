"""The packed online store under the class path that older homes name."""

from features.online.feast_plugin import PackedOnlineStore, PackedOnlineStoreConfig

__all__ = ["PackedOnlineStore", "PackedOnlineStoreConfig"]
