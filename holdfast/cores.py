"""Cores: how many a process may use, counted in one way everywhere."""


def core_count() -> int:
    """Number of cores that this process may use, at least 1.

    As joblib counts them: a process pinned to some cores, or a container with a limit, has fewer
    than the machine, and ``LOKY_MAX_CPU_COUNT`` lowers the number further.
    """
    from joblib import cpu_count  # noqa: TID251 - here alone; its import takes a while

    return int(cpu_count())
