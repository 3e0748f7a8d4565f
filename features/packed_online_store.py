"""The packed online store under the class path that homes made before it moved hold in their
`feature_store.yaml`.
"""

from features.online.feast_plugin import PackedOnlineStore, PackedOnlineStoreConfig

__all__ = ["PackedOnlineStore", "PackedOnlineStoreConfig"]
