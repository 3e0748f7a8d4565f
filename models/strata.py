"""Strata: kinds of rows that a model may treat apart."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from holdfast.arrays import Floats

EVERYONE = ""
"""Stratum of rows that have no stratum of their own."""


@dataclass(frozen=True)
class Strata:
    """Kinds of rows, given by a feature that holds codes.

    Parameters
    ----------
    feature : str
        Name of the feature.
    names : tuple of str
        Name of the stratum whose code is 0, 1 and so on.
    """

    feature: str
    names: tuple[str, ...]

    def of(self, codes: Floats) -> NDArray[np.str_]:
        """Stratum of each row; `EVERYONE` where the code is NaN or names no stratum."""
        name_of = self._by_code.get
        return np.array([name_of(code, EVERYONE) for code in codes.tolist()], dtype=np.str_)

    @cached_property
    def _by_code(self) -> dict[float, str]:
        return {float(code): name for code, name in enumerate(self.names)}
