"""What the `definitions.py` of homes made before `features.operator` import."""

from features.operator.definitions import Definitions

__all__ = ["Definitions"]
