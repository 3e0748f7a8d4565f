"""All features once more, in plain pandas: what the feature build is checked against, and timed
against.
"""

from tests.oracle.known import prepare
from tests.oracle.views import contacts, features_at, links_at, snapshot

__all__ = ["contacts", "features_at", "links_at", "prepare", "snapshot"]
