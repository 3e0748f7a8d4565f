"""LightGBM's number of threads, which is one for the whole process.

LightGBM keeps the number that the last call asked for, and looks at it more than once during a call. Where two
Python threads ask for different numbers, or one of them for none, as a data set does, a call may walk with two
threads over arrays that it made for one, and the process ends with SIGSEGV. So whoever calls LightGBM from
several threads sets an upper limit of one first (``LGBM_SetMaxThreads``).
"""

import ctypes
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from lightgbm.basic import _LIB, _safe_call

_UNLIMITED = -1

_changing = threading.Lock()
_pools = 0


def limit_to_one_thread() -> None:
    """Let LightGBM take one thread for each call, for as long as the process lives or until
    `threads_that_boost` ends.
    """
    _limit(1)


@contextmanager
def threads_that_boost(count: int) -> Iterator[ThreadPoolExecutor]:
    """Threads that each call LightGBM, which takes one thread for each call meanwhile.

    Parameters
    ----------
    count : int
        How many. With one, LightGBM takes as many threads as it is told.
    """
    global _pools
    if count > 1:
        with _changing:
            _pools += 1
            _limit(1)
    try:
        with ThreadPoolExecutor(count) as pool:
            yield pool
    finally:
        if count > 1:
            with _changing:
                _pools -= 1
                if not _pools:
                    _limit(_UNLIMITED)


def _limit(threads: int) -> None:
    _safe_call(_LIB.LGBM_SetMaxThreads(ctypes.c_int(threads)))
