"""Raw margins of one row at a time, through LightGBM's prepared single-row calls.

`Booster.predict` sets a prediction up anew in every call, which takes longer than one row takes to go
through the trees. LightGBM's C interface can set it up once
(``LGBM_BoosterPredictForMatSingleRowFastInit``); Python's package does not offer it.
"""

import ctypes
import threading
from typing import Any

import lightgbm as lgb
import numpy as np
from lightgbm.basic import _LIB, _safe_call

from holdfast.arrays import Floats

_RAW_SCORE, _FLOAT64 = 1, 1
"""``C_API_PREDICT_RAW_SCORE`` and ``C_API_DTYPE_FLOAT64``."""


class SingleRow:
    """Gives the raw margin of single rows, to any thread.

    Parameters
    ----------
    booster : lightgbm.Booster
        A booster with one output. It is kept alive, and must not be changed afterwards.
    """

    def __init__(self, booster: lgb.Booster) -> None:
        self._booster = booster
        self._columns = booster.num_feature()
        self._calling = threading.Lock()
        self._row = np.empty(self._columns)
        self._margin = np.empty(1)
        self._margin_at = self._margin.ctypes.data_as(ctypes.POINTER(ctypes.c_double))
        self._row_at = self._row.ctypes.data_as(ctypes.c_void_p)
        self._written = ctypes.c_int64(0)
        self._prepared: Any = ctypes.c_void_p()
        rounds = booster.best_iteration if booster.best_iteration > 0 else -1
        _safe_call(
            _LIB.LGBM_BoosterPredictForMatSingleRowFastInit(
                booster._handle,
                ctypes.c_int(_RAW_SCORE),
                ctypes.c_int(0),
                ctypes.c_int(rounds),
                ctypes.c_int(_FLOAT64),
                ctypes.c_int32(self._columns),
                ctypes.c_char_p(b"num_threads=1"),
                ctypes.byref(self._prepared),
            )
        )

    def margin(self, row: Floats) -> float:
        """Raw margin of a row.

        Parameters
        ----------
        row : (k,) float64
            Features in the booster's order, NaN for missing.
        """
        with self._calling:
            self._row[:] = row
            _safe_call(
                _LIB.LGBM_BoosterPredictForMatSingleRowFast(
                    self._prepared, self._row_at, ctypes.byref(self._written), self._margin_at
                )
            )
            return float(self._margin[0])

    def __del__(self) -> None:
        if self._prepared:
            _LIB.LGBM_FastConfigFree(self._prepared)
