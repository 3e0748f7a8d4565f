"""Memory: the most that this process has needed so far."""

import resource
import sys

MIB = 1024 * 1024


def peak_mib() -> float:
    """Peak of the resident memory, MiB; a process starts at the peak of the one that started it."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak) * (1 if sys.platform == "darwin" else 1024) / MIB
