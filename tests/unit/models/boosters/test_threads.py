"""While several threads call LightGBM, each call takes one thread."""

import ctypes
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import lightgbm as lgb
import numpy as np
import pytest
from lightgbm.basic import _LIB

from models.boosters.threads import threads_that_boost


def most_threads() -> int:
    most = ctypes.c_int(0)
    assert _LIB.LGBM_GetMaxThreads(ctypes.byref(most)) == 0
    return most.value


def test_the_limit_holds_until_the_last_of_several_pools_has_ended() -> None:
    both = Barrier(2)

    def within() -> list[int]:
        with threads_that_boost(2) as pool:
            both.wait()
            return list(pool.map(lambda _: most_threads(), range(4)))

    with ThreadPoolExecutor(2) as outer:
        seen = [one.result() for one in [outer.submit(within) for _ in range(2)]]
    assert seen == [[1] * 4] * 2
    assert most_threads() == -1


def test_the_limit_ends_with_an_error_too() -> None:
    with pytest.raises(ZeroDivisionError), threads_that_boost(2) as pool:
        list(pool.map(lambda value: 1 / value, [0]))
    assert most_threads() == -1


def test_one_thread_alone_leaves_lightgbm_all_of_them() -> None:
    with threads_that_boost(1) as pool:
        assert list(pool.map(lambda _: most_threads(), range(1))) == [-1]


def test_fits_beside_the_binning_of_other_rows_give_what_they_give_alone() -> None:
    """Without the limit such a mixture ends the process with SIGSEGV within minutes."""
    random = np.random.default_rng(0)
    matrix = np.where(random.random((4_000, 30)) < 0.9, 0.0, random.normal(size=(4_000, 30)))
    label = (random.random(4_000) < 0.2).astype(float)

    def fitted(seed: int) -> str:
        data = lgb.Dataset(matrix, label, params={"verbosity": -1})
        values = {"objective": "binary", "verbosity": -1, "num_threads": 1, "seed": seed}
        trees = lgb.train(values, data, num_boost_round=5).model_to_string()
        return trees[trees.index("Tree=0") : trees.index("end of trees")]

    alone = [fitted(seed) for seed in range(6)]
    with threads_that_boost(3) as pool:
        assert list(pool.map(fitted, range(6))) == alone
