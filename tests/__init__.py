"""Tests, in a tree that mirrors the packages.

Every test module and conftest imports this package first, so that libraries find these environment
variables when they load: where a session has several workers, each of them, and every process that
it starts, computes on one thread. Threads of one worker would otherwise take turns with those of
the others, which costs more than they bring. What is set in the environment stays.
"""

import os

if int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")) > 1:
    for _variable in ("OMP_NUM_THREADS", "POLARS_MAX_THREADS", "LOKY_MAX_CPU_COUNT"):
        os.environ.setdefault(_variable, "1")
