"""The array types that all packages share."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
"""Numbers; NaN where a value is missing."""

Positions = NDArray[np.intp]
"""Positions of rows, as numpy indexes them."""

Texts = NDArray[np.str_]
"""Texts of a fixed width."""

Times = NDArray[np.datetime64]
"""Moments in UTC, datetime64[us]; NaT where a moment is missing."""

Microseconds = NDArray[np.int64]
"""The same moments as whole microseconds since 1970."""
