"""Memory: the peak of this process so far, or since a time."""

import re
import resource
import sys
from pathlib import Path

MIB = 1024 * 1024
_LINUX = Path("/proc/self")


def peak_mib() -> float:
    """Peak of the resident memory, MiB; a process inherits the peak of the one that starts it."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak) * (1 if sys.platform == "darwin" else 1024) / MIB


def begin_peak() -> None:
    """Measure the peak from now on, where the system can: on Linux."""
    if _LINUX.exists():
        (_LINUX / "clear_refs").write_text("5")


def peak_mib_since_begin() -> float:
    """Peak of the resident memory since `begin_peak`, MiB; elsewhere than on Linux, so far."""
    if not _LINUX.exists():
        return peak_mib()
    peak = re.search(r"VmHWM:\s+(\d+) kB", (_LINUX / "status").read_text())
    return int(peak[1]) / 1024 if peak else peak_mib()
