"""What the `definitions.py` of homes made before `features.flat` import."""

from features.flat.repository import definitions

__all__ = ["definitions"]
