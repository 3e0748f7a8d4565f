"""All features once more, in plain pandas: what the feature build is checked against, and timed against."""

from benchmarks.pandas_features.known import prepare
from benchmarks.pandas_features.views import contacts, features_at, links_at, snapshot

__all__ = ["contacts", "features_at", "links_at", "prepare", "snapshot"]
