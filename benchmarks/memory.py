"""Memory: the peak of this process so far."""

import resource
import sys

MIB = 1024 * 1024


def peak_mib() -> float:
    """Peak of the resident memory, MiB; a process inherits the peak of the one that starts it."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak) * (1 if sys.platform == "darwin" else 1024) / MIB
