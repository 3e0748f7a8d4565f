"""All features once more, in plain pandas: what the feature build is checked against, and timed
against.
"""

from tests.oracle.known import prepare
from tests.oracle.views import contacts, links_at, snapshot

__all__ = ["contacts", "links_at", "prepare", "snapshot"]
